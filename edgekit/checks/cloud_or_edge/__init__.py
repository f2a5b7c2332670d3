"""Checks of lab 01, cloud or edge: one file for each exercise. On purpose, the name of an exercise hides its module."""

from edgekit.checks.cloud_or_edge.admissible import admissible
from edgekit.checks.cloud_or_edge.air_time import air_time
from edgekit.checks.cloud_or_edge.decide import decide
from edgekit.checks.cloud_or_edge.missed_share import missed_share
from edgekit.checks.cloud_or_edge.saving import saving

__all__ = ["missed_share", "decide", "air_time", "saving", "admissible"]
