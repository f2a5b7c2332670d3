"""data/claims.toml, and the verdicts recorded on devices (data/recorded/claims_*.json)."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edgekit import formatting, paths
from edgekit.course.catalog import CourseError, labs, tomllib
from edgekit.ledger.recorded import Recorded, RecordedError, recorded

VERDICTS = ("holds", "holds under conditions", "does not hold here", "not shown")
WAYS = ("function", "lab", "cited", "open")
RESULTS = {"recipes": "RESULTS.md", "chapter7": "RESULTS_chapter7.md"}


class ClaimError(CourseError):
    """data/claims.toml is wrong, or a source is named that does not exist; the message names it."""


@dataclass(frozen=True)
class Claim:
    """One quantitative statement.

    says: the workshop's wording. tested: "function" (one of measuring.MEASURES, named in ``by``), "lab" (a lab's cell, "SLUG CELL-ID" in
    ``by``), "cited" (public evidence), "open" (nothing found). verdict and why: what may be said today, from public evidence, as a
    condition or a correction; read: the day the evidence was read. lab: where a learner meets it.
    """

    id: str
    chapter: int
    says: str
    tested: str
    verdict: str
    why: str
    source: str
    read: str
    lab: str
    by: str = ""

    def __str__(self) -> str:
        return f"{self.id} (chapter {self.chapter}): {self.says!r}: {self.verdict}"


@cache
def claims(file: Path | None = None) -> tuple[Claim, ...]:
    """All claims in order. ClaimError for a file that is missing or damaged, a word that is none of ours, or an id that comes twice."""
    from edgekit.instructor.claims.measuring import MEASURES

    file = file or paths.data() / "claims.toml"
    try:
        rows = [Claim(**row) for row in tomllib.loads(file.read_text(encoding="utf-8"))["claim"]]
    except FileNotFoundError:
        raise ClaimError(f"{file} is missing; restore it with git") from None
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ClaimError(f"{file}: {error}. Every [[claim]] needs {', '.join(Claim.__dataclass_fields__)}") from None
    slugs, seen = {lab.slug for lab in labs()}, set()
    for row in rows:
        faults = {
            "the id comes twice": row.id in seen,
            f"verdict {row.verdict!r} is none of {VERDICTS}": row.verdict not in VERDICTS,
            f"tested {row.tested!r} is none of {WAYS}": row.tested not in WAYS,
            f"there is no lab {row.lab!r}": row.lab not in slugs,
            f"no function measures {row.by!r}": row.tested == "function" and row.by not in MEASURES,
        }
        for fault, there in faults.items():
            if there:
                raise ClaimError(f"{file}, claim {row.id}: {fault}")
        seen.add(row.id)
    return tuple(rows)


def find(claim_id: str) -> Claim:
    """The claim with this id. ClaimError names the ids that there are."""
    for claim in claims():
        if claim.id == claim_id:
            return claim
    raise ClaimError(f"no claim {claim_id!r} in data/claims.toml; there are {', '.join(c.id for c in claims())}")


def runs() -> list[Recorded]:
    """What `edgekit claims --record NAME` wrote, one for each device."""
    return [recorded(file.stem) for file in sorted((paths.data() / "recorded").glob("claims_*.json"))]


def verdicts(claim_id: str, emulated: bool = True) -> list[tuple[str, str, str]]:
    """(device and date, verdict, what was found) of a claim on every device where it was measured; without ``emulated`` only on real
    ones."""
    return [
        (f"{run.device}, {run.date}", row["verdict"], row["found"])
        for run in runs()
        if emulated or not run.environment.get("emulator")
        for row in run.data
        if row["id"] == claim_id
    ]


class Card(formatting.ShownAsTable):
    """A claim with its verdicts, as a slide or a lab shows it: those of real devices."""

    def __init__(self, claim: Claim):
        self.claim = claim
        self.measured = verdicts(claim.id, emulated=False)

    def __str__(self) -> str:
        lines = [str(self.claim), f"  {self.claim.why} ({self.claim.source}, read {self.claim.read})"]
        return "\n".join(lines + [f"  {where}: {verdict}. {found}" for where, verdict, found in self.measured])

    def _table(self) -> tuple:
        e, claim = html.escape, self.claim
        judged = lambda verdict, why: formatting.Html(f"<b>{e(verdict)}</b>. {e(why)}")
        rows = [("claim", f"“{claim.says}”"), ("verdict", judged(claim.verdict, claim.why))]
        for where, verdict, found in self.measured:
            device, _, date = where.rpartition(", ")
            place = formatting.Html(f'{e(device)}, <span style="white-space: nowrap">{e(date)}</span>')
            rows.append((place, judged(verdict, found)))
        return [], [*rows, ("source", f"{claim.source}, read {claim.read}")]


def card(claim_id: str) -> Card:
    """A claim with its verdicts, for display."""
    return Card(find(claim_id))


# --------------------------------------------------------------------------------------------------------------------- sources
def source_line(sources: list[str]) -> str:
    """Where a slide's figures come from, as one line. ClaimError for a source that does not exist."""
    return "Figures: " + "; ".join(_source(one) for one in sources)


def _source(one: str) -> str:
    kind, _, name = one.partition(":")
    if kind == "recorded":
        try:
            found = recorded(name)
        except RecordedError as error:
            raise ClaimError(str(error)) from None
        return f"recorded, not yours: {name}, {found.device}, {found.date}"
    if kind == "results":
        return _results(name)
    if kind == "lab":
        if name not in {lab.slug for lab in labs()}:
            raise ClaimError(f"source {one!r}: there is no such lab")
        return f"lab {name}"
    if kind == "table":
        if not (paths.data() / name).is_file():
            raise ClaimError(f"source {one!r}: there is no data/{name}")
        return f"data/{name}, every row with source and date"
    fixed = {"cell": "measured by the cell when the deck was built", "arithmetic": "arithmetic", "example": "an example"}
    return fixed.get(one) or f"claim {find(one).id}"


class Results(formatting.ShownAsTable):
    """A part of a table that was recorded in solutions/RESULTS*.md, with where and when."""

    def __init__(self, head: list[str], rows: list[list[str]], label: str):
        self.head, self.rows, self.label = head, rows, label

    def _table(self) -> tuple:
        return self.head, self.rows

    def _below(self) -> list[str]:
        return [self.label]

    def __str__(self) -> str:
        return "\n".join(" | ".join(row) for row in [self.head, *self.rows]) + f"\n{self.label}"


def results(name: str, columns: list[str], only: list[str] | None = None) -> Results:
    """Some columns of a recorded table ("recipes" or "chapter7"), and of it the rows that begin with one of ``only``.

    Raises:
        ClaimError: for a table or a column that does not exist.
    """
    label = _results(name)
    text = (paths.solutions() / RESULTS[name]).read_text(encoding="utf-8")
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    head, rows = lines[0], lines[2:]
    missing = [column for column in columns if column not in head]
    if missing:
        raise ClaimError(f"{RESULTS[name]} has no column {missing[0]!r}; it has {', '.join(head)}")
    places = [head.index(column) for column in columns]
    kept = [row for row in rows if not only or row[0] in only]
    return Results([head[i] for i in places], [[row[i] for i in places] for row in kept], label)


def _results(name: str) -> str:
    if name not in RESULTS:
        raise ClaimError(f"no recorded table {name!r}; there are {', '.join(RESULTS)}")
    text = (paths.solutions() / RESULTS[name]).read_text(encoding="utf-8")
    found = re.search(r"Recorded on (.+?) \(.*?(\d{4}-\d\d-\d\d)", text, re.DOTALL)
    return f"recorded, not yours: {RESULTS[name]}, {found[1]}, {found[2]}"
