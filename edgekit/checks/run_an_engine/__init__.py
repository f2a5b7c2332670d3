"""Checks of lab 06b, running an engine."""

from edgekit.checks.run_an_engine.buffer_bytes import buffer_bytes
from edgekit.checks.run_an_engine.latency_budget import latency_budget
from edgekit.checks.run_an_engine.makespan import makespan
from edgekit.checks.run_an_engine.pick_contexts import pick_contexts

__all__ = ["buffer_bytes", "latency_budget", "makespan", "pick_contexts"]
