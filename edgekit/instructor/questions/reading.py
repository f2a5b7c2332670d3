"""data/questions/NN.toml, one file a chapter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgekit import paths
from edgekit.course.catalog import CourseError, labs, tomllib

KINDS = ("single", "multiple", "numeric", "order")


class QuestionError(CourseError):
    """A file of questions is wrong; the message names the file, the question and the fix."""


@dataclass(frozen=True)
class Answer:
    text: str
    right: bool
    why: str


@dataclass(frozen=True)
class Question:
    """One question. kind: "single" and "multiple" have ``answers``, each with a reason; "numeric" has ``value``, ``tolerance`` (absolute)
    and ``unit``; "order" has ``items`` in their right order. ``why`` explains the last two. ``lab`` is where to look it up. ``hints``, the
    first a nudge, are for those that a lab asks."""

    chapter: int
    id: str
    kind: str
    lab: str
    text: str
    answers: tuple[Answer, ...] = ()
    value: float = 0.0
    tolerance: float = 0.0
    unit: str = ""
    items: tuple[str, ...] = ()
    why: str = ""
    hints: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"chapter{self.chapter}-{self.id}"


def bank(folder: Path | None = None) -> list[Question]:
    """All questions, chapter by chapter. QuestionError for a file that is damaged or a question that cannot be answered."""
    folder = folder or paths.data() / "questions"
    found: list[Question] = []
    for file in sorted(folder.glob("[0-9][0-9].toml")):
        try:
            rows = tomllib.loads(file.read_text(encoding="utf-8"))["question"]
            made = [_question(int(file.stem), row) for row in rows]
        except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
            raise QuestionError(f"{file}: {error}") from None
        for question in made:
            if faults := problems(question, {other.name for other in found}):
                raise QuestionError(f"{file}, question {question.id}: {'; '.join(faults)}")
            found.append(question)
    return found


def _question(chapter: int, row: dict) -> Question:
    row = dict(row)
    answers = tuple(Answer(**answer) for answer in row.pop("answers", ()))
    return Question(chapter=chapter, answers=answers, items=tuple(row.pop("items", ())), hints=tuple(row.pop("hints", ())), **row)


def problems(question: Question, taken: set[str]) -> list[str]:
    """What is wrong with a question; empty if nothing is."""
    right = sum(answer.right for answer in question.answers)
    choice = question.kind in ("single", "multiple")
    checks = {
        f"kind {question.kind!r} is none of {KINDS}": question.kind not in KINDS,
        "the id comes twice": question.name in taken,
        f"there is no lab {question.lab!r}": question.lab not in {lab.slug for lab in labs()},
        "needs at least three answers": choice and len(question.answers) < 3,
        "needs exactly one right answer": question.kind == "single" and right != 1,
        "needs a right and a wrong answer": question.kind == "multiple" and not 0 < right < len(question.answers),
        "an answer has no explanation": choice and not all(answer.why for answer in question.answers),
        "has no explanation": not choice and not question.why,
        "needs at least three items": question.kind == "order" and len(question.items) < 3,
        "items repeat": len(set(question.items)) != len(question.items),
        "the tolerance is negative": question.tolerance < 0,
    }
    return [text for text, wrong in checks.items() if wrong]
