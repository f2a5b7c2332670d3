"""Checks of lab 03d, efficient architectures."""

from edgekit.checks.efficient_architectures.depthwise_separable import depthwise_separable
from edgekit.checks.efficient_architectures.evolve import evolve
from edgekit.checks.efficient_architectures.inverted_residual import inverted_residual
from edgekit.checks.efficient_architectures.macs_and_bytes import macs_and_bytes
from edgekit.checks.efficient_architectures.squeeze_excite import squeeze_excite

__all__ = ["depthwise_separable", "evolve", "inverted_residual", "macs_and_bytes", "squeeze_excite"]
