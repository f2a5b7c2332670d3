"""The board as one HTML page: a picture and a table for every group, provenance to unfold. No script, no request, nothing remote."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from edgekit.capstone.budgets import DEVICES
from edgekit.instructor.board.front import Point, points, surely
from edgekit.instructor.board.picture import picture
from edgekit.instructor.board.store import FAULT, JUDGED, JUDGING, QUEUED, REFUSED
from edgekit.instructor.reports.pages import render

COLUMNS = ("Submission", "Accuracy [95%]", "Time, x baseline [95%]", "File", "Budget", "Dominated by")


def board(head: str, rows: list[dict], refusals: list[dict]) -> str:
    """``rows`` and ``refusals`` as the store gives them."""
    groups: dict[tuple[str, str, str], list[dict]] = {}
    for row in rows:
        groups.setdefault((row["task"], row["device"], row["division"]), []).append(row)
    states = Counter(row["state"] for row in rows)
    refused = [(one["student"], one["reason"]) for one in [*(row for row in rows if row["state"] == REFUSED), *refusals]]
    return render(
        "board.html",
        head=head,
        all=len(rows),
        judged=states[JUDGED],
        waiting=states[QUEUED] + states[JUDGING],
        faults=states[FAULT],
        groups=[_group(*key, found) for key, found in sorted(groups.items())],
        columns=COLUMNS,
        refused=refused,
    )


def _group(task: str, device: str, division: str, rows: list[dict]) -> dict:
    found = points(rows)
    by_number = {row["id"]: row for row in rows}
    names = {p.number: p for p in found}
    return {
        "task": task,
        "device": device,
        "about": DEVICES[device].title,
        "division": division,
        "handed_in": len(rows),
        "picture": picture(found) if found else None,
        "lines": [_line(p, names, by_number[p.number]) for p in sorted(found, key=lambda p: (bool(p.beaten_by), p.file))],
    }


def _line(p: Point, names: dict[int, Point], row: dict) -> dict:
    """A submission's cells after its name, and its provenance."""
    items = row["report"]["items"]
    missed = ", ".join(item["name"] for item in items if item["verdict"] != "kept")
    by = ", ".join(f"{names[n].student} #{n}{' (intervals apart)' if surely(names[n], p) else ''}" for n in p.beaten_by)
    cells = [
        f"{p.accuracy[0]:.2%} [{p.accuracy[1]:.2%}, {p.accuracy[2]:.2%}]",
        f"{p.latency[0]:.2f} [{p.latency[1]:.2f}, {p.latency[2]:.2f}]",
        f"{p.file:,} of {row['report']['budget']['file']:,} bytes",
        "kept" if p.kept else f"not kept: {missed}",
        by or "nobody: on the front",
    ]
    return {"student": p.student, "number": p.number, "cells": cells, "facts": _facts(row)}


def _facts(row: dict) -> str:
    when = datetime.fromtimestamp(row["received"]).astimezone().isoformat(timespec="seconds")
    manifest, report = row["manifest"], row["report"]
    return "\n".join(
        [
            f"received {when}",
            f"packed {manifest.get('made')} on {_device(manifest)}",
            f"model sha256 {row['model_sha']}",
            f"file sha256 {row['packed_sha']}",
            f"measured on {_device(report)}",
            *(
                f"{i['verdict']}: {i['name']}, {i['measured']}; budget {i['allowed']}{': ' if i['why'] else ''}{i['why']}"
                for i in report["items"]
            ),
        ]
    )


def _device(about: dict) -> str:
    known = about.get("environment") or {}
    return ", ".join(str(known[key]) for key in ("device", "cpu", "onnxruntime", "python") if known.get(key)) or "unknown"
