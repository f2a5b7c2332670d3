"""Sentences of the labs: readers whose mother tongue is not English follow 25 words; more want a reason, which stands here."""

from __future__ import annotations

import json
import re

import pytest

from edgekit.course.catalog import Lab, labs

MOST = 25
REASONS = ("**Read on:**", "Micikevicius", "**In the chain:**", "20 dB:")  # lists of papers, of stations, of numbers


def sentences(markdown: str) -> list[str]:
    """The sentences of a Markdown cell: code blocks, formulas and markup left out."""
    plain = re.sub(r"```.*?```|\$\$.*?\$\$", "", markdown, flags=re.DOTALL)
    plain = re.sub(r"<[^>]+>", "\n\n", plain)
    plain = re.sub(r"^\|.*", lambda row: row[0].replace("|", "\n\n"), plain, flags=re.MULTILINE)  # a sentence stays in its field
    parts = re.split(r"\n\s*\n|\n\s*[-*#|>] ?|\n\d+\. |^#+ ", plain)
    ends = r"(?<=[.?!:])\s+(?=[A-Z\"*`(])"
    return [one.strip() for part in parts for one in re.split(ends, " ".join(part.split())) if one.strip()]


def words(sentence: str) -> int:
    """How many words a reader meets: a piece of code is read as one."""
    return len(re.findall(r"[A-Za-z0-9][\w'`.-]*", re.sub(r"`[^`]*`", "code", sentence)))


def too_long(lab: Lab) -> list[str]:
    cells = json.loads(lab.solution.read_text(encoding="utf-8"))["cells"]
    prose = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown" and not c["id"].startswith("course-")]
    found = [one for text in prose for one in sentences(text) if words(one) > MOST]
    return [one for one in found if not any(reason in one for reason in REASONS)]


@pytest.mark.parametrize("lab", labs(), ids=lambda lab: lab.slug)
def test_no_sentence_is_longer_than_a_reader_follows(lab):
    assert too_long(lab) == []


def test_sentences_are_told_apart_and_counted():
    text = "## A title\n\nOne two three. Four: *five* six!\n\n- seven\n- eight $$x = y$$\n\n```\nnine ten\n```"
    assert sentences(text) == ["A title", "One two three.", "Four:", "*five* six!", "- seven", "eight"]
    assert sentences("| one | two |\n| --- | --- |\n| Three | `four` |")[-2:] == ["Three", "`four`"]
    assert words("It's a 3x3 layer.") == 4
    assert words("Take `np.pad(x, ((0, 0), (1, 1)))`, and no `for`.") == 5
