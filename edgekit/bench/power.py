"""Energy per inference, where the machine has a sensor; where it has none, what was looked for and how to get one."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

from edgekit.bench.timing import loop
from edgekit.device.power_meters import Missing, sensors
from edgekit.formatting import ShownAsTable, machine


@dataclass(frozen=True)
class Energy(ShownAsTable):
    """Joules per inference. `total` includes what the machine draws at idle, `net` is without it (None if idle was not
    measured). Both are None when there is no sensor; `missing` then says what was looked for."""

    name: str
    sensor: str | None = None
    covers: str = ""
    total: float | None = None
    net: float | None = None
    watts: float | None = None
    idle_watts: float | None = None
    calls: int = 0
    seconds: float = 0.0
    missing: tuple[Missing, ...] = ()
    environment: dict = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Was anything measured?"""
        return self.total is not None

    @property
    def notes(self) -> tuple[str, ...]:
        notes = []
        if self and self.net is None:
            notes.append("idle power is included: measure with idle=1.0 to take it off")
        elif self and self.watts < 1.05 * self.idle_watts:
            notes.append("the power under load is within 5% of idle: the difference says little")
        return tuple(notes)

    def facts(self) -> list[tuple[str, str]]:
        if not self:
            return [("energy", "not measured: this machine has no sensor that can be read")] + [
                (m.sensor, m.why + (f"; {m.fix}" if m.fix else "")) for m in self.missing
            ]
        rows = [("energy per call", joules(self.total) + " with idle")]
        if self.net is not None:
            rows.insert(0, ("energy per call", joules(self.net) + " above idle"))
        idle = "" if self.idle_watts is None else f", {self.idle_watts:.3g} W at idle"
        rows += [("power", f"{self.watts:.3g} W{idle}"), ("sensor", f"{self.sensor}: {self.covers}")]
        rows.append(("calls", f"{self.calls} in {self.seconds:.2f} s"))
        return rows + [("note", note) for note in self.notes] + ([("on", machine(self.environment))] if self.environment else [])

    def __str__(self) -> str:
        return "\n".join([self.name, *(f"  {a}: {b}" for a, b in self.facts())])

    def _table(self) -> tuple:
        return [self.name, ""], self.facts()

    def to_dict(self) -> dict:
        """Plain data for JSON; joules, watts, seconds."""
        plain = vars(self) | {"missing": [vars(m) for m in self.missing]}
        return plain | {"notes": list(self.notes)}


def energy(
    run, x=None, *, name: str | None = None, seconds: float = 2.0, idle: float = 1.0, root: str | os.PathLike = "/", sensor=None
) -> Energy:
    """Energy per call of `run` (a Runner or a callable, as in bench.measure), by the first sensor that can be read, or `sensor`.

    First listens to the idle machine for `idle` seconds (0: not at all, and nothing is subtracted), then calls for at least `seconds`.
    Sensors are read in steps, and NVML's on some GPUs samples only part of the time (Yang et al., "Part-time power measurements", 2023):
    seconds, not milliseconds. Other programs' power counts too: keep the machine quiet. An Energy without numbers comes back when there is
    no sensor.
    """
    from edgekit.bench.speed import conditions, name_of

    many = loop(run, x)
    name = name or name_of(run)
    mine = sensor is None
    found, missing = sensors(root) if mine else ([sensor], [])
    try:
        if not found:
            return Energy(name, missing=tuple(missing), environment=conditions({name: run}))
        sensor = found[0]
        many(1)  # whatever the first call builds is not part of an inference
        idle_watts = listen(sensor, idle) if idle > 0 else None
        calls, size, start, before = 0, 1, time.perf_counter(), sensor.joules()
        while (elapsed := time.perf_counter() - start) < seconds:
            many(size)
            calls += size
            size = min(max(1, int(0.05 * calls / max(elapsed, 1e-3))), 10 * size)
        used, elapsed = sensor.joules() - before, time.perf_counter() - start
    finally:
        for one in found if mine else ():
            one.close()
    return Energy(
        name,
        sensor=sensor.name,
        covers=sensor.covers,
        total=used / calls,
        net=None if idle_watts is None else (used - idle_watts * elapsed) / calls,
        watts=used / elapsed,
        idle_watts=idle_watts,
        calls=calls,
        seconds=elapsed,
        missing=tuple(missing),
        environment=conditions({name: run}),
    )


def listen(sensor, seconds: float) -> float:
    """Mean power in watts while nothing of ours runs."""
    start, before = time.perf_counter(), sensor.joules()
    time.sleep(seconds)
    return (sensor.joules() - before) / (time.perf_counter() - start)


def joules(value: float) -> str:
    for unit, scale in (("J", 1), ("mJ", 1e3)):
        if abs(value) * scale >= 1:
            return f"{value * scale:.3g} {unit}"
    return f"{value * 1e6:.3g} µJ"
