"""Results recorded on hardware that a student may not have, always shown as "recorded, not yours"."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from edgekit import paths
from edgekit.files import write_whole
from edgekit.formatting import Html, number_text, plain, table


class RecordedError(LookupError):
    """A recorded result is missing or damaged."""


@dataclass(frozen=True)
class Recorded:
    """A result measured on another machine: what, where, when, with which versions, by which command. `data` is plain."""

    name: str
    title: str
    device: str
    environment: dict
    date: str
    source_command: str
    data: dict | list

    @property
    def label(self) -> str:
        return f"recorded, not yours: {self.device}, {self.date}"

    @property
    def versions(self) -> str:
        skip = ("device", "cpu", "runners", "threads_set")
        return ", ".join(f"{k} {v}" for k, v in self.environment.items() if v not in (None, "", {}) and k not in skip)

    def __getitem__(self, key):
        return self.data[key]

    def __str__(self) -> str:
        lines = [f"{self.title} ({self.label})", json.dumps(self.data, indent=1, ensure_ascii=False)]
        return "\n".join([*lines, f"made by: {self.source_command}", f"on: {self.versions}"])

    def _repr_html_(self) -> str:
        e = html.escape
        return (
            f"<div style='border-left:4px solid #E69F00;padding-left:8px'><b>{e(self.title)}</b><br>"
            f"<b style='background:#E69F00;color:#000;padding:0 4px'>recorded, not yours</b> {e(self.device)}, {e(self.date)}"
            f"{data_html(self.data)}<details><summary>how it was made</summary><code>{e(self.source_command)}</code>"
            f"<br>{e(self.versions)}</details></div>"
        )


def recorded(name: str, folder: str | os.PathLike | None = None) -> Recorded:
    """The recorded result data/recorded/NAME.json (or one in `folder`). RecordedError if it is missing, naming those that
    are there, or damaged, naming what is wrong."""
    folder = Path(folder) if folder else paths.data() / "recorded"
    path = folder / f"{name}.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        there = ", ".join(sorted(p.stem for p in folder.glob("*.json"))) or "none"
        raise RecordedError(f"no recorded result {name!r} in {folder}; there are: {there}") from None
    except ValueError as error:
        raise RecordedError(f"{path} is not valid JSON ({error}); restore it with git") from None
    fields = set(Recorded.__dataclass_fields__)
    missing = fields - set(found) if isinstance(found, dict) else fields
    if missing:
        raise RecordedError(f"{path} lacks {', '.join(sorted(missing))}")
    return Recorded(**{key: found[key] for key in fields})


def record(
    name: str,
    data,
    *,
    title: str,
    source_command: str,
    device: str | None = None,
    environment: Mapping | None = None,
    date: str | None = None,
    folder: str | os.PathLike | None = None,
) -> Recorded:
    """Write data/recorded/NAME.json, in one step, and return it. `data` is plain, or has to_dict().

    `source_command` is what to run to measure it again. The environment is the one in `data` if it has any, else this
    machine's; the date (YYYY-MM-DD) is today's. ValueError for a name that is no file name or an empty source_command.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise ValueError(f"{name!r}: use letters, digits, '_', '.' and '-' in the name of a recorded result")
    if not source_command.strip():
        raise ValueError(f"{name!r}: say in source_command how to measure it again")
    data = plain(data)
    env = dict(environment or (data.get("environment") if isinstance(data, dict) else None) or this_machine())
    device = device or env.get("device") or env.get("gpu") or env.get("cpu")
    if not device:
        raise ValueError(f"{name!r}: the environment names no device; pass device=")
    result = Recorded(name, title, device, env, date or datetime.now().date().isoformat(), source_command, data)
    folder = Path(folder) if folder else paths.data() / "recorded"
    write_whole(folder / f"{name}.json", json.dumps(asdict(result), indent=1, ensure_ascii=False) + "\n")
    return result


def this_machine() -> dict:
    from edgekit import device

    return dict(device.environment())


def data_html(data) -> str:
    """Tables for dicts and for lists of dicts, nested as they are."""
    if isinstance(data, dict):
        return table([], [(key, Html(data_html(value))) for key, value in data.items()])
    if isinstance(data, list) and data and all(isinstance(item, dict) for item in data):
        head = list(dict.fromkeys(key for item in data for key in item))
        return table(head, [[number_text(item[key]) if key in item else "" for key in head] for item in data])
    return html.escape(", ".join(map(number_text, data)) if isinstance(data, list) else number_text(data))
