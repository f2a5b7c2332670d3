"""Right answers in other words to `infer_with_pycuda`, lab 06b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "a copy of the output, buffers freed by hand",
        """
def infer_with_pycuda(cuda, context, x):
    if context.set_input_shape("input", x.shape) is False:
        raise ValueError("outside of the profile")
    stream = cuda.Stream(1)
    here = cuda.pagelocked_empty(x.shape, x.dtype)
    np.copyto(here, x)
    there = cuda.mem_alloc(4 * x.size)
    shape = context.get_tensor_shape("logits")
    back = cuda.pagelocked_empty(tuple(shape), dtype=np.float32)
    answer = cuda.mem_alloc(4 * int(np.prod(shape)))
    for name, memory in {"logits": answer, "input": there}.items():
        context.set_tensor_address(name, memory)
    cuda.memcpy_htod_async(there, here, stream)
    ran = context.execute_async_v3(stream_handle=stream.handle)
    cuda.memcpy_dtoh_async(back, answer, stream)
    stream.synchronize()
    there.free()
    answer.free()
    if not ran:
        raise RuntimeError("execute_async_v3 said no")
    return back.copy()
""",
    ),
    Right(
        "plain copies around the run",
        """
def infer_with_pycuda(cuda, context, x):
    if not context.set_input_shape("input", x.shape):
        raise ValueError("outside of the profile")
    logits = np.zeros(tuple(context.get_tensor_shape("logits")), np.float32)
    d_x, d_y, stream = cuda.mem_alloc(x.nbytes), cuda.mem_alloc(logits.nbytes), cuda.Stream()
    context.set_tensor_address("input", int(d_x))
    context.set_tensor_address("logits", int(d_y))
    cuda.memcpy_htod(d_x, np.ascontiguousarray(x))
    if not context.execute_async_v3(stream.handle):
        raise RuntimeError("failed")
    stream.synchronize()
    cuda.memcpy_dtoh(logits, d_y)
    return logits
""",
    ),
    Right(
        "the run in the default stream, which waits for PyCUDA's usual ones",
        """
def infer_with_pycuda(cuda, context, x):
    if not context.set_input_shape("input", x.shape):
        raise ValueError("outside of the profile")
    stream, here = cuda.Stream(), cuda.pagelocked_empty(x.shape, np.float32)
    here[...] = x
    back = cuda.pagelocked_empty(tuple(context.get_tensor_shape("logits")), np.float32)
    d_x, d_y = cuda.mem_alloc(here.nbytes), cuda.mem_alloc(back.nbytes)
    context.set_tensor_address("input", int(d_x))
    context.set_tensor_address("logits", int(d_y))
    cuda.memcpy_htod_async(d_x, here, stream)
    if not context.execute_async_v3(0):
        raise RuntimeError("failed")
    cuda.memcpy_dtoh_async(back, d_y, stream)
    stream.synchronize()
    return back
""",
    ),
    Right(
        "everything goes as soon as it is not needed",
        """
def infer_with_pycuda(cuda, context, x):
    if not context.set_input_shape("input", x.shape):
        raise ValueError("outside of the profile")
    here = cuda.pagelocked_empty(x.shape, np.float32)
    here[:] = x
    there, stream = cuda.mem_alloc(here.nbytes), cuda.Stream()
    cuda.memcpy_htod_async(there, here, stream)
    stream.synchronize()
    del here, stream
    stream, back = cuda.Stream(), cuda.pagelocked_empty(tuple(context.get_tensor_shape("logits")), np.float32)
    answer = cuda.mem_alloc(back.nbytes)
    context.set_tensor_address("input", int(there))
    context.set_tensor_address("logits", int(answer))
    ran = context.execute_async_v3(stream.handle)
    stream.synchronize()
    del there
    if not ran:
        raise RuntimeError("failed")
    cuda.memcpy_dtoh_async(back, answer, stream)
    stream.synchronize()
    del answer, stream
    return back
""",
    ),
]
