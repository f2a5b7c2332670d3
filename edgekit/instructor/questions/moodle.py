"""Moodle's XML format: multichoice, numerical, and matching for an order (item to place), which every version imports."""

from __future__ import annotations

import html
import xml.etree.ElementTree as tree
from collections.abc import Iterable

from edgekit.instructor.questions.reading import Question


def xml(questions: Iterable[Question]) -> str:
    """A file for Moodle's question bank; one category a chapter."""
    root, chapter = tree.Element("quiz"), None
    for question in questions:
        if question.chapter != chapter:
            chapter = question.chapter
            category = tree.SubElement(tree.SubElement(root, "question", type="category"), "category")
            _text(category, f"$course$/edgekit/Chapter {chapter}")
        _add(root, question)
    tree.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tree.tostring(root, encoding="unicode") + "\n"


def _add(root: tree.Element, question: Question) -> None:
    kinds = {"single": "multichoice", "multiple": "multichoice", "numeric": "numerical", "order": "matching"}
    element = tree.SubElement(root, "question", type=kinds[question.kind])
    _text(tree.SubElement(element, "name"), question.name)
    _text(tree.SubElement(element, "questiontext", format="html"), f"<p>{_html(question.text)}</p>")
    look = f"{question.why} See lab {question.lab}.".strip()
    _text(tree.SubElement(element, "generalfeedback", format="html"), f"<p>{_html(look)}</p>")
    tree.SubElement(element, "defaultgrade").text = "1"
    tree.SubElement(element, "penalty").text = "0.3333333"
    tree.SubElement(element, "hidden").text = "0"
    {"numeric": _numerical, "order": _matching}.get(question.kind, _choices)(element, question)


def _choices(element: tree.Element, question: Question) -> None:
    tree.SubElement(element, "single").text = str(question.kind == "single").lower()
    tree.SubElement(element, "shuffleanswers").text = "true"
    tree.SubElement(element, "answernumbering").text = "abc"
    right = sum(answer.right for answer in question.answers)
    wrong = len(question.answers) - right
    for answer in question.answers:
        # Several right answers share the point; a wrong tick takes its share away, so that ticking everything earns nothing.
        loss = 0.0 if question.kind == "single" else -100 / wrong
        fraction = 100 / right if answer.right else loss
        made = tree.SubElement(element, "answer", fraction=f"{fraction:.7g}", format="html")
        _text(made, _html(answer.text))
        _text(tree.SubElement(made, "feedback", format="html"), f"<p>{_html(answer.why)}</p>")


def _numerical(element: tree.Element, question: Question) -> None:
    made = tree.SubElement(element, "answer", fraction="100", format="moodle_auto_format")
    _text(made, f"{question.value:g}" if abs(question.value) < 1e5 else f"{question.value:.10g}")
    _text(tree.SubElement(made, "feedback", format="html"), f"<p>{_html(question.why)}</p>")
    tree.SubElement(made, "tolerance").text = f"{question.tolerance:g}"


def _matching(element: tree.Element, question: Question) -> None:
    tree.SubElement(element, "shuffleanswers").text = "true"
    for place, item in enumerate(question.items, 1):
        made = tree.SubElement(element, "subquestion", format="html")
        _text(made, f"<p>{_html(item)}</p>")
        _text(tree.SubElement(made, "answer"), f"{place}.")


def _text(parent: tree.Element, text: str) -> None:
    tree.SubElement(parent, "text").text = text


def _html(text: str) -> str:
    return html.escape(text, quote=False)
