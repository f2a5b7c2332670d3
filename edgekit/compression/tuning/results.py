"""What `tune` returns: a row for everything that was tried, the front, and one recommendation."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass, field

from edgekit.ledger import beats

HEAD = ["", "file", "engine", "threads", "batch", "size", "quality", "speed-up", "memory", "why not"]


@dataclass(frozen=True)
class Row:
    """One configuration. bytes: on disk; memory: bytes at the peak beyond the libraries; quality: what became of the answers (see
    judging.judge); speed: {"speedup", "low", "high", "verdict"} of the time for one row against the float32 file on one thread;
    failed: why it has no result."""

    file: str
    engine: str
    threads: int
    batch: int
    path: str = ""
    bytes: int = 0
    memory: int | None = None
    quality: dict = field(default_factory=dict)
    speed: dict = field(default_factory=dict)
    failed: str = ""

    @property
    def key(self) -> str:
        return f"{self.file} | {self.engine} | {self.threads} | {self.batch}"

    @property
    def kept(self) -> bool:
        return not self.failed and self.quality.get("verdict") in ("kept", "reference")

    def dominates(self, other: Row) -> bool:
        """At least as good in size, time and quality, and better in one."""
        return beats(*((r.bytes, -r.speed["speedup"], -r.quality["score"]) for r in (self, other)))

    def cells(self, mark: str) -> list[str]:
        mb = lambda n: f"{n / 1e6:.2f} MB" if n else ""
        s = self.speed
        speed = f"{s['speedup']:.2f}x [{s['low']:.2f}, {s['high']:.2f}] {s['verdict']}" if s else ""
        said = self.quality.get("text", "")
        return [
            mark,
            self.file,
            self.engine,
            str(self.threads),
            str(self.batch),
            mb(self.bytes),
            said,
            speed,
            mb(self.memory),
            self.failed,
        ]


@dataclass
class Tuning:
    """rows: all that was tried, in order; front: keys of the rows that no other beats in size, time and quality; recommended: the key of
    one of them; command: makes its file. notes: what a reader must know beside the numbers."""

    model: str
    rows: list[Row]
    recommended: str
    why: str
    command: str
    max_drop: float
    notes: list[str]
    environment: dict

    @property
    def front(self) -> list[str]:
        able = [row for row in self.rows if row.speed and row.quality and not row.failed]
        return [row.key for row in able if not any(other.dominates(row) for other in able)]

    @property
    def best(self) -> Row:
        return next(row for row in self.rows if row.key == self.recommended)

    def to_dict(self) -> dict:
        return {**asdict(self), "front": self.front}

    def _cells(self) -> list[list[str]]:
        front = self.front
        mark = lambda row: "->" if row.key == self.recommended else "*" if row.key in front else ""
        return [row.cells(mark(row)) for row in self.rows]

    def __str__(self) -> str:
        rows = [HEAD, *self._cells()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD) - 1)]
        lines = [
            "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in rows
        ]
        return "\n".join([*lines, *(text for text in self._below())])

    def _below(self) -> list[str]:
        best = self.best
        return [
            "* on the Pareto front of size, time and quality; -> recommended",
            f"recommended: {best.file} on {best.engine}, {best.threads} thread(s), batch {best.batch}: {self.why}",
            f"file: {best.path}",
            f"command: {self.command}",
            *(f"note: {note}" for note in self.notes),
        ]

    def _repr_html_(self) -> str:
        from edgekit.formatting import table

        return table(HEAD, self._cells()) + "".join(f"<p>{html.escape(line)}</p>" for line in self._below())
