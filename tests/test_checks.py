"""The contract of a check: plain data across the border, hidden inputs, and what a student reads when it fails."""

from __future__ import annotations

import json
import re
import zipfile

import numpy as np
import pytest
import torch

from edgekit.checks import (
    AnswerRaised,
    BorderError,
    CheckFailed,
    Exercise,
    OnnxFile,
    array,
    call,
    for_the_probe,
    integer,
    mapping,
    number,
    onnx_export,
    onnx_path,
    same_as_right,
    text,
    truth,
)
from edgekit.checks.border import dump, load, plain
from edgekit.checks.onnx_export.mixes_images import _MIX_SAYS
from edgekit.instructor.sandbox import judging


def judge(inputs, outputs):
    if outputs["answer"] != inputs["_secret"]:
        raise CheckFailed(f"got {outputs['answer']}, expected {inputs['_secret']}", "wrong")
    return "right"


SEEN = []
DOUBLE = Exercise(
    "double",
    inputs=lambda rng: {"x": 3, "_secret": 6, "cases": [{"v": (1, 2), "_why": "hidden"}]},
    probe=lambda answer, inputs: SEEN.append(inputs) or {"answer": call(answer, inputs["x"])},
    judge=judge,
)


def verdict(answer):
    return DOUBLE.verdict(*DOUBLE.run(answer, np.random.default_rng(0)))


def test_the_probe_never_sees_what_is_hidden():
    assert verdict(lambda x: 2 * x) == "right"
    assert SEEN[-1] == {"x": 3, "cases": [{"v": [1, 2]}]}
    assert for_the_probe([{"a": {"_b": 1, "c": 2}}]) == [{"a": {"c": 2}}]


def test_what_torch_has_not_implemented_is_no_open_exercise():

    def bytes_in_a_batch_norm(x):
        return torch.nn.functional.batch_norm(torch.ones(1, 2, 2, dtype=torch.uint8), torch.zeros(2), torch.ones(2))

    def calls_it_deeper(x):
        return torch.nn.BatchNorm1d(2).eval()(torch.ones(1, 2, 2, dtype=torch.uint8))

    def own_stub(x):
        raise NotImplementedError

    for answer in (bytes_in_a_batch_norm, calls_it_deeper):
        with pytest.raises(CheckFailed, match="NotImplementedError: .*not implemented for 'Byte'") as failure:
            verdict(answer)
        assert failure.value.cause == "raised"
    with pytest.raises(CheckFailed, match="not written yet"):
        verdict(own_stub)


def test_the_grader_keeps_what_is_hidden_for_the_judge(tmp_path):
    assert judging.inputs(DOUBLE, tmp_path, {"seed": 1})["ok"]
    assert load(tmp_path / "in") == {"x": 3, "cases": [{"v": [1, 2]}]}
    assert load(tmp_path / "judge")["_secret"] == 6
    assert "_secret" not in (tmp_path / "in" / "data.json").read_text()
    dump({"answer": 6}, tmp_path / "out")
    assert judging.judge(DOUBLE, tmp_path, {})["status"] == "pass"
    dump({"answer": 7}, tmp_path / "out")
    assert judging.judge(DOUBLE, tmp_path, {})["cause"] == "wrong"


@pytest.mark.parametrize(
    "answer, cause, says",
    [
        (lambda x: x, "wrong", "got 3, expected 6"),
        (lambda x: 1 / 0, "raised", "(3) raised ZeroDivisionError"),
        (lambda x: exit("bye"), "raised", "(3) raised SystemExit: bye"),
        (lambda x: object(), "wrong type", "expected numbers"),
        (5, "raised", "pass it without calling it"),
    ],
)
def test_a_failure_says_what_and_why(answer, cause, says):
    with pytest.raises(CheckFailed) as failure:
        verdict(answer)
    assert failure.value.cause == cause and says in str(failure.value)
    assert "Traceback" not in "\n".join(failure.value._render_traceback_())


def test_a_stub_is_not_done_yet():
    def stub(x):
        raise NotImplementedError("write this")

    with pytest.raises(CheckFailed) as failure:
        verdict(stub)
    assert failure.value.cause == "not done yet"


def test_the_notebook_call_records_and_prints(tmp_path, monkeypatch, capsys):
    from edgekit import ledger

    monkeypatch.setenv("EDGEKIT_WORK", str(tmp_path))
    DOUBLE(lambda x: 2 * x)
    assert "Passed: double. right" in capsys.readouterr().out
    with pytest.raises(CheckFailed):
        DOUBLE(lambda x: x)
    assert [row.value["passed"] for row in ledger.student().rows("check")] == [True, False]


@pytest.mark.parametrize("blocked", ["full disk", "no folder"])
def test_the_verdict_is_said_where_the_ledger_cannot_be_written(tmp_path, monkeypatch, capsys, blocked):
    from edgekit import files

    if blocked == "no folder":
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("EDGEKIT_WORK", str(tmp_path / "file" / "work"))
    else:
        monkeypatch.setenv("EDGEKIT_WORK", str(tmp_path))
        monkeypatch.setattr(files.os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left")))
    DOUBLE(lambda x: 2 * x)
    said = capsys.readouterr()
    assert "Passed: double. right" in said.out and "This result is not in your ledger" in said.err
    with pytest.raises(CheckFailed):
        DOUBLE(lambda x: x)


def test_answers_work_on_copies():
    given = np.ones(3)
    call(lambda a: a.fill(0), given)
    assert given.sum() == 3


def test_call_names_arguments_and_line():
    def answer(a, b):
        return a / b

    with pytest.raises(AnswerRaised, match=r"answer\(1, b=0\) raised ZeroDivisionError.*return a / b"):
        call(answer, 1, b=0)


VALUES = {
    "n": None,
    "b": True,
    "i": 3,
    "f": 0.5,
    "s": "text",
    "l": [1, [2.5, "x"]],
    "d": {"$array": "not a reference", "k": {}},
    "a": np.arange(6, dtype=np.int8).reshape(2, 3),
    "e": np.zeros((0, 4), np.float32),
    "m": OnnxFile(b"\x08\x07"),
    "inf": float("inf"),
}


def test_words_in_an_array_are_words():
    assert plain({"names": np.setdiff1d(["a", "b"], ["b"])}) == {"names": ["a"]}


def test_plain_data_survive_the_border(tmp_path):
    dump(VALUES, tmp_path)
    back = load(tmp_path)
    assert isinstance(back["m"], OnnxFile) and back["m"] == VALUES["m"]
    for name in ("a", "e"):
        assert back[name].dtype == VALUES[name].dtype
        np.testing.assert_array_equal(back[name], VALUES[name])
    rest = [k for k in VALUES if k not in "aem"]
    assert {k: back[k] for k in rest} == {k: VALUES[k] for k in rest}


def test_what_libraries_return_becomes_plain():

    got = plain({"t": torch.ones(2), "i": np.int64(3), "f": np.float32(0.5), "b": np.bool_(True), 7: (1, 2)})
    assert type(got["i"]) is int and type(got["f"]) is float and type(got["b"]) is bool and got["7"] == [1, 2]
    assert isinstance(got["t"], np.ndarray)


@pytest.mark.parametrize("value", [object(), {1.5: 2}, np.array([object()]), {"f": len}, b"raw"])
def test_anything_else_is_refused(value):
    with pytest.raises(BorderError):
        plain(value)


def test_hostile_files_are_refused(tmp_path):
    def written(name, blob, text='{"$array": "a0"}'):
        for path in tmp_path.iterdir():
            path.unlink()
        (tmp_path / "data.json").write_text(text)
        (tmp_path / name).write_bytes(blob)
        with pytest.raises(BorderError):
            load(tmp_path)

    np.savez(tmp_path / "p.npz", a0=np.array([{"evil": 1}], dtype=object), allow_pickle=True)
    written("arrays.npz", (tmp_path / "p.npz").read_bytes())
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("a0.npy", b"\0" * (80 * 2**20))
    written("arrays.npz", (tmp_path / "bomb.npz").read_bytes())
    written("arrays.npz", b"no zip")
    written("x", b"", text=json.dumps({"$onnx": "../../etc/passwd"}))
    written("x", b"", text="[" * 5000 + "]" * 5000)
    written("x", b"", text=json.dumps([0] * 300_000))


def test_helpers_word_what_came():
    with pytest.raises(CheckFailed, match="should be a number, got str"):
        number("3", "p90")
    with pytest.raises(CheckFailed, match="forget to round"):
        integer(3.5, "zero point")
    with pytest.raises(CheckFailed, match=r"shape \(2,\), expected \(3,\)"):
        array([1.0, 2.0], "scales", shape=(3,))
    assert integer(3.0, "zero point") == 3


def says(helper, *args, **kwargs):
    with pytest.raises(CheckFailed) as failure:
        helper(*args, **kwargs)
    return str(failure.value), failure.value.cause


@pytest.mark.parametrize("helper", [array, mapping, text, number, integer, truth])
def test_a_forgotten_return_is_named(helper):
    message, cause = says(helper, None, "the result")
    assert "got None. Did you forget `return`?" in message and cause == "nothing returned"


@pytest.mark.parametrize(
    "helper, value, parts",
    [
        (array, (1.0, (0.9, 1.1)), ["got a list or tuple ([1.0, [0.9, 1.1]])", "different shapes: put numbers side by side"]),
        (array, ["a", "b"], ["got a list or tuple (['a', 'b'])", "It holds str, expected only numbers"]),
        (array, [1.0, None], ["It holds None"]),
        (array, "abc", ["got str ('abc')."]),
        (mapping, (1, 2), ["should be a dict, got a list or tuple ([1, 2])", "{name: value, ...}"]),
        (mapping, [0.5] * 40, ["got a list or tuple (<list of 40>)"]),
        (mapping, np.arange(3), ["got an array of shape (3,), int64 ([0, 1, 2])"]),
        (text, 3, ["should be a string, got int (3)."]),
        (truth, 0.25, ["got float (0.25). A comparison gives one"]),
        (truth, 1, ["should be True or False, got int (1). bool(...)"]),
        (truth, np.array([True, False]), ["got an array of shape (2,), bool ([True, False]). (...).all() or"]),
        (truth, np.array(1.0), ["got an array of shape (), float64", "bool(...)"]),
    ],
)
def test_a_wrong_type_is_named_truly(helper, value, parts):
    message, cause = says(helper, plain(value), "the result")
    assert all(part in message for part in parts), message
    assert cause == "wrong type" and "NoneType" not in message


def test_a_string_that_is_none_of_the_wanted_and_what_is_none():
    assert "one of 'faster', 'slower', got a list or tuple" in says(text, ["faster"], "it", ("faster", "slower"))[0]


@pytest.mark.parametrize("value", [True, np.bool_(True), np.array(True)])
def test_one_truth_value_is_a_bool_whatever_library_gave_it(value):

    assert truth(plain(value), "it") is True and truth(plain(torch.tensor(value)), "it") is True
    assert plain(np.array(1)).shape == ()  # a number stays what it is


def numbers():
    yield 1


def waits():
    async def wait():
        return 1

    waiting = wait()
    waiting.close()  # or Python warns that nobody has waited for it
    return waiting


class Answer:
    pass


@pytest.mark.parametrize(
    "value, part",
    [
        (numbers, "double: a generator came back: use `return` with a list instead of `yield`"),
        (lambda: (i for i in "ab"), "[...] instead of (...)"),
        (waits, "a coroutine came back: define the function with `def`, without `async`."),
        (lambda: Answer, "the class Answer came back, expected a result: call it, Answer(...)."),
        (lambda: numbers, "the function numbers came back, expected its result: call it, numbers(...)."),
        (Answer, "an Answer came back, expected numbers, strings, lists, dicts or arrays."),
        (lambda: {1, 2}, "a set came back, expected numbers, strings, lists, dicts or arrays: list(...) makes a list of it."),
        (lambda: np.array([None]), "an array of dtype object came back, expected numbers."),
        (
            lambda: torch.ones(2, dtype=torch.bfloat16),
            "a tensor of torch.bfloat16, torch.strided, on cpu came back, which NumPy cannot hold.",
        ),
        (lambda: torch.ones(2, 2).to_sparse(), "torch.sparse_coo, on cpu came back, which NumPy cannot hold."),
        (lambda: {0.5: 1}, "a dict with a key of type float came back"),
    ],
)
def test_what_is_no_data_is_named_with_the_likely_slip(value, part):
    message, cause = says(verdict, lambda x: value())
    assert part in message and cause == "wrong type"
    assert "builtins" not in message and __name__ not in message and "?." not in message


def test_functions_among_the_arguments_are_shown_by_name():

    class Work:
        def __call__(self):
            pass

    def _bright(x):
        return x

    with pytest.raises(AnswerRaised, match=r"\(Work, bright, len, <list of 99>, Tensor of shape \(99,\), torch.float32\) raised"):
        call(lambda *args: 1 / 0, Work(), _bright, len, [1] * 99, torch.ones(99))


def test_an_answer_that_writes_no_file_reads_well(tmp_path):
    check = Exercise("save", lambda rng: {}, lambda answer, inputs: {"m": OnnxFile.read(tmp_path / "model.onnx")}, judge)
    message, cause = says(lambda: check.verdict(*check.run(lambda: None, np.random.default_rng(0))))
    assert message.startswith("save: no file was written to model.onnx: write the model to exactly") and cause == "wrong type"


def test_an_exporter_error_is_its_cause_without_colours():
    class OnnxExporterError(RuntimeError):
        pass

    advice = "\x1b[96mThis is step 1/3\x1b[0m\n- submit a PR to PyTorch."

    def answer(x):
        try:
            raise ValueError("found these conflicts:\n- \x1b[96mthe batch\x1b[0m is static\n- more")
        except ValueError as error:
            raise OnnxExporterError(advice) from error

    with pytest.raises(AnswerRaised) as failure:
        call(answer, 1)
    message = str(failure.value)
    assert "OnnxExporterError: the export failed: found these conflicts: - the batch is static (line" in message
    assert "\x1b" not in message and "submit a PR" not in message and "more" not in message

    def circle(x):
        error = OnnxExporterError("round and round")
        raise error from error

    with pytest.raises(AnswerRaised, match="round and round"):
        call(circle, 1)


def test_a_broken_onnx_file_comes_with_a_likely_cause(tmp_path):

    torch.save({"w": torch.ones(2)}, tmp_path / "model.onnx")
    for blob, part in (
        ((tmp_path / "model.onnx").read_bytes(), "as torch.save writes one: write the file with torch.onnx.export"),
        (b"\xff" * 20, "Was it written by torch.onnx.export"),
        (b"", "The file is empty"),
    ):
        message, cause = says(onnx_path(OnnxFile(blob)).__enter__)
        assert part in message and cause == "invalid model"


def gate_says(answer, seed=1):
    return says(lambda: onnx_export.gate.verdict(*onnx_export.gate.run(answer, np.random.default_rng(seed))))


@pytest.mark.parametrize(
    "result, part, cause",
    [
        (lambda y: None, "got None. Did you forget `return`?", "nothing returned"),
        (lambda y: (row for row in y), "returned a generator, expected a torch.Tensor of shape (6, 1, 28, 28)", "wrong type"),
        (lambda y: y.tolist(), "returned a list, expected a torch.Tensor", "wrong type"),
        (lambda y: y.numpy(), "returned a ndarray, expected a torch.Tensor", "wrong type"),
        (lambda y: (y,), "returned a tuple, expected a torch.Tensor", "wrong type"),
        (lambda y: y.double(), "a tensor of dtype torch.float64, expected a torch.Tensor", "wrong dtype"),
        (lambda y: y[:, 0], "a tensor of shape (6, 28, 28), expected a torch.Tensor of shape (6, 1, 28, 28)", "wrong shape"),
    ],
)
def test_the_gate_returns_a_tensor_like_x(result, part, cause):
    def gate(x, bright, dark):
        import torch

        return result(torch.where(x.mean(dim=(1, 2, 3), keepdim=True) > 0.5, bright(x), dark(x)))

    message, why = gate_says(gate)
    assert part in message and why == cause


def test_the_gate_says_why_it_cannot_be_exported():

    def loop(x, bright, dark):
        return torch.stack([torch.where(one.mean() > 0.5, bright(one), dark(one)) for one in x])

    message, cause = gate_says(loop)
    assert "one batch size only: a loop over the images" in message and cause == "fixed batch"


@pytest.mark.parametrize(
    "refused, part, cause",
    [
        ("Could not guard on data-dependent expression Eq(u0, 1)", "a Python `if`, `while`, float() or", "data-dependent if"),
        ("but tracing inferred a static shape of 6 for dimension", "one batch size only", "fixed batch"),
        ("No ONNX function found for <OpOverload>", "could not export the function: No ONNX function", "not exportable"),
    ],
)
def test_only_a_decision_in_python_is_called_one(refused, part, cause):
    inputs = {"images": np.zeros((2, 1, 4, 4), np.float32)}
    eager = {"kind": "Tensor", "shape": [2, 1, 4, 4], "dtype": "torch.float32"}
    message, why = says(onnx_export.gate.judge, inputs, {"eager": eager, "refused": refused})
    assert part in message and why == cause


def test_no_message_asks_and_ends_twice():
    assert all(re.search(r"[^.?][.?]$", why) for why, _ in _MIX_SAYS.values())


@pytest.mark.parametrize("shape", [(3, 2), (2,), (1,), ()])
def test_an_array_of_another_shape_is_told_and_never_broadcast(shape):
    with pytest.raises(CheckFailed, match="shape|number"):
        same_as_right("the answer", np.ones(shape, np.float32), {"": np.ones((2, 3), np.float32)}, {}, "expected ones")
