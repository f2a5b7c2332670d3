"""What the doctor finds: a gap, what it means for the course, and the command that closes it."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

PROBLEM, HINT, INFO = "problem", "hint", "info"
# nvidia-modelopt 0.47 imports the next two and does not declare them; its FastNAS breaks with torchprofile 0.1.
MODELOPT = ("nvidia-modelopt==0.47.0", "huggingface_hub", "requests", "torchprofile==0.0.4")


@dataclass(frozen=True)
class Finding:
    """One thing to know. `severity` is "problem" (something in the course will fail), "hint" (it works, but less well
    than it could) or "info" (nothing to do)."""

    severity: str
    title: str
    meaning: str  # what it means for the course
    topics: str  # the chapters concerned, by topic
    fix: str | None = None  # the exact command, None where nothing needs doing
    key: str = ""  # a stable name, for scripts and tests


def pip(action: str, *arguments: str) -> str:
    """The command line for this environment: uv makes environments without pip."""
    if importlib.util.find_spec("pip") is None:
        return " ".join(["uv pip", action, *arguments])
    return " ".join(["python -m pip", action, *(["-y"] if action == "uninstall" else []), *arguments])
