"""The check of `make_session`, lab 05a."""

from __future__ import annotations

import tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np

from edgekit.checks import AnswerRaised, Exercise, call, close, require
from edgekit.checks.onnx_runtime._shared import _file, _write
from edgekit.silence import quiet

CPU = "CPUExecutionProvider"


# Providers that no single build has all of: at least one of them is missing everywhere.
RARE = ["QNNExecutionProvider", "ROCMExecutionProvider", "NnapiExecutionProvider", "CoreMLExecutionProvider"]


_MATHS = {"Sigmoid": lambda x: 1 / (1 + np.exp(-x)), "Neg": np.negative, "Tanh": np.tanh}  # never all zeros, in any order


_LEVELS = {"ORT_DISABLE_ALL": 0, "ORT_ENABLE_BASIC": 1, "ORT_ENABLE_EXTENDED": 2}


def inputs(rng: np.random.Generator) -> dict:
    threads = [int(t) for t in rng.permutation([1, 2, 3])]
    levels = [str(name) for name in rng.permutation(list(_LEVELS))]
    return {
        "model": _file([("", op) for op in _MATHS], rng),
        "x": rng.normal(0, 2, (3, 4)).astype(np.float32),
        "cases": [{"threads": t, "level": level} for t, level in zip(threads, levels, strict=True)],
    }


def probe(answer, inputs: dict) -> dict:
    import warnings

    import onnxruntime as ort

    ort.set_default_logger_severity(4)
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = _write(folder, "model.onnx", inputs["model"])
            made = [
                _seen(call(answer, path, [CPU], case["threads"], getattr(ort.GraphOptimizationLevel, case["level"])), inputs["x"])
                for case in inputs["cases"]
            ]
            absent = next(name for name in RARE if name not in ort.get_available_providers())
            level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
            refused = {
                name: _refusal(answer, path, names, level, inputs["x"])
                for name, names in (("first", [absent, CPU]), ("only", [absent]), ("last", [CPU, absent]))
            }
            listed = [*ort.get_available_providers(), absent]  # as CUDA is listed where its driver is missing
            with patch.object(ort, "get_available_providers", lambda: list(listed)):
                refused["listed"] = _refusal(answer, path, [absent, CPU], level, inputs["x"])
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
    try:
        with quiet():
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


def judge(inputs: dict, outputs: dict) -> str:
    expected, absent = _result(inputs), outputs["absent"]
    for case, seen in zip(inputs["cases"], outputs["made"], strict=True):
        _is_as_asked(seen, case, expected)
    for kind, refused in outputs["refused"].items():
        _is_refused(absent, kind, refused)
    return f"Threads, level and providers are as asked for, and {absent}, which is not here, is refused by name."


def _is_as_asked(seen: dict, case: dict, expected: np.ndarray) -> None:
    asked = f"make_session(path, ['{CPU}'], threads={case['threads']}, level={case['level']})"
    require(
        "other" not in seen,
        f"{asked} returned a {seen.get('other')}, expected the session: an ort.InferenceSession, nothing derived from it or put in its"
        " place.",
        "no session",
    )
    require(
        seen["intra"] == case["threads"] or seen["inter"] != case["threads"],
        f"{asked}: {seen['inter']} threads were given to operators side by side (inter_op), which a sequential session never uses. Threads"
        " inside an operator are intra_op.",
        "inter for intra",
    )
    require(
        seen["intra"] == case["threads"],
        f"{asked}: the session has intra_op_num_threads={seen['intra']} (0 means all cores). Is the SessionOptions object set, and passed"
        " to the session?",
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
        seen["y"] is not None and close(seen["y"], expected, rtol=1e-3, atol=1e-5),
        f"{asked}: the session computes something else than the model at path does. Is it made from path?",
        "another model",
    )


def _is_refused(absent: str, kind: str, refused: dict) -> None:
    require(
        kind != "listed" or refused["raised"],
        f"{absent} is listed by ort.get_available_providers() in this try, and the finished session does not use it: so it is with CUDA"
        " where the driver is missing. There was no error. Ask the session (session.get_providers()), not the installation.",
        "installation asked",
    )
    other = refused.get("session", {}).get("other", "")
    require(
        not other,
        f"{absent} was asked for and is not in this ONNX Runtime: expected a ValueError, but a {other} was returned. An error is raised"
        " (raise ValueError(...)), not returned.",
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
        f"{absent} is not here: that raised a {refused['raised']} ({refused.get('message', '')[:150]}), expected a ValueError, as the"
        " docstring says.",
        "other exception",
    )
    require(
        absent in refused["message"],
        f"the ValueError says {refused['message'][:150]!r}: it should name the provider that is missing, {absent}.",
        "provider not named",
    )


make_session = Exercise("make_session", inputs, probe, judge)
