"""A real JupyterLab in a real browser: the landing notebook opens, a whole solution runs, widgets and plots are there, a keyboard is
enough."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from edgekit import paths
from edgekit.course.catalog import find
from edgekit.instructor.slides.looking import FLAGS
from tests import axe
from tests.conftest import solution

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Whose JupyterLab: this environment's, or that of an edition, such as FOLDER/course/.venv/bin/python of `make editions`.
PYTHON = os.environ.get("EDGEKIT_PYTHON", sys.executable)
pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine: apt install chromium")]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """A copy of the notebooks, because the browser saves what it runs."""
    root = tmp_path_factory.mktemp("course")
    for folder in ("labs", "solutions"):
        shutil.copytree(paths.root() / folder, root / folder, ignore=shutil.ignore_patterns("work"))
    (root / "data").symlink_to(paths.data())
    (root / "jupyter").mkdir()
    return root


@pytest.fixture(scope="module")
def server(course):
    """`edgekit lab`, as `make lab` starts it; yields its address."""
    port = free_port()
    command = [PYTHON, "-c", "from edgekit.cli import main; main()", "lab", "--no-browser", f"--port={port}", "--IdentityProvider.token="]
    command += ["--ServerApp.allow_root=True"]
    environment = {k: v for k, v in os.environ.items() if k != "EDGEKIT_WORK"} | {"EDGEKIT_ROOT": str(course)}
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):  # a new user's: no theme and no open tabs from elsewhere
        environment[name] = str(course / "jupyter")
    log = (course / "server.log").open("w")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=2)
                break
            except OSError:
                assert process.poll() is None, (course / "server.log").read_text()
                time.sleep(0.5)
        else:
            pytest.fail("JupyterLab did not answer within 2 minutes:\n" + (course / "server.log").read_text())
        yield address
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)
        log.close()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, server):
    page = browser.new_page(viewport={"width": 1400, "height": 1100})
    page.set_default_timeout(60_000)
    yield page
    page.close()


# The landing notebook may stay open in a tab behind the one that a test looks at.
FRONT = ".jp-NotebookPanel:not(.lm-mod-hidden)"


def run_all(page, timeout: float) -> None:
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text(re.compile(r"^Run All Cells$")).click()
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        prompts = [p.strip() for p in page.locator(f"{FRONT} .jp-CodeCell .jp-InputPrompt").all_inner_texts()]
        if prompts and all(re.fullmatch(r"\[\d+\]:", p) for p in prompts):
            return
        time.sleep(1)
    pytest.fail(f"not all cells ran within {timeout} s: {prompts}")


def set_theme(page, theme: str) -> None:
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.get_by_text("Theme", exact=True).click()
    page.get_by_text(theme, exact=True).click()
    page.wait_for_timeout(1500)


def test_the_landing_notebook_opens_without_questions(page, server):
    page.goto(f"{server}/lab/tree/labs/index.ipynb")
    page.get_by_role("heading", name="edgekit").wait_for()
    page.wait_for_timeout(1500)
    assert page.locator(".jp-Dialog").count() == 0, page.locator(".jp-Dialog").all_inner_texts()
    assert page.locator(".jp-toastContainer, .Toastify__toast").filter(has_text="news").count() == 0


def test_the_map_leads_from_lab_to_lab(page, server):
    page.goto(f"{server}/lab/tree/labs/index.ipynb")
    page.get_by_role("heading", name="edgekit").wait_for()
    page.wait_for_timeout(2000)
    run_all(page, timeout=120)
    output = page.locator(f"{FRONT} .jp-OutputArea-output")
    output.get_by_text("points. Go on with").wait_for()
    snap(page, "map.png")
    output.get_by_role("link", name="00 Start here").first.click()
    page.get_by_role("heading", name="Start here", level=1).wait_for()
    snap(page, "lab.png")
    page.locator(FRONT).get_by_role("link", name="01 Cloud or edge ▶").first.click()
    page.get_by_role("heading", name="Cloud or edge", level=1).wait_for()


def snap(page, name: str) -> None:
    if target := os.environ.get("EDGEKIT_SCREENSHOTS"):
        page.wait_for_timeout(1500)
        page.screenshot(path=f"{target}/{name}")


def test_run_all_on_the_export_solution(page, server, course):
    page.goto(f"{server}/lab/tree/solutions/04_onnx_export.ipynb")
    page.get_by_role("heading", name="Exporting to ONNX").wait_for()
    page.wait_for_timeout(2000)
    run_all(page, timeout=240)
    outputs = "\n".join(page.locator(f"{FRONT} .jp-OutputArea-output").all_inner_texts())
    for name in ("export_model", "describe", "parity", "mixes_images", "gate"):
        assert f"Passed: {name}." in outputs
    assert "A/A control" in outputs
    assert page.locator(f"{FRONT} .jp-OutputArea-output img").count() >= 1
    graph = page.frame_locator(f"{FRONT} iframe").first
    graph.locator("svg, canvas").first.wait_for()
    assert "Conv" in graph.locator("body").inner_html()
    page.locator(f"{FRONT} iframe").first.scroll_into_view_if_needed()
    snap(page, "export.png")
    page.locator(f"{FRONT} .jp-OutputArea-output img").first.scroll_into_view_if_needed()
    snap(page, "comparison.png")


def test_a_wrong_answer_is_explained(page, server):
    page.goto(f"{server}/lab/tree/labs/03a_quantization_by_hand.ipynb")
    page.get_by_role("heading", name="Quantization by hand").wait_for()
    page.wait_for_timeout(2000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text(re.compile(r"^Run All Cells$")).click()
    page.get_by_text("scale_and_zero_point is not written yet").first.wait_for(timeout=120_000)
    shown = page.locator(f"{FRONT} .jp-OutputArea-output").filter(has_text="Not yet").first.inner_text()
    assert "Traceback" not in shown and "edgekit/checks" not in shown


KNOBS = """
from edgekit.compression import roofline
from edgekit.device import catalogue
from edgekit.plots import hardware as plots_hardware

figures = catalogue.load()
names = ["Jetson Orin Nano 8GB Super", "Jetson AGX Orin 64GB", "Kria K26"]
roofs = {name: roofline.of_device(figures, name) for name in names}
works = {"a small model": roofline.Work("a small model", 300_000_000, 3_500_000, 17_000_000, 2_400_000)}
plots_hardware.explore_roofline(roofs, works)
"""
FITS = """
def table(deadline, share):
    late = lambda roof, one: "late" * (roof.seconds(one) / share > deadline)
    return {name: {model: late(roof, one) for model, one in works.items()} for name, roof in roofs.items()}


plots_hardware.explore_fit(table)
"""


def write_notebook(file: Path, sources: list[str]) -> None:
    import nbformat

    cells = [nbformat.v4.new_code_cell(source.strip()) for source in sources]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}  # else it asks for a kernel
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), file)


def test_moving_a_knob_changes_the_picture(page, server, course):
    write_notebook(course / "labs" / "knobs.ipynb", [KNOBS, FITS])
    page.goto(f"{server}/lab/tree/labs/knobs.ipynb?reset")
    page.locator(f"{FRONT} .jp-CodeCell").first.wait_for()
    page.wait_for_timeout(3000)
    run_all(page, timeout=120)
    pictures = page.locator(f"{FRONT} .widget-html img")
    pictures.nth(1).wait_for()
    for number, knob in ((0, "peak, % of published"), (1, "reached share of roof, %")):
        before = pictures.nth(number).get_attribute("src")
        slider = page.locator(FRONT).get_by_role("slider", name=knob)
        slider.focus()
        for _ in range(6):
            slider.press("ArrowLeft")
        page.wait_for_function(
            "([number, before]) => document.querySelectorAll('.widget-html img')[number].src !== before", arg=[number, before]
        )
        target = os.environ.get("EDGEKIT_SCREENSHOTS")
        if target:
            page.wait_for_timeout(1500)
            pictures.nth(number).scroll_into_view_if_needed()
            page.screenshot(path=f"{target}/hardware_{number}.png")


def widget_picture(page, knob: str):
    """The picture of the box of sliders that ``knob`` belongs to, in view."""
    box = page.locator(f"{FRONT} .widget-vbox").filter(has=page.get_by_text(knob, exact=True)).last
    box.scroll_into_view_if_needed()
    return box, box.locator("img")


def pixels(picture) -> str:
    """What the picture shows, as base64: a new src alone proves no new picture."""
    return picture.evaluate(
        "async img => { await img.decode(); const c = document.createElement('canvas'); c.width = img.naturalWidth;"
        " c.height = img.naturalHeight; c.getContext('2d').drawImage(img, 0, 0); return c.toDataURL(); }"
    )


def comes(page, true, seconds: float = 30) -> bool:
    """Whether something becomes true within the time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        page.wait_for_timeout(200)
    return True


def settled(page, picture) -> str:
    """The pixels once they stay as they are, so that the last knob's pictures are not taken for the next one's."""
    while True:
        shown = pixels(picture)
        page.wait_for_timeout(1500)
        if pixels(picture) == shown:
            return shown


def test_the_sliders_of_cloud_or_edge_move_their_pictures(page, server):
    page.goto(f"{server}/lab/tree/solutions/01_cloud_or_edge.ipynb")
    page.get_by_role("heading", name="Cloud or edge").wait_for()
    page.wait_for_timeout(2000)
    run_all(page, timeout=240)
    target = os.environ.get("EDGEKIT_SCREENSHOTS")
    themes = {"JupyterLab Light": "ArrowRight", "JupyterLab Dark": "ArrowLeft"} if target else {"": "ArrowRight"}
    for theme, key in themes.items():
        if theme:
            set_theme(page, theme)
        for first, others in (("distance, km", ("server, ms", "deadline, ms")), ("devices", ("years", "requests/s"))):
            box, picture = widget_picture(page, first)
            for knob in (first, *others):
                before, words = settled(page, picture), box.inner_text()
                handle = box.get_by_role("slider", name=knob)
                handle.focus()
                for _ in range(12):
                    handle.press(key)
                # Twelve steps are twelve pictures to draw: a busy machine takes longer than a second for them.
                assert comes(page, lambda old=before, shown=picture: pixels(shown) != old), f"{knob}: the picture stayed as it was"
                assert comes(page, lambda old=words, shown=box: shown.inner_text() != old), f"{knob}: the text stayed as it was"
            if target:
                page.screenshot(path=f"{target}/{first.split(',')[0]}-{theme.split()[-1].lower()}.png")


ACTIVE = f"{FRONT} .jp-Cell.jp-mod-active"
FOCUSED = "(document.activeElement.innerText || '').trim()"


def tab_to(page, text: str, key: str = "Tab", most: int = 60) -> None:
    """Press Tab until the focus is on what reads ``text``, and see that it shows."""
    for _ in range(most):
        page.keyboard.press(key)
        if page.evaluate(FOCUSED) == text:
            assert axe.focus_shows(page), f"the focus on {text!r} cannot be seen"
            return
    pytest.fail(f"{most} times {key} did not reach {text!r}; the focus is on {page.evaluate(FOCUSED)!r}")


def go_to(page, code: str, most: int = 60) -> None:
    """Press the arrow down until the cell with ``code`` is the active one."""
    for _ in range(most):
        if code in page.locator(ACTIVE).inner_text():
            return
        page.keyboard.press("ArrowDown")
    pytest.fail(f"{most} arrows down did not reach a cell with {code!r}")


def run_cell(page, code: str) -> None:
    go_to(page, code)
    page.keyboard.press("Shift+Enter")


def opened(page, title: str) -> None:
    """Wait until the notebook is in front, the keyboard is in it, and its kernel is there."""
    page.locator(FRONT).get_by_role("heading", name=title, level=1).wait_for()
    page.wait_for_function(f"document.querySelector('{FRONT}').contains(document.activeElement)")
    page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for()  # what is run before a kernel is there is lost


def test_from_the_map_through_a_check_to_the_next_lab_by_keyboard_alone(page, server):
    page.goto(f"{server}/lab/tree/labs/index.ipynb?reset")  # where `edgekit lab` opens the browser
    page.set_default_timeout(180_000)  # a kernel starts slowly on a busy machine
    opened(page, "edgekit")
    run_cell(page, "course_map.mine()")
    page.get_by_text("points. Go on with").wait_for()
    tab_to(page, "00 Start here", key="Shift+Tab")
    page.keyboard.press("Enter")
    opened(page, "Start here")
    run_cell(page, "from edgekit import")
    go_to(page, "def stopwatch")
    page.keyboard.press("Enter")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(solution(find("00"))["stopwatch"])
    page.keyboard.press("Shift+Enter")
    run_cell(page, "check.stopwatch(")
    page.locator(FRONT).get_by_text("Passed: stopwatch").wait_for()
    snap(page, "passed.png")
    tab_to(page, "Hint 1: a nudge")  # unfolds without a mouse, too
    page.keyboard.press("Enter")
    page.locator(FRONT).get_by_text("How often is run called in all?").wait_for()
    page.keyboard.press("Escape")
    go_to(page, "The course map shows")
    tab_to(page, "01 Cloud or edge")
    page.keyboard.press("Enter")
    opened(page, "Cloud or edge")


OURS = """
from edgekit import bench, ledger
from edgekit.checks import start_here as check
from edgekit.course import course_map, doctor, quiz
from edgekit.plots import explorer

ledger.predict("speed-up", 2, unit="x")
ledger.reveal("speed-up", 3.0)
---
check.verdict(lambda low, high, control_low, control_high: "faster")
---
def read(low, high, *control):
    if not control[0] <= 1 <= control[1] or low <= 1 <= high:
        return "can't tell"
    return "faster" if low > 1 else "slower"


check.verdict(read)
---
ledger.student()
---
quiz.ask("chapter3-gap", "A")
---
course_map.mine()
---
import dataclasses, sys

told = doctor.examine(site=sys.path)  # without trying every engine, which takes long
dataclasses.replace(told, runtimes={"pytorch": (True, "version 2", ""), "tensorrt": (False, "no GPU", "get one")})
---
race = bench.compare({"a": lambda: sum(range(999)), "b": lambda: sum(range(99))}, max_time=1)
race
---
race.plot()
---
import numpy as np

explorer.quantization({"weights": np.random.default_rng(0).normal(size=(4, 50)).astype("float32")})
"""
SHOWN = f"{FRONT} .jp-OutputArea-output"


def test_axe_finds_nothing_in_what_we_show(page, server, course):
    """Every kind of output of ours, in both themes; the outputs of whole labs: test_axe_finds_nothing_in_an_executed_lab."""
    write_notebook(course / "labs" / "ours.ipynb", OURS.split("---\n"))
    page.goto(f"{server}/lab/tree/labs/ours.ipynb?reset")
    page.locator(f"{FRONT} .jp-CodeCell").first.wait_for()
    page.wait_for_timeout(3000)
    run_all(page, timeout=300)
    page.locator(FRONT).get_by_role("slider", name="bits").wait_for()
    page.locator(FRONT).get_by_text("Not yet").first.wait_for()
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        set_theme(page, theme)
        assert axe.problems(page, inside=SHOWN) == [], theme
        snap(page, f"ours-{theme.split()[-1].lower()}.png")
    set_theme(page, "JupyterLab Light")


# A folder of notebooks with outputs, as `make editions` and tests/run_page.py make them.
EXECUTED = os.environ.get("EDGEKIT_EXECUTED")


@pytest.mark.parametrize("file", sorted(Path(EXECUTED).glob("*.ipynb")) if EXECUTED else [], ids=lambda file: file.stem)
def test_axe_finds_nothing_in_an_executed_lab(page, server, course, file):
    import nbformat
    from nbformat.sign import NotebookNotary

    book = nbformat.read(file, 4)
    nbformat.write(book, course / file.name)
    NotebookNotary(data_dir=str(course / "jupyter")).sign(book)  # else the browser shows no HTML of it
    page.goto(f"{server}/lab/tree/{file.name}?reset")
    page.locator(f"{FRONT} h1").first.wait_for()
    page.wait_for_timeout(5000)  # pictures and widgets come after the text
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        set_theme(page, theme)
        assert axe.problems(page, inside=SHOWN) == [], theme
        if target := os.environ.get("EDGEKIT_SCREENSHOTS"):
            photograph(page, f"{target}/{file.stem}-{theme.split()[-1].lower()}")
    set_theme(page, "JupyterLab Light")


def photograph(page, stem: str, zooms: tuple[int, ...] = (1, 2)) -> None:
    """Screenshots of the whole notebook, one viewport after the other, also as a page at 200% shows it."""
    panel = page.locator(f"{FRONT} .jp-WindowedPanel-outer")
    for zoom in zooms:
        page.set_viewport_size({"width": 1400 // zoom, "height": 1100 // zoom})
        page.wait_for_timeout(1500)
        for number in range(40):
            page.screenshot(path=f"{stem}-{zoom}00-{number:02}.png", scale="device")
            if not panel.evaluate("e => { const old = e.scrollTop; e.scrollTop += 0.9 * e.clientHeight; return e.scrollTop > old }"):
                break
            page.wait_for_timeout(500)
        panel.evaluate("e => e.scrollTop = 0")
    page.set_viewport_size({"width": 1400, "height": 1100})
    page.wait_for_timeout(1500)
