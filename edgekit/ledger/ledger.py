"""What was measured, kept with its provenance: the student's ledger, predictions, the Pareto front.

A ledger is a file of JSON lines that is only ever appended to. Two notebooks may write at once, and a kernel may be killed
in the middle of a write: a row is one write at the end of the file, made under a lock and flushed to the disk; a line that
a killed writer left torn is dropped by the next writer and skipped by readers.
"""

from __future__ import annotations

import html
import json
import math
import os
import re
import sys
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from edgekit import paths
from edgekit.files import append
from edgekit.formatting import ShownAsTable, number_text, plain, short, table, with_unit
from edgekit.ledger.recorded import this_machine

# ---------------------------------------------------------------- the ledger


@dataclass(frozen=True)
class Row:
    """One entry. `time` is UTC, ISO 8601; `value` plain data."""

    kind: str
    name: str
    value: dict
    unit: str = ""
    lab: str | None = None
    time: str = ""
    id: str = ""
    environment: dict = field(default_factory=dict)


class LedgerError(OSError):
    """The file of a ledger cannot be read or written; the message names it and the fix."""


class Ledger:
    """The rows in the file at `path`, which need not exist yet. Whatever reads them raises LedgerError when there is something
    at `path` that cannot be read."""

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)

    def add(self, kind: str, name: str, value: Mapping, unit: str = "", lab: str | None = None, environment: Mapping | None = None) -> Row:
        """Append a row and return it once it is on the disk.

        `value` is plain data or anything with to_dict() (a Measurement, a Ratio, a Report). The environment is the one that
        `value` carries, else this machine's. Raises TypeError for what JSON cannot hold, LedgerError when the file cannot
        be written or the disk is full (the ledger is then as before).
        """
        value = plain(value)
        if not isinstance(value, Mapping):
            raise TypeError(f"{kind} {name!r}: value must be a dict or have to_dict(), got {type(value).__name__}: {value!r}")
        carried = value.get("environment")
        value = {key: item for key, item in value.items() if key != "environment"}
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        env = dict(environment if environment is not None else carried or this_machine())
        row = Row(kind, name, value, unit, lab, time=now, id=uuid.uuid4().hex[:12], environment=env)
        try:
            line = json.dumps(asdict(row), ensure_ascii=False)
        except TypeError as error:
            raise TypeError(f"{kind} {name!r}: {error}; a ledger holds numbers, text, lists and dicts") from None
        try:
            append(self.path, line.encode() + b"\n")
        except OSError as error:
            raise self._unusable(error, "written") from error
        return row

    def rows(self, kind: str | None = None, lab: str | None = None) -> list[Row]:
        """Rows in the order in which they were written, of one kind or lab if named. Damaged lines are left out."""
        rows = self._read()[0]
        return [row for row in rows if kind in (None, row.kind) and lab in (None, row.lab)]

    @property
    def damaged(self) -> int:
        """How many lines cannot be read, or are no rows."""
        return self._read()[1]

    def _read(self) -> tuple[list[Row], int]:
        rows = [_row(line) for line in self._bytes().split(b"\n") if line.strip()]
        return [row for row in rows if row is not None], rows.count(None)

    def _bytes(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError as error:
            # A link whose file is still to be made is fine; where its folder is missing, no row could be written either.
            if self.path.is_symlink() and not self.path.resolve().parent.is_dir():
                raise self._unusable(error, "read") from error
            return b""
        except OSError as error:
            raise self._unusable(error, "read") from error

    def _unusable(self, error: OSError, done: str) -> LedgerError:
        """What is wrong with the file, as far as can be seen, and what helps."""
        why = error.strerror or str(error)
        fix = "make it a file that you may read and write, or set EDGEKIT_WORK to another folder"
        if os.path.isdir(self.path):  # unlike the methods of Path, these raise nothing
            why, fix = "it is a folder", "move it away; the ledger is a file"
        elif os.path.islink(self.path) and not os.path.exists(self.path):
            why = f"it is a link to {os.readlink(self.path)}, which is not there"
            fix = "remove the link, or bring back what it points to"
        return LedgerError(f"the ledger {self.path} cannot be {done}: {why}. Fix: {fix}.")

    def predict(self, key: str, value, unit: str = "") -> Row:
        """Write down what you expect, before you measure: a number or a word such as "faster". The same prediction again
        changes nothing; another one after the measurement was shown is kept and marked."""
        value = None if value is Ellipsis else plain(value)
        earlier = self._of("prediction", key)
        if earlier and earlier[-1].value.get("predicted") == value:
            return earlier[-1]
        late = bool(self._of("reveal", key))
        said = {"predicted": value, "after_reveal": late}
        return self.add("prediction", key, said, unit, lab=current_lab(), environment={})

    def reveal(self, key: str, measured, unit: str = "") -> Reveal:
        """Write the measurement down beside what was predicted for `key`, and return both; see :meth:`beside`."""
        shown = self.beside(key, measured, unit)
        self.note(shown, measured)
        return shown

    def note(self, shown: Reveal, measured) -> None:
        """Write down what `beside` gave for `measured`."""
        value = {name: item for name, item in asdict(shown).items() if name not in ("key", "unit")}
        carried = getattr(measured, "environment", None)
        self.add("reveal", shown.key, value, shown.unit, lab=current_lab(), environment=carried)

    def beside(self, key: str, measured, unit: str = "") -> Reveal:
        """The measurement beside what was predicted for `key`. `measured` is a number, a word, or a Ratio or Measurement."""
        said = [row for row in self._of("prediction", key) if row.value.get("predicted") is not None]
        before = [row for row in said if not row.value.get("after_reveal")]
        late = [row for row in said if row.value.get("after_reveal")]
        number, low, high, verdict = reading(measured)
        return Reveal(
            key=key,
            predicted=before[-1].value["predicted"] if before else None,
            changed_to=late[-1].value["predicted"] if late else None,
            measured=verdict if number is None else number,
            low=low,
            high=high,
            verdict=verdict,
            unit=unit or (said[-1].unit if said else "") or ("x" if low is not None else ""),
        )

    def _of(self, kind: str, name: str) -> list[Row]:
        return [row for row in self.rows(kind) if row.name == name]

    def __len__(self) -> int:
        return len(self.rows())

    def __str__(self) -> str:
        rows = _cells(self.rows())
        if not rows:
            return f"empty ledger ({self.path.name})"
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = ["  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), *row[4:]]).rstrip() for row in rows]
        return "\n".join(lines + ([f"({self.damaged} damaged lines left out)"] if self.damaged else []))

    def _repr_html_(self) -> str:
        """Folded, one part per lab; in a lab's notebook only that lab's part. print() shows every row."""
        rows, here = self.rows(), current_lab()
        shown = [here] if here else list(dict.fromkeys(row.lab for row in rows))
        parts = [_folded(lab, [row for row in rows if row.lab == lab]) for lab in shown]
        others = sum(row.lab not in shown for row in rows)
        notes = [f"{others} rows of other labs: print(ledger.student()) shows all"] if others else []
        notes += [f"{self.damaged} damaged lines left out"] if self.damaged else []
        return "".join(parts + [f"<small>{note}</small><br>" for note in notes])


def _cells(rows: Iterable[Row]) -> list[tuple[str, ...]]:
    return [(r.time[:16].replace("T", " "), r.lab or "", r.kind, r.name, short(r.value), r.unit) for r in rows]


def _folded(lab: str | None, rows: list[Row]) -> str:
    """One lab's rows as a table that opens with a click; the line above it counts them by kind."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(row.kind for row in rows).items())
    title = html.escape(f"Ledger, {lab.replace('_', ' ') if lab else 'no lab named'}: {kinds or 'no rows yet'}")
    body = table(["time (UTC)", "kind", "name", "value", "unit"], [row[:1] + row[2:] for row in _cells(rows)])
    return f"<details><summary>{title}</summary>{body}</details>"


def current_lab() -> str | None:
    """The lab of this kernel: the one whose checks it has imported. None where there is none, or several (a test run)."""
    found = {
        name.split(".")[2]
        for name, module in list(sys.modules.items())
        if re.fullmatch(r"edgekit\.checks\.\w+", name) and hasattr(module, "__path__")
    }  # a folder there is a lab
    return found.pop() if len(found) == 1 else None


def _row(line: bytes) -> Row | None:
    """The row in a line; None if the line is torn, foreign, or has a field that no writer here gives it."""
    try:
        found = json.loads(line)
        row = Row(**{key: value for key, value in found.items() if key in Row.__dataclass_fields__})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    texts = (row.kind, row.name, row.unit, row.time, row.id, "" if row.lab is None else row.lab)
    dicts = (row.value, row.environment)
    fits = all(isinstance(text, str) for text in texts) and all(isinstance(item, dict) for item in dicts)
    return row if fits else None


# ---------------------------------------------------------------- predictions


@dataclass(frozen=True)
class Reveal(ShownAsTable):
    """A measurement beside the prediction made before it. `changed_to` is what the prediction became after the measurement
    had been shown; `low` and `high` bound `measured` where it came with an interval."""

    key: str
    predicted: float | str | None
    changed_to: float | str | None
    measured: float | str
    low: float | None
    high: float | None
    verdict: str | None
    unit: str

    @property
    def comment(self) -> str:
        """How the prediction fared."""
        if self.predicted is None:
            return "no prediction was written down before the measurement"
        if isinstance(self.predicted, str):
            said = self.verdict or self.measured
            return "as predicted" if str(said).strip().lower() == self.predicted.strip().lower() else f"it is {said}"
        if not all(isinstance(number, (int, float)) for number in (self.predicted, self.measured)):
            return ""  # a list was predicted, say
        if self.low is not None and self.low <= self.predicted <= self.high:
            return "the prediction lies inside the interval"
        if self.predicted * self.measured <= 0:
            return f"off by {number_text(abs(self.measured - self.predicted))}{self.unit}"
        factor = max(self.measured / self.predicted, self.predicted / self.measured)
        return "as predicted" if factor < 1.005 else f"off by a factor of {number_text(factor)}"

    def _facts(self) -> list[tuple[str, str]]:
        predicted = "none" if self.predicted is None else with_unit(self.predicted, self.unit)
        measured = with_unit(self.measured, self.unit)
        if self.low is not None:
            measured += f" [{number_text(self.low)}, {number_text(self.high)}]"
        if self.verdict and self.verdict != self.measured:
            measured += f", {self.verdict}"
        facts = [("predicted", predicted), ("measured", measured), ("", self.comment)]
        if self.changed_to is not None:
            facts.insert(1, ("changed after the reveal", f"to {with_unit(self.changed_to, self.unit)}; it does not count"))
        return [fact for fact in facts if fact[1]]

    def __str__(self) -> str:
        return f"{self.key}: " + "; ".join(f"{a} {b}".strip() for a, b in self._facts())

    def _table(self) -> tuple:
        return [self.key, ""], self._facts()


def student() -> Ledger:
    """The ledger of this course's work folder; WorkFolderError when that cannot be made."""
    return Ledger(paths.work() / "ledger.jsonl")


@contextmanager
def not_lost(what: str) -> Iterator[None]:
    """Where the ledger cannot be read or written, say so in one line and go on: what a cell found out is shown all the same."""
    try:
        yield
    except (LedgerError, paths.WorkFolderError) as error:
        print(f"{what} is not in your ledger: {error}", file=sys.stderr)


def predict(key: str, value, unit: str = "") -> None:
    """Write a prediction into the student's ledger and say so; see Ledger.predict."""
    said = None if value is Ellipsis else plain(value)
    with not_lost("This prediction"):
        student().predict(key, value, unit)
    print(f"{key}: no prediction yet" if said is None else f"{key}: predicted {with_unit(said, unit)}")


def reveal(key: str, measured, unit: str = "") -> None:
    """Show a measurement beside its prediction from the student's ledger, wherever in a cell it stands; see Ledger.reveal."""
    shown = None
    with not_lost("This measurement"):
        ledger = student()
        shown = ledger.beside(key, measured, unit)
        ledger.note(shown, measured)
    if shown is None:
        print(f"{key}: measured {measured}")
        return
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        get_ipython = lambda: None
    if get_ipython() is None:
        print(shown)
    else:
        display(shown)


def reading(measured) -> tuple[float | None, float | None, float | None, str | None]:
    """(number, low, high, verdict) of a Ratio, an Accuracy, a Measurement (its median, seconds), a number or a word."""
    if isinstance(measured, str):
        return None, None, None, measured
    for number in ("speedup", "value"):
        if hasattr(measured, number) and hasattr(measured, "low"):
            return *(float(getattr(measured, key)) for key in (number, "low", "high")), getattr(measured, "verdict", None)
    with suppress(TypeError, ValueError):
        median = getattr(measured, "median", None)
        return float(median if isinstance(median, float) else measured), None, None, None
    raise TypeError(
        f"reveal shows a number, a word, or one result with a number; got {type(measured).__name__}. "
        'Of a comparison take one entry: comparison["int8"].'
    )


# ---------------------------------------------------------------- choosing


def pareto(points: Iterable[Mapping], minimise: Iterable[str] = (), maximise: Iterable[str] = ()) -> list[Mapping]:
    """The points that no other point beats: none is at least as good in every named quantity and better in one.

    In the given order; equal points stay together. ValueError if nothing is to be minimised or maximised, or a value is
    missing or not a number.
    """
    points = list(points)
    goals = [(key, 1) for key in names(minimise)] + [(key, -1) for key in names(maximise)]
    if not goals:
        raise ValueError("name at least one quantity: pareto(points, minimise=['latency'], maximise=['accuracy'])")
    for number, point in enumerate(points):
        for key, _ in goals:
            if not isinstance(point.get(key), (int, float)) or math.isnan(point[key]):
                raise ValueError(f"point {number} has no number for {key!r}: {dict(point)}")
    costs = [tuple(sign * point[key] for key, sign in goals) for point in points]
    return [point for point, cost in zip(points, costs, strict=True) if not any(beats(other, cost) for other in costs)]


def beats(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    """Whether costs ``a`` are at most those of ``b`` in everything, and less in one."""
    return a != b and all(p <= q for p, q in zip(a, b, strict=True))


def names(keys: Iterable[str] | str) -> list[str]:
    return [keys] if isinstance(keys, str) else list(keys)
