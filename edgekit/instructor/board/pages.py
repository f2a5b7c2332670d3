"""The board as one HTML page: a picture and a table for every group, provenance to unfold. No script, no request, nothing remote."""

from __future__ import annotations

import math
from datetime import datetime

from edgekit.capstone.budgets import DEVICES
from edgekit.instructor.board.front import Point, points, surely
from edgekit.instructor.board.store import FAULT, JUDGED, JUDGING, QUEUED, REFUSED
from edgekit.instructor.reports.pages import _e, page

STYLE = """
:root { --ink: #1b1b1b; --paper: #ffffff; --line: #767676; --front: #0b6e4f; --other: #8a4b00; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --paper: #16181a; --line: #9a9a9a; --front: #59d3a2; --other: #f0b060; } }
body { color: var(--ink); background: var(--paper); max-width: 60rem; } a { color: inherit; }
table { font-size: .95rem; } th, td { vertical-align: top; } summary { min-height: 1.6rem; cursor: pointer; }
li { overflow-wrap: anywhere; }
svg { width: 100%; min-width: 34rem; height: auto; } th[scope=row], th[scope=row] ~ td { border-bottom: 0; }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif; } :focus-visible { outline: 3px solid var(--front); outline-offset: 2px; }
.front { fill: var(--front); stroke: var(--front); } .other { fill: none; stroke: var(--other); } .axis { stroke: var(--line); }
.base { stroke: var(--line); stroke-dasharray: 5 4; }
"""
COLUMNS = ("Submission", "Accuracy [95%]", "Time, x baseline [95%]", "File", "Budget", "Dominated by")
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 360, 64, 52, 16, 24


def board(title: str, rows: list[dict], refusals: list[dict]) -> str:
    groups: dict[tuple[str, str, str], list[dict]] = {}
    for row in rows:
        groups.setdefault((row["task"], row["device"], row["division"]), []).append(row)
    count = lambda state: sum(row["state"] == state for row in rows)
    said = (
        f"{len(rows)} submissions: {count(JUDGED)} judged, {count(QUEUED) + count(JUDGING)} waiting, {count(REFUSED) + len(refusals)}"
        f" refused, {count(FAULT)} not judged by a fault of ours."
    )
    body = [f"<h1>{_e(title)}</h1>", f'<p role="status">{said}</p>']
    body += [_group(*key, found) for key, found in sorted(groups.items())] or ["<p>Nothing was handed in yet.</p>"]
    body.append(_refused(rows, refusals))
    return page(title, "\n".join(body), STYLE)


def _group(task: str, device: str, division: str, rows: list[dict]) -> str:
    found = points(rows)
    head = f"<h2>{_e(task)} on {_e(device)}, {_e(division)} division</h2>\n<p>{_e(DEVICES[device].title)}.</p>"
    if not found:
        return head + f"\n<p>{len(rows)} handed in, none judged yet.</p>"
    by_number = {row["id"]: row for row in rows}
    names = {p.number: p for p in found}
    lines = "".join(_line(p, names, by_number[p.number]) for p in sorted(found, key=lambda p: (bool(p.beaten_by), p.file)))
    columns = "".join(f'<th scope="col">{c}</th>' for c in COLUMNS)
    label = f"Picture and table: {_e(task)} on {_e(device)}, {_e(division)}"
    return (
        f'{head}\n<div class="wide" tabindex="0" role="region"'
        f' aria-label="{label}">{picture(found)}\n<table><thead><tr>{columns}</tr></thead><tbody>{lines}</tbody></table></div>'
    )


def _line(p: Point, names: dict[int, Point], row: dict) -> str:
    budget = row["report"]["budget"]
    missed = ", ".join(item["name"] for item in row["report"]["items"] if item["verdict"] != "kept")
    by = ", ".join(f"{names[n].student} #{n}{' (intervals apart)' if surely(names[n], p) else ''}" for n in p.beaten_by)
    cells = [
        f"{p.accuracy[0]:.2%} [{p.accuracy[1]:.2%}, {p.accuracy[2]:.2%}]",
        f"{p.latency[0]:.2f} [{p.latency[1]:.2f}, {p.latency[2]:.2f}]",
        f"{p.file:,} of {budget['file']:,} bytes",
        "kept" if p.kept else f"not kept: {missed}",
        by or "nobody: on the front",
    ]
    when = datetime.fromtimestamp(row["received"]).astimezone().isoformat(timespec="seconds")
    manifest = row["manifest"]
    items = "\n".join(
        f"{i['verdict']}: {i['name']}, {i['measured']}; budget {i['allowed']}{': ' if i['why'] else ''}{i['why']}"
        for i in row["report"]["items"]
    )
    facts = (
        f"received {when}\npacked {manifest.get('made')} on {_device(manifest)}\nmodel sha256 {row['model_sha']}\nfile sha256"
        f" {row['packed_sha']}\nmeasured on {_device(row['report'])}\n{items}"
    )
    unfold = f"<details><summary>Provenance of #{p.number}</summary><pre>{_e(facts, 4000)}</pre></details>"
    return (
        f'<tr><th scope="row">{_e(p.student)} #{p.number}</th>{"".join(f"<td>{_e(c)}</td>" for c in cells)}</tr>\n<tr><td'
        f' colspan="{len(COLUMNS)}">{unfold}</td></tr>\n'
    )


def _device(about: dict) -> str:
    known = about.get("environment") or {}
    return ", ".join(str(known[key]) for key in ("device", "cpu", "onnxruntime", "python") if known.get(key)) or "unknown"


def _refused(rows: list[dict], refusals: list[dict]) -> str:
    lines = [(row["student"], row["reason"]) for row in rows if row["state"] == REFUSED]
    lines += [(one["student"], one["reason"]) for one in refusals]
    if not lines:
        return ""
    items = "".join(f"<li>{_e(student or 'signed by nobody of the class')}: {_e(reason, 500)}</li>" for student, reason in lines[-100:])
    return f"<h2>Refused</h2>\n<ul>{items}</ul>"


# --------------------------------------------------------------------------------------------------------------------- picture
def picture(found: list[Point]) -> str:
    """Accuracy against latency as SVG: area is the file's size, lines are the intervals, filled is the front."""
    x = _scale([v for p in found for v in p.latency] + [1.0], LEFT, WIDTH - RIGHT)
    y = _scale([v for p in found for v in p.accuracy], HEIGHT - BOTTOM, TOP)
    largest = max(p.file for p in found)
    marks = "".join(_mark(p, x, y, largest) for p in sorted(found, key=lambda p: -p.file))
    front = [f"{p.student} {p.accuracy[0]:.1%} at {p.latency[0]:.2f}x" for p in found if not p.beaten_by]
    alt = f"Accuracy against time for {len(found)} submissions. On the front: {', '.join(front[:12])}."
    axes = (
        f'<line class="axis" x1="{LEFT}" y1="{HEIGHT - BOTTOM}" x2="{WIDTH - RIGHT}" y2="{HEIGHT - BOTTOM}"/><line class="axis" x1="{LEFT}"'
        f' y1="{TOP}" x2="{LEFT}" y2="{HEIGHT - BOTTOM}"/><line class="base" x1="{x(1.0):.1f}" y1="{TOP}" x2="{x(1.0):.1f}"'
        f' y2="{HEIGHT - BOTTOM}"/><text x="{x(1.0) - 4:.1f}" y="{TOP + 12}" text-anchor="end">baseline</text><text'
        f' x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 8}" text-anchor="middle">time, x the baseline (left is faster); area is the size of the'
        f' file</text><text x="{LEFT}" y="{TOP - 3}">accuracy</text>'
    )
    ticks = "".join(f'<text x="{x(v):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{v:.2g}</text>' for v in x.ticks)
    ticks += "".join(f'<text x="{LEFT - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{v:.1%}</text>' for v in y.ticks)
    return f'<svg role="img" aria-label="{_e(alt, 900)}" viewBox="0 0 {WIDTH} {HEIGHT}">{axes}{ticks}{marks}</svg>'


def _mark(p: Point, x, y, largest: int) -> str:
    radius = 4 + 14 * math.sqrt(p.file / largest)
    look = "other" if p.beaten_by else "front"
    across = (
        f'<line class="{look}" x1="{x(p.latency[1]):.1f}" x2="{x(p.latency[2]):.1f}" y1="{y(p.accuracy[0]):.1f}"'
        f' y2="{y(p.accuracy[0]):.1f}"/>'
    )
    along = (
        f'<line class="{look}" x1="{x(p.latency[0]):.1f}" x2="{x(p.latency[0]):.1f}" y1="{y(p.accuracy[1]):.1f}"'
        f' y2="{y(p.accuracy[2]):.1f}"/>'
    )
    circle = (
        f'<circle class="{look}" fill-opacity="0.35" stroke-width="1.5" cx="{x(p.latency[0]):.1f}" cy="{y(p.accuracy[0]):.1f}"'
        f' r="{radius:.1f}"/>'
    )
    return f"<g><title>{_e(p.student)} #{p.number}</title>{across}{along}{circle}</g>"


class _scale:
    """From values to pixels, with some room at both ends; ``ticks`` are round values in between."""

    def __init__(self, values: list[float], first: float, last: float):
        low, high = min(values), max(values)
        room = 0.08 * (high - low) or 0.05
        self.low, self.high, self.first, self.last = low - room, high + room, first, last
        step = 10 ** math.floor(math.log10(self.high - self.low))
        step *= next(f for f in (0.2, 0.5, 1, 2) if (self.high - self.low) / (step * f) <= 8)
        start = math.ceil(self.low / step)
        self.ticks = [i * step for i in range(start, math.floor(self.high / step) + 1)]

    def __call__(self, value: float) -> float:
        return self.first + (value - self.low) / (self.high - self.low) * (self.last - self.first)
