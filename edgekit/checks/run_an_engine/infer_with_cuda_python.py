"""The check of `infer_with_cuda_python`, lab 06b."""

from __future__ import annotations

from edgekit.checks import Exercise, require
from edgekit.checks.fake_gpu import cuda_python_driver
from edgekit.checks.run_an_engine import _inference


def _libraries(gpu, fail: bool):
    return cuda_python_driver(gpu, "cuMemAlloc" if fail else ""), gpu.stream()


def probe(answer, inputs: dict) -> dict:
    return _inference.probe(answer, inputs, _libraries)


def judge(inputs: dict, outputs: dict) -> str:
    _inference.judge(inputs, outputs)
    require(
        not any(outputs["left"]),
        f"after {len(outputs['left'])} calls {outputs['left'][-1]} blocks of device memory are left. cuda-python frees nothing by itself:"
        " cuMemFree for every cuMemAlloc.",
        "leaked buffer",
    )
    require(
        not outputs["left after failing"],
        "the second cuMemAlloc failed (out of memory), and the first block was never freed: free in a finally, so that an error leaves"
        " nothing behind.",
        "leaked after an error",
    )
    return "Addresses and bytes by hand, a wait before the copy back, and everything given back, also after an error."


infer_with_cuda_python = Exercise("infer_with_cuda_python", _inference.inputs, probe, judge)
