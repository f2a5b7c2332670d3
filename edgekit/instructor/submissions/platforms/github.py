"""GitHub Classroom, ``gh classroom clone student-repos``: ``lab-4-submissions/lab-4-login/...``, clones whose names are that of the
assignment and the login."""

from __future__ import annotations

import os

from edgekit.instructor.submissions.platforms.owner import Owner

ENDING = "-submissions"


def owners(parts, tree) -> list[Owner]:
    for depth, part in enumerate(parts[:-1]):
        assignment = tree.once(_assignment, parts[:depth])
        if assignment and part.startswith(assignment) and len(part) > len(assignment):
            return [Owner("github", login=part[len(assignment) :], depth=depth + 1)]
    return []


def _assignment(tree, above: tuple[str, ...]) -> str:
    """What the clones in a folder have in front of their logins; "" where they are none."""
    parent = above[-1] if above else tree.root.name
    if parent.endswith(ENDING) and len(parent) > len(ENDING):
        return parent.removesuffix(ENDING) + "-"
    names = tree.names(*above)
    clones = [name for name in names if "-" in name and ".git" in tree.names(*above, name)]
    shared = os.path.commonprefix(clones) if len(clones) > 1 else ""
    return shared[: shared.rfind("-") + 1]
