"""The checks of accessibility find what was put there for them to find."""

from __future__ import annotations

import pytest

from tests import axe
from tests.test_browser import browser, pytestmark  # noqa: F401

GOOD = """<!doctype html><html lang="en"><title>a page</title><main><h1>a page</h1><a href="#x">a link</a>
<div role="img" aria-label="a curve"></div><p id="x">text</p><button>press</button></main></html>"""


@pytest.fixture
def page(browser):  # noqa: F811
    page = browser.new_page()
    yield page
    page.close()


@pytest.mark.parametrize(
    "right, wrong, rule",
    [
        (' lang="en"', "", "html-has-lang"),
        (' aria-label="a curve"', "", "role-img-alt"),
        (">press<", "><", "button-name"),
        ('<p id="x">', '<p style="color: #bbb; background: #fff">', "color-contrast"),
        ("<h1>a page</h1>", "<h1>a page</h1><h4>deep</h4>", "heading-order"),
    ],
)
def test_a_planted_problem_is_found(page, right, wrong, rule):
    page.set_content(GOOD)
    assert axe.problems(page) == []
    page.set_content(GOOD.replace(right, wrong))
    (found,) = axe.problems(page)
    assert found.startswith(f"{rule} ("), found
    assert axe.problems(page, off=(rule,)) == []
    if rule == "button-name":
        assert axe.problems(page, inside="main", without=("button",)) == []


def test_what_the_keyboard_reaches_has_a_name_and_is_seen(page):
    page.set_content(GOOD)
    assert axe.tab_stops(page) == [("link", "a link"), ("button", "press")]
    page.set_content(GOOD.replace("<button>", '<button style="outline: none">'))
    with pytest.raises(AssertionError, match="'button', 'press'.* cannot be seen"):
        axe.tab_stops(page)
    trap = GOOD.replace("<button>", '<button onkeydown="event.preventDefault()">')
    page.set_content(trap)
    with pytest.raises(AssertionError, match="does not come out"):
        axe.tab_stops(page)
