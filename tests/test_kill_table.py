"""Every check passes the solution, fails the untouched stub, and rejects the mistakes people make, by name."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from edgekit.checks import CheckFailed, for_the_probe
from edgekit.checks.border import plain
from edgekit.course.catalog import labs
from edgekit.instructor.sandbox.preloading import keep_translations
from tests.conftest import answer_cells
from tests.mistakes.trying import CAUSES, alternatives, exercise, table, verdict, written

KNOWN = json.loads(CAUSES.read_text(encoding="utf-8"))
LABS = [lab for lab in labs() if lab.items]
EXERCISES = [pytest.param(lab, item.name, id=f"{lab.module}-{item.name}") for lab in LABS for item in lab.items]


def solution(lab, name):
    return written(lab, name, answer_cells(lab.solution)[name])


MISTAKES = [
    pytest.param(lab, name, mistake, id=f"{lab.module}-{name}-{mistake.name}")
    for lab in LABS
    for name, mistakes in table(lab).MISTAKES.items()
    for mistake in mistakes
]

RIGHT = [
    pytest.param(lab, name, answer, id=f"{lab.module}-{name}-{answer.name}")
    for lab in LABS
    for name, answers in alternatives(lab).items()
    for answer in answers
]


@pytest.fixture(scope="module", autouse=True)
def as_in_the_grader():
    """Exports as quick as in the grader's process."""
    keep_translations()


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


@pytest.mark.parametrize("lab, name, answer", RIGHT)
def test_another_right_answer_is_accepted(lab, name, answer):
    for seed in (1, 2, 3):
        assert verdict(lab, name, answer.code, seed)


@pytest.mark.parametrize("lab, name, mistake", MISTAKES)
def test_mistake_is_rejected_by_name(lab, name, mistake, record_property):
    try:
        passed, message, cause = verdict(lab, name, mistake.code, 1), "", "nothing: the check passed it"
    except CheckFailed as failure:
        passed, message, cause = None, str(failure), failure.cause
    record_property("kill", (lab.module, name, mistake.name, passed is None, cause))
    assert passed is None, f"the check accepts {mistake.name!r}: {passed}"
    assert mistake.says in message, f"the message does not say {mistake.says!r}: {message}"
    assert mistake.name in KNOWN[lab.slug][name].get(cause, []), f"{CAUSES} is old: python -m tests.mistakes.trying"


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.slug)
def test_every_exercise_has_three_mistakes(lab):
    counts = {item.name: len(table(lab).MISTAKES.get(item.name, [])) for item in lab.items}
    assert all(n >= 3 for n in counts.values()), counts
    assert set(table(lab).MISTAKES) == set(counts), "mistakes for an exercise that does not exist"
    for name, mistakes in table(lab).MISTAKES.items():
        known = [mistake for names in KNOWN[lab.slug][name].values() for mistake in names]
        assert sorted(known) == sorted(m.name for m in mistakes), f"{CAUSES} is old: python -m tests.mistakes.trying"


class Watched(dict):
    """A dictionary that remembers which of its keys were read. Walking over it or copying it reads them all."""

    def __init__(self, given, log, at=()):
        super().__init__({key: watched(value, log, (*at, key)) for key, value in given.items()})
        self.log, self.at = log, at

    def __getitem__(self, key):
        self.log.add((*self.at, key))
        return super().__getitem__(key)

    def get(self, key, default=None):
        return self[key] if key in self else default  # noqa: SIM401

    def values(self):
        return [self[key] for key in self]

    def items(self):
        return [(key, self[key]) for key in self]

    def __iter__(self):  # with it, **case reads through __getitem__
        return super().__iter__()

    def __deepcopy__(self, memo):  # what is handed to the student's function as a whole
        return {key: copy.deepcopy(self[key], memo) for key in self}


def watched(value, log, at=()):
    if isinstance(value, dict):
        return Watched(value, log, at)
    return [watched(one, log, (*at, "*")) for one in value] if isinstance(value, list) else value


def paths(value, at=()):
    """The path of every key, with ``*`` for the places of a list."""
    if isinstance(value, dict):
        return {(*at, key) for key in value}.union(*(paths(one, (*at, key)) for key, one in value.items()))
    return set().union(*(paths(one, (*at, "*")) for one in value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("lab, name", EXERCISES)
def test_a_probe_is_given_nothing_that_it_does_not_use(lab, name):
    """What only the judge needs stands under a key with ``_``: otherwise the student's code could read the answer in the sandbox."""
    check, log = exercise(lab, name), set()
    given = for_the_probe(plain(check.inputs(np.random.default_rng(1))))
    check.probe(solution(lab, name), watched(given, log))
    assert paths(given) - log == set()


@pytest.mark.parametrize("lab, name", EXERCISES)
def test_answers_learned_from_one_set_of_inputs_fail_on_another(lab, name):
    """Fresh inputs must ask something else: whoever noted the right results of one run gets nothing for them in the next."""
    check, solved, noted = exercise(lab, name), solution(lab, name), []

    def notes(*args, **kwargs):
        noted.append(solved(*args, **kwargs))
        return noted[-1]

    check.verdict(*check.run(notes, np.random.default_rng(1)))
    again = iter(noted)
    with pytest.raises(CheckFailed):
        check.verdict(*check.run(lambda *args, **kwargs: next(again), np.random.default_rng(2)))
