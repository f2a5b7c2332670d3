"""Which engines work on this machine, found out by running a tiny model in each, in a process of its own.

A provider that crashes, hangs or fails to import takes only its own process with it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from edgekit import processes
from edgekit.formatting import ShownAsTable
from edgekit.runtimes.engines import ENGINES

TIMEOUT = 120  # seconds for one engine; compiling with a cold cache takes the longest
_cache: dict[str, Availability] = {}


@dataclass(frozen=True)
class Availability:
    """Whether an engine works here, what ran or why not, and the command that would change it."""

    ok: bool
    detail: str
    fix: str = ""

    def __bool__(self) -> bool:
        return self.ok

    def to_dict(self) -> dict:
        return asdict(self)


class Availabilities(ShownAsTable, dict):
    """dict name -> Availability that prints as a table."""

    def __str__(self) -> str:
        width = max(map(len, self), default=0)
        return "\n".join(
            f"{'works' if a.ok else '-':<6} {name:<{width}}  {a.detail}{f'  Fix: {a.fix}' if a.fix else ''}" for name, a in self.items()
        )

    def _table(self) -> tuple:
        return ("runtime", "here", "detail", "fix"), [(name, "works" if a.ok else "no", a.detail, a.fix) for name, a in self.items()]


def available(engines: Sequence[str] | None = None, *, quick: bool = False, refresh: bool = False) -> Availabilities:
    """What works here, by the names of `edgekit.runtimes.engines`; "onnxruntime:<provider>" for each of its providers.

    engines: ask these only. quick leaves out those that take long to try ("pytorch-compiled" compiles C++). Answers are kept for the life
    of the process unless refresh.
    """
    if refresh:
        _cache.clear()
    wanted = ENGINES if engines is None else engines
    names = [name for name in wanted if not (quick and ENGINES[name].slow)]
    missing = [name for name in names if name not in _cache and not any(k.startswith(f"{name}:") for k in _cache)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        for answers in pool.map(_engine, missing):
            _cache.update(answers)
    order = {name: place for place, name in enumerate(ENGINES)}
    shown = [n for n in _cache if n.partition(":")[0] in names]
    return Availabilities({n: _cache[n] for n in sorted(shown, key=lambda n: order[n.partition(":")[0]])})


def _engine(name: str) -> dict[str, Availability]:
    if not ENGINES[name].providers:
        return {name: ask(name)}
    listed = ask(name)
    if not listed.ok:
        return {f"{name}:CPUExecutionProvider": listed}
    return {f"{name}:{p}": ask(f"{name}:{p}") for p in json.loads(listed.detail)}


def ask(name: str, timeout: float = TIMEOUT, environment: dict | None = None) -> Availability:
    """Run one probe in a subprocess. environment: more environment variables for it."""
    return answer(["-m", "edgekit.runtimes.tiny", name], timeout, environment)


def answer(arguments: list[str], timeout: float, environment: dict | None = None) -> Availability:
    """Run ``python ARGUMENTS``, which prints an Availability as its last line, and say so when it does not get that far."""
    try:
        return Availability(**processes.ask(*arguments, timeout=timeout, environment=environment))
    except processes.NoAnswer as error:
        command = " ".join([Path(sys.executable).name, *arguments])[:200]
        return Availability(False, str(error), f"run `{command}` to see all of its output")
