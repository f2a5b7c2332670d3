"""Moodle, "Download all submissions": ``Full Name_123456_assignsubmission_file_/work.ipynb`` (without the last underscore since
Moodle 4.1), or all in one folder as ``Full Name_123456_assignsubmission_file_work.ipynb``. The number is the
participant's in this one assignment: in another the same student has another."""

from __future__ import annotations

import re

from edgekit.instructor.submissions.platforms.owner import Owner

NAME = re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_[a-z]+(?:_(?P<rest>.*))?")


def owners(parts, tree) -> list[Owner]:
    for depth, part in enumerate(parts):
        if found := NAME.fullmatch(part):
            name, number, ends = found["name"], found["number"], found.end("number")
            return [Owner("moodle", name=name, number=number, depth=depth + 1, ends=ends, within=parts[:depth])]
    return []
