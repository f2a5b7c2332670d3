"""The command line, as a person uses it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from edgekit import cli, paths
from edgekit.course.catalog import find
from edgekit.export import ExportError


def edgekit(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "edgekit", *arguments],
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "COLUMNS": "160", **environment},
    )


def best_of(times: int, code: str) -> float:
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        spent.append(time.perf_counter() - start)
    return min(spent)


def test_importing_and_help_are_cheap():
    """Against an interpreter that does nothing: an import of torch or numpy in the wrong place costs ten times that."""
    nothing = best_of(5, "pass")
    assert best_of(5, "import edgekit") < nothing + 0.2
    assert (
        best_of(5, "import sys; sys.argv = ['edgekit', '--help']\nfrom edgekit.cli import app\ntry: app()\nexcept SystemExit: pass")
        < nothing + 1.0
    )
    code = (
        "import sys, edgekit, edgekit.cli, edgekit.checks; print([m for m in ('torch', 'onnx', 'onnxruntime', 'matplotlib') if m in"
        " sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_help_names_every_command():
    out = edgekit("--help").stdout
    for command in ("lab", "doctor", "check", "progress", "release", "bench", "grade"):
        assert command in out


def test_bench_compares_pytorch_with_onnxruntime():
    run = edgekit("bench", "tinycnn", "--runtime", "pytorch", "--runtime", "onnxruntime", "--seconds", "1")
    assert run.returncode == 0, run.stderr
    assert "tinycnn onnxruntime" in run.stdout and "A/A control" in run.stdout
    assert any(word in run.stdout for word in ("faster", "slower", "can't tell"))


@pytest.mark.parametrize(
    "arguments, says",
    [
        (("bench", "nowhere.onnx"), "nowhere.onnx"),
        (("bench", "tinycnn", "--runtime", "abacus"), "abacus"),
        (("bench", "tinycnn", "--provider", "CUDAExecutionProvider"), "CUDAExecutionProvider"),
        (("check", "99"), "no lab is called '99'"),
    ],
)
def test_bad_input_ends_in_one_line(arguments, says):
    run = edgekit(*arguments)
    if "CUDAExecutionProvider" in arguments and run.returncode == 0:
        pytest.skip("this machine has the CUDA provider, so asking for it is no mistake here")
    assert run.returncode == 2
    assert says in run.stderr and "Traceback" not in run.stderr


# Of a lab that measures nothing, so that they take seconds; solutions/ has all labs under nbval.
def test_check_reports_each_exercise_of_an_untouched_lab(tmp_path):
    run = edgekit("check", "03a", EDGEKIT_WORK=str(tmp_path))
    assert run.returncode == 1
    assert "0 of 13 points" in run.stdout
    for name in ("scale_and_zero_point", "quantize", "sqnr", "per_channel_scales", "best_limit", "integer_linear"):
        assert f"not yet {name}" in run.stdout
    assert "is not written yet" in run.stdout


def test_check_of_the_solution_passes_and_progress_knows(tmp_path):
    run = edgekit("check", str(paths.solutions() / "03a_quantization_by_hand.ipynb"), EDGEKIT_WORK=str(tmp_path))
    assert run.returncode == 0 and "13 of 13 points" in run.stdout, run.stdout + run.stderr
    assert "13 / 13" in edgekit("progress", EDGEKIT_WORK=str(tmp_path)).stdout


# ---------------------------------------------------------------- progress, and a ledger that cannot be used


def test_progress_says_how_many_lines_it_could_not_read(tmp_path):
    book = tmp_path / "ledger.jsonl"
    book.write_bytes(b"\xff\x00\n" + b'{"kind": "check", "name": "stopwatch", "value": null, "lab": "start_here"}\n')
    run = edgekit("progress", EDGEKIT_WORK=str(tmp_path), COLUMNS="60")
    assert run.returncode == 0, run.stderr
    assert f"2 lines of {book} could not be read" in run.stdout
    book.write_text("")
    assert "could not be read" not in edgekit("progress", EDGEKIT_WORK=str(tmp_path)).stdout


@pytest.mark.parametrize("command", [("progress",), ("check", "00")])
@pytest.mark.parametrize("case", ["folder", "no work"])
def test_a_ledger_that_cannot_be_used_ends_in_one_line(tmp_path, command, case):
    (tmp_path / "file").write_text("")
    (tmp_path / "ledger.jsonl").mkdir()
    work = tmp_path / "file" / "work" if case == "no work" else tmp_path
    run = edgekit(*command, EDGEKIT_WORK=str(work))
    assert run.returncode == 2 and run.stderr.count("\n") == 1, run.stderr
    assert str(work) in run.stderr and "Fix: " in run.stderr


# ---------------------------------------------------------------- check


@pytest.fixture
def notebook(tmp_path):
    """Makes a copy of the first lab's solution, under a browser's name for it, with other answers and nothing slow."""

    def make(**answers):
        made = json.loads((paths.solutions() / "00_start_here.ipynb").read_text())
        code = [cell for cell in made["cells"] if cell["cell_type"] == "code"]
        for cell in code[1:]:
            if not cell["metadata"].get("nbgrader"):
                cell["source"] = "pass"
        code[0]["source"] = answers.pop("imports", code[0]["source"])
        for cell in code:
            cell["source"] = answers.get(cell["id"], cell["source"])
        path = tmp_path / "00_start_here (1).ipynb"
        path.write_text(json.dumps(made))
        return path

    return make


def checked(path, tmp_path, *options):
    run = edgekit("check", str(path), *options, EDGEKIT_WORK=str(tmp_path / "work"))
    lines = run.stdout.splitlines()
    names = [line.split()[-3] for line in lines if line.startswith(("passed", "not yet"))]
    passed = [line.split()[1] for line in lines if line.startswith("passed")]
    assert names == ["stopwatch", "summary", "paired_ratio", "verdict"], run.stdout + run.stderr
    assert run.returncode == 1 and run.stderr == "", "no warning of the kernel's either"
    return run.stdout, passed


LOOP = "def summary(samples):\n    while True: pass"


def test_an_endless_loop_costs_only_its_exercise(tmp_path, notebook):
    said, passed = checked(notebook(summary=LOOP), tmp_path, "--timeout", "5")
    assert passed == ["stopwatch", "paired_ratio", "verdict"] and "7 of 8 points" in said
    assert "its check ran longer than 5 s (--timeout) and was interrupted" in said and "in summary" in said


def test_an_endless_loop_in_a_cell_that_is_no_check_is_named(tmp_path, notebook):
    path = notebook(summary="while True: pass\ndef summary(samples): ...")
    said, passed = checked(path, tmp_path, "--timeout", "5")
    assert passed == ["stopwatch", "paired_ratio", "verdict"]
    assert "summary is not there, since its cell failed. code cell 7 (while True: pass): ran longer than 5 s" in said
    assert "stopped code cell 7 (while True: pass) ran longer than 5 s" in said


def test_a_cell_that_cannot_be_interrupted_leaves_what_was_decided(tmp_path, notebook):
    ignore = "__import__('signal').signal(2, __import__('signal').SIG_IGN)"  # in the call: each cell gets a new handler
    deaf = LOOP.replace("while", f"{ignore}\n    while")
    said, passed = checked(notebook(summary=deaf), tmp_path, "--timeout", "5")
    assert passed == ["stopwatch"] and "did not stop when interrupted" in said
    assert said.count("not run, since the check of summary did not stop") == 2


@pytest.mark.parametrize("where", ["answer", "cell"])
def test_a_dying_kernel_leaves_what_was_decided(tmp_path, notebook, where):
    end = "import os; os._exit(1)"
    said, passed = checked(notebook(summary=f"def summary(s):\n    {end}" if where == "answer" else end), tmp_path)
    assert passed == ["stopwatch"] and "2 of 8 points" in said and "took the kernel with it" in said
    place = "the check of summary" if where == "answer" else f"code cell 7 ({end})"
    assert said.count(f"not run, since the kernel died in {place}") == (2 if where == "answer" else 3)


def test_a_missing_name_is_explained_by_the_cell_that_failed(tmp_path, notebook):
    said, passed = checked(notebook(stopwatch="def stopwatch(run, calls, warmup)\n    return 1"), tmp_path)
    assert passed == ["summary", "paired_ratio", "verdict"]
    assert "stopwatch is not there, since its cell failed" in said and "NameError" not in said
    assert "SyntaxError" in said and "(line 1 of the cell)" in said


def test_names_that_an_import_did_not_bring_are_explained_by_it(tmp_path, notebook):
    imports = "import nowhere\nimport numpy as np\nfrom edgekit.checks import start_here as check"
    said, passed = checked(notebook(imports=imports), tmp_path)
    assert passed == [] and said.count("No module named 'nowhere'") == 4 and "NameError" not in said


def test_check_can_be_stopped_by_hand(tmp_path, notebook):
    """Ctrl-C in a loop without an end, as a person would: no traceback, and no kernel stays behind."""
    marker = tmp_path / "running"
    path = notebook(stopwatch=f"open({str(marker)!r}, 'w').write(str(__import__('os').getpid()))\nwhile True: pass")
    run = subprocess.Popen(
        [sys.executable, "-m", "edgekit", "check", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    end = time.monotonic() + 120
    while not (marker.is_file() and marker.read_text()) and run.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
    kernel = int(marker.read_text())
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == BY_CTRL_C and err.splitlines()[-1] == "edgekit: stopped" and "Traceback" not in err, out + err
    with pytest.raises(ProcessLookupError):
        os.kill(kernel, 0)


# ---------------------------------------------------------------- bench


@pytest.fixture
def bench(models, monkeypatch, capsys):
    """The command in this process, where importing torch costs only once: (exit code, stdout, stderr). A word that is the name
    of a model is its file."""
    from edgekit import cli

    def run(*arguments):
        files = [str(models / f"{a}.onnx") if (models / f"{a}.onnx").is_file() else a for a in arguments]
        monkeypatch.setattr(sys, "argv", ["edgekit", "bench", *files])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Files of one node: batch fixed at 3, any batch, pictures, no input at all."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    folder = tmp_path_factory.mktemp("models")

    def save(name, shape):
        tensor = numpy_helper.from_array(np.ones(3, np.float32), "c")
        node = helper.make_node("Relu", ["x"], ["y"]) if shape else helper.make_node("Constant", [], ["y"], value=tensor)
        value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        graph = helper.make_graph([node], "g", [value("x", shape)] if shape else [], [value("y", shape or [3])])
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        made.ir_version = 9
        onnx.save(made, folder / f"{name}.onnx")

    for name, shape in {"three": [3, 16], "any": ["batch", 16], "pictures": [1, 1, 28, 28], "none": None}.items():
        save(name, shape)
    return folder


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("three", "--batch", "8"), ["three.onnx: its batch is fixed at 3", "--batch 8"]),
        (("any", "three", "--batch", "8"), ["three.onnx: its batch is fixed at 3"]),
        (("none", "--batch", "2"), ["none.onnx", "no input with a batch"]),
        (("any", "pictures"), ["any.onnx", "pictures.onnx", "[batch, 16]", "[1, 1, 28, 28]", "the same inputs"]),
        (("any", "none"), ["any.onnx", "none.onnx", "no input"]),
        (("any", "--batch", "-3"), ["--batch"]),
        (("any", "--batch", "0"), ["--batch"]),
        (("any", "--seconds", "-1"), ["--seconds", "not a positive number"]),
        (("any", "--seconds", "nan"), ["--seconds", "not a positive number"]),
    ],
)
def test_bench_refuses_what_it_cannot_measure(bench, arguments, says):
    code, _, err = bench(*arguments)
    assert code == 2 and all(part in err for part in says), err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("three",), "batch 3; inputs: x float32 [3, 16]"),
        (("any",), "batch 1; inputs: x float32 [1, 16]"),
        (("any", "--batch", "8"), "batch 8; inputs: x float32 [8, 16]"),
        (("any", "three"), "batch 3; inputs: x float32 [3, 16]"),
        (("none",), "batch none; inputs: none"),
    ],
)
def test_bench_says_what_it_fed(bench, arguments, says):
    code, out, err = bench(*arguments, "--seconds", "0.1")
    assert not code, err
    assert says in out


def test_bench_of_an_onnx_file_does_without_pytorch(models):
    code = "import sys\nfrom edgekit.cli import main\ntry: main()\nfinally: print('torch' in sys.modules)"
    command = [sys.executable, "-c", code, "bench", models / "any.onnx", "--seconds", "0.1"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0 and run.stdout.splitlines()[-1] == "False", run


def test_bench_as_json_says_it_too_and_the_throughput_counts_the_batch(bench):
    _, out, _ = bench("any", "--batch", "8", "--seconds", "0.1", "--json")
    found = json.loads(out)
    assert found["batch"] == 8 and found["inputs"] == {"x": {"dtype": "float32", "shape": [8, 16]}}
    assert found["throughput"] == pytest.approx(8 / found["median"])


# ---------------------------------------------------------------- lab


@pytest.mark.parametrize(
    ("user", "given", "passed"),
    [
        (0, ["--no-browser"], ["--allow-root", "--no-browser"]),
        (0, ["--allow-root"], ["--allow-root"]),
        (0, ["--ServerApp.allow_root=True"], ["--ServerApp.allow_root=True"]),
        (1000, ["--no-browser"], ["--no-browser"]),
    ],
)
def test_lab_as_root_is_allowed_and_said(monkeypatch, user, given, passed):
    from typer.testing import CliRunner

    from edgekit.cli import app
    from edgekit.course import launch

    seen = []
    monkeypatch.setattr(launch, "jupyterlab", lambda arguments: seen.extend(arguments) or 0)
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
    run = CliRunner().invoke(app, ["lab", *given])
    assert run.exit_code == 0 and seen == passed
    assert run.output.count("adding --allow-root") == (passed != given)


def test_lab_says_what_every_lab_will_stop_at(monkeypatch, capsys):
    """On a Jetson, after `make lab`: the board's own wheels are a step of their own."""
    from edgekit.course import launch

    monkeypatch.setattr(launch.subprocess, "call", lambda *_, **__: 0)
    for lacking, words in (("torch onnxruntime", "torch and onnxruntime are not"), ("onnxruntime", "onnxruntime is not"), ("", "")):
        monkeypatch.setattr(launch.importlib.util, "find_spec", lambda name, lacking=lacking: None if name in lacking.split() else name)
        assert launch.jupyterlab([]) == 0
        said = capsys.readouterr().err
        assert (words in said and "edgekit doctor" in said) if words else said == ""


BY_CTRL_C = -signal.SIGINT  # ended by the signal: a shell says 130
LONG = {"bench": ["edgecnn", "tinycnn", "--seconds", "60"], "grade": ["class", "--out", "graded"], "slides": ["1", "--out", "slides"]}


@pytest.mark.parametrize("command", LONG)
def test_ctrl_c_in_a_long_command_is_one_line_and_leaves_nothing_behind(tmp_path, command):
    """As a terminal sends it: to all processes of the command."""
    lab = find("05c")
    (tmp_path / "class" / "anna").mkdir(parents=True)
    shutil.copy(lab.solution, tmp_path / "class" / "anna" / lab.notebook.name)
    run = subprocess.Popen(
        [sys.executable, "-m", "edgekit", command, *LONG[command]],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with pytest.raises(subprocess.TimeoutExpired):
        run.communicate(timeout=6)  # libraries are imported, and where the machine is not busy it has begun
    os.killpg(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=60)
    said = [line for line in re.split(r"[\r\n]+", err) if line.strip()]
    assert run.returncode == BY_CTRL_C and said[-1] == "edgekit: stopped" and "Traceback" not in out + err, out + err
    assert len(said) <= 3, "a bar or a result may stand before it"


@pytest.mark.parametrize("error", [ExportError("m.onnx: the export failed"), AttributeError("torch._dynamo has no attribute 'exc'")])
def test_an_error_that_follows_from_ctrl_c_is_a_stop(monkeypatch, capfd, error):
    """Seen with PyTorch: an import that was interrupted left a module half made, and the export failed with what was missing in it."""

    def app():
        raise error

    monkeypatch.setattr(cli, "app", app)
    with pytest.raises(KeyboardInterrupt):
        cli.main(stopped=lambda: True)
    assert capfd.readouterr().err == ""
    with pytest.raises((SystemExit, AttributeError)):
        cli.main()


PLACES = {
    "a line": "press()",
    "code made while it runs": "exec('press()', {'press': press})",
    "a weak reference's callback": "import weakref; thing = type('T', (), {})(); hold = weakref.ref(thing, lambda _: press()); del thing",
    "__del__": "type('Thing', (), {'__del__': lambda self: press()})()",
    "something half made": "h = type('H', (), {'__init__': lambda self: press(), '__del__': lambda self: self.file.close()}); h()",
    "before a coroutine is awaited": "import asyncio; later = asyncio.sleep(1); press()",
    "C's callback": "import ctypes; ctypes.CFUNCTYPE(None)(press)()",
    "a module being imported": "import half_made",
    "a module being imported, pressed twice": "import never_made",
}


MODULES = {
    "half_made.py": """
        import __main__
        try: __main__.press()
        except KeyboardInterrupt: __main__.wait = 0
    """,
    "never_made.py": """
        import __main__, time
        for _ in range(2):
            try: __main__.press()
            except KeyboardInterrupt: __main__.wait = 0
        time.sleep(60)
    """,
}


def _command(folder, place, press, wait):
    """The command, were it only this place and then a wait of so many seconds."""
    for name, code in MODULES.items():
        (folder / name).write_text(textwrap.dedent(code))
    code = f"""
        import signal, sys, time
        from edgekit import __main__, cli

        def press():
            {press}

        def command(stopped):
            {PLACES[place]}
            time.sleep(wait)

        wait = {wait}
        cli.main = command
        __main__.main()
    """
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=30, cwd=folder)


@pytest.mark.parametrize("place", PLACES)
def test_ctrl_c_is_heard_wherever_it_comes(tmp_path, place):
    """Seen with PyTorch: "Exception ignored in" a weak reference's callback, and the command ran on to its end; in an import,
    "terminate called after throwing", or another error later, for what the module did not have yet."""
    done = _command(tmp_path, place, "signal.raise_signal(signal.SIGINT)", wait=60)
    assert done.returncode == BY_CTRL_C and done.stderr == "edgekit: stopped\n", done.stderr


def test_another_fault_in_a_callback_is_reported_as_ever(tmp_path):
    done = _command(tmp_path, "__del__", "raise ValueError('v')", wait=0)
    assert done.returncode == 0 and "Exception ignored in" in done.stderr and done.stderr.endswith("ValueError: v\n"), done.stderr


def test_ctrl_c_is_one_line_also_before_the_command_runs(tmp_path):
    """While its libraries are imported, that is; and whoever only imports the command keeps his own hook."""
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt")
    where = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-m", "edgekit", "--help"], capture_output=True, text=True, env=where)
    assert done.stderr.splitlines() == ["edgekit: stopped"] and done.returncode == BY_CTRL_C
    code = "import sys, edgekit.cli; print(sys.excepthook is sys.__excepthook__)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "True\n"


def test_advice_about_a_provider_is_worded_for_the_shell(bench):
    status, _, said = bench("edgecnn", "--provider", "cuda")
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has the CUDA provider")
    assert status == 2 and "--provider cpu" in said and "providers=" not in said
