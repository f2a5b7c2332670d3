"""QTI 1.2 as Canvas imports it: a zip file with a manifest and one assessment a chapter. An order is a matching question."""

from __future__ import annotations

import html
import io
import xml.etree.ElementTree as tree
import zipfile
from collections.abc import Iterable

from edgekit.instructor.questions.reading import Question

QTI = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
CP = "http://www.imsglobal.org/xsd/imscp_v1p1"
TYPES = {
    "single": "multiple_choice_question",
    "multiple": "multiple_answers_question",
    "numeric": "numerical_question",
    "order": "matching_question",
}
_LONG_AGO = (2020, 1, 1, 0, 0, 0)  # so that the same questions give the same bytes


def qti(questions: Iterable[Question]) -> bytes:
    """A zip file for Canvas' "Import QTI .zip file"."""
    chapters: dict[int, list[Question]] = {}
    for question in questions:
        chapters.setdefault(question.chapter, []).append(question)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        _write(archive, "imsmanifest.xml", _manifest(list(chapters)))
        for chapter, asked in chapters.items():
            _write(archive, f"chapter{chapter}/chapter{chapter}.xml", _assessment(chapter, asked))
    return packed.getvalue()


def _write(archive: zipfile.ZipFile, name: str, root: tree.Element) -> None:
    tree.indent(root, " ")
    text = '<?xml version="1.0" encoding="UTF-8"?>\n' + tree.tostring(root, encoding="unicode") + "\n"
    archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), text)


def _manifest(chapters: list[int]) -> tree.Element:
    root = tree.Element("manifest", {"identifier": "edgekit", "xmlns": CP})
    metadata = tree.SubElement(root, "metadata")
    tree.SubElement(metadata, "schema").text = "IMS Content"
    tree.SubElement(metadata, "schemaversion").text = "1.1.3"
    tree.SubElement(root, "organizations")
    resources = tree.SubElement(root, "resources")
    for chapter in chapters:
        file = f"chapter{chapter}/chapter{chapter}.xml"
        made = tree.SubElement(resources, "resource", identifier=f"chapter{chapter}", type="imsqti_xmlv1p2", href=file)
        tree.SubElement(made, "file", href=file)
    return root


def _assessment(chapter: int, questions: list[Question]) -> tree.Element:
    root = tree.Element("questestinterop", {"xmlns": QTI})
    assessment = tree.SubElement(root, "assessment", ident=f"chapter{chapter}", title=f"edgekit, chapter {chapter}")
    section = tree.SubElement(assessment, "section", ident="root_section")
    for question in questions:
        item = tree.SubElement(section, "item", ident=question.name, title=question.id)
        fields = tree.SubElement(tree.SubElement(item, "itemmetadata"), "qtimetadata")
        for label, entry in (("question_type", TYPES[question.kind]), ("points_possible", "1")):
            field = tree.SubElement(fields, "qtimetadatafield")
            tree.SubElement(field, "fieldlabel").text = label
            tree.SubElement(field, "fieldentry").text = entry
        presentation = tree.SubElement(item, "presentation")
        _material(presentation, question.text)
        processing = tree.SubElement(item, "resprocessing")
        outcomes = tree.SubElement(processing, "outcomes")
        tree.SubElement(outcomes, "decvar", maxvalue="100", minvalue="0", varname="SCORE", vartype="Decimal")
        {"numeric": _number, "order": _places}.get(question.kind, _choices)(presentation, processing, question)
        _feedback(item, question)
    return root


def _choices(presentation, processing, question: Question) -> None:
    several = question.kind == "multiple"
    response = tree.SubElement(presentation, "response_lid", ident="response1", rcardinality="Multiple" if several else "Single")
    choice = tree.SubElement(response, "render_choice")
    for number, answer in enumerate(question.answers):
        _material(tree.SubElement(choice, "response_label", ident=f"a{number}"), answer.text)
    for number, _ in enumerate(question.answers):
        shown = _condition(processing, "Yes")
        _equal(shown[0], "response1", f"a{number}")
        tree.SubElement(shown[1], "displayfeedback", feedbacktype="Response", linkrefid=f"a{number}_fb")
    condition, done = _condition(processing, "No")
    inner = tree.SubElement(condition, "and") if several else condition
    for number, answer in enumerate(question.answers):
        if answer.right:
            _equal(inner, "response1", f"a{number}")
        elif several:
            _equal(tree.SubElement(inner, "not"), "response1", f"a{number}")
    _score(done, 100)


def _number(presentation, processing, question: Question) -> None:
    response = tree.SubElement(presentation, "response_str", ident="response1", rcardinality="Single")
    fill = tree.SubElement(response, "render_fib", fibtype="Decimal")
    tree.SubElement(fill, "response_label", ident="answer1")
    condition, done = _condition(processing, "No")
    either = tree.SubElement(condition, "or")
    _equal(either, "response1", f"{question.value:.10g}")
    both = tree.SubElement(either, "and")
    for name, end in (("vargte", question.value - question.tolerance), ("varlte", question.value + question.tolerance)):
        tree.SubElement(both, name, respident="response1").text = f"{end:.10g}"
    _score(done, 100)


def _places(presentation, processing, question: Question) -> None:
    for number, item in enumerate(question.items):
        response = tree.SubElement(presentation, "response_lid", ident=f"response_{number}")
        _material(response, item)
        choice = tree.SubElement(response, "render_choice")
        for place in range(len(question.items)):
            _material(tree.SubElement(choice, "response_label", ident=f"p{place}"), f"{place + 1}.")
        condition, done = _condition(processing, "Yes")
        _equal(condition, f"response_{number}", f"p{number}")
        _score(done, 100 / len(question.items), add=True)


def _condition(processing, on: str):
    made = tree.SubElement(processing, "respcondition", {"continue": on})
    return tree.SubElement(made, "conditionvar"), made


def _equal(parent, response: str, text: str) -> None:
    tree.SubElement(parent, "varequal", respident=response).text = text


def _score(parent, points: float, add: bool = False) -> None:
    tree.SubElement(parent, "setvar", action="Add" if add else "Set", varname="SCORE").text = f"{points:.2f}"


def _feedback(item, question: Question) -> None:
    texts = {f"a{number}_fb": answer.why for number, answer in enumerate(question.answers)}
    texts["general_fb"] = f"{question.why} See lab {question.lab}.".strip()
    for ident, text in texts.items():
        made = tree.SubElement(item, "itemfeedback", ident=ident)
        _material(tree.SubElement(made, "flow_mat"), text)


def _material(parent, text: str) -> None:
    made = tree.SubElement(tree.SubElement(parent, "material"), "mattext", texttype="text/html")
    made.text = f"<div>{html.escape(text, quote=False)}</div>"
