"""Wrong answers to `open_engine`, lab 06b."""

from tests.mistakes import Mistake
from tests.mistakes import changed as _changed

RIGHT = """
def open_engine(trt, logger, plan):
    engine = trt.Runtime(logger).deserialize_cuda_engine(plan)
    if engine is None:
        raise RuntimeError("this is no engine for this TensorRT and this GPU")
    inputs, outputs = {}, []
    for i in range(engine.num_io_tensors):
        name = engine.get_tensor_name(i)
        if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT:
            inputs[name] = tuple(engine.get_tensor_profile_shape(name, 0)[2])
        else:
            outputs.append(name)
    return engine, inputs, outputs
"""


def changed(old: str, new: str) -> str:
    return _changed(RIGHT, (old, new))


_CHECK = """    if engine is None:
        raise RuntimeError("this is no engine for this TensorRT and this GPU")
"""
MISTAKES = [
    Mistake("None not noticed", changed(_CHECK, ""), says="returns None then"),
    Mistake("None handed on", changed(_CHECK, "    if engine is None:\n        return None, {}, []\n"), says="as if all were well"),
    Mistake(
        "shape of the network, not of the profile",
        changed("engine.get_tensor_profile_shape(name, 0)[2]", "engine.get_tensor_shape(name)"),
        says="-1 says that the dimension is dynamic",
    ),
    Mistake("the best shape", changed("[2]", "[1]"), says="smallest, best, largest"),
    Mistake("all three shapes", changed("[2]", ""), says="only the largest is asked for"),
    Mistake(
        "the first tensor is the input",
        changed("engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT", "i == 0").replace(
            "engine.get_tensor_profile_shape(name, 0)[2]", "engine.get_tensor_shape(name)"
        ),
        says="'logits' is an output",
    ),
    Mistake("old names", changed("engine.num_io_tensors", "engine.num_bindings"), says="num_bindings"),
    Mistake("the engine alone", changed("return engine, inputs, outputs", "return engine"), says="expected three"),
    Mistake("the runtime", changed("return engine, inputs", "return trt.Runtime(logger), inputs"), says="cannot make an execution context"),
]
