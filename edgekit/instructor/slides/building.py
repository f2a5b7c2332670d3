"""From a deck to something to show: executed, as one HTML file that needs nothing from elsewhere, and as PDF."""

from __future__ import annotations

import html
import re
from importlib import resources
from pathlib import Path

from edgekit.course.notebooks import as_json, text
from edgekit.files import write_whole
from edgekit.instructor.slides.decks import Deck, Slide, SlideError, read, show_of, shown_code
from edgekit.instructor.slides.running import ANSI, run

# How jupyterlab-rise shows the notebook; its look is in rise.css.
RISE = {"center": False, "scroll": True, "transition": "none"}
_WORK = re.compile(r"[^\s'\"]*/edgekit-slides-[^/\s]+/")


def build(path: Path, out: Path, pdf: bool = False) -> dict[str, Path]:
    """Execute a deck and write it to ``out``: the notebook for JupyterLab, the HTML, and the PDF if ``pdf``.

    Returns:
        {"notebook": ..., "html": ..., "pdf": ...}

    Raises:
        SlideError: when the deck is wrong, a cell fails (the message shows it), or no Chromium is there for the PDF.
    """
    deck = execute(read(path))
    made = {"notebook": out / f"{deck.slug}.ipynb", "html": out / f"{deck.slug}.html"}
    write_whole(made["html"], to_html(deck))
    prepare_for_rise(deck)
    write_whole(made["notebook"], text(as_json(deck.notebook)))
    write_whole(out / "rise.css", asset("rise.css"))
    if pdf:
        from edgekit.instructor.slides import looking

        made["pdf"] = looking.to_pdf(made["html"], out / f"{deck.slug}.pdf")
    return made


def execute(deck: Deck) -> Deck:
    """The deck with the outputs of its code. SlideError shows a cell that fails and what it said."""
    done = run(deck.notebook, deck.path.name)
    for mine, ran in zip(deck.notebook["cells"], done["cells"], strict=True):
        mine["metadata"] = ran["metadata"]
        if mine["cell_type"] == "code":
            mine["outputs"] = ran["outputs"]
            if show_of(mine) == "output":
                mine["metadata"].setdefault("jupyter", {})["source_hidden"] = True
    return deck


def prepare_for_rise(deck: Deck) -> None:
    """The notebook as slides in JupyterLab: there, too, what a cell shows comes at the next key where the room predicts first."""
    deck.notebook["metadata"]["rise"] = RISE
    for slide in deck.slides:
        for cell in slide.cells if slide.predicts else []:
            if cell["cell_type"] == "code" and cell.get("outputs") and show_of(cell) not in ("nothing", "code"):
                cell["metadata"]["slideshow"] = {"slide_type": "fragment"}


# ----------------------------------------------------------------------------------------------------------------------- HTML
def to_html(deck: Deck) -> str:
    """An executed deck as one HTML page: reveal.js, styles and pictures are in it."""
    sections = "\n".join(_section(deck, slide) for slide in deck.slides)
    script = (asset("reveal/reveal.js") + "\n" + asset("reveal/notes.js")).replace("</script", "<\\/script")
    styles = asset("reveal/reveal.css") + asset("deck.css") + pygments_css()
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
            words.append(markdown(cell["source"]))
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
    return f'<section{size}>{body}{source}<aside class="notes">{markdown(slide.notes)}</aside></section>'


def _sources(slide: Slide) -> str:
    from edgekit.instructor.claims import source_line

    return html.escape(source_line(slide.sources))


def markdown(source: str) -> str:
    """Markdown as HTML; a paragraph that begins with Predict, Slide says or Today gets a class of that name."""
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    made = markdown2html_mistune(source)
    made = re.sub(r'<a class="anchor-link".*?</a>', "", made)
    return re.sub(r"<p>(<strong>(Predict|Slide says|Today):)", r'<p class="\2">\1', made).replace('"Slide says"', '"says"')


def _code(cell: dict, wait: bool, where: str) -> str:
    """The shown lines and the outputs; with ``wait`` the outputs come at the next key: first the prediction, then the answer."""
    code = shown_code(cell)
    parts = [highlighted(code)] if code else []
    if show_of(cell) != "code":
        made = "".join(shown_output(output, where) for output in cell.get("outputs", []))
        parts.append(f'<div class="fragment">{made}</div>' if made and wait else made)
    return "".join(parts)


def shown_output(output: dict, where: str, strict: bool = True) -> str:
    """One output of a cell as HTML. SlideError for a picture without a text alternative, if ``strict``."""
    if output["output_type"] == "stream":
        return f"<pre class='printed'>{html.escape(_said(output['text']))}</pre>"
    data = output.get("data", {})
    if "image/png" in data:
        alt = output.get("metadata", {}).get("image/png", {}).get("alt")
        if not alt and strict:
            raise SlideError(f"{where}: a picture without a text alternative; end its function with plots.finish(...)")
        return f'<img alt="{html.escape(alt or "", quote=True)}" src="data:image/png;base64,{data["image/png"].strip()}">'
    if "text/html" in data:
        return f'<div class="made">{_WORK.sub("", data["text/html"])}</div>'
    return f"<pre class='printed'>{html.escape(_said(data.get('text/plain', '')))}</pre>"


def _said(text: str) -> str:
    """What a program printed, without colours and without the name of the temporary folder."""
    return _WORK.sub("", ANSI.sub("", text)).rstrip()


def highlighted(code: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return highlight(code, PythonLexer(), HtmlFormatter(cssclass="code"))


def pygments_css() -> str:
    from pygments.formatters import HtmlFormatter

    return HtmlFormatter(style="bw").get_style_defs(".code")


def asset(name: str) -> str:
    return (resources.files("edgekit.instructor.slides") / name).read_text(encoding="utf-8")
