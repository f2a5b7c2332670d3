"""Figures that were looked up and not measured: each a row with value, unit, source, kind of source and the date it was read.

What was not found has a row too, and asking for it is an error that says so.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from edgekit import paths
from edgekit.formatting import ShownAsTable

KINDS = ("vendor", "measured by vendor", "third party", "standard")
NOT_FOUND = "not found"
COLUMNS = ("what", "field", "value", "unit", "source", "reference", "kind", "checked", "note")


class FigureError(LookupError):
    """A figure is not there, was not found, or its row is faulty; the message names the file and the row."""


@dataclass(frozen=True)
class Figure:
    """One row. ``value`` is None where the figure was looked for and not found."""

    what: str
    field: str
    value: float | None
    unit: str
    source: str
    reference: str
    kind: str
    checked: str
    note: str


@dataclass(frozen=True)
class Figures(ShownAsTable):
    """The rows of one file; ``figures["LoRa", "rate"]`` is a value, in the unit of its row."""

    name: str
    rows: tuple[Figure, ...]

    def figure(self, what: str, field: str) -> Figure:
        """The row. Raises FigureError when there is none."""
        for row in self.rows:
            if (row.what, row.field) == (what, field):
                return row
        known = sorted({row.field for row in self.rows if row.what == what}) or self.names()
        raise FigureError(f"{self.name} has no {field!r} of {what!r}; it knows {', '.join(known)}")

    def __getitem__(self, key: tuple[str, str]) -> float:
        row = self.figure(*key)
        if row.value is None:
            raise FigureError(f"the {row.field} of {row.what} was looked for and not found ({row.note or 'no source'})")
        return row.value

    def get(self, what: str, field: str) -> float | None:
        """The value, or None where it was not found."""
        return self.figure(what, field).value

    def names(self) -> list[str]:
        return list(dict.fromkeys(row.what for row in self.rows))

    def _table(self) -> tuple:
        cells = [
            (r.what, r.field, NOT_FOUND if r.value is None else f"{r.value:,g} {r.unit}", r.source, r.kind, r.checked, r.note)
            for r in self.rows
        ]
        return ["what", "field", "value", "source", "kind", "read on", "note"], cells


@lru_cache(maxsize=8)
def load(name: str) -> Figures:
    """The figures of ``data/NAME.csv``.

    Raises:
        FigureError: naming the file and the line, for a file that is missing, or a row without source, unit or date.
    """
    return read(paths.data() / f"{name}.csv")


def read(path: Path) -> Figures:
    """As :func:`load`, from any file."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
    except OSError as error:
        raise FigureError(f"{path} cannot be read: {error.strerror}. Fix: restore it with git checkout") from error
    rows = [_row(path.name, number, line) for number, line in enumerate(lines, 2)]
    keys = [(row.what, row.field) for row in rows]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise FigureError(f"{path.name} has more than one row for {sorted(twice)}")
    return Figures(path.name, tuple(rows))


def _row(file: str, number: int, line: dict) -> Figure:
    where = f"{file}, line {number}"
    if set(line) != set(COLUMNS):
        raise FigureError(f"{where}: the columns are {', '.join(map(str, line))}, expected {', '.join(COLUMNS)}")
    found = line["value"] != NOT_FOUND
    try:
        value = float(line["value"]) if found else None
        date.fromisoformat(line["checked"])
    except ValueError as error:
        raise FigureError(f"{where}: {error}") from None
    if not line["unit"]:
        raise FigureError(f"{where}: the {line['field']} of {line['what']} has no unit")
    if found and (not line["source"] or not line["reference"] or line["kind"] not in KINDS):
        raise FigureError(f"{where}: a figure needs source, reference, and a kind among {', '.join(KINDS)}")
    return Figure(**{**line, "value": value})


def energy_per_bit(links: Figures, name: str) -> float | None:
    """Joules per bit sent: current times supply over rate; None where one of them was not found. The radio's start, its
    receiving windows and its protocol come on top: this is a floor."""
    values = [links.get(name, field) for field in ("current", "supply", "rate")]
    if None in values:
        return None
    milliamperes, volts, rate = values
    return milliamperes * 1e-3 * volts / rate
