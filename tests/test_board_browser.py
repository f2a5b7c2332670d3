"""The board in a real browser: after a killed server, light and dark, by keyboard, and as axe-core sees it."""

from __future__ import annotations

import os
import re

import pytest

from edgekit.instructor.board import intake, server
from tests import axe
from tests import capstone as made
from tests.test_board import board, class_of_15, killed_in_the_middle, packed, sent_again  # noqa: F401
from tests.test_browser import browser, pytestmark  # noqa: F401


@pytest.fixture
def pages(browser):  # noqa: F811
    """Makes pages of a width and a scheme of colours."""
    made_pages = []

    def page(width: int, scheme: str):
        made_pages.append(browser.new_page(viewport={"width": width, "height": 1100}, color_scheme=scheme))
        return made_pages[-1]

    yield page
    for one in made_pages:
        one.close()


def snap(page, name: str) -> None:
    if target := os.environ.get("EDGEKIT_SCREENSHOTS"):
        page.screenshot(path=f"{target}/{name}.png", full_page=True)


def some_judged(board, tmp_path) -> None:  # noqa: F811
    """One more that is refused, and four of 31 judged, on both kinds of device."""
    wrong = packed(board, tmp_path, "anna", model=made.constant, device="microcontroller")
    intake.Intake(board).take("anna", wrong)
    judge, states = intake.Judge(board, made.in_this_process, seconds=0.5), {}
    board.store.claim = lambda: next(wanted, None)
    with board.store._reading() as db:
        ask = "SELECT id, student, packed FROM submission WHERE student IN ('s1', 's2', 'anna')"
        wanted = iter([(row["id"], row["student"], row["packed"]) for row in db.execute(ask).fetchall()])
    while (number := judge.next()) is not None:
        states[number] = next(row["state"] for row in board.store.rows() if row["id"] == number)
    assert sorted(states.values()) == ["judged"] * 4 + ["refused"]


def test_thirty_a_killed_server_and_what_a_reader_finds(board, tmp_path, pages):  # noqa: F811
    blobs = class_of_15(board, tmp_path)
    answered = killed_in_the_middle(board, blobs)
    kept = {row["packed_sha"] for row in board.store.rows()}
    assert set(answered.values()) <= kept
    with server.serving(board) as address:
        sent_again(board, blobs, address, kept)
        page = pages(1280, "light")
        page.goto(address)
        assert page.get_by_role("status").inner_text().startswith("30 submissions: 0 judged, 30 waiting")
        some_judged(board, tmp_path)
        page.reload()
        assert page.get_by_role("status").inner_text().startswith("31 submissions: 4 judged, 26 waiting")
        assert page.get_by_role("listitem").filter(has_text="constant output").count() == 1
        seen_by_all(pages, address)
        by_keyboard(page)


def seen_by_all(pages, address: str) -> None:
    """No violation in either scheme, on a wide screen and on a phone; nothing but the tables is wider than a phone."""
    for width in (1280, 360):
        for scheme in ("light", "dark"):
            page = pages(width, scheme)
            page.goto(address)
            page.locator("summary").first.click()
            assert axe.problems(page) == [], (width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, scheme)
            snap(page, f"board_{width}_{scheme}")


def by_keyboard(page) -> None:
    stops = axe.tab_stops(page)
    tables = [name for role, name in stops if role == "region"]
    assert tables == [f"Picture and table: digits on {device}, closed" for device in ("cpu-board", "microcontroller")]
    unfolded = [name for _, name in stops if name.startswith("Provenance of #")]
    assert len(unfolded) == len(set(unfolded)) == 4 and len(stops) == 6, stops
    picture = page.get_by_role("img").first.get_attribute("aria-label")
    assert re.match(r"Accuracy against time for 2 submissions. On the front: s\d", picture)
    first = page.locator("details").first
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert first.get_attribute("open") is not None and "model sha256" in first.inner_text()
