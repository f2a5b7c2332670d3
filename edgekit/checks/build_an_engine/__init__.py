"""Checks of lab 06a, building an engine."""

from edgekit.checks.build_an_engine.batch_profile import batch_profile
from edgekit.checks.build_an_engine.build_engine import build_engine
from edgekit.checks.build_an_engine.build_network import build_network
from edgekit.checks.build_an_engine.choose_targets import choose_targets
from edgekit.checks.build_an_engine.instead_of_lp_pool import instead_of_lp_pool
from edgekit.checks.build_an_engine.quantize_for_trt import quantize_for_trt
from edgekit.checks.build_an_engine.refuses import refuses

__all__ = ["build_network", "batch_profile", "build_engine", "quantize_for_trt", "instead_of_lp_pool", "refuses", "choose_targets"]
