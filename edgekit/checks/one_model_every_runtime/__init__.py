"""Checks of lab 03f, one model on every runtime."""

from edgekit.checks.one_model_every_runtime.agreement import agreement
from edgekit.checks.one_model_every_runtime.largest_live import largest_live
from edgekit.checks.one_model_every_runtime.multiplier_and_shift import multiplier_and_shift
from edgekit.checks.one_model_every_runtime.pick_runtime import pick_runtime
from edgekit.checks.one_model_every_runtime.requantize import requantize

__all__ = ["agreement", "largest_live", "multiplier_and_shift", "pick_runtime", "requantize"]
