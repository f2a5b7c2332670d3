"""The second sandbox: judges look at what the probes brought back, in a process that has never run student code.

What is read here may be hostile: :func:`edgekit.checks.border.load` parses it, and whatever a parser of ONNX files does with it
happens behind the same walls as the student's own code.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np

from edgekit.checks import BorderError, CheckFailed, Exercise, OnnxFile, for_the_probe
from edgekit.checks.border import dump, load, plain
from edgekit.checks.onnx_files import onnx_file
from edgekit.runtimes.ort.session import cpu_session

# How libraries word "no memory"; the probe turns every exception of an answer into text.
_NO_MEMORY = re.compile(r"raised \w*MemoryError|can't allocate memory|bad_alloc|Unable to allocate")
SCORED_IMAGES = 2000
PAIRS = 30


def inputs(exercise: Exercise, folder: Path, step: dict) -> dict:
    """Draw fresh inputs: what the probe may see into ``folder``/in, everything into ``folder``/judge. The numbers depend on the
    submission's seed and the exercise only."""
    seed = [int(step["seed"]), *exercise.name.encode()]
    drawn = plain(exercise.inputs(np.random.default_rng(seed)))
    dump(for_the_probe(drawn), folder / "in")
    dump(drawn, folder / "judge")
    return {"ok": True}


def judge(exercise: Exercise, folder: Path, step: dict) -> dict:
    """The verdict on one item: ``{"status", "message", "cause"}``.

    status is "grader-error" where the judge itself raised: that is our fault or a forgery, and a person has to look.
    """
    try:
        outputs = load(folder / "out")
    except BorderError as error:
        return _fail("fail", f"The result of {exercise.name} cannot be read: {error}.", "no result")
    except Exception as error:
        return _fail("grader-error", f"The result of {exercise.name} is none that its probe writes: {error}", "judge")
    try:
        message = exercise.verdict(load(folder / "judge"), outputs)
    except CheckFailed as failure:
        text = str(failure)
        if isinstance(outputs, dict) and "error" in outputs and _NO_MEMORY.search(text):
            return _fail("out-of-memory", text, "out of memory")
        return _fail("fail", text, failure.cause)
    except Exception as error:
        return _fail("grader-error", f"The judge of {exercise.name} raised {type(error).__name__}: {error}", "judge")
    return {"ok": True, "status": "pass", "message": str(message)[:4000], "cause": ""}


def _fail(status: str, message: str, cause: str) -> dict:
    return {"ok": False, "status": status, "message": message[:4000], "cause": str(cause)[:80]}


# ------------------------------------------------------------------------------------------------------------------- scoring
def score(exercise: Exercise, folder: Path, step: dict) -> dict:
    """Measure the first model among the outputs: bytes, nodes and, where it takes the course's images, accuracy on the test
    digits and its latency relative to the course's own TinyCNN (below 1 is faster; paired, median)."""
    try:
        model = next(_models(load(folder / "out")), None)
    except Exception:
        model = None
    return {"ok": True, "score": _measure(model) if model is not None else None}


def _models(value):
    if isinstance(value, OnnxFile):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _models(part)


def _measure(model: OnnxFile) -> dict:
    import onnx

    try:
        proto = onnx.load_from_string(bytes(model))
        found = {"bytes": len(model), "nodes": len(proto.graph.node)}
        session = cpu_session(model)
        spec = session.get_inputs()
        fits = len(spec) == 1 and spec[0].type == "tensor(float)" and list(spec[0].shape[1:]) == [1, 28, 28]
        if not fits or list(session.get_outputs()[0].shape[1:]) != [10]:
            return found
        return {**found, **_run(session, spec[0].name)}
    except Exception as error:
        return {"bytes": len(model), "error": f"{type(error).__name__}: {str(error)[:300]}"}


def _run(session, name: str) -> dict:
    from edgekit.zoo import data

    split = data.load("digits", "test").subset(SCORED_IMAGES)
    logits = np.concatenate([session.run(None, {name: split.x[i : i + 250]})[0] for i in range(0, len(split), 250)])
    one, own = split.x[:1], cpu_session(_reference())
    ratios = []
    for _ in range(PAIRS):
        theirs, ours = _seconds(session, name, one), _seconds(own, "input", one)
        ratios.append(theirs / ours)
    return {"accuracy": float((logits.argmax(1) == split.y).mean()), "images": len(split), "latency_ratio": float(np.median(ratios))}


def _seconds(session, name: str, x: np.ndarray) -> float:
    began = time.perf_counter()
    session.run(None, {name: x})
    return time.perf_counter() - began


def _reference() -> bytes:
    """TinyCNN as a graph of four nodes, with weights that do not matter for its latency."""
    from onnx import helper

    rng = np.random.default_rng(0)
    arrays = {
        "conv": rng.normal(size=(8, 1, 3, 3)).astype(np.float32),
        "shape": np.array([0, 6272], dtype=np.int64),
        "fc": rng.normal(size=(6272, 10)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["input", "conv"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Reshape", ["r", "shape"], ["flat"]),
        helper.make_node("Gemm", ["flat", "fc"], ["logits"]),
    ]
    return onnx_file(nodes, arrays, opset=18)
