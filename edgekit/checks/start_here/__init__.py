"""Checks of lab 00, the first honest benchmark."""

from edgekit.checks.start_here.paired_ratio import paired_ratio
from edgekit.checks.start_here.stopwatch import stopwatch
from edgekit.checks.start_here.summary import summary
from edgekit.checks.start_here.verdict import verdict

__all__ = ["stopwatch", "summary", "paired_ratio", "verdict"]
