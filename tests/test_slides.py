"""The decks: whole in form, executed, and measured in a browser. What finds a fault in them is tried on decks that have it."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import nbformat
import pytest

from edgekit.course.catalog import labs
from edgekit.course.notebooks import as_json, text
from edgekit.instructor import claims, slides
from edgekit.instructor.slides import building, looking, running
from edgekit.instructor.slides import decks as reading

FILES = reading.files()
needs_chromium = pytest.mark.skipif(not looking.chromium(), reason="no Chromium on this machine: apt install chromium")
by_deck = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


# ------------------------------------------------------------------------------------------------------------------- in form
def test_there_is_a_deck_for_every_chapter():
    assert [path.stem[:2] for path in FILES] == [f"{chapter:02}" for chapter in range(1, 8)]
    assert sum(len(slides.read(path).slides) for path in FILES) >= 140


@by_deck
def test_a_deck_is_whole(path):
    deck = slides.read(path)
    source = json.loads(path.read_text(encoding="utf-8"))
    ids = [cell["id"] for cell in source["cells"]]
    assert len(ids) == len(set(ids)), "a cell id comes twice"
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in source["cells"]), "outputs are committed"
    assert path.read_text(encoding="utf-8") == text(as_json(nbformat.from_dict(source))), "not in its committed form"
    assert 18 <= len(deck.slides) <= 24
    shown = [slide for slide in deck.slides if slide.shows or "|" in slide.prose]
    assert len(shown) > 0.6 * len(deck.slides), "a picture, a table or a running cell on most slides"
    for slide in deck.slides:
        assert set(slide.note) == {"Minutes", "Ask", "Misunderstanding", "Next"}, slide.title
        assert 1 <= slide.minutes <= 6, slide.title
        assert len(slide.prose.split()) <= 130, f"{slide.title}: more words than a room reads"


@by_deck
def test_the_room_predicts_at_least_every_ten_minutes(path):
    deck, since = slides.read(path), 0.0
    for slide in deck.slides:
        since = 0.0 if slide.predicts else since + slide.minutes
        assert since <= 10, f"{slide.title}: {since:g} minutes without a prediction"
    assert 8 <= sum(slide.predicts for slide in deck.slides) <= 13


@by_deck
def test_the_last_slide_names_each_lab_and_its_minutes(path):
    ending, chapter = slides.read(path).slides[-1].prose.rpartition("**Lab")[2], int(path.stem[:2])
    for lab in (lab for lab in labs() if lab.chapter == chapter):
        name = lab.slug.split("_")[0]
        found = re.search(rf"{name}\b[^(:\d]*[(:]\D*(\d+)", ending)
        assert found and int(found[1]) == lab.minutes, f"{path.stem} ends without {name} and its {lab.minutes} minutes"


@by_deck
def test_every_figure_on_a_slide_has_a_source(path):
    for slide in slides.read(path).slides:
        assert not claims.unlinked(slide.prose, slide.sources), slide.title
        if slide.sources:
            assert claims.source_line(slide.sources)


def test_every_claim_of_the_workshop_has_a_slide_and_a_lab():
    """The coverage matrix. A claim's lab is checked when claims.toml is read."""
    places = {}
    for path in FILES:
        for number, slide in enumerate(slides.read(path).slides, 1):
            for source in slide.sources:
                places.setdefault(source, []).append(f"{path.stem} slide {number}")
    without = [str(claim) for claim in claims.claims() if claim.id not in places]
    assert not without, "claims without a slide:\n" + "\n".join(without)


# ------------------------------------------------------------------------------------------------------------ made-up decks
def deck_of(folder: Path, *cells) -> Path:
    """A deck file from (kind, source, slide type, edgekit metadata) cells."""
    made = nbformat.v4.new_notebook()
    for kind, source, slide_type, *mine in cells:
        new = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        cell = new(source, metadata={"slideshow": {"slide_type": slide_type}})
        if mine:
            cell["metadata"]["edgekit"] = mine[0]
        made["cells"].append(cell)
    path = folder / "09_odd.ipynb"
    nbformat.write(made, path)
    return path


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([("markdown", "text", "-")], "before the first slide"),
        ([("markdown", "no title", "slide")], "begins with a markdown cell"),
        ([("markdown", "## A", "slide", {"layout": "round"})], "stack or columns"),
        ([("markdown", "## A", "slide"), ("code", "# lab: 99_none abc", "-")], "no solutions/99_none.ipynb"),
        ([("markdown", "## A", "slide"), ("code", "# lab: 04_onnx_export abc", "-")], "has no code cell 'abc'"),
        ([("markdown", "## A", "slide"), ("code", "1", "-", {"show": "twice"})], "edgekit.show is 'twice'"),
    ],
)
def test_a_wrong_deck_is_refused_with_its_place(tmp_path, cells, says):
    with pytest.raises(slides.SlideError, match="09_odd.ipynb") as error:
        slides.read(deck_of(tmp_path, *cells))
    assert says in str(error.value)


def test_a_lab_cell_is_taken_and_a_failing_cell_is_shown(tmp_path):
    path = deck_of(tmp_path, ("markdown", "## A", "slide"), ("code", "# lab: 03a_quantization_by_hand sqnr", "-"))
    source = slides.read(path).slides[0].cells[1]["source"]
    assert "def sqnr(" in source and "SOLUTION" not in source and "np.log10" in source
    path = deck_of(tmp_path, ("markdown", "## A", "slide"), ("code", "print(1)\nunknown_name", "-"))
    with pytest.raises(slides.SlideError, match="(?s)09_odd.ipynb: a cell fails.*unknown_name"):
        slides.execute(slides.read(path))


def test_only_named_lines_are_shown_and_an_answer_waits_for_the_prediction(tmp_path):
    code = "a = 1\nb = 2\nprint(a + b)"
    path = deck_of(
        tmp_path,
        ("markdown", "## A\n\n**Predict:** the sum.", "slide"),
        ("code", code, "-", {"lines": "2-3"}),
        ("markdown", "- **Minutes:** 2", "notes"),
    )
    page = slides.to_html(slides.execute(slides.read(path)))
    body = page[page.index("<section>") : page.index("</section>")]
    assert '<p class="Predict">' in body and '<div class="fragment"><pre' in body and ">3</pre>" in body
    assert "Minutes" in body[body.index('<aside class="notes">') :]
    assert 'class="mi">2<' in body and 'class="mi">1<' not in body


def test_lines_that_are_not_there_are_refused():
    cell = nbformat.v4.new_code_cell('def f(x):\n    """Say x."""\n    y = x\n    return y')
    for lines, shown in (("2-2", '"""Say x."""'), ("3", "y = x"), ("body", "y = x\nreturn y")):
        cell["metadata"]["edgekit"] = {"lines": lines}
        assert reading.shown_code(cell) == shown
    for lines in ("4-9", "0-1", "3-2"):
        cell["metadata"]["edgekit"] = {"lines": lines}
        with pytest.raises(slides.SlideError, match="the cell has 4 lines"):
            reading.shown_code(cell)
    cell["source"], cell["metadata"]["edgekit"] = "x = 1", {"lines": "body"}
    with pytest.raises(slides.SlideError, match="0 functions"):
        reading.shown_code(cell)


def test_a_picture_without_alt_text_is_refused():
    from PIL import Image

    picture = io.BytesIO()
    Image.new("RGB", (400, 300)).save(picture, "PNG")
    data = {"image/png": base64.b64encode(picture.getvalue()).decode()}
    output = {"output_type": "display_data", "data": data, "metadata": {}}
    with pytest.raises(slides.SlideError, match="without a text alternative"):
        building.shown_output(output, "here")
    output["metadata"] = {"image/png": {"alt": "a black field"}}
    assert 'alt="a black field"' in building.shown_output(output, "here")


def test_a_picture_keeps_its_text_alternative_in_an_ordinary_kernel(monkeypatch):
    """`make test` uses warm ones. In an ordinary one matplotlib's backend comes with the first figure and lays its own formatter over
    ours."""
    monkeypatch.setattr(running, "_kernel", lambda: "python3")
    cell = nbformat.v4.new_code_cell("from edgekit.plots import diagrams\ndiagrams.grid()")
    done = running.run(nbformat.v4.new_notebook(cells=[cell]), "x.ipynb")
    (shown,) = done["cells"][0]["outputs"]
    assert shown["metadata"]["image/png"]["alt"]


def test_an_executed_notebook_becomes_a_page_that_needs_nothing():
    from edgekit.instructor import answers
    from edgekit.instructor.slides import running

    made = nbformat.v4.new_notebook()
    made["cells"] = [
        nbformat.v4.new_markdown_cell("**Explain.** Twice."),
        nbformat.v4.new_code_cell("from edgekit import ledger, plots\nledger.reveal('twice 21', 42.0, unit='x')\nplots.diagrams.grid()"),
    ]
    page = answers.page("A lab", running.run(made, "a lab"))
    assert "<strong>Explain.</strong> Twice." in page and "Neighbours are one scale" in page and "http" not in page
    with pytest.raises(slides.SlideError, match="(?s)a lab: a cell fails.*ZeroDivisionError"):
        running.run(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")]), "a lab")


@needs_chromium
@pytest.mark.browser
def test_the_measure_finds_overflow_contrast_small_text_and_requests(tmp_path):
    bad = {
        "overflow": "<p>" + "many words that do not fit on one slide " * 120 + "</p>",
        "contrast": "<p style='color:#bbb'>grey on white</p>",
        "small text": "<p style='font-size:11px'>tiny</p>",
        "no alt text": "<img width=400 height=200 src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>",
        "request": "<img alt='far' width=400 height=200 src='http://example.invalid/a.png'>",
    }
    for what, html in bad.items():
        path = deck_of(tmp_path, ("markdown", "## A", "slide"), ("markdown", html, "-"))
        file = tmp_path / f"{what.replace(' ', '_')}.html"
        file.write_text(slides.to_html(slides.read(path)), encoding="utf-8")
    faults, counted = looking.measure(sorted(tmp_path.glob("*.html")))
    assert counted == {what.replace(" ", "_"): 1 for what in bad}
    found = {(fault.deck, fault.what) for fault in faults}
    assert {(what.replace(" ", "_"), what) for what in bad} <= found
    assert not [fault for fault in faults if fault.what != fault.deck.replace("_", " ")]


@needs_chromium
@pytest.mark.browser
@pytest.mark.parametrize("height, faults", [(400, 0), (640, 1)])
def test_a_frame_overflows_though_its_text_does_not(tmp_path, height, faults):
    frame = f"<table style='height: {height}px'><tr><td>one word on top</td></tr></table>"
    path = deck_of(tmp_path, ("markdown", "## A", "slide"), ("markdown", frame, "-"))
    file = tmp_path / "frame.html"
    file.write_text(slides.to_html(slides.read(path)), encoding="utf-8")
    found, _ = looking.measure([file])
    assert [(one.what, "the frame of" in one.text) for one in found] == [("overflow", True)] * faults


# ------------------------------------------------------------------------------------------------------- the real ones, shown
@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, dict[str, Path]]:
    """Every deck executed and written as HTML: a cell that fails stops here with its deck and its message."""
    out = tmp_path_factory.mktemp("slides")
    return {path.stem: slides.build(path, out) for path in FILES}


def test_every_code_slide_runs_and_shows_something(built):
    for name, files in built.items():
        made = nbformat.read(files["notebook"], as_version=4)
        assert made["metadata"]["rise"] and (files["notebook"].parent / "rise.css").is_file()
        kinds = [cell["metadata"].get("slideshow", {}).get("slide_type") for cell in made["cells"]]
        page = files["html"].read_text(encoding="utf-8")
        assert 0 < kinds.count("fragment") == page.count('<div class="fragment">'), "what comes at the next key"
        for cell in made["cells"]:
            if cell["cell_type"] == "code" and reading.show_of(cell) == "output":
                assert cell["outputs"], f"{name}, cell {cell['id']}: shows its output and has none"
        page = files["html"].read_text(encoding="utf-8")
        assert len(re.findall("<section[ >]", page)) == len(slides.read(reading.folder() / f"{name}.ipynb").slides)


@needs_chromium
@pytest.mark.browser
def test_nothing_overflows_nothing_is_pale_nothing_leaves_the_machine(built):
    faults, counted = looking.measure([files["html"] for files in built.values()])
    assert len(counted) == len(FILES) and sum(counted.values()) >= 140
    assert not faults, "\n".join(map(str, faults))


@needs_chromium
@pytest.mark.browser
def test_a_deck_is_printed_one_slide_a_page(built, tmp_path):
    name = "04_onnx_export"
    pdf = looking.to_pdf(built[name]["html"], tmp_path / "deck.pdf").read_bytes()
    pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))
    assert pdf.startswith(b"%PDF") and pages == len(slides.read(reading.folder() / f"{name}.ipynb").slides)
