"""The pages the grader writes: one for every student, one for the class with a plot.

Plain HTML with its style inside and a content policy that forbids everything else: a page can be mailed, opened from a disk
and read on a phone. Messages and names come from students: everything is escaped, and nothing is a link that they chose.
"""

from __future__ import annotations

import base64
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable
from html import escape

from edgekit.course import catalog
from edgekit.instructor.reports.about import About
from edgekit.instructor.reports.records import ItemResult, Record, clean, faulty, points, tidy

MARK = '<meta name="generator" content="edgekit grade">'
WORDS = {
    "pass": "passed",
    "fail": "not yet",
    "timeout": "took too long",
    "out-of-memory": "needed too much memory",
    "kernel-died": "the kernel died",
    "missing": "no answer found",
    "grader-error": "could not be graded",
    "settled": "marked by a person",
}
TIERS = {
    "namespace": "in a sandbox without network (tier namespace)",
    "container": "in a container without network (tier container)",
    "none": "WITHOUT a sandbox (tier none)",
}
# Okabe and Ito's palette without yellow and black: colours that colour-blind readers tell apart, under black text.
COLOURS = ["#E69F00", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#0072B2"]
MEASURES = {"accuracy": "accuracy on the test digits", "latency_ratio": "time for an image, times that of the course's TinyCNN"}
REST = "#999999"
STYLE = """
:root { color-scheme: light dark; }
@media (prefers-color-scheme: dark) { img { filter: invert(1) hue-rotate(180deg); } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.2; overflow-wrap: anywhere; } h2 { font-size: 1.2rem; margin-top: 2rem; }
section.item { border: 1px solid #888; border-left-width: .4rem; border-radius: .3rem; padding: .2rem 1rem; margin: .8rem 0; }
section.item h3 { font-size: 1rem; margin: .4rem 0; } section.pass { border-left-color: #009E73; }
section.not { border-left-color: #D55E00; }
section.ours { border-left-color: #56B4E9; } th small { font-weight: normal; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .9rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #888; overflow-wrap: break-word; }
td.n, th.n { text-align: right; } td ul { margin: 0; padding-left: 1rem; } div.wide { overflow-x: auto; }
img { max-width: 100%; height: auto; background: #fff; }
@media (max-width: 40rem) {
  table.rows, table.rows :is(tbody, tr, th, td) { display: block; } table.rows thead { position: absolute; clip-path: inset(50%); }
  table.rows tr { border-bottom: 1px solid #888; padding: .4rem 0; }
  table.rows :is(th, td) { border: 0; padding: .1rem 0; text-align: left; overflow-wrap: anywhere; }
  table.rows td::before { content: attr(data-label) ": "; }
}
div.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem; }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def _e(text: object, limit: int = 4000) -> str:
    return escape(clean(text, limit), quote=True)


def page(title: str, body: str, style: str = "") -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'{MARK}\n<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{_e(title, 200)}</title>\n'
        f"<style>{STYLE}{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _of(record: Record) -> str:
    """ "9 of 14 points"; with what being late costs."""
    got = points(record)
    return f"{'open' if got is None else got} of {tidy(record.most)} points"


def title(slug: str) -> str:
    """ "04 Exporting to ONNX" for 04_onnx_export; the slug itself where the course does not know it."""
    try:
        found = next((lab.title for lab in catalog.labs() if lab.slug == slug), "")
    except catalog.CourseError:
        found = ""
    return f"{slug.partition('_')[0]} {found}" if found else slug


# -------------------------------------------------------------------------------------------------------------------- student
def student(name: str, records: list[Record]) -> str:
    """The page of one student: points, feedback and notes of every lab. Inputs, seeds and other students do not appear."""
    parts = [f"<h1>{_e(name, 200)}</h1>"]
    parts += [_lab(record) for record in records] or ["<p>Nothing was handed in.</p>"]
    return page(f"Feedback for {clean(name, 100)}", "\n".join(parts))


def _lab(record: Record) -> str:
    parts = [f"<h2>{_e(title(record.lab), 200)}: {_of(record)}</h2>"]
    if record.status == "unreadable":
        parts.append("<p><strong>The file you handed in could not be read.</strong> The notes below say why.</p>")
    if faulty(record):
        parts.append("<p><strong>A part could not be graded, by a fault of ours.</strong> No points are lost; ask your instructor.</p>")
    if record.late:
        parts.append(f"<p><strong>{_e(record.late['words'], 200)}.</strong></p>")
    parts += [_item(item, record.scores) for item in record.items]
    if record.notes:
        notes = "".join(f"<li>{_e(note, 500)}</li>" for note in record.notes[:50])
        parts.append(f"<p>Noticed while grading:</p>\n<ul>{notes}</ul>")
    sandbox = TIERS.get(record.tier.partition(",")[0].strip(), "tier " + record.tier)
    parts.append(f"<p><small>Graded {_e(sandbox, 200)}, version {_e(record.sha256, 12)} of your file.</small></p>")
    return "\n".join(parts)


def looks(item: ItemResult) -> str:
    """The class of an item's box: all points, a fault of ours, or neither."""
    if item.status == "settled" and item.earned >= item.points:
        return "pass"
    return {"pass": "pass", "grader-error": "ours"}.get(item.status, "not")


def _item(item: ItemResult, scores: dict) -> str:
    status = item.status
    earned = "open" if status == "grader-error" else tidy(item.earned)
    cause = f" ({_e(item.cause, 80)})" if item.cause and status not in ("pass", "settled") else ""
    head = f"<h3>{_e(item.name, 100)}: {_e(WORDS.get(status, status), 100)}{cause}, {earned} of {tidy(item.points)}</h3>"
    text = f"<pre>{_e(item.message)}</pre>" if item.message else ""
    if item.comment:
        text = f"<p><strong>Your instructor:</strong></p><pre>{_e(item.comment)}</pre>" + text
    measured = _scores(scores.get(item.name))
    return f'<section class="item {looks(item)}">\n{head}\n{text}{measured}\n</section>'


def _scores(score: object) -> str:
    if not isinstance(score, dict):
        return ""
    rows = [(MEASURES.get(key, key.replace("_", " ")), value) for key, value in score.items() if isinstance(value, int | float | str)]
    if not rows:
        return ""
    lines = "".join(f'<tr><th scope="row">{_e(key, 60)}</th><td>{_e(_short(value), 60)}</td></tr>' for key, value in rows)
    return f"\n<table><caption>The model you made, measured by the grader</caption>{lines}</table>"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


# -------------------------------------------------------------------------------------------------------------------- similar
def similar(pairs: list, sources: Callable) -> str:
    """Pairs of answers that are alike, with both of them: ``sources(pair)`` gives their code."""
    parts = [
        "<h1>Answers that are alike</h1>",
        (
            "<p>Beyond what the stub, the solution and many others have. This is a reason to look, and no proof: "
            "people who learn together write alike. It changes no mark.</p>"
        ),
    ]
    for pair in pairs[:200]:
        head = f"<h2>{_e(pair.one, 200)} and {_e(pair.two, 200)}</h2>"
        about = f"<p>{_e(title(pair.lab), 200)}, {_e(pair.item, 100)}: {pair.share:.0%} of the smaller one.</p>"
        both = "".join(f"<pre>{_e(source)}</pre>" for source in sources(pair))
        parts.append(f'{head}\n{about}\n<div class="pair">{both}</div>')
    if len(pairs) > 200:
        parts.append(f"<p>{len(pairs) - 200} more stand in similarity.csv.</p>")
    return page("Answers that are alike", "\n".join(parts))


# ---------------------------------------------------------------------------------------------------------------------- class
def causes(records: Iterable[Record]) -> dict[tuple[str, str], Counter]:
    """For every (lab, item) how many students did not pass it, by cause: the check's own label of the mistake, or the
    status where nothing was judged. Passes are counted under ""."""
    found: dict[tuple[str, str], Counter] = {}
    for record in records:
        for item in record.items:
            status = item.status
            label = (
                ""
                if status == "pass" or (status == "settled" and item.earned >= item.points)
                else (item.cause or "fail")
                if status == "fail"
                else WORDS.get(status, status)
            )
            found.setdefault((record.lab, item.name), Counter())[clean(label, 40)] += 1
    return found


def summary(records: list[Record], names: dict[str, str], picture: bytes, alt: str, known: About | None = None) -> str:
    """The class page: the plot, a table of checks and causes, a table of students with links to their pages."""
    known = known or About()
    image = base64.b64encode(picture).decode("ascii")
    statuses = Counter(item.status for record in records for item in record.items)
    states = Counter(record.status for record in records)
    tiers = sorted({record.tier for record in records})
    parts = [
        "<h1>Class summary</h1>",
        (
            f"<p>{len(names)} students, {len(records)} submissions. Submissions: {_e(_counts(states))}. Items: {_e(_counts(statuses))}. "
            f"Sandbox: {_e(', '.join(tiers))}.</p>"
        ),
    ]
    if "none" in tiers:
        parts.append("<p><strong>Warning: graded without a sandbox.</strong></p>")
    parts += [_audit(records), f'<img src="data:image/png;base64,{image}" alt="{_e(alt)}">', _cause_table(records)]
    parts += [_lost_list(known.lost), _strangers(known.strangers), _review_list(records), _student_table(records, names)]
    return page("Class summary", "\n".join(parts))


def _counts(counter: Counter) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counter.items())) or "none"


def _audit(records: list[Record]) -> str:
    audits = [record.audit for record in records if record.audit]
    if not audits:
        return "<p>Audit: no submission was graded a second time in a cold kernel.</p>"
    agree = sum(bool(audit.get("agrees")) for audit in audits)
    return f"<p>Audit: {agree} of {len(audits)} submissions graded a second time in a cold kernel got the same verdicts.</p>"


def _cause_table(records: list[Record]) -> str:
    """Which check was not passed how often, and why: the causes, with the kill table's mistakes that have the same cause."""
    rows, known = [], catalog.mistakes()
    for (lab, item), counter in sorted(causes(records).items()):
        wrong = [(label, n) for label, n in counter.most_common() if label]
        named = known.get(lab, {}).get(item, {})
        why = "".join(f"<li>{_cause(label, n, named)}</li>" for label, n in wrong[:8])
        why += "<li>...</li>" if len(wrong) > 8 else ""
        rows.append(
            [
                f"{_e(item, 100)}<br><small>{_e(title(lab), 100)}</small>",
                str(sum(counter.values()) - counter[""]),
                str(counter[""]),
                f"<ul>{why}</ul>" if why else "none",
            ]
        )
    return "<h2>Checks</h2>\n" + _table(("Check", "Not passed", "Passed", "Causes"), rows, numbers=(1, 2))


def _table(heads: tuple[str, ...], rows: list[list[str]], numbers: tuple[int, ...]) -> str:
    """A table of HTML cells, the first of a row its head. On a narrow screen its rows become blocks; the roles say to a screen reader that
    it is a table still."""
    kind = lambda i: ' class="n"' if i in numbers else ""
    head = "".join(f'<th scope="col" role="columnheader"{kind(i)}>{one}</th>' for i, one in enumerate(heads))
    lines = []
    for first, *rest in rows:
        cells = "".join(f'<td role="cell" data-label="{heads[i]}"{kind(i)}>{cell}</td>' for i, cell in enumerate(rest, 1))
        lines.append(f'<tr role="row"><th scope="row" role="rowheader">{first}</th>{cells}</tr>')
    return (
        f'<table class="rows" role="table"><thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{"".join(lines)}</tbody></table>'
    )


def _cause(label: str, count: int, named: dict[str, list[str]]) -> str:
    like = [mistake for mistake in named.get(label, []) if mistake != label]
    shown = ", ".join(like[:3]) + (" ..." if len(like) > 3 else "")
    return f"{_e(label)} ({count})" + (f" <small>such as: {_e(shown)}</small>" if like else "")


def _student_table(records: list[Record], names: dict[str, str]) -> str:
    rows = []
    full: dict[str, float] = {}
    for record in records:
        full[record.lab] = max(full.get(record.lab, 0), record.most)
    most = tidy(sum(full.values()))
    for name, page in names.items():
        mine = [record for record in records if record.student == name]
        labs = "; ".join(f"{title(record.lab)}: {_of(record)}" for record in mine)
        got = [points(record) for record in mine]
        total = f"{'open' if None in got else tidy(sum(got))} of {most}"
        labs = labs or "nothing handed in"
        rows.append([f'<a href="students/{_e(page)}">{_e(name, 200)}</a>', total, _e(labs)])
    return "<h2>Students</h2>\n" + _table(("Student", "Points", "Labs"), rows, numbers=(1,))


def _lost_list(lost: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"<li>{_e(path, 300)}: {_e(why, 300)}</li>" for path, why in lost)
    return f"<h2>Found and not graded</h2>\n<ul>{lines}</ul>" if lines else ""


def _strangers(names: Iterable[str]) -> str:
    lines = "".join(f"<li>{_e(name, 200)}</li>" for name in names)
    return f"<h2>Not in the roster</h2>\n<ul>{lines}</ul>" if lines else ""


def _review_list(records: list[Record]) -> str:
    """What a person should look at. It stands here and not on the page of the student."""
    lines = [
        f"<li><strong>{_e(record.student, 200)}</strong>, {_e(title(record.lab), 200)}: {_e(note, 500)}</li>"
        for record in records
        for note in record.review[:20]
    ]
    return f"<h2>For you to look at</h2>\n<ul>{''.join(lines)}</ul>" if lines else ""


def figure(records: list[Record]):
    """Which check was not passed how often and why, and how the points are distributed. A matplotlib Figure with ``alt``."""
    from matplotlib.figure import Figure

    found = {key: counter for key, counter in sorted(causes(records).items())}
    fig = Figure(figsize=(9, 3.6 + 0.42 * max(len(found), 2)), layout="constrained")
    bars, spread = fig.subplots(2, 1, height_ratios=[0.42 * max(len(found), 2), 2.2])
    _draw_causes(bars, found)
    shares = _draw_points(spread, records)
    worst = max(found.items(), key=lambda pair: sum(pair[1].values()) - pair[1][""], default=None)
    fig.alt = (
        f"Stacked bars: students that did not pass each of {len(found)} checks, by cause; histogram of {len(shares)} students' points."
    )
    if worst:
        fig.alt += f" Most often not passed: {worst[0][1]}, {sum(worst[1].values()) - worst[1]['']} times. The table below has all numbers."
    return fig


def _colours(found: dict[tuple[str, str], Counter]) -> dict[str, str]:
    """A colour for each cause, the same in all bars; "not done yet" is grey. There are more causes than colours: each bar's labels
    say which is which."""
    total = sum(found.values(), Counter())
    named = [label for label, _ in total.most_common() if label and label != "not done yet"]
    return dict(zip(named, itertools.cycle(COLOURS), strict=False))


def _draw_causes(axes, found: dict[tuple[str, str], Counter]) -> None:
    most = max((sum(counter.values()) - counter[""] for counter in found.values()), default=0) or 1
    colours = _colours(found)
    for row, counter in enumerate(found.values()):
        wrong = [(label, n) for label, n in counter.most_common() if label]
        shown = wrong[:5] + ([("other", sum(n for _, n in wrong[5:]))] if len(wrong) > 5 else [])
        left = 0
        for label, n in shown:
            axes.barh(row, n, left=left, color=colours.get(label, REST), edgecolor="white")
            room = int(72 * n / most)
            # A label is a student's text in the worst case: never parsed as a formula.
            text = label if len(label) <= room else label[: max(room - 1, 0)] + "\u2026" if room > 5 else ""
            axes.text(left + n / 2, row, text, ha="center", va="center", fontsize=7, color="black", parse_math=False)
            left += n
    axes.set_yticks(range(len(found)), [f"{lab.partition('_')[0]} {item}" for lab, item in found])
    for text in axes.get_yticklabels():
        text.set_parse_math(False)
    axes.set_ylim(len(found) - 0.5, -0.5)  # the first on top, and room for those that all passed
    axes.set_xlim(0, most * 1.02)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("students that did not pass, by cause")


def _draw_points(axes, records: list[Record]) -> list[float]:
    got: dict[str, list[float]] = {}
    for record in records:
        value = points(record)
        if value is not None and record.most > 0:
            total = got.setdefault(record.student, [0.0, 0.0])
            total[0], total[1] = total[0] + value, total[1] + record.most
    shares = [100 * a / b for a, b in got.values() if math.isfinite(a / b)]
    axes.hist(shares, bins=[10 * i for i in range(11)], color="#0072B2", edgecolor="white")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("points, % of what can be had in the labs handed in")
    axes.set_ylabel("students")
    return shares
