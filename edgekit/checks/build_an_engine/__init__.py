"""Checks of lab 06a, building an engine."""

from edgekit.checks.build_an_engine.building import batch_profile, build_network, choose_targets
from edgekit.checks.build_an_engine.models import quantize_for_trt, refuses

__all__ = ["build_network", "batch_profile", "quantize_for_trt", "refuses", "choose_targets"]
