"""The homes of a JupyterHub, copied as they are: ``home/login/...``, TLJH's ``jupyter-login/...`` and the volumes of Kubernetes,
``claim-login/...``, where "-40" stands for "@"."""

from __future__ import annotations

import re

from edgekit.instructor.submissions.platforms.owner import Owner

HOMES = ("home", "homes", "Users")
HOME = re.compile(r"(?P<kind>jupyter|claim)-(?P<login>[a-z0-9][^/]*)")
SERVER = re.compile(r"--[^-].*$")  # a second server of the same person, or the hash behind a shortened name
ESCAPED = re.compile(r"-([0-9a-f]{2})")


def owners(parts, tree) -> list[Owner]:
    for depth, part in enumerate(parts[:-1]):
        if part in HOMES and depth + 2 < len(parts):
            return [Owner("homes", login=_plain(parts[depth + 1]), depth=depth + 2)]
        if depth < 2 and HOME.fullmatch(part):
            return [Owner("homes", login=_plain(part), depth=depth + 1)]
    return []


def _plain(folder: str) -> str:
    found = HOME.fullmatch(folder)
    if not found:
        return folder
    login = SERVER.sub("", found["login"])
    return ESCAPED.sub(lambda code: chr(int(code[1], 16)), login) if found["kind"] == "claim" else login
