"""Every check passes the solution, fails the untouched stub, and rejects the mistakes people make, by name."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from edgekit.checks import CheckFailed, Exercise
from edgekit.course.catalog import labs
from tests.conftest import answer_cells

LABS = [lab for lab in labs() if lab.items]
EXERCISES = [pytest.param(lab, item.name, id=f"{lab.module}-{item.name}") for lab in LABS for item in lab.items]


def exercise(lab, name) -> Exercise:
    return getattr(importlib.import_module(f"edgekit.checks.{lab.module}"), name)


def table(lab):
    return importlib.import_module(f"tests.mistakes.{lab.module}")


MISTAKES = [
    pytest.param(lab, name, mistake, id=f"{lab.module}-{name}-{mistake.name}")
    for lab in LABS
    for name, mistakes in table(lab).MISTAKES.items()
    for mistake in mistakes
]


def verdict(lab, name, code, seed) -> str:
    namespace = {"__name__": "student"}
    exec(compile(table(lab).SETUP + code, f"<{name}>", "exec"), namespace)
    check = exercise(lab, name)
    return check.verdict(*check.run(namespace[name], np.random.default_rng(seed)))


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_WORK", str(tmp_path))


@pytest.mark.parametrize("lab, name", EXERCISES)
def test_solution_passes(lab, name):
    for seed in (1, 2):
        assert verdict(lab, name, answer_cells(lab.solution)[name], seed)


@pytest.mark.parametrize("lab, name", EXERCISES)
def test_untouched_stub_earns_nothing(lab, name):
    with pytest.raises(CheckFailed) as failure:
        verdict(lab, name, answer_cells(lab.notebook)[name], 1)
    assert failure.value.cause == "not done yet"


@pytest.mark.parametrize("lab, name, mistake", MISTAKES)
def test_mistake_is_rejected_by_name(lab, name, mistake, record_property):
    try:
        passed, message, cause = verdict(lab, name, mistake.code, 1), "", "nothing: the check passed it"
    except CheckFailed as failure:
        passed, message, cause = None, str(failure), failure.cause
    record_property("kill", (lab.module, name, mistake.name, passed is None, cause))
    assert passed is None, f"the check accepts {mistake.name!r}: {passed}"
    assert mistake.says in message, f"the message does not say {mistake.says!r}: {message}"


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.slug)
def test_every_exercise_has_three_mistakes(lab):
    counts = {item.name: len(table(lab).MISTAKES.get(item.name, [])) for item in lab.items}
    assert all(n >= 3 for n in counts.values()), counts
    assert set(table(lab).MISTAKES) == set(counts), "mistakes for an exercise that does not exist"
