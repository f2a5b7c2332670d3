"""Right answers in other words to `infer_with_cuda_python`, lab 06b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "an ExitStack frees",
        """
def infer_with_cuda_python(driver, stream, context, x):
    from contextlib import ExitStack

    def ask(answer):
        if int(answer[0]) != 0:
            raise RuntimeError(str(answer[0]))
        return answer[1] if len(answer) > 1 else None

    if not context.set_input_shape("input", tuple(x.shape)):
        raise ValueError("outside of the profile")
    y = np.empty(tuple(context.get_tensor_shape("logits")), dtype=np.float32)
    with ExitStack() as stack:
        d_x = ask(driver.cuMemAlloc(x.nbytes))
        stack.callback(driver.cuMemFree, d_x)
        d_y = ask(driver.cuMemAlloc(y.nbytes))
        stack.callback(driver.cuMemFree, d_y)
        context.set_tensor_address("input", int(d_x))
        context.set_tensor_address("logits", int(d_y))
        ask(driver.cuMemcpyHtoD(d_x, x.ctypes.data, x.nbytes))
        ask(driver.cuStreamSynchronize(0))
        if not context.execute_async_v3(stream):
            raise RuntimeError("the engine did not run")
        ask(driver.cuStreamSynchronize(stream))
        ask(driver.cuMemcpyDtoH(y.ctypes.data, d_y, y.nbytes))
    return y
""",
    ),
    Right(
        "one block for both tensors",
        """
def infer_with_cuda_python(driver, stream, context, x):
    def ask(answer):
        error, *values = answer
        if error != driver.CUresult.CUDA_SUCCESS:
            raise RuntimeError(error.name)
        return values[0] if values else None

    if not context.set_input_shape("input", x.shape):
        raise ValueError("outside of the profile")
    logits = np.empty(tuple(context.get_tensor_shape("logits")), np.float32)
    room = -(-x.nbytes // 256) * 256
    block = int(ask(driver.cuMemAlloc(room + logits.nbytes)))
    try:
        context.set_tensor_address("input", block)
        context.set_tensor_address("logits", block + room)
        ask(driver.cuMemcpyHtoD(block, x.ctypes.data, x.nbytes))
        ask(driver.cuCtxSynchronize())
        ran = context.execute_async_v3(int(stream))
        ask(driver.cuStreamSynchronize(stream))
        if not ran:
            raise RuntimeError("the engine did not run")
        ask(driver.cuMemcpyDtoH(logits.ctypes.data, block + room, logits.nbytes))
    finally:
        ask(driver.cuMemFree(block))
    return logits
""",
    ),
    Right(
        "a stream of its own, which it destroys",
        """
def infer_with_cuda_python(driver, stream, context, x):
    def ask(answer):
        if answer[0]:
            raise RuntimeError(answer[0].name)
        return answer[1] if len(answer) > 1 else None

    if not context.set_input_shape("input", x.shape):
        raise ValueError("outside of the profile")
    logits = np.empty(tuple(context.get_tensor_shape("logits")), np.float32)
    own, blocks = ask(driver.cuStreamCreate(1)), []
    try:
        for name, array in (("input", x), ("logits", logits)):
            blocks.append(ask(driver.cuMemAlloc(array.nbytes)))
            context.set_tensor_address(name, int(blocks[-1]))
        ask(driver.cuMemcpyHtoD(blocks[0], x.ctypes.data, x.nbytes))
        ask(driver.cuStreamSynchronize(0))
        if not context.execute_async_v3(int(own)):
            raise RuntimeError("the engine did not run")
        ask(driver.cuStreamSynchronize(own))
        ask(driver.cuMemcpyDtoH(logits.ctypes.data, blocks[1], logits.nbytes))
    finally:
        for block in blocks:
            ask(driver.cuMemFree(block))
        ask(driver.cuStreamDestroy(own))
    return logits
""",
    ),
]
