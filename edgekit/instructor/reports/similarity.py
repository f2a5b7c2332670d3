"""Answers that are alike beyond what everybody writes: a report for a person, never a mark.

Answers become sequences of tokens without comments, names and texts; their shingles (runs of ``SHINGLE`` tokens) are compared,
without those of the stub, of the solution and of many answers of the class, which an exercise asks for anyway. Method: k-gram
fingerprints as in Schleimer, Wilkerson and Aiken, "Winnowing: Local Algorithms for Document Fingerprinting" (SIGMOD 2003),
without the winnowing, which saves memory that a class does not need.
"""

from __future__ import annotations

import builtins
import io
import itertools
import keyword
import tokenize
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from edgekit import files
from edgekit.course.catalog import Lab, labs
from edgekit.instructor.reports import about, pages
from edgekit.instructor.reports.records import cells_of, csv_text, graded_cells, with_mark
from edgekit.instructor.submissions import rebuild

SHINGLE = 10  # tokens: about a line
ALIKE = 0.6  # of the smaller answer's own shingles that the other has, too
LEAST = 12  # shingles in common, or it is chance
COMMON = 0.2  # of the class: what so many write is no sign
EQUAL = 40  # tokens from which an answer that is the solution to the letter is no chance
SOLUTION = "the solution"
_SKIPPED = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
_KEPT = frozenset(keyword.kwlist) | frozenset(dir(builtins))


@dataclass(frozen=True)
class Pair:
    """Two answers to one exercise: ``share`` of the smaller one's own code that the other has, too, 0 to 1, and its shingles."""

    lab: str
    item: str
    one: str
    two: str
    share: float
    shingles: int


def tokens(source: str, names: bool = False) -> list[str]:
    """The code as tokens; names that a person chooses are all "x" unless ``names``. What is no Python gives what was read so far."""
    found: list[str] = []
    with_dot = False
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in _SKIPPED:
                continue
            chosen = token.type == tokenize.NAME and token.string not in _KEPT and not with_dot and not names
            text = not names and token.type == tokenize.STRING
            found.append("x" if chosen else "s" if text else token.string)
            with_dot = token.string == "."
    except (tokenize.TokenError, SyntaxError, ValueError):  # a lone surrogate
        pass
    return found


def shingles(source: str) -> frozenset[int]:
    """The runs of ``SHINGLE`` tokens of a code, as hashes."""
    run = tokens(source)
    return frozenset(hash(tuple(run[i : i + SHINGLE])) for i in range(len(run) - SHINGLE + 1))


def of(out: Path) -> list[Pair]:
    """All pairs of a result folder, the most alike first."""
    handed_in = [one.key for one in about.counting(out)]
    found: list[Pair] = []
    for lab in labs():
        answers = {who: cells for who, slug in handed_in if slug == lab.slug and (cells := graded_cells(out, who, slug))}
        for item in lab.items if answers else ():
            mine = {student: cells[item.name] for student, cells in answers.items() if item.name in cells}
            found += _pairs(lab, item.name, mine)
    return sorted(found, key=lambda pair: (-pair.share, -pair.shingles, pair.lab, pair.item, pair.one))


def _pairs(lab: Lab, item: str, answers: dict[str, str]) -> list[Pair]:
    solution = cells_of(lab.solution).get(item, "")
    expected = shingles(solution) | shingles(cells_of(lab.notebook).get(item, ""))
    runs = {student: shingles(source) for student, source in answers.items()}
    often = Counter(itertools.chain.from_iterable(runs.values()))
    most = max(2, COMMON * len(runs))
    own = {who: {s for s in run - expected if often[s] <= most} for who, run in runs.items()}
    shared: Counter = Counter()
    by_shingle: dict[int, list[str]] = {}
    for who, run in own.items():
        for shingle in run:
            by_shingle.setdefault(shingle, []).append(who)
    for who in by_shingle.values():
        shared.update(itertools.combinations(sorted(who), 2))
    found = [
        Pair(lab.slug, item, one, two, count / min(len(own[one]), len(own[two])), count)
        for (one, two), count in shared.items()
        if count >= LEAST and count >= ALIKE * min(len(own[one]), len(own[two]))
    ]
    letters = tokens(_plain(solution), names=True)
    same = [who for who, source in answers.items() if len(letters) >= EQUAL and tokens(_plain(source), True) == letters]
    return found + [Pair(lab.slug, item, who, SOLUTION, 1.0, len(letters) - SHINGLE + 1) for who in same]


def _plain(source: str) -> str:
    return rebuild.without_comments(source)


def write(out: Path, pairs: list[Pair]) -> tuple[Path, Path]:
    """The report as a table and as a page with both answers side by side."""
    rows = [["lab", "item", "one", "two", "share", "shingles"]]
    rows += [[pair.lab, pair.item, pair.one, pair.two, round(pair.share, 3), pair.shingles] for pair in pairs]
    table, page = Path(out) / "similarity.csv", Path(out) / "similarity.html"
    files.write_whole(table, with_mark(csv_text(rows)))
    by_slug = {lab.slug: lab for lab in labs()}
    files.write_whole(page, pages.similar(pairs, lambda pair: _both(out, by_slug[pair.lab], pair)))
    return table, page


def _both(out: Path, lab: Lab, pair: Pair) -> list[str]:
    both = (cells_of(lab.solution) if who == SOLUTION else graded_cells(out, who, lab.slug) for who in (pair.one, pair.two))
    return [cells.get(pair.item, "") for cells in both]
