"""Graded checks. A folder is a lab, a file is an exercise; here are the names that all of them use.

A check is an :class:`Exercise` of three functions. ``inputs`` draws plain data. The ``probe`` runs the student's code on them
and returns plain data: it runs where the student's code runs. The ``judge`` compares the two and words the feedback: it never
sees an object that the student made. In a notebook the three run one after the other; the grader draws fresh inputs, runs the
probe in a sandbox and the judge outside.
"""

from edgekit.checks.answers import call, in_order, in_place, quietly, shuffled
from edgekit.checks.border import BorderError, OnnxFile
from edgekit.checks.exercise import GRADING, Exercise, for_the_probe
from edgekit.checks.failure import AnswerRaised, CheckFailed, first_line, no_slip, require, worded
from edgekit.checks.values import array, came, close, integer, mapping, number, onnx_path, same_as_right, several, slip, text, truth

__all__ = [
    "AnswerRaised",
    "BorderError",
    "CheckFailed",
    "Exercise",
    "GRADING",
    "OnnxFile",
    "array",
    "call",
    "came",
    "close",
    "first_line",
    "in_order",
    "in_place",
    "integer",
    "mapping",
    "no_slip",
    "number",
    "onnx_path",
    "quietly",
    "require",
    "shuffled",
    "same_as_right",
    "several",
    "slip",
    "text",
    "truth",
    "for_the_probe",
    "worded",
]
