"""Checks of lab 05c, half precision."""

from edgekit.checks.float16.first_overflow import first_overflow
from edgekit.checks.float16.nodes_to_keep import nodes_to_keep
from edgekit.checks.float16.round_trip import round_trip
from edgekit.checks.float16.to_float16 import to_float16

__all__ = ["round_trip", "to_float16", "first_overflow", "nodes_to_keep"]
