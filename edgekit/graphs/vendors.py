"""Vendors' toolchains for chips that no engine here runs on: what each takes, and which operators of an ONNX file its published list lacks.

The figures are in data/vendors.toml, each with its source and the day it was read. A name in a list is no promise: sizes and attributes
have limits.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from edgekit import paths
from edgekit.formatting import ShownAsTable
from edgekit.graphs.reading import graphs, load_model

STANDARD = ("", "ai.onnx")  # the domain of ONNX's own operators


class VendorError(ValueError):
    """data/vendors.toml is missing or wrong; the message names the entry."""


@dataclass(frozen=True)
class Toolchain:
    """A vendor's converter.

    operators: names of ONNX operators in its list, empty where no list was read in full; limits: what the list says of some of them. opset:
    the newest that it takes. onnx: whether it takes ONNX files. otherwise: what becomes of an operator that it lacks. tried: what this
    course ran.
    """

    name: str
    chips: str
    takes: str
    gives: str
    needs: str
    run: str
    source: str
    read: date
    operators: frozenset[str] = frozenset()
    limits: dict = field(default_factory=dict)
    opset: int | None = None
    onnx: bool = True
    otherwise: str = ""
    tried: str = ""


@dataclass(frozen=True)
class Held:
    """An ONNX file held against a toolchain's list. missing: {operator: nodes that the list lacks}; limits: {operator: what the list says},
    of operators in the file; opset: the file's, where it is newer than the toolchain takes."""

    toolchain: Toolchain
    missing: dict[str, int]
    limits: dict[str, str]
    opset: int | None

    @property
    def fits(self) -> bool | None:
        """None where there is no list."""
        return None if not self.toolchain.operators else not self.missing and self.opset is None

    def __str__(self) -> str:
        if self.fits is None:
            return "no list was read: ask the tool" if self.toolchain.onnx else "it takes no ONNX file"
        said = [f"lacks {op} ({count}x)" for op, count in self.missing.items()]
        if self.opset:
            said.append(f"opset {self.opset} is newer than {self.toolchain.opset}: export with opset={self.toolchain.opset}")
        said = said or ["every operator is in the list"]
        return "; ".join(said + [f"{op}: {limit}" for op, limit in self.limits.items()])


class Table(ShownAsTable, list):
    """A list of Held that prints as a table, the toolchain's own facts beside."""

    def __str__(self) -> str:
        lines = []
        for held in self:
            t = held.toolchain
            lines.append(f"{t.name}: {held}")
            lines += [f"    {word:9} {getattr(t, word)}" for word in ("chips", "takes", "gives", "needs", "run")]
            lines += [f"    {word:9} {getattr(t, word)}" for word in ("otherwise", "tried") if getattr(t, word)]
            lines.append(f"    source    {t.source}, read {t.read}")
        return "\n".join(lines)

    __repr__ = __str__

    def _table(self) -> tuple:
        head = ("toolchain, for", "takes, gives", "needs", "started by", "this file", "source")
        rows = [
            (
                f"{t.name}: {t.chips}",
                f"{t.takes}; gives {t.gives}",
                t.needs,
                t.run,
                f"{held}. Where an operator is missing: {t.otherwise}." if t.otherwise else f"{held}.",
                f"{t.source}, read {t.read}" + (f". {t.tried}" if t.tried else ""),
            )
            for held in self
            for t in [held.toolchain]
        ]
        return head, rows


def toolchains() -> list[Toolchain]:
    """All of them, in the order of the file. VendorError where the file is missing or an entry is wrong."""
    try:
        import tomllib
    except ModuleNotFoundError:  # before Python 3.11
        import tomli as tomllib

    path = paths.data() / "vendors.toml"
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))["toolchain"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise VendorError(f"{path}: {error}. Fix: restore the file.") from error
    return [_toolchain(entry, path) for entry in found]


def _toolchain(entry: dict, path) -> Toolchain:
    try:
        made = Toolchain(**{**entry, "operators": frozenset(entry.get("operators", "").split())})
    except TypeError as error:
        raise VendorError(f"{path}, {entry.get('name', 'an entry without a name')}: {error}.") from error
    if unknown := set(made.limits) - made.operators:
        raise VendorError(f"{path}, {made.name}: limits of {', '.join(sorted(unknown))}, which are not in its operators.")
    return made


def table(path) -> Table:
    """Every toolchain, and the file held against its list. path: an ONNX file. ExportError for a file that cannot be opened."""
    model = load_model(path, external_data=False)
    used = Counter(
        node.op_type if node.domain in STANDARD else f"{node.domain}.{node.op_type}" for graph in graphs(model) for node in graph.node
    )
    own = {(function.domain, function.name) for function in model.functions}
    used -= Counter({f"{domain}.{name}": used[f"{domain}.{name}"] for domain, name in own})  # their bodies were counted
    opset = max((o.version for o in model.opset_import if o.domain in STANDARD), default=0)
    return Table(_held(toolchain, used, opset) for toolchain in toolchains())


def _held(toolchain: Toolchain, used: Counter, opset: int) -> Held:
    if not toolchain.operators:
        return Held(toolchain, {}, {}, None)
    missing = {op: used[op] for op in sorted(used) if op not in toolchain.operators and op != "Constant"}
    limits = {op: toolchain.limits[op] for op in sorted(used) if op in toolchain.limits}
    return Held(toolchain, missing, limits, opset if toolchain.opset and opset > toolchain.opset else None)
