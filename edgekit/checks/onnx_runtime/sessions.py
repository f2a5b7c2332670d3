"""The checks of lab 05a on sessions: the providers that run, and what the optimizer made of the graph."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import (
    AnswerRaised,
    CheckFailed,
    Exercise,
    OnnxFile,
    call,
    close,
    integer,
    mapping,
    require,
)

CPU = "CPUExecutionProvider"
# Providers that no single build has all of: at least one of them is missing everywhere.
RARE = ["QNNExecutionProvider", "ROCMExecutionProvider", "NnapiExecutionProvider", "CoreMLExecutionProvider"]


def _file(ops: list[tuple[str, str]], rng: np.random.Generator) -> OnnxFile:
    """A chain of one-input operators given as (domain, op_type), in a random order, with an initializer that is no node."""
    from onnx import TensorProto, helper, numpy_helper

    order = [ops[i] for i in rng.permutation(len(ops))]
    nodes = [
        helper.make_node(op, [f"t{i}"], [f"t{i + 1}"], name=f"node{i}", domain=domain)
        for i, (domain, op) in enumerate(order)
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 4]) for n in ("t0", f"t{len(order)}")]
    unused = numpy_helper.from_array(np.ones(3, np.float32), "unused")
    graph = helper.make_graph(nodes, "g", [ends[0]], [ends[1]], [unused])
    domains = sorted({domain for domain, _ in order} | {""})
    imports = [helper.make_opsetid(domain, 1 if domain else 17) for domain in domains]
    return OnnxFile(helper.make_model(graph, opset_imports=imports, ir_version=8).SerializeToString())


def _write(folder: str, name: str, blob: bytes) -> Path:
    path = Path(folder) / name
    path.write_bytes(blob)
    return path


# ------------------------------------------------------------------------------------------------------------- make_session
_MATHS = {
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Neg": np.negative,
    "Tanh": np.tanh,
}  # never all zeros, in any order
_LEVELS = {"ORT_DISABLE_ALL": 0, "ORT_ENABLE_BASIC": 1, "ORT_ENABLE_EXTENDED": 2}


def _session_inputs(rng: np.random.Generator) -> dict:
    threads = [int(t) for t in rng.permutation([1, 2, 3])]
    levels = [str(name) for name in rng.permutation(list(_LEVELS))]
    return {
        "model": _file([("", op) for op in _MATHS], rng),
        "x": rng.normal(0, 2, (3, 4)).astype(np.float32),
        "cases": [{"threads": t, "level": level} for t, level in zip(threads, levels, strict=True)],
    }


def _session_probe(answer, inputs: dict) -> dict:
    import warnings

    import onnxruntime as ort

    ort.set_default_logger_severity(4)
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = _write(folder, "model.onnx", inputs["model"])
            made = [
                _seen(
                    call(answer, path, [CPU], case["threads"], getattr(ort.GraphOptimizationLevel, case["level"])),
                    inputs["x"],
                )
                for case in inputs["cases"]
            ]
            absent = next(name for name in RARE if name not in ort.get_available_providers())
            level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
            refused = {
                name: _refusal(answer, path, names, level, inputs["x"])
                for name, names in (("first", [absent, CPU]), ("only", [absent]), ("last", [CPU, absent]))
            }
    finally:
        ort.set_default_logger_severity(2)
    return {"made": made, "absent": absent, "refused": refused}


def _seen(session, x: np.ndarray) -> dict:
    """What a session says about itself and makes of ``x``; never the session. ``{"other": its type}`` for anything else.

    A subclass could say what it likes, and so could methods and attributes set on the object: what is asked is the compiled
    session inside.
    """
    import onnxruntime as ort
    from onnxruntime.capi.onnxruntime_pybind11_state import InferenceSession as Wrapped

    genuine = ort.InferenceSession
    if type(session) is not genuine or type(getattr(session, "_sess", None)) is not Wrapped:
        return {"other": type(session).__name__}
    options = session._sess.session_options
    try:
        y = genuine.run(session, None, {"t0": x})[0]
    except Exception:
        y = None  # another model, with other inputs
    return {
        "intra": options.intra_op_num_threads,
        "inter": options.inter_op_num_threads,
        "level": options.graph_optimization_level.name,
        "providers": session._sess.get_providers(),
        "y": y,
    }


def _refusal(answer, path: Path, names: list[str], level, x: np.ndarray) -> dict:
    import contextlib
    import io

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return {"raised": "", "session": _seen(call(answer, path, names, 1, level), x)}
    except AnswerRaised as error:
        cause = error.__cause__
        return {"raised": type(cause).__name__, "fits": isinstance(cause, ValueError), "message": str(cause)}


def _result(inputs: dict) -> np.ndarray:
    """What the model makes of ``x``, by NumPy."""
    import onnx

    y = inputs["x"].astype(np.float64)
    for node in onnx.load_from_string(bytes(inputs["model"])).graph.node:
        y = _MATHS[node.op_type](y)
    return y


def _session_judge(inputs: dict, outputs: dict) -> str:
    for case, seen in zip(inputs["cases"], outputs["made"], strict=True):
        asked = f"make_session(path, ['{CPU}'], threads={case['threads']}, level={case['level']})"
        require(
            "other" not in seen,
            f"{asked} returned a {seen.get('other')}, expected the session: an ort.InferenceSession, nothing derived from it or put in its place.",
            "no session",
        )
        require(
            seen["intra"] == case["threads"] or seen["inter"] != case["threads"],
            f"{asked}: {seen['inter']} threads were given to operators side by side (inter_op), which a sequential session never uses. Threads inside an operator are intra_op.",
            "inter for intra",
        )
        require(
            seen["intra"] == case["threads"],
            f"{asked}: the session has intra_op_num_threads={seen['intra']} (0 means all cores). Is the SessionOptions object set, and passed to the session?",
            "threads not set",
        )
        require(
            seen["level"] == case["level"],
            f"{asked}: the session optimizes at {seen['level']}. Set graph_optimization_level on the options, to the level that was passed in.",
            "level not set",
        )
        require(
            seen["providers"] == [CPU],
            f"{asked}: the session has the providers {seen['providers']}. Pass on what was asked for.",
            "other providers",
        )
        require(
            seen["y"] is not None and close(seen["y"], _result(inputs), rtol=1e-3, atol=1e-5),
            f"{asked}: the session computes something else than the model at path does. Is it made from path?",
            "another model",
        )
    absent = outputs["absent"]
    for refused in outputs["refused"].values():
        other = refused.get("session", {}).get("other", "")
        require(
            not other,
            f"{absent} was asked for and is not in this ONNX Runtime: expected a ValueError, but a {other} was returned. An error is raised (raise ValueError(...)), not returned.",
            "error not raised",
        )
        require(
            refused["raised"],
            f"{absent} was asked for and is not in this ONNX Runtime, but there was no error: the session silently fell back to "
            f"{refused.get('session', {}).get('providers', '?')}. Compare what you asked for with session.get_providers(), and raise.",
            "silent fallback",
        )
        require(
            refused.get("fits"),
            f"{absent} is not here: that raised a {refused['raised']} ({refused.get('message', '')[:150]}), expected a ValueError, as the docstring says.",
            "other exception",
        )
        require(
            absent in refused["message"],
            f"the ValueError says {refused['message'][:150]!r}: it should name the provider that is missing, {absent}.",
            "provider not named",
        )
    return f"Threads, level and providers are as asked for, and {absent}, which is not here, is refused by name."


make_session = Exercise("make_session", _session_inputs, _session_probe, _session_judge)


# --------------------------------------------------------------------------------------------------------------- op_changes
_OPS = [("", "Relu"), ("", "Neg"), ("", "Abs"), ("", "Identity"), ("", "Sigmoid"), ("com.microsoft", "Gelu"), ("com.microsoft.nchwc", "Abs")]  # fmt: skip


def _key(domain: str, op: str) -> str:
    return f"{domain}:{op}" if domain else op


def _changes_inputs(rng: np.random.Generator) -> dict:
    """The change of every operator is drawn first, and the two files are made to have it."""
    cases = []
    for kind in ("random", "moved to another domain", "same"):
        change = {op: int(rng.integers(-4, 5)) for op in _OPS}
        if kind == "moved to another domain":
            change = {("", "Abs"): -3, ("com.microsoft.nchwc", "Abs"): 3, ("", "Identity"): -2}
        if kind == "same":
            change = {}
        common = {op: int(rng.integers(1, 4)) for op in _OPS[:3]}
        before = [op for op, n in change.items() for _ in range(max(-n, 0))]
        after = [op for op, n in change.items() for _ in range(max(n, 0))]
        both = [op for op, n in common.items() for _ in range(n)]
        cases.append(
            {
                "_kind": kind,
                "before": _file(before + both, rng),
                "after": _file(after + both, rng),
                "_expected": {_key(*op): n for op, n in change.items() if n},
            }
        )
    return {"cases": cases}


def _changes_probe(answer, inputs: dict) -> dict:
    found = []
    for case in inputs["cases"]:
        with tempfile.TemporaryDirectory() as folder:
            before, after = (_write(folder, f"{name}.onnx", case[name]) for name in ("before", "after"))
            found.append(call(answer, before, after))
    return {"found": found}


def _changes_judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["found"], strict=True):
        got, expected = mapping(got, "the result"), case["_expected"]
        got = {key: integer(value, f"the change of {key}") for key, value in got.items()}
        if got == expected:
            continue
        shown = f"op_changes gave {got}, expected {expected}"
        nonzero = {key: value for key, value in got.items() if value}
        require(nonzero != expected, f"{shown}: leave out what did not change (zeros).", "zeros kept")
        require(
            got != {key: -value for key, value in expected.items()},
            f"{shown}: upside down. Positive is what the second file has *more*.",
            "signs swapped",
        )
        bare: dict[str, int] = {}
        for key, value in expected.items():
            bare[key.rpartition(":")[2]] = bare.get(key.rpartition(":")[2], 0) + value
        require(
            nonzero != {key: value for key, value in bare.items() if value},
            f"{shown}: an operator is identified by its domain, too. A Conv of com.microsoft.nchwc is another one than Conv: put the domain in front where it is not empty.",
            "domain ignored",
        )
        require(
            got != {key: abs(value) for key, value in expected.items()},
            f"{shown}: the signs are lost. What the second file has less of is negative.",
            "signs lost",
        )
        unknown = sorted(set(got) - {_key(*op) for op in _OPS})
        require(
            not unknown,
            f"{shown}: {unknown[:3]} are no keys for operators. The key is the op_type in the default domain; others have their domain and a colon in front of it, such as 'com.microsoft:Gelu'.",
            "other keys",
        )
        require(
            nonzero not in ({k: v for k, v in expected.items() if v > 0}, {k: v for k, v in expected.items() if v < 0}),
            f"{shown}: one direction is missing. Count over the operators of both files; the difference of two Counters drops what is negative.",
            "one direction only",
        )
        missing = sorted(set(expected) - set(got))
        require(
            not missing or any(got[key] != expected.get(key) for key in got),
            f"{shown}: {missing[:3]} are missing. Count over the operators of both files, also of those that only one of them has.",
            "operators of one file only",
        )
        raise CheckFailed(
            f"{shown}. A change is the number of nodes in the second file minus that in the first. Count every node, not every kind of node, in both files.",
            "wrong count",
        )
    return "What came and what went, with operators of other domains kept apart, and nothing where nothing changed."


op_changes = Exercise("op_changes", _changes_inputs, _changes_probe, _changes_judge)
