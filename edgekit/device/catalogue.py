"""The catalogue of hardware: what is published about a device, one figure a row, each with its source.

A figure belongs to a precision, to dense or sparse weights, to an engine and to a mode. Two figures that differ in one of these
are unlike, and are never ranked together. What was looked for and not found is a row too.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from edgekit import paths

CLASSES = ("MCU", "SoC", "SBC", "SoM", "Jetson", "accelerator", "FPGA", "x86", "IPC", "PLC")
KINDS = ("vendor", "measured by vendor", "third party")
NOT_FOUND = "not found"
# Units of a field, the factor to its first unit, and the range in that unit in which a figure is plausible.
UNITS = {
    "peak_compute": {"TOPS": 1.0, "GOPS": 1e-3, "TFLOPS": 1.0},
    "effective_compute": {"TOPS": 1.0, "GOPS": 1e-3},
    "bandwidth": {"GB/s": 1.0},
    "ram": {"MB": 1.0},
    "flash": {"MB": 1.0},
    "power": {"W": 1.0},
    "temperature_min": {"degC": 1.0},
    "temperature_max": {"degC": 1.0},
    "available_until": {"year": 1.0},
    "price": {"USD": 1.0},
    "sdk": {"text": 1.0},
    "cpu": {"text": 1.0},
}
RANGES = {
    "peak_compute": (1e-3, 5000),
    "effective_compute": (1e-3, 5000),
    "bandwidth": (0.01, 5000),
    "ram": (0.001, 1e6),
    "flash": (0.001, 1e7),
    "power": (1e-3, 2000),
    "temperature_min": (-60, 10),
    "temperature_max": (40, 150),
    "available_until": (2020, 2060),
    "price": (0.1, 1e5),
}


class CatalogueError(ValueError):
    """A row of a catalogue is wrong, or a question to it has no single honest answer; the message names the fix."""


@dataclass(frozen=True)
class Figure:
    """One published figure. ``value`` is in ``unit``, text for sdk and cpu, None where nothing was found."""

    device: str
    class_: str
    field: str
    value: float | str | None
    unit: str
    precision: str
    sparsity: str
    engine: str
    mode: str
    source: str
    publisher: str
    source_date: str
    kind: str
    checked: str
    note: str

    @property
    def amount(self) -> float:
        """The value in the field's first unit: TOPS, GB/s, MB, W, degrees Celsius, year, USD.

        Raises:
            CatalogueError: when it was not found, or is a text.
        """
        if not isinstance(self.value, float):
            raise CatalogueError(f"{self.device}, {self.field}: {self.value or NOT_FOUND}. It is no number.")
        return self.value * UNITS[self.field][self.unit]

    def __str__(self) -> str:
        shown = NOT_FOUND if self.value is None else f"{self.value:g} {self.unit}" if self.unit != "text" else self.value
        facts = ", ".join(filter(None, [self.precision, self.sparsity, self.engine, self.mode]))
        source = f" [{self.kind}: {self.source}, {self.publisher}]" if self.source else ""
        return f"{self.device}: {shown}" + (f" ({facts})" if facts else "") + source


def load(path: str | Path | None = None) -> list[Figure]:
    """All figures of a file, ``data/hardware.csv`` by default.

    Raises:
        CatalogueError: naming the file, the line and the fix, when a figure has no source, a wrong unit or an implausible value.
    """
    path = Path(path or paths.data() / "hardware.csv")
    columns = ["class" if name == "class_" else name for name in Figure.__dataclass_fields__]
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != columns:
            raise CatalogueError(f"{path.name}: the columns are {reader.fieldnames}. Fix: {', '.join(columns)}.")
        figures = [_figure(row, f"{path.name}, line {reader.line_num}") for row in reader]
    if not figures:
        raise CatalogueError(f"{path.name} holds no figure.")
    keys = Counter((f.device, f.field, f.precision, f.sparsity, f.engine, f.mode) for f in figures)
    twice = [key for key, count in keys.items() if count > 1]
    if twice:
        raise CatalogueError(f"{path.name}: two rows for {twice[0]}. Fix: keep one, or say in what they differ.")
    return figures


def _figure(row: dict, where: str) -> Figure:
    if None in row or None in row.values():
        raise CatalogueError(f"{where}: not as many values as columns. Fix: quote a value that has a comma in it.")
    field, unit, value = row["field"], row["unit"], row["value"]
    checks = [
        (field in UNITS, f"the field {field!r}", f"one of {', '.join(UNITS)}"),
        (row["class"] in CLASSES, f"the class {row['class']!r}", f"one of {', '.join(CLASSES)}"),
        (len(row["checked"]) == 10, f"checked on {row['checked']!r}", "a date, YYYY-MM-DD"),
    ]
    if value != NOT_FOUND:
        checks += [
            (unit in UNITS.get(field, ()), f"the unit {unit!r}", f"one of {', '.join(UNITS.get(field, ()))}"),
            (row["source"] and row["publisher"], "a figure without a source", "title and publisher"),
            (row["kind"] in KINDS, f"the kind {row['kind']!r}", f"one of {', '.join(KINDS)}"),
        ]
    if value != NOT_FOUND and field in ("peak_compute", "effective_compute"):
        checks += [
            (row["precision"] and row["engine"], "a figure without precision or engine", "both"),
            (row["sparsity"] in ("dense", "sparse", "not stated"), f"{row['sparsity']!r}", "dense, sparse or not stated"),
        ]
    for good, found, fix in checks:
        if not good:
            raise CatalogueError(f"{where}: {found}. Fix: {fix}.")
    plain = {("class_" if key == "class" else key): text for key, text in row.items()}
    return Figure(**{**plain, "value": None if value == NOT_FOUND else _value(field, unit, value, where)})


def _value(field: str, unit: str, text: str, where: str) -> float | str:
    if unit == "text":
        return text
    try:
        value = float(text)
    except ValueError:
        raise CatalogueError(f"{where}: the value {text!r} is no number. Fix: a number, or {NOT_FOUND!r}.") from None
    low, high = RANGES[field]
    if not low <= value * UNITS[field][unit] <= high:
        raise CatalogueError(f"{where}: {text} {unit} lies outside {low:g} to {high:g}. Fix: check the unit.")
    return value


def devices(figures: Iterable[Figure]) -> dict[str, str]:
    """{device: class}, in the file's order."""
    return {figure.device: figure.class_ for figure in figures}


def select(figures: Iterable[Figure], **wanted: str) -> list[Figure]:
    """The found figures whose attributes have these values: ``select(figures, field="peak_compute", sparsity="dense")``.

    A figure whose page does not state dense or sparse is not one that is dense.
    """
    return [f for f in figures if f.value is not None and all(getattr(f, key) == value for key, value in wanted.items())]


def one(figures: Iterable[Figure], device: str, field: str, **wanted: str) -> Figure:
    """The one figure of that device.

    Raises:
        CatalogueError: when there is none, or several from which to choose; the message lists what there is.
    """
    there = [f for f in figures if f.device == device and f.field == field]
    if not there:
        raise CatalogueError(f"the catalogue has no device {device!r} with a field {field!r}")
    fits = select(there, **wanted)
    if len(fits) == 1:
        return fits[0]
    asked = ", ".join(f"{key}={value!r}" for key, value in wanted.items()) or "nothing more"
    listed = "; ".join(map(str, there))
    raise CatalogueError(f"{device}, {field}, asked for {asked}: {len(fits)} figures. There is: {listed}")


def rank(figures: Iterable[Figure]) -> list[Figure]:
    """Figures from the highest to the lowest, in one unit; those not found stand last.

    Raises:
        CatalogueError: when two of them are unlike: another field, precision, engine, or dense against sparse.
    """
    figures = list(figures)
    found = [f for f in figures if f.value is not None]
    for name in ("field", "precision", "sparsity", "engine"):
        first = {getattr(f, name): f for f in reversed(found)}
        if len(first) > 1:
            a, b = list(first.values())[:2]
            raise CatalogueError(f"unlike figures are not ranked: they differ in {name}. {a}. {b}. Fix: select one {name} first, for all.")
    return sorted(found, key=lambda f: -f.amount) + [f for f in figures if f.value is None]


def coverage(figures: Iterable[Figure]) -> dict[str, dict[str, int]]:
    """{device: {field: number of figures found, 0 where it was looked for and not found}}."""
    table: dict[str, dict[str, int]] = {}
    for figure in figures:
        row = table.setdefault(figure.device, {})
        row[figure.field] = row.get(figure.field, 0) + (figure.value is not None)
    return table


@dataclass(frozen=True)
class Published:
    """A published latency. side: of the square picture, pixels; milliseconds: for one picture; weights: per tensor or per channel."""

    device: str
    model: str
    side: int
    precision: str
    weights: str
    mode: str
    milliseconds: float
    source: str
    publisher: str
    source_date: str
    kind: str
    checked: str
    note: str

    def to_dict(self) -> dict:
        """Plain data."""
        return asdict(self)


def published(path: str | Path | None = None) -> list[Published]:
    """Published latencies, of ``data/published_latency.csv`` by default.

    Raises:
        CatalogueError: naming the file, the line and the fix, when a row has no source or no positive number.
    """
    path = Path(path or paths.data() / "published_latency.csv")
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            where = f"{path.name}, line {reader.line_num}"
            try:
                rows.append(Published(**{**row, "side": int(row["side"]), "milliseconds": float(row["milliseconds"])}))
            except (KeyError, TypeError, ValueError) as error:
                raise CatalogueError(f"{where}: {error}. Fix: the columns and numbers of that row.") from None
            if not rows[-1].milliseconds > 0 or not rows[-1].source or rows[-1].kind not in KINDS:
                raise CatalogueError(f"{where}: a latency needs a positive number, a source and its kind.")
    return rows
