"""The question bank, and its exports read back by readers that take nothing on trust: unknown elements, attributes and references fail."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as tree
import zipfile
from collections import Counter

import pytest

from edgekit.instructor import questions
from edgekit.instructor.questions import canvas

BANK = questions.bank()


def test_every_chapter_has_its_questions_of_every_kind():
    for chapter, count in Counter(q.chapter for q in BANK).items():
        assert 10 <= count <= (25 if chapter == 3 else 15), chapter  # chapter 3 has seven labs
        assert {q.kind for q in BANK if q.chapter == chapter} == {"single", "multiple", "numeric", "order"}, chapter
    assert {q.chapter for q in BANK} == set(range(1, 9))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (
            'kind = "single"\nanswers = [{text="a",right=true,why="w"},{text="b",right=true,why="w"},{text="c",right=false,why="w"}]',
            "exactly one right",
        ),
        (
            'kind = "multiple"\nanswers = [{text="a",right=true,why="w"},{text="b",right=true,why="w"},{text="c",right=true,why="w"}]',
            "a right and a wrong",
        ),
        (
            'kind = "single"\nanswers = [{text="a",right=true,why="w"},{text="b",right=false,why=""},{text="c",right=false,why="w"}]',
            "no explanation",
        ),
        ('kind = "numeric"\nvalue = 3.0\ntolerance = -1.0\nwhy = "w"', "tolerance is negative"),
        ('kind = "order"\nitems = ["a", "b", "a"]\nwhy = "w"', "items repeat"),
        ('kind = "essay"\nwhy = "w"', "is none of"),
        ('kind = "numeric"\ncolour = "red"', "colour"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(tmp_path, row, says):
    (tmp_path / "01.toml").write_text(f'[[question]]\nid = "x"\nlab = "04_onnx_export"\ntext = "t"\n{row}\n')
    with pytest.raises(questions.QuestionError, match="01.toml") as error:
        questions.bank(tmp_path)
    assert says in str(error.value)


# -------------------------------------------------------------------------------------------------------------------- Moodle
MOODLE = {  # what may stand in each element: children, and attributes with their allowed values
    "quiz": ({"question"}, {}),
    "question": (
        {
            "category",
            "name",
            "questiontext",
            "generalfeedback",
            "defaultgrade",
            "penalty",
            "hidden",
            "single",
            "shuffleanswers",
            "answernumbering",
            "answer",
            "subquestion",
        },
        {"type": {"category", "multichoice", "numerical", "matching"}},
    ),
    "category": ({"text"}, {}),
    "name": ({"text"}, {}),
    "text": (set(), {}),
    "tolerance": (set(), {}),
    "questiontext": ({"text"}, {"format": {"html"}}),
    "generalfeedback": ({"text"}, {"format": {"html"}}),
    "feedback": ({"text"}, {"format": {"html"}}),
    "subquestion": ({"text", "answer"}, {"format": {"html"}}),
    "answer": ({"text", "feedback", "tolerance"}, {"fraction": None, "format": {"html", "moodle_auto_format"}}),
    "defaultgrade": (set(), {}),
    "penalty": (set(), {}),
    "hidden": (set(), {}),
    "single": (set(), {}),
    "shuffleanswers": (set(), {}),
    "answernumbering": (set(), {}),
}


def strict(element: tree.Element, grammar: dict) -> None:
    name = element.tag.rpartition("}")[2]
    assert name in grammar, f"unknown element {name}"
    children, attributes = grammar[name]
    for key, value in element.attrib.items():
        assert key in attributes, f"{name} has the unknown attribute {key}"
        assert attributes[key] is None or value in attributes[key], f"{name} {key}={value!r}"
    for child in element:
        assert child.tag.rpartition("}")[2] in children, f"{name} contains {child.tag}"
        strict(child, grammar)


def read_moodle(text: str) -> dict[str, dict]:
    root = tree.fromstring(text.encode())
    strict(root, MOODLE)
    found = {}
    for question in root:
        kind = question.get("type")
        if kind == "category":
            assert re.fullmatch(r"\$course\$/edgekit/Chapter \d", question.findtext("category/text"))
            continue
        name = question.findtext("name/text")
        assert name and name not in found and question.findtext("questiontext/text").startswith("<p>")
        assert question.findtext("generalfeedback/text") and float(question.findtext("defaultgrade")) == 1
        answers = [(a.findtext("text"), float(a.get("fraction", 0)), a.findtext("feedback/text")) for a in question.findall("answer")]
        if kind == "multichoice":
            single = question.findtext("single") == "true"
            assert sum(f for _, f, _ in answers if f > 0) == pytest.approx(100, abs=1e-3)
            assert single == all(f in (0, 100) for _, f, _ in answers) or not single
            assert all(feedback for *_, feedback in answers)
        elif kind == "numerical":
            assert len(answers) == 1 and answers[0][1] == 100
            assert float(question.findtext("answer/tolerance")) >= 0 and float(answers[0][0]) is not None
        else:
            answers = [(s.findtext("text"), s.findtext("answer/text"), None) for s in question.findall("subquestion")]
            assert len(answers) >= 3 and len({a for _, a, _ in answers}) == len(answers)
        found[name] = {"kind": kind, "answers": answers}
    return found


def test_moodle_reads_what_the_bank_says():
    found = read_moodle(questions.xml(BANK))
    assert list(found) == [q.name for q in BANK]
    for q in BANK:
        answers = found[q.name]["answers"]
        if q.kind in ("single", "multiple"):
            assert [f > 0 for _, f, _ in answers] == [a.right for a in q.answers]
            assert len(answers) == len(q.answers)
        elif q.kind == "numeric":
            assert float(answers[0][0]) == pytest.approx(q.value, rel=1e-5)
        else:
            assert [a for _, a, _ in answers] == [f"{place}." for place in range(1, len(q.items) + 1)]


def test_ticking_everything_earns_nothing_in_moodle():
    for name, question in read_moodle(questions.xml([q for q in BANK if q.kind == "multiple"])).items():
        assert sum(f for _, f, _ in question["answers"]) == pytest.approx(0, abs=1e-3), name


# -------------------------------------------------------------------------------------------------------------------- Canvas
_IDENT = {"ident": None}
QTI = {
    "questestinterop": ({"assessment"}, {}),
    "assessment": ({"section"}, {"ident": None, "title": None}),
    "section": ({"item"}, _IDENT),
    "item": ({"itemmetadata", "presentation", "resprocessing", "itemfeedback"}, {"ident": None, "title": None}),
    "itemmetadata": ({"qtimetadata"}, {}),
    "qtimetadata": ({"qtimetadatafield"}, {}),
    "qtimetadatafield": ({"fieldlabel", "fieldentry"}, {}),
    "fieldlabel": (set(), {}),
    "fieldentry": (set(), {}),
    "presentation": ({"material", "response_lid", "response_str"}, {}),
    "material": ({"mattext"}, {}),
    "mattext": (set(), {"texttype": {"text/html"}}),
    "response_lid": ({"material", "render_choice"}, {"ident": None, "rcardinality": {"Single", "Multiple"}}),
    "response_str": ({"render_fib"}, {"ident": None, "rcardinality": {"Single"}}),
    "render_choice": ({"response_label"}, {}),
    "render_fib": ({"response_label"}, {"fibtype": {"Decimal"}}),
    "response_label": ({"material"}, _IDENT),
    "resprocessing": ({"outcomes", "respcondition"}, {}),
    "outcomes": ({"decvar"}, {}),
    "decvar": (set(), {"maxvalue": {"100"}, "minvalue": {"0"}, "varname": {"SCORE"}, "vartype": {"Decimal"}}),
    "respcondition": ({"conditionvar", "setvar", "displayfeedback"}, {"continue": {"Yes", "No"}}),
    "conditionvar": ({"varequal", "and", "or"}, {}),
    "and": ({"varequal", "not", "vargte", "varlte"}, {}),
    "or": ({"varequal", "and"}, {}),
    "not": ({"varequal"}, {}),
    "varequal": (set(), {"respident": None}),
    "vargte": (set(), {"respident": None}),
    "varlte": (set(), {"respident": None}),
    "setvar": (set(), {"action": {"Set", "Add"}, "varname": {"SCORE"}}),
    "displayfeedback": (set(), {"feedbacktype": {"Response"}, "linkrefid": None}),
    "itemfeedback": ({"flow_mat"}, _IDENT),
    "flow_mat": ({"material"}, {}),
}
NS = {"q": canvas.QTI, "m": canvas.CP}


def score(item: tree.Element, given: dict[str, object]) -> float:
    """The points of an item for an answer, by its own rules: what an importer would do."""

    def holds(node) -> bool:
        name, response = node.tag.rpartition("}")[2], given.get(node.get("respident"))
        if name == "varequal":
            return node.text in response if isinstance(response, set) else str(response) == node.text
        if name in ("vargte", "varlte"):
            return float(response) >= float(node.text) if name == "vargte" else float(response) <= float(node.text)
        inner = [holds(child) for child in node]
        return not inner[0] if name == "not" else any(inner) if name == "or" else all(inner)

    points = 0.0
    for condition in item.findall("q:resprocessing/q:respcondition", NS):
        if all(holds(node) for node in condition.find("q:conditionvar", NS)):
            for change in condition.findall("q:setvar", NS):
                points = float(change.text) + (points if change.get("action") == "Add" else 0)
            if condition.get("continue") == "No":
                break
    return points


def read_qti(data: bytes) -> dict[str, tree.Element]:
    archive = zipfile.ZipFile(io.BytesIO(data))
    manifest = tree.fromstring(archive.read("imsmanifest.xml"))
    files = [f.get("href") for f in manifest.findall("m:resources/m:resource/m:file", NS)]
    assert sorted([*files, "imsmanifest.xml"]) == sorted(archive.namelist())
    items = {}
    for file in files:
        root = tree.fromstring(archive.read(file))
        strict(root, QTI)
        for item in root.iter(f"{{{canvas.QTI}}}item"):
            assert item.get("ident") not in items
            labels = {node.get("ident") for node in item.iter(f"{{{canvas.QTI}}}response_label")}
            responses = {n.get("ident") for n in item.iter() if n.tag.rpartition("}")[2] in ("response_lid", "response_str")}
            feedback = {node.get("ident") for node in item.findall("q:itemfeedback", NS)}
            for node in item.iter():
                if node.get("respident"):
                    assert node.get("respident") in responses
                if node.get("linkrefid"):
                    assert node.get("linkrefid") in feedback
                if node.tag.endswith("varequal") and "answer1" not in labels:
                    assert node.text in labels
            items[item.get("ident")] = item
    return items


def test_canvas_gives_full_points_to_right_answers_and_none_to_wrong_ones():
    items = read_qti(questions.qti(BANK))
    assert list(items) == [q.name for q in BANK]
    for q in BANK:
        item = items[q.name]
        if q.kind in ("single", "multiple"):
            ticked = {f"a{i}" for i, a in enumerate(q.answers) if a.right}
            everything = {f"a{i}" for i in range(len(q.answers))}
            assert score(item, {"response1": ticked}) == 100
            assert score(item, {"response1": everything - ticked}) == 0
            if q.kind == "multiple":
                assert score(item, {"response1": everything}) == 0
        elif q.kind == "numeric":
            assert score(item, {"response1": f"{q.value:.10g}"}) == 100
            assert score(item, {"response1": f"{q.value + q.tolerance:.10g}"}) == 100
            assert score(item, {"response1": f"{q.value + 2 * q.tolerance + 1:.10g}"}) == 0
        else:
            right = {f"response_{i}": f"p{i}" for i in range(len(q.items))}
            assert score(item, right) == pytest.approx(100, abs=0.1)
            assert score(item, {**right, "response_0": "p1"}) < 100


def test_the_same_questions_give_the_same_bytes():
    assert questions.qti(BANK) == questions.qti(questions.bank())


def test_the_strict_readers_refuse_what_is_not_in_the_format():
    with pytest.raises(AssertionError, match="question contains grade"):
        read_moodle(questions.xml(BANK).replace("defaultgrade", "grade"))
    with pytest.raises(AssertionError):
        read_moodle(questions.xml(BANK).replace('fraction="100"', 'fraction="70"'))
    bad = tree.fromstring(f'<item xmlns="{canvas.QTI}"><presentation colour="red"/></item>')
    with pytest.raises(AssertionError, match="unknown attribute colour"):
        strict(bad, QTI)
