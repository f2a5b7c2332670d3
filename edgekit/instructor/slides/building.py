"""From a deck to something to show: executed, as one HTML file that needs nothing from elsewhere, and as PDF."""

from __future__ import annotations

import contextlib
import copy
import html
import os
import re
import tempfile
from importlib import resources
from pathlib import Path

from edgekit.course.notebooks import as_json, text
from edgekit.files import write_whole
from edgekit.instructor.slides.decks import Deck, Slide, SlideError, read, show_of, shown_code

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_WORK = re.compile(r"[^\s'\"]*/edgekit-slides-[^/\s]+/")
# Runs before the deck's first cell: pictures carry the text alternative that their function wrote.
_FIRST = "from edgekit.instructor.slides.showing import prepare\nprepare()"


def build(path: Path, out: Path, pdf: bool = False) -> dict[str, Path]:
    """Execute a deck and write it to ``out``: the notebook for JupyterLab, the HTML, and the PDF if ``pdf``.

    Returns:
        {"notebook": ..., "html": ..., "pdf": ...}

    Raises:
        SlideError: when the deck is wrong, a cell fails (the message shows it), or no Chromium is there for the PDF.
    """
    deck = execute(read(path))
    out.mkdir(parents=True, exist_ok=True)
    made = {"notebook": out / f"{deck.slug}.ipynb", "html": out / f"{deck.slug}.html"}
    write_whole(made["notebook"], text(as_json(deck.notebook)))
    write_whole(made["html"], to_html(deck))
    if pdf:
        from edgekit.instructor.slides import looking

        made["pdf"] = looking.to_pdf(made["html"], out / f"{deck.slug}.pdf")
    return made


def execute(deck: Deck) -> Deck:
    """The deck with the outputs of its code, in a work folder and a ledger of its own.

    Raises:
        SlideError: when a cell fails; the message shows the cell and what it said.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    from edgekit import paths

    notebook = copy.deepcopy(deck.notebook)
    notebook["cells"].insert(0, nbformat.v4.new_code_cell(_FIRST, id="first"))
    with tempfile.TemporaryDirectory(prefix="edgekit-slides-") as work, _environment(EDGEKIT_WORK=work):
        where = {"metadata": {"path": str(paths.root() / "slides")}}
        client = NotebookClient(notebook, kernel_name=_kernel(), timeout=180, resources=where)
        client.shutdown_kernel = "immediate"
        try:
            client.execute()
        except CellExecutionError as error:
            raise SlideError(f"{deck.path.name}: a cell fails:\n{_ANSI.sub('', str(error))}") from None
    del notebook["cells"][0]
    for mine, done in zip(deck.notebook["cells"], notebook["cells"], strict=True):
        mine["metadata"] = done["metadata"]
        mine["outputs"] = done.get("outputs", []) if mine["cell_type"] == "code" else None
        if mine["cell_type"] != "code":
            del mine["outputs"]
        elif show_of(mine) == "output":
            mine["metadata"].setdefault("jupyter", {})["source_hidden"] = True
    return deck


def _kernel() -> str:
    """The kernel that is forked from a warm process if it is installed (`make test` does), else the ordinary one."""
    from jupyter_client.kernelspec import KernelSpecManager

    from edgekit.instructor.sandbox.provisioner import NAME

    return NAME if NAME in KernelSpecManager().find_kernel_specs() else "python3"


@contextlib.contextmanager
def _environment(**values: str):
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


# ----------------------------------------------------------------------------------------------------------------------- HTML
def to_html(deck: Deck) -> str:
    """An executed deck as one HTML page: reveal.js, styles and pictures are in it."""
    sections = "\n".join(_section(deck, slide) for slide in deck.slides)
    script = (_asset("reveal/reveal.js") + "\n" + _asset("reveal/notes.js")).replace("</script", "<\\/script")
    styles = _asset("reveal/reveal.css") + _asset("deck.css") + _pygments_css()
    options = (
        "width: 1280, height: 720, margin: 0.02, center: false, hash: true, controls: false, slideNumber: 'c/t', "
        "transition: 'none', pdfSeparateFragments: false, pdfMaxPagesPerSlide: 1"
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(deck.title)}</title>\n'
        f"<style>{styles}</style></head>\n"
        f'<body><div class="reveal"><div class="slides">\n{sections}\n</div></div>\n'
        f"<script>{script}</script>\n"
        f"<script>Reveal.initialize({{ {options}, plugins: [RevealNotes] }});</script></body></html>\n"
    )


def _section(deck: Deck, slide: Slide) -> str:
    words, things, order = [], [], []
    for cell in slide.cells:
        if cell["cell_type"] == "markdown":
            words.append(_markdown(cell["source"]))
            order.append(words[-1])
        elif cell["cell_type"] == "code" and show_of(cell) != "nothing":
            things.append(_code(cell, slide.predicts, f"{deck.path.name}, slide {slide.title!r}"))
            order.append(things[-1])
    body = "".join(order)
    if slide.layout == "columns":
        title, _, rest = "".join(words).partition("</h2>")
        body = f'{title}</h2><div class="columns"><div>{rest}</div><div>{"".join(things)}</div></div>'
    source = f'<p class="source">{_sources(slide)}</p>' if slide.sources else ""
    size = f' style="--picture: {slide.picture}px"' if slide.picture else ""
    return f'<section{size}>{body}{source}<aside class="notes">{_markdown(slide.notes)}</aside></section>'


def _sources(slide: Slide) -> str:
    from edgekit.instructor.claims import source_line

    return html.escape(source_line(slide.sources))


def _markdown(source: str) -> str:
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    made = markdown2html_mistune(source)
    made = re.sub(r'<a class="anchor-link".*?</a>', "", made)
    return re.sub(r"<p>(<strong>(Predict|Slide says|Today):)", r'<p class="\2">\1', made).replace(
        '"Slide says"', '"says"'
    )


def _code(cell: dict, wait: bool, where: str) -> str:
    """The shown lines and the outputs; with ``wait`` the outputs come at the next key: first the prediction, then the answer."""
    code = shown_code(cell)
    parts = [_highlight(code)] if code else []
    if show_of(cell) != "code":
        made = "".join(_output(output, where) for output in cell.get("outputs", []))
        parts.append(f'<div class="fragment">{made}</div>' if made and wait else made)
    return "".join(parts)


def _output(output: dict, where: str) -> str:
    if output["output_type"] == "stream":
        return f"<pre class='printed'>{html.escape(_said(output['text']))}</pre>"
    data = output.get("data", {})
    if "image/png" in data:
        alt = output.get("metadata", {}).get("image/png", {}).get("alt")
        if not alt:
            raise SlideError(f"{where}: a picture without a text alternative; end its function with plots.finish(...)")
        return f'<img alt="{html.escape(alt, quote=True)}" src="data:image/png;base64,{data["image/png"].strip()}">'
    if "text/html" in data:
        return f'<div class="made">{_WORK.sub("", data["text/html"])}</div>'
    return f"<pre class='printed'>{html.escape(_said(data.get('text/plain', '')))}</pre>"


def _said(text: str) -> str:
    """What a program printed, without colours and without the name of the temporary folder."""
    return _WORK.sub("", _ANSI.sub("", text)).rstrip()


def _highlight(code: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return highlight(code, PythonLexer(), HtmlFormatter(cssclass="code"))


def _pygments_css() -> str:
    from pygments.formatters import HtmlFormatter

    return HtmlFormatter(style="bw").get_style_defs(".code")


def _asset(name: str) -> str:
    return (resources.files("edgekit.instructor.slides") / name).read_text(encoding="utf-8")
