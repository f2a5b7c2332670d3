"""The pages the grader writes: one for every student, one for the class, one with answers that are alike.

Plain HTML with its style inside and a content policy that forbids everything else: a page can be mailed, opened from a disk
and read on a phone. Messages and names come from students: everything is escaped, and nothing is a link that they chose.
The markup stands in ``edgekit/instructor/templates``.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Iterable

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from edgekit.course import catalog
from edgekit.instructor.reports.about import About
from edgekit.instructor.reports.records import OUR_FAULT, ItemResult, Record, clean, faulty, points, tidy

MARK = Markup('<meta name="generator" content="edgekit grade">')
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
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
MEASURES = {"accuracy": "accuracy on the test digits", "latency_ratio": "time for an image, times that of the course's TinyCNN"}


def title(slug: str) -> str:
    """ "04 Exporting to ONNX" for 04_onnx_export; the slug itself where the course does not know it."""
    try:
        found = next((lab.title for lab in catalog.labs() if lab.slug == slug), "")
    except catalog.CourseError:
        found = ""
    return f"{slug.partition('_')[0]} {found}" if found else slug


def worth(record: Record) -> str:
    """ "9 of 14", with what being late costs."""
    got = points(record)
    return f"{'open' if got is None else got} of {tidy(record.most)}"


def _all_points(item: ItemResult) -> bool:
    return item.status == "pass" or (item.status == "settled" and item.earned >= item.points)


def looks(item: ItemResult) -> str:
    """The class of an item's box: all points, a fault of ours, or neither."""
    return "pass" if _all_points(item) else "ours" if item.status == OUR_FAULT else "not"


def _walls(tier: str) -> str:
    return TIERS.get(tier.partition(",")[0].strip(), "tier " + tier)


def _measures(score: object) -> list[tuple[str, str]]:
    """Name and value of every measurement of a model."""
    found = score.items() if isinstance(score, dict) else ()
    return [(MEASURES.get(key, key.replace("_", " ")), _short(value)) for key, value in found if isinstance(value, int | float | str)]


def _short(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value


# -------------------------------------------------------------------------------------------------------------------- templates
def shown(value: object, limit: int = 4000) -> Markup:
    """A value as it stands in a page: cleaned, cut to ``limit`` and escaped. What is markup already stays."""
    return value if isinstance(value, Markup) else escape(clean(value, limit))


# ``shown`` is applied to every value of every template; ``|clean(200)`` sets another limit.
_ENVIRONMENT = Environment(
    loader=PackageLoader("edgekit.instructor"),
    autoescape=True,
    finalize=shown,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters["clean"] = shown
_ENVIRONMENT.globals.update(mark=MARK, policy=POLICY, words=WORDS, title=title, worth=worth, looks=looks, tidy=tidy)
_ENVIRONMENT.globals.update(faulty=faulty, walls=_walls, measures=_measures)


def render(template: str, **given) -> str:
    """One of the templates as a whole page."""
    return _ENVIRONMENT.get_template(template).render(given)


def student(name: str, records: list[Record]) -> str:
    """The page of one student: points, feedback and notes of every lab. Inputs, seeds and other students do not appear."""
    return render("student.html", name=name, records=records)


def similar(pairs: list, sources: Callable) -> str:
    """Pairs of answers that are alike, with both of them: ``sources(pair)`` gives their code."""
    return render("similar.html", pairs=pairs, sources=sources)


def summary(records: list[Record], names: dict[str, str], picture: bytes, alt: str, known: About | None = None) -> str:
    """The class page: the plot, a table of checks and causes, a table of students with links to their pages."""
    audits = [bool(record.audit.get("agrees")) for record in records if record.audit]
    return render(
        "summary.html",
        records=records,
        known=known or About(),
        states=_counts(record.status for record in records),
        statuses=_counts(item.status for record in records for item in record.items),
        tiers=sorted({record.tier for record in records}),
        audits=audits,
        image=Markup(base64.b64encode(picture).decode("ascii")),
        alt=alt,
        checks=_checks(records),
        students=_students(records, names),
    )


def _counts(words: Iterable[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(Counter(words).items())) or "none"


def causes(records: Iterable[Record]) -> dict[tuple[str, str], Counter]:
    """For every (lab, item) how many students did not pass it, by cause: the check's own label of the mistake, or the
    status where nothing was judged. Passes are counted under ""."""
    found: dict[tuple[str, str], Counter] = {}
    for record in records:
        for item in record.items:
            cause = (item.cause or "fail") if item.status == "fail" else WORDS.get(item.status, item.status)
            label = "" if _all_points(item) else clean(cause, 40)
            found.setdefault((record.lab, item.name), Counter())[label] += 1
    return found


def _checks(records: list[Record]) -> list[dict]:
    """Which check was not passed how often, and why: the causes, with the kill table's mistakes that have the same cause."""
    rows, known = [], catalog.mistakes()
    for (lab, item), counter in sorted(causes(records).items()):
        passed = counter.pop("", 0)
        mistakes = known.get(lab, {}).get(item, {})
        why = [(label, n, [one for one in mistakes.get(label, []) if one != label]) for label, n in counter.most_common()]
        rows.append({"lab": lab, "item": item, "missed": counter.total(), "passed": passed, "causes": why})
    return rows


def _students(records: list[Record], names: dict[str, str]) -> list[dict]:
    full: dict[str, float] = {}
    for record in records:
        full[record.lab] = max(full.get(record.lab, 0), record.most)
    rows, most = [], tidy(sum(full.values()))
    for name, page in names.items():
        mine = [record for record in records if record.student == name]
        got = [points(record) for record in mine]
        total = f"{'open' if None in got else tidy(sum(got))} of {most}"
        labs = "; ".join(f"{title(record.lab)}: {worth(record)} points" for record in mine) or "nothing handed in"
        rows.append({"name": name, "page": page, "total": total, "labs": labs})
    return rows
