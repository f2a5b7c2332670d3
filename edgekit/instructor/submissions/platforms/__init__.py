"""Whose a file is, as learning platforms say it in the names of their download trees: one small module for each platform.

Each has ``owners(parts, tree)``: of the path of a file below the submissions it makes one :class:`Owner`, several for a group, or
none where the path is not of its kind. What a student handed in may be named like another platform's download. If two platforms
know the path, the name nearest to the root decides. If both stand in one name, the one that ends first decides.
"""

from __future__ import annotations

from edgekit.instructor.submissions.platforms import blackboard, canvas, drive, github, gradescope, homes, moodle, nbgrader
from edgekit.instructor.submissions.platforms.owner import Owner
from edgekit.instructor.submissions.reading import MAX_DEPTH, MAX_NAME, Tree

READERS = (moodle, gradescope, blackboard, nbgrader, canvas, github, homes, drive)


def owners(parts: tuple[str, ...], tree: Tree) -> list[Owner]:
    """Whose a file is; empty where no platform's naming is recognized. ``parts``: its path below ``tree.root``."""
    if len(parts) > MAX_DEPTH or max(map(len, parts)) > MAX_NAME:
        return []
    found = [owners for reader in READERS if (owners := reader.owners(parts, tree))]
    return min(found, key=lambda owners: (owners[0].depth, owners[0].ends), default=[])


__all__ = ["Owner", "owners"]
