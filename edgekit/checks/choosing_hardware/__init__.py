"""Checks of lab 02, choosing hardware. Each name is the exercise, not the module it comes from."""

from edgekit.checks.choosing_hardware.fit_problems import fit_problems
from edgekit.checks.choosing_hardware.least_seconds import least_seconds
from edgekit.checks.choosing_hardware.macs_and_weights import macs_and_weights
from edgekit.checks.choosing_hardware.rank_alike import rank_alike
from edgekit.checks.choosing_hardware.shortlist import shortlist

__all__ = ["rank_alike", "macs_and_weights", "least_seconds", "fit_problems", "shortlist"]
