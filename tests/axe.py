"""What axe-core and a keyboard find out about a page that is open in a browser (playwright's sync API).

axe-core is the field's standard checker of accessibility; the package axe-playwright-python carries it, so nothing is downloaded.
"""

from __future__ import annotations

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
STOPS = 500


def problems(page, inside: str | None = None, without: tuple[str, ...] = (), off: tuple[str, ...] = ()) -> list[str]:
    """Every violation of WCAG 2.2 A and AA, or of axe-core's best practices, one line for each element: its rule, where it is, what is
    wrong. inside, without: CSS selectors of what is looked at, and of what in it is not. off: names of rules that are not asked."""
    from axe_playwright_python.sync_playwright import Axe

    context = {"include": [[inside]] if inside else [["html"]], "exclude": [[one] for one in without]}
    options = {"runOnly": RULES, "resultTypes": ["violations"], "rules": {name: {"enabled": False} for name in off}}
    found = Axe().run(page, context, options).response
    assert found["passes"], f"axe-core found nothing to look at in {inside or 'the page'}"
    return [
        f"{rule['id']} ({rule['impact']}) {' '.join(map(str, node['target']))}: {node['failureSummary']} {node['html'][:200]}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def tab_stops(page) -> list[tuple[str, str]]:
    """(role, name) of everything that the Tab key reaches, in its order, as the browser tells them to a screen reader.

    Raises:
        AssertionError: where Tab does not come out again, or where the focus cannot be seen.
    """
    page.evaluate("document.activeElement.blur()")
    client, stops = page.context.new_cdp_session(page), []
    while len(stops) < STOPS:
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body || !document.hasFocus()"):
            return stops
        focused = client.send("Runtime.evaluate", {"expression": "document.activeElement"})["result"]["objectId"]
        node, *_ = client.send("Accessibility.getPartialAXTree", {"objectId": focused, "fetchRelatives": False})["nodes"]
        stops.append((node["role"]["value"], node.get("name", {}).get("value", "")))
        assert focus_shows(page), f"the focus on {stops[-1]} cannot be seen"
    raise AssertionError(f"Tab does not come out of the page; the last stops: {stops[-5:]}")


def focus_shows(page) -> bool:
    """Whether one can see which element has the keyboard's focus."""
    return page.evaluate(_SEEN)


# An outline or a shadow that is there only while the element has the focus would do as well; an outline is what we ask for.
_SEEN = """(() => { const style = getComputedStyle(document.activeElement);
    return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== 'none'; })()"""
