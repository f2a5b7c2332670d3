"""The check of `open_engine`, lab 06b."""

from __future__ import annotations

import numpy as np

from edgekit.checks import AnswerRaised, Exercise, call, mapping, require
from edgekit.checks.fake_gpu import FakeGpu, tensorrt


def inputs(rng: np.random.Generator) -> dict:
    return {"largest": int(rng.integers(9, 65)), "classes": int(rng.integers(3, 12))}


def probe(answer, inputs: dict) -> dict:
    weights = np.zeros((784, inputs["classes"]), np.float32)
    trt, plan = tensorrt(FakeGpu(), weights, inputs["largest"])
    found = call(answer, trt, trt.Logger(), plan)
    parts = list(found) if isinstance(found, tuple | list) else [found]
    plain = {"parts": len(parts), "engine": bool(parts) and hasattr(parts[0], "create_execution_context")}
    if len(parts) == 3:
        plain["inputs"] = {str(n): _shape(s) for n, s in parts[1].items()} if isinstance(parts[1], dict) else None
        plain["outputs"] = [str(n) for n in parts[2]] if isinstance(parts[2], tuple | list | set | dict) else None
    try:
        call(answer, trt, trt.Logger(), b"no plan" + plan)
    except AnswerRaised as error:
        plain["refused"] = type(error.__cause__).__name__
    else:
        plain["refused"] = ""
    return plain


def _shape(value):
    return [_shape(v) for v in value] if isinstance(value, tuple | list) else int(value)


def judge(inputs: dict, outputs: dict) -> str:
    largest = [inputs["largest"], 1, 28, 28]
    require(
        outputs["parts"] == 3,
        f"open_engine returned {outputs['parts']} value(s), expected three: the engine, the inputs, the outputs.",
        "not three values",
    )
    require(
        outputs["engine"],
        "the first value cannot make an execution context. It should be what deserialize_cuda_engine gives, not the plan and not the"
        " runtime.",
        "no engine",
    )
    got = mapping(outputs["inputs"], "the second value")
    require(
        "logits" not in got,
        f"the inputs are {sorted(got)}: 'logits' is an output. get_tensor_mode says which is which; their order says nothing.",
        "outputs among the inputs",
    )
    require(set(got) == {"input"}, f"the inputs are {sorted(got)}, expected ['input'].", "missing input")
    _largest(got["input"], largest)
    require(outputs["outputs"] == ["logits"], f"the outputs are {outputs['outputs']}, expected ['logits'].", "wrong outputs")
    require(
        outputs["refused"] != "",
        "a file that is no engine: open_engine returned as if all were well. deserialize_cuda_engine returns None then, and raises nothing:"
        " look at it and raise RuntimeError.",
        "None not noticed",
    )
    require(
        outputs["refused"] == "RuntimeError",
        f"a file that is no engine: {outputs['refused']}, expected RuntimeError. deserialize_cuda_engine returns None then: look at it"
        " before you use it.",
        "None used",
    )
    return "The engine is open, its tensors are named, its largest batch is known, and a file that is none is refused."


def _largest(shape: list, largest: list[int]) -> None:
    require(
        shape != [-1, 1, 28, 28],
        f"the largest shape of 'input' is given as {shape}: -1 says that the dimension is dynamic. The profile says how large it may get:"
        " get_tensor_profile_shape.",
        "shape without profile",
    )
    require(
        shape and not isinstance(shape[0], list),
        f"'input' is given as {shape}: get_tensor_profile_shape gives three shapes (smallest, best, largest), and only the largest is asked"
        " for.",
        "all three shapes",
    )
    require(
        shape == largest,
        f"the largest shape of 'input' is given as {shape}, expected {largest}. get_tensor_profile_shape gives smallest, best, largest, in"
        " this order.",
        "not the largest shape",
    )


open_engine = Exercise("open_engine", inputs, probe, judge)
