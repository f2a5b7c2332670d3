"""data/quizzes.json: of the question bank, what the labs ask."""

from __future__ import annotations

import hashlib
import json
import re

from edgekit import paths
from edgekit.course import quiz
from edgekit.course.catalog import labs
from edgekit.course.notebooks import read
from edgekit.files import write_whole
from edgekit.instructor.questions.reading import Question, bank

ASKED = re.compile(r'quiz\.ask\("([\w-]+)"')


def asked() -> dict[str, str]:
    """Name of each question that a solution asks -> the lab."""
    cells = [(lab.slug, cell["source"]) for lab in labs() for cell in read(lab.solution)["cells"]]
    return {name: slug for slug, source in cells for name in ASKED.findall(source)}


def update(check: bool = False) -> list[str]:
    """Write the file, or with ``check`` only compare. Returns findings, one line each."""
    known, wanted = {question.name: question for question in bank()}, asked()
    found = [f"solutions/{slug}.ipynb asks {name}: no such question" for name, slug in wanted.items() if name not in known]
    found += [
        f"data/questions, {name}: a lab asks it, so it needs two hints" for name in wanted if name in known and len(known[name].hints) < 2
    ]
    made = {name: for_students(known[name]) for name in sorted(wanted) if name in known}
    text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    file = paths.data() / quiz.FILE
    if not check:
        write_whole(file, text)
    elif not file.is_file() or file.read_text(encoding="utf-8") != text:
        found.append(f"data/{quiz.FILE} differs from the question bank: run `edgekit release`")
    return found


def for_students(question: Question) -> dict:
    """What :func:`edgekit.course.quiz.ask` needs. The options keep their order; items to be sorted come in one that says nothing."""
    shuffled = sorted(question.items, key=lambda item: hashlib.sha256(item.encode()).digest())
    options = [answer.text for answer in question.answers] or shuffled
    if question.kind == "numeric":
        secret = {"value": question.value, "tolerance": question.tolerance, "why": question.why}
    elif question.kind == "order":
        secret = {"right": "".join(quiz.letter(shuffled.index(item)) for item in question.items), "why": question.why}
    else:
        letters = [(quiz.letter(i), answer) for i, answer in enumerate(question.answers)]
        secret = {"right": "".join(one for one, answer in letters if answer.right), "whys": {one: a.why for one, a in letters}}
    return {
        "kind": question.kind,
        "text": question.text,
        "options": options,
        "unit": question.unit,
        "hints": list(question.hints),
        "packed": quiz.pack(secret),
    }
