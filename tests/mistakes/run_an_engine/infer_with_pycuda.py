"""Wrong answers to `infer_with_pycuda`, lab 06b."""

from functools import partial

from tests.mistakes import Mistake
from tests.mistakes import changed as _changed

RIGHT = """
def infer_with_pycuda(cuda, context, x):
    if not context.set_input_shape("input", x.shape):
        raise ValueError(f"{x.shape} is outside of the profile")
    host_in = cuda.pagelocked_empty(x.shape, np.float32)
    host_out = cuda.pagelocked_empty(tuple(context.get_tensor_shape("logits")), np.float32)
    device_in, device_out = cuda.mem_alloc(host_in.nbytes), cuda.mem_alloc(host_out.nbytes)
    stream = cuda.Stream()
    host_in[:] = x
    context.set_tensor_address("input", int(device_in))
    context.set_tensor_address("logits", int(device_out))
    cuda.memcpy_htod_async(device_in, host_in, stream)
    if not context.execute_async_v3(stream.handle):
        raise RuntimeError("the engine did not run")
    cuda.memcpy_dtoh_async(host_out, device_out, stream)
    stream.synchronize()
    return host_out
"""


changed = partial(_changed, RIGHT)
_RUN = """    if not context.execute_async_v3(stream.handle):
        raise RuntimeError("the engine did not run")
"""
_OUT = "    cuda.memcpy_dtoh_async(host_out, device_out, stream)\n"
_SHAPE = """    if not context.set_input_shape("input", x.shape):
        raise ValueError(f"{x.shape} is outside of the profile")
"""
_HELPER = """def room_for(cuda, array):
    memory = cuda.mem_alloc(array.nbytes)
    return int(memory)

"""
MISTAKES = [
    Mistake("no synchronize", changed(("    stream.synchronize()\n", "")), says="nobody waited"),
    Mistake(
        "synchronize before the copy back",
        changed((_OUT + "    stream.synchronize()\n", "    stream.synchronize()\n" + _OUT)),
        says="nobody waited",
    ),
    Mistake(
        "copy in the wrong direction",
        changed(("cuda.memcpy_htod_async(device_in, host_in, stream)", "cuda.memcpy_dtoh_async(host_in, device_in, stream)")),
        says="nothing was copied into",
    ),
    Mistake(
        "source and target swapped",
        changed(("memcpy_htod_async(device_in, host_in", "memcpy_htod_async(host_in, device_in")),
        says="the other way round",
    ),
    Mistake(
        "not page-locked", changed(("cuda.pagelocked_empty(x.shape, np.float32)", "np.empty(x.shape, np.float32)")), says="not page-locked"
    ),
    Mistake(
        "output not page-locked",
        changed(('cuda.pagelocked_empty(tuple(context.get_tensor_shape("logits"))', 'np.zeros(tuple(context.get_tensor_shape("logits"))')),
        says="not page-locked",
    ),
    Mistake("elements for bytes", changed(("host_in.nbytes", "host_in.size")), says="array.nbytes"),
    Mistake("elements for bytes, output", changed(("host_out.nbytes", "host_out.size")), says="array.nbytes"),
    Mistake("address of the host", changed(("int(device_in)", "host_in.ctypes.data")), says="one of the host"),
    Mistake(
        "output without address",
        changed(('    context.set_tensor_address("logits", int(device_out))\n', "")),
        says="no address was set for 'logits'",
    ),
    Mistake("profile exceeded", changed((_SHAPE, '    context.set_input_shape("input", x.shape)\n')), says="the profile ends at"),
    Mistake("stale output", changed((_RUN, ""), (_OUT, _OUT + _RUN)), says="what lay there before"),
    Mistake("failed run not noticed", changed((_RUN, "    context.execute_async_v3(stream.handle)\n")), says="expected RuntimeError"),
    Mistake(
        "the default stream beside one that does not wait for it",
        changed(("cuda.Stream()", "cuda.Stream(1)"), ("execute_async_v3(stream.handle)", "execute_async_v3(0)")),
        says="queued in another stream",
    ),
    Mistake(
        "two streams",
        changed(
            ("cuda.Stream()", "cuda.Stream()\n    another = cuda.Stream()"),
            ("execute_async_v3(stream.handle)", "execute_async_v3(another.handle)"),
        ),
        says="queued in another stream",
    ),
    Mistake(
        "buffers freed before the wait",
        changed(("    stream.synchronize()\n", "    device_in.free()\n    device_out.free()\n    stream.synchronize()\n")),
        says="still queued",
    ),
    Mistake(
        "buffers of an earlier call, which are freed",
        changed(
            (
                '    context.set_tensor_address("input", int(device_in))\n    context.set_tensor_address("logits", int(device_out))\n',
                """\
    if not hasattr(context, "at_once"):
        context.at_once = True
        context.set_tensor_address("input", int(device_in))
        context.set_tensor_address("logits", int(device_out))
""",
            )
        ),
        says="was freed",
    ),
    # Used after it was freed. An engine and its context cannot be lost so in Python: the context keeps its engine. Memory and streams can.
    Mistake(
        "only the addresses of the buffers are kept",
        changed(
            (
                "cuda.mem_alloc(host_in.nbytes), cuda.mem_alloc(host_out.nbytes)",
                "(int(cuda.mem_alloc(array.nbytes)) for array in (host_in, host_out))",
            )
        ),
        says="behind this address was freed",
    ),
    Mistake(
        "buffers made in a function that returns their addresses",
        changed(
            ("def infer_with_pycuda", _HELPER + "def infer_with_pycuda"),
            ("cuda.mem_alloc(host_in.nbytes), cuda.mem_alloc(host_out.nbytes)", "room_for(cuda, host_in), cuda.mem_alloc(host_out.nbytes)"),
        ),
        says="keep the object",
    ),
    Mistake(
        "only the handle of the stream is kept",
        changed(
            ("stream = cuda.Stream()", "stream, handle = cuda.Stream(), cuda.Stream().handle"),
            ("execute_async_v3(stream.handle)", "execute_async_v3(handle)"),
        ),
        says="the stream was destroyed",
    ),
    Mistake(
        "the input buffer freed before the run",
        changed((_RUN, "    stream.synchronize()\n    device_in.free()\n" + _RUN)),
        says="the device memory of 'input' was freed",
    ),
    Mistake(
        "the output buffer freed before the copy back",
        changed(
            (_OUT, "    address = int(device_out)\n    stream.synchronize()\n    del device_out\n" + _OUT.replace("device_out", "address"))
        ),
        says="behind this address was freed",
    ),
    Mistake(
        "the host's buffer goes before the wait",
        changed(("    stream.synchronize()\n", "    del host_in\n    stream.synchronize()\n")),
        says="page-locked memory on the host was freed",
    ),
    Mistake("input not copied", changed(("    cuda.memcpy_htod_async(device_in, host_in, stream)\n", "")), says="nothing was copied into"),
]
