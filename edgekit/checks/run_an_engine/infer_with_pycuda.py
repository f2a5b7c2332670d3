"""The check of `infer_with_pycuda`, lab 06b."""

from __future__ import annotations

from edgekit.checks import Exercise
from edgekit.checks.fake_gpu import pycuda_driver
from edgekit.checks.run_an_engine import _inference


def probe(answer, inputs: dict) -> dict:
    return _inference.probe(answer, inputs, lambda gpu, _: (pycuda_driver(gpu),))


def judge(inputs: dict, outputs: dict) -> str:
    _inference.judge(inputs, outputs)
    return "Page-locked buffers, copies, run and wait in one stream: three batches in turn, a batch too large and a failing engine."


infer_with_pycuda = Exercise("infer_with_pycuda", _inference.inputs, probe, judge)
