"""Numbers in prose that are linked to nothing."""

from __future__ import annotations

import re

# A number with a unit of speed, size, power or rate: what a reader would repeat to somebody. "3 minutes" or "8 bits" is not of that kind.
_FIGURE = re.compile(
    r"(?<![\w.])(\d[\d.,]*(?:\s?(?:-|–|to)\s?\d[\d.,]*)?)\s?"
    r"(x (?:faster|slower|smaller|less|more|speed)|times (?:faster|slower|smaller|as fast|as many)|%"
    r" (?:faster|slower|smaller|of|less|more|loss|drop)|"
    r"ms\b|µs\b|us\b|TOPS\b|TFLOPS\b|GOPS\b|FPS\b|fps\b|GB/s|W\b|mW\b|dB\b|MB\b|GB\b|KB\b|kB\b|million\b|points\b|J\b|km\b|USD\b)"
)


def unlinked(prose: str, sources: list[str]) -> list[str]:
    """The figures of a piece of prose, if it names no source for any; code in backticks does not count."""
    if sources:
        return []
    plain = re.sub(r"```.*?```|`[^`]*`", "", prose, flags=re.DOTALL)
    return [f"{number} {unit}".strip() for number, unit in _FIGURE.findall(plain)]
