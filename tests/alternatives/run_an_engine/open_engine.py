"""Right answers in other words to `open_engine`, lab 06b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "comprehensions, the runtime kept",
        """
def open_engine(trt, logger, plan):
    runtime = trt.Runtime(logger)
    engine = runtime.deserialize_cuda_engine(plan)
    if not engine:
        raise RuntimeError("no engine")
    names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
    takes = {n: engine.get_tensor_mode(n) for n in names}
    inputs = {n: tuple(engine.get_tensor_profile_shape(n, 0)[-1]) for n in names if takes[n] == trt.TensorIOMode.INPUT}
    return engine, inputs, [n for n in names if takes[n] == trt.TensorIOMode.OUTPUT]
""",
    ),
    Right(
        "lists for the shapes, everything by hand",
        """
def open_engine(trt, logger, plan):
    engine = trt.Runtime(logger).deserialize_cuda_engine(bytes(plan))
    if engine is None:
        raise RuntimeError("deserialize_cuda_engine gave None")
    inputs, outputs, i = {}, (), 0
    while i < engine.num_io_tensors:
        name = engine.get_tensor_name(i)
        if engine.get_tensor_mode(name) is trt.TensorIOMode.OUTPUT:
            outputs += (name,)
        else:
            inputs[name] = list(engine.get_tensor_profile_shape(name, 0)[2])
        i += 1
    return [engine, inputs, outputs]
""",
    ),
    Right(
        "with blocks from old examples, which free nothing",
        """
def open_engine(trt, logger, plan):
    with trt.Runtime(logger) as runtime:
        engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise RuntimeError("no engine")
    with engine:
        names = {engine.get_tensor_name(i) for i in range(2)}
        modes = {name: engine.get_tensor_mode(name) for name in names}
    inputs = {n: tuple(engine.get_tensor_profile_shape(n, 0)[2]) for n, mode in modes.items() if mode == trt.TensorIOMode.INPUT}
    return engine, inputs, [n for n in names if n not in inputs]
""",
    ),
]
