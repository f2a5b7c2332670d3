"""Questions in the labs: every lab asks one, wrong answers bring hints one after the other, and the right one is not there to be read."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from edgekit import ledger, paths
from edgekit.course import quiz
from edgekit.course.catalog import CourseError, labs
from edgekit.instructor import questions
from edgekit.instructor.questions import quizzes

BANK = {question.name: question for question in questions.bank()}
ORDER = questions.Question(4, "order", "order", "", "Order them.", items=("first", "second", "third"), why="So.", hints=("a", "b"))


@pytest.fixture(autouse=True)
def own_ledger(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_WORK", str(tmp_path))


def test_every_lab_asks_and_the_file_is_up_to_date():
    assert set(quizzes.asked().values()) == {lab.slug for lab in labs()}
    assert quizzes.update(check=True) == []


def test_what_is_right_is_not_there_to_be_read():
    text = (paths.data() / quiz.FILE).read_text(encoding="utf-8")
    for name in quiz.all_of_them():
        whys = [answer.why for answer in BANK[name].answers] + [BANK[name].why]
        assert not any(why in text for why in whys if len(why) > 12), name
    assert not {"right", "why", "value"} & {key for one in json.loads(text).values() for key in one}


def right(question) -> object:
    """The right answer as a student gives it."""
    made = quizzes.for_students(question)
    return question.value if question.kind == "numeric" else quiz.unpack(made["packed"])["right"]


@pytest.mark.parametrize("question", [*BANK.values(), ORDER], ids=lambda question: question.name)
def test_the_right_answer_of_every_question_of_the_bank_is_taken(question, monkeypatch):
    monkeypatch.setattr(quiz, "all_of_them", lambda: {"it": quizzes.for_students(question)})
    assert quiz.ask("it").right is None
    assert quiz.ask("it", right(question)).right is True
    if question.kind == "single":
        wrong = [quiz.letter(i) for i, answer in enumerate(question.answers) if not answer.right]
        assert [quiz.ask("it", one).right for one in wrong] == [False] * len(wrong)
        assert question.answers[ord(wrong[0]) - ord("A")].why in str(quiz.ask("it", wrong[0]))


def test_hints_come_one_after_the_other_and_once_for_each_wrong_answer():
    name, (first, second) = "chapter3-zero", BANK["chapter3-zero"].hints
    once = str(quiz.ask(name, 0))
    assert "too small" in once and first in once and second not in once
    assert second not in str(quiz.ask(name, 0)), "the same answer again is no new one"
    assert second in str(quiz.ask(name, 255))
    assert quiz.ask(name, 100).lines[0].startswith("Right. round(")
    assert [row.value["right"] for row in ledger.student().rows("quiz")] == [False, False, False, True]


@pytest.mark.parametrize("answer", ["AA", "Z", "", "AB", 3, None, True, float("nan"), ["A"]])
def test_what_cannot_be_an_answer_says_how_to_answer_and_counts_for_nothing(answer):
    said = quiz.ask("chapter3-gap", answer)
    assert said.right is None and 'one letter, such as "B"' in str(said)
    assert ledger.student().rows("quiz") == []


@pytest.mark.parametrize("answer", [100, 100.0, np.int64(100), np.float32(100)])
def test_a_number_may_be_of_any_type(answer):
    assert quiz.ask("chapter3-zero", answer).right is True


@pytest.mark.parametrize("items", [question.items for question in BANK.values() if question.kind == "order"])
def test_what_is_to_be_sorted_is_not_sorted_already(items):
    made = quizzes.for_students(dataclasses.replace(ORDER, items=items))
    assert sorted(made["options"]) == sorted(items) and made["options"] != list(items)


def test_letters_may_come_in_any_order_and_case(monkeypatch):
    name = next(name for name, question in BANK.items() if question.kind == "multiple")
    monkeypatch.setattr(quiz, "all_of_them", lambda: {name: quizzes.for_students(BANK[name])})
    letters = right(BANK[name])
    assert quiz.ask(name, ", ".join(reversed(letters.lower()))).right is True
    missing = quiz.ask(name, letters[0])
    assert missing.right is (len(letters) == 1) and "1 of the letters" in str(missing)


def test_a_question_that_is_not_there_is_named():
    with pytest.raises(CourseError, match="no question 'chapter9-x'"):
        quiz.ask("chapter9-x")


def test_a_page_shows_letters_and_hides_markup():
    said = quiz.Said("Is 1 < 2?", ("<yes>", "no"), None, ("say",))
    assert "&lt;yes&gt;" in said._repr_html_() and "upper-alpha" in said._repr_html_() and "A  <yes>" in str(said)


def test_without_a_ledger_the_verdict_is_said_all_the_same(monkeypatch, capsys):
    def unusable(*_, **__):
        raise ledger.LedgerError("no room")

    monkeypatch.setattr(ledger.student().__class__, "add", unusable)
    assert quiz.ask("chapter3-gap", "B").right is True
    assert "no room" in capsys.readouterr().err
