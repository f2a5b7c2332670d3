"""Checks of lab 06b, running an engine."""

from edgekit.checks.run_an_engine.buffer_bytes import buffer_bytes
from edgekit.checks.run_an_engine.infer_with_cuda_python import infer_with_cuda_python
from edgekit.checks.run_an_engine.infer_with_pycuda import infer_with_pycuda
from edgekit.checks.run_an_engine.latency_budget import latency_budget
from edgekit.checks.run_an_engine.makespan import makespan
from edgekit.checks.run_an_engine.open_engine import open_engine
from edgekit.checks.run_an_engine.pick_contexts import pick_contexts

__all__ = ["buffer_bytes", "infer_with_cuda_python", "infer_with_pycuda", "latency_budget", "makespan", "open_engine", "pick_contexts"]
