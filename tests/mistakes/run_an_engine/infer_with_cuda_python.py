"""Wrong answers to `infer_with_cuda_python`, lab 06b."""

from functools import partial

from tests.mistakes import Mistake
from tests.mistakes import changed as _changed

RIGHT = """
def ask(answer):
    error, *values = answer
    if error:
        raise RuntimeError(f"CUDA: {error.name}")
    return values[0] if len(values) == 1 else values

def infer_with_cuda_python(driver, stream, context, x):
    if not context.set_input_shape("input", x.shape):
        raise ValueError(f"{x.shape} is outside of the profile")
    logits = np.empty(tuple(context.get_tensor_shape("logits")), np.float32)
    taken = {}
    try:
        for name, array in (("input", x), ("logits", logits)):
            taken[name] = ask(driver.cuMemAlloc(array.nbytes))
            context.set_tensor_address(name, int(taken[name]))
        ask(driver.cuMemcpyHtoD(taken["input"], x.ctypes.data, x.nbytes))
        ask(driver.cuStreamSynchronize(0))  # the default stream, in which the plain copy runs
        if not context.execute_async_v3(int(stream)):
            raise RuntimeError("the engine did not run")
        ask(driver.cuStreamSynchronize(stream))
        ask(driver.cuMemcpyDtoH(logits.ctypes.data, taken["logits"], logits.nbytes))
    finally:
        for memory in taken.values():
            ask(driver.cuMemFree(memory))
    return logits
"""


changed = partial(_changed, RIGHT)
_FREE = "        for memory in taken.values():\n            ask(driver.cuMemFree(memory))\n"
_WAIT = "        ask(driver.cuStreamSynchronize(0))  # the default stream, in which the plain copy runs\n"
MISTAKES = [
    Mistake("no synchronize", changed(("        ask(driver.cuStreamSynchronize(stream))\n", "")), says="still queued"),
    Mistake("copy in not waited for", changed((_WAIT, "")), says="may not have arrived"),
    Mistake(
        "waits for the own stream in place of the copy",
        changed((_WAIT, "        ask(driver.cuStreamSynchronize(stream))\n")),
        says="may not have arrived",
    ),
    Mistake("leaked buffers", changed((_FREE, "        pass\n")), says="cuMemFree for every cuMemAlloc"),
    Mistake(
        "leaked after an error",
        changed(("    try:\n        for name, array", "    if True:\n        for name, array"), ("    finally:\n", "    if True:\n")),
        says="free in a finally",
    ),
    Mistake("elements for bytes", changed(("cuMemAlloc(array.nbytes)", "cuMemAlloc(array.size)")), says="array.nbytes"),
    Mistake(
        "host and device swapped",
        changed(('cuMemcpyHtoD(taken["input"], x.ctypes.data', 'cuMemcpyHtoD(x.ctypes.data, taken["input"]')),
        says="the other way round",
    ),
    Mistake(
        "copy in the wrong direction",
        changed(('cuMemcpyHtoD(taken["input"], x.ctypes.data, x.nbytes)', 'cuMemcpyDtoH(x.ctypes.data, taken["input"], x.nbytes)')),
        says="nothing was copied into",
    ),
    Mistake(
        "asynchronous copy of ordinary memory",
        changed(
            ('cuMemcpyHtoD(taken["input"], x.ctypes.data, x.nbytes)', 'cuMemcpyHtoDAsync(taken["input"], x.ctypes.data, x.nbytes, stream)')
        ),
        says="not page-locked",
    ),
    Mistake("address of the host", changed(("int(taken[name])", "array.ctypes.data")), says="one of the host"),
    Mistake(
        "profile exceeded",
        changed(
            (
                '    if not context.set_input_shape("input", x.shape):\n        raise ValueError(f"{x.shape} is outside of the profile")\n',
                '    context.set_input_shape("input", x.shape)\n',
            )
        ),
        says="the profile ends at",
    ),
    Mistake(
        "copied back before the run",
        changed(
            (
                "        if not context",
                '        ask(driver.cuMemcpyDtoH(logits.ctypes.data, taken["logits"], logits.nbytes))\n        if not context',
            ),
            (
                """\
        ask(driver.cuStreamSynchronize(stream))
        ask(driver.cuMemcpyDtoH(logits.ctypes.data, taken["logits"], logits.nbytes))
""",
                "        ask(driver.cuStreamSynchronize(stream))\n",
            ),
        ),
        says="what lay there before",
    ),
    Mistake(
        "freed before the run is done",
        changed(
            (
                "        ask(driver.cuStreamSynchronize(stream))\n",
                '        ask(driver.cuMemFree(taken.pop("input")))\n        ask(driver.cuStreamSynchronize(stream))\n',
            )
        ),
        says="still queued",
    ),
    Mistake(
        "the input freed before the run",
        changed(("        if not context", '        ask(driver.cuMemFree(taken.pop("input")))\n        if not context')),
        says="the device memory of 'input' was freed",
    ),
    Mistake(
        "the output freed before the copy back",
        changed(
            (
                '        ask(driver.cuMemcpyDtoH(logits.ctypes.data, taken["logits"], logits.nbytes))\n',
                """\
        address = taken.pop("logits")
        ask(driver.cuMemFree(address))
        ask(driver.cuMemcpyDtoH(logits.ctypes.data, address, logits.nbytes))
""",
            )
        ),
        says="behind this address was freed",
    ),
    Mistake(
        "the addresses of an earlier call",
        changed(
            (
                "            context.set_tensor_address(name, int(taken[name]))\n",
                """\
            if not hasattr(context, name):
                setattr(context, name, context.set_tensor_address(name, int(taken[name])))
""",
            )
        ),
        says="was freed",
    ),
    Mistake(
        "the stream destroyed before the wait",
        changed(
            (
                "        ask(driver.cuStreamSynchronize(stream))\n",
                "        ask(driver.cuStreamDestroy(stream))\n        ask(driver.cuStreamSynchronize(stream))\n",
            )
        ),
        says="wait: the stream was destroyed",
    ),
    Mistake(
        "the caller's stream destroyed at the end",
        changed(("    return logits\n", "    ask(driver.cuStreamDestroy(stream))\n    return logits\n")),
        says="Destroy only a stream that you made",
    ),
    Mistake(
        "failed run not noticed",
        changed(
            (
                '        if not context.execute_async_v3(int(stream)):\n            raise RuntimeError("the engine did not run")\n',
                "        context.execute_async_v3(int(stream))\n",
            )
        ),
        says="expected RuntimeError",
    ),
]
