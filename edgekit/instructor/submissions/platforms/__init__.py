"""Whose a file is, as learning platforms say it in the names of their download trees: one small module for each platform.

Each has ``owners(parts, tree)``: of the path of a file below the submissions it makes one :class:`Owner`, several for a group, or
none where the path is not of its kind. The first platform in ``READERS`` that knows a path has it.
"""

from __future__ import annotations

from edgekit.instructor.submissions.platforms import (
    blackboard,
    canvas,
    drive,
    github,
    gradescope,
    homes,
    moodle,
    nbgrader,
)
from edgekit.instructor.submissions.platforms.owner import Owner
from edgekit.instructor.submissions.reading import Tree

READERS = (moodle, gradescope, blackboard, nbgrader, canvas, github, homes, drive)


def owners(parts: tuple[str, ...], tree: Tree) -> list[Owner]:
    """Whose a file is; empty where no platform's naming is recognized. ``parts``: its path below ``tree.root``."""
    return next((found for reader in READERS if (found := reader.owners(parts, tree))), [])


__all__ = ["Owner", "owners"]
