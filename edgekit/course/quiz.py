"""Questions in the labs that give no points: an answer, a reason, and hints one after the other.

They come from the instructors' question bank: `edgekit release` puts those that a lab asks into data/quizzes.json. Right answers and
reasons stand there packed, so that nobody reads them by accident; they are no secret.
"""

from __future__ import annotations

import base64
import html
import json
import zlib
from dataclasses import dataclass
from functools import cache
from numbers import Real

from edgekit import ledger, paths
from edgekit.course.catalog import CourseError

FILE = "quizzes.json"
HOW = {
    "single": 'answer with one letter, such as "B"',
    "multiple": 'answer with all letters that are right, such as "AC"',
    "order": 'answer with the letters in the right order, such as "CAB"',
    "numeric": "answer with a number",
}


def pack(secret: dict) -> str:
    return base64.b85encode(zlib.compress(json.dumps(secret, sort_keys=True).encode(), 9)).decode()


def unpack(packed: str) -> dict:
    return json.loads(zlib.decompress(base64.b85decode(packed)))


@cache
def all_of_them() -> dict[str, dict]:
    """The questions that labs ask, by name: kind, text, options, unit, hints, and packed what is right and why."""
    try:
        return json.loads((paths.data() / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CourseError(f"{paths.data() / FILE} cannot be read: {error}. Fix: unpack the course again") from None


@dataclass(frozen=True)
class Said:
    """A question and what is to be said about an answer: ``right`` is None while there is none, or none that can be read."""

    text: str
    options: tuple[str, ...]
    right: bool | None
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([self.text, *(f"  {letter(i)}  {one}" for i, one in enumerate(self.options)), *self.lines])

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{html.escape(one)}</li>" for one in self.options)
        listed = f"<ol style='list-style-type: upper-alpha'>{items}</ol>" if items else ""
        below = "".join(f"<p>{html.escape(line)}</p>" for line in self.lines)
        return f"<p><b>{html.escape(self.text)}</b></p>{listed}{below}"


def letter(place: int) -> str:
    return chr(ord("A") + place)


def ask(name: str, answer=...) -> Said:
    """Show a question and, once ``answer`` is given, whether it is right and why. Each wrong answer brings the next hint.

    Raises:
        CourseError: for a name that no question has.
    """
    if name not in all_of_them():
        raise CourseError(f"there is no question {name!r}; there are {', '.join(sorted(all_of_them()))}")
    question = all_of_them()[name]
    said = lambda right, *lines: Said(question["text"], tuple(question["options"]), right, lines)
    if answer is ...:
        return said(None, f"In place of the three dots, {HOW[question['kind']]}.")
    given = read(question, answer)
    if given is None:
        return said(None, f"{answer!r} is no answer to this question: {HOW[question['kind']]}.")
    right, why = judged(question, given)
    with ledger.not_lost("This answer"):
        before = [row for row in ledger.student().rows("quiz") if row.name == name and not row.value.get("right")]
        ledger.student().add("quiz", name, {"right": right, "answer": str(given)}, lab=ledger.current_lab())
        if not right:
            tried = {row.value.get("answer") for row in before} | {str(given)}
            return said(False, f"Not yet. {why}".strip(), *hints(question, len(tried)))
    return said(right, f"{'Right' if right else 'Not yet'}. {why}".strip())


def hints(question: dict, wrong: int) -> list[str]:
    """One hint for the first wrong answer, one more for each that follows."""
    return [f"Hint {number}: {hint}" for number, hint in enumerate(question["hints"][:wrong], 1)]


def read(question: dict, answer) -> float | str | None:
    """The answer as a number or as letters; None if it is neither, or names an option that is not there."""
    if question["kind"] == "numeric":
        number = isinstance(answer, Real) and not isinstance(answer, bool)  # NumPy's numbers, too
        return float(answer) if number and answer == answer else None
    letters = "".join(str(answer).upper().replace(",", "").split()) if isinstance(answer, str) else ""
    known = {letter(i) for i in range(len(question["options"]))}
    whole = {"single": len(letters) == 1, "order": len(letters) == len(known), "multiple": bool(letters)}
    fits = whole[question["kind"]] and set(letters) <= known and len(set(letters)) == len(letters)
    return ("".join(sorted(letters)) if question["kind"] == "multiple" else letters) if fits else None


def judged(question: dict, given: float | str) -> tuple[bool, str]:
    """Whether the answer is right, and what is to be said about it."""
    secret = unpack(question["packed"])
    if question["kind"] == "numeric":
        right = abs(given - secret["value"]) <= secret["tolerance"] * (1 + 1e-9)
        return right, secret["why"] if right else f"{given:g} {question['unit']} is too {'small' if given < secret['value'] else 'large'}."
    right = given == secret["right"]
    if question["kind"] == "order":
        return right, secret["why"] if right else "Begin with what the others need."
    if question["kind"] == "multiple" and not right:
        return (False, f"{sum((one in given) != (one in secret['right']) for one in secret['whys'])} of the letters are wrong or missing.")
    whys = [secret["whys"][one].removeprefix("Right: ").removeprefix("Right.") for one in given]
    return right, " ".join(why[:1].upper() + why[1:] for why in whys if why).strip()
