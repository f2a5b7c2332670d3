"""The finished HTML in a real browser: overflow, contrast, size of text, requests; pictures of slides; PDF.

python -m edgekit.instructor.slides.looking DECK.html ... [--pictures DIR]
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from edgekit.instructor.slides.decks import SlideError

SIZE = {"width": 1280, "height": 720}
# Without these flags Chromium calls home at every start, which takes minutes on a closed network.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Fault:
    """Something that people in the room would see, or not see."""

    deck: str
    slide: int
    title: str
    what: str
    text: str
    by: float

    def __str__(self) -> str:
        return f"{self.deck} slide {self.slide} ({self.title}): {self.what} {self.by:g}: {self.text}"


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextlib.contextmanager
def browser() -> Iterator:
    """Chromium, ready to open pages.

    Raises:
        SlideError: when there is no Chromium, or no playwright to drive it.
    """
    program = chromium()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise SlideError("measuring and printing slides needs playwright: run `make dev`") from None
    if not program:
        raise SlideError("measuring and printing slides needs Chromium: on Debian and Ubuntu, apt install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield opened
        finally:
            opened.close()


def measure(files: list[Path], pictures: Path | None = None) -> tuple[list[Fault], dict[str, int]]:
    """Show every slide of every file at 1280 x 720 and measure it.

    Args:
        pictures: a folder for a PNG of every slide.

    Returns:
        (faults, slides by deck). A request that leaves the machine is a fault, too.
    """
    script = (resources.files("edgekit.instructor.slides") / "measure.js").read_text(encoding="utf-8")
    faults: list[Fault] = []
    counted: dict[str, int] = {}
    with browser() as opened:
        for file in files:
            page = opened.new_page(viewport=SIZE)
            asked: list[str] = []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.goto(file.resolve().as_uri())
            page.wait_for_function("window.Reveal && Reveal.isReady()")
            counted[file.stem] = total = page.evaluate("Reveal.getTotalSlides()")
            for number in range(total):
                page.evaluate(f"Reveal.slide({number}, 0, 99)")  # with all that waits for a key
                title = page.evaluate("Reveal.getCurrentSlide().querySelector('h1, h2').innerText")
                for found in page.evaluate(script):
                    faults.append(Fault(file.stem, number + 1, title, **found))
                if pictures:
                    pictures.mkdir(parents=True, exist_ok=True)
                    page.screenshot(path=pictures / f"{file.stem}_{number + 1:02}.png")
            outside = [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
            faults += [Fault(file.stem, 0, "the whole deck", "request", url, 1) for url in outside]
            page.close()
    return faults, counted


def to_pdf(file: Path, target: Path) -> Path:
    """Print a deck, one slide a page. Raises SlideError without Chromium."""
    with browser() as opened:
        page = opened.new_page(viewport=SIZE)
        page.goto(file.resolve().as_uri() + "?print-pdf")
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        page.wait_for_selector(".pdf-page")
        page.pdf(path=target, prefer_css_page_size=True, print_background=True)
    return target


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure overflow and contrast of finished slides.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--pictures", type=Path)
    given = parser.parse_args(arguments)
    faults, counted = measure(given.files, given.pictures)
    for fault in faults:
        print(fault)
    print(f"{sum(counted.values())} slides in {len(counted)} decks, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
