"""What `tune` returns: a row for everything that was tried, the front, and one recommendation."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from edgekit.formatting import ShownAsTable
from edgekit.ledger import beats

HEAD = ["", "file", "engine", "threads", "batch", "size", "quality", "speed-up", "memory", "why not"]


@dataclass(frozen=True)
class Quality:
    """What became of a file's answers. score grows with quality, and is used for the front only. low, high: the interval of what was
    gained, as a share, where there are labels or classes. snr: of the outputs, in dB. verdict: see judging.verdict."""

    text: str
    score: float
    low: float | None = None
    high: float | None = None
    snr: float | None = None
    verdict: str = ""


@dataclass(frozen=True)
class Speed:
    """The time for one row against the float32 file on one thread, with its interval."""

    speedup: float
    low: float
    high: float
    verdict: str


@dataclass(frozen=True)
class Row:
    """One configuration. bytes: on disk; memory: bytes at the peak beyond the libraries; failed: why it has no result."""

    file: str
    engine: str
    threads: int
    batch: int
    path: str = ""
    bytes: int = 0
    memory: int | None = None
    quality: Quality | None = None
    speed: Speed | None = None
    failed: str = ""

    @classmethod
    def from_dict(cls, data: dict) -> Row:
        """What ``dataclasses.asdict`` made of a row. TypeError for anything else."""
        row = cls(**data)
        quality, speed = Quality(**row.quality) if row.quality else None, Speed(**row.speed) if row.speed else None
        return replace(row, quality=quality, speed=speed)

    @property
    def key(self) -> str:
        return f"{self.file} | {self.engine} | {self.threads} | {self.batch}"

    @property
    def verdict(self) -> str:
        """On the quality; "" without a result."""
        return self.quality.verdict if self.quality else ""

    @property
    def kept(self) -> bool:
        return not self.failed and self.verdict in ("kept", "reference")

    def dominates(self, other: Row) -> bool:
        """At least as good in size, time and quality, and better in one."""
        return beats(*((r.bytes, -r.speed.speedup, -r.quality.score) for r in (self, other)))

    def cells(self, mark: str) -> list[str]:
        mb = lambda n: f"{n / 1e6:.2f} MB" if n else ""
        s = self.speed
        speed = f"{s.speedup:.2f}x [{s.low:.2f}, {s.high:.2f}] {s.verdict}" if s else ""
        said = self.quality.text if self.quality else ""
        return [mark, self.file, self.engine, str(self.threads), str(self.batch), mb(self.bytes), said, speed, mb(self.memory), self.failed]


@dataclass
class Tuning(ShownAsTable):
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
        lines = ["  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in rows]
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

    def _table(self) -> tuple:
        return HEAD, self._cells()
