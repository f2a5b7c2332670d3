"""A small class with one odd submission of each kind: everybody has a row, and no honest mark is lost. 300 students:
tests/benchmarks/odd_class.py."""

from __future__ import annotations

import pytest

from edgekit.instructor.sandbox import worker as sandbox
from tests.benchmarks import odd_class


@pytest.mark.skipif(bool(sandbox.namespace_problem()), reason=f"needs the namespace tier: {sandbox.namespace_problem()}")
def test_an_ordinary_class_loses_nobody(tmp_path):
    seconds, used, wrong = odd_class.grade(tmp_path, 12, len(odd_class.KINDS))
    assert not wrong, wrong
    assert used > 0 and seconds < 300
