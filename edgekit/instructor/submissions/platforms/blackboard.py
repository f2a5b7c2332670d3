"""Blackboard, "Assignment File Download": ``Lab 4_login_attempt_2026-11-20-13-05-22_work.ipynb``, and beside it the same without
``_work.ipynb`` as a text file with ``Name: Full Name (login)``. The time is the server's, without its zone."""

from __future__ import annotations

import re

from edgekit.instructor.submissions.platforms.owner import Owner

NAME = re.compile(r"(?P<start>.+?_(?P<login>[^_]+)_attempt_(?P<when>\d{4}(?:-\d\d){5}))(?:_(?P<rest>.*))?")
PERSON = re.compile(r"^Name:[ \t]*(?P<name>.*\S)[ \t]*\((?P<login>[^()\s]+)\)[ \t]*$", re.MULTILINE)


def owners(parts, tree) -> list[Owner]:
    for depth, part in enumerate(parts):
        if found := NAME.fullmatch(part):
            about = PERSON.search(tree.text(*parts[:depth], found["start"] + ".txt"))
            login, name = (about["login"], about["name"]) if about else (found["login"], "")
            year, month, day, *clock = found["when"].split("-")
            when = f"{year}-{month}-{day}T{':'.join(clock)}"
            return [Owner("blackboard", name, login, depth=depth + 1, ends=found.end("when"), when=when, attempt=when)]
    return []
