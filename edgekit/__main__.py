"""The ``edgekit`` command, also as ``python -m edgekit``."""

from __future__ import annotations

import sys


def _one_line(kind, error, trace) -> None:
    """Ctrl-C is no fault: one line says that it was heard, wherever it came, also while libraries are being imported."""
    if issubclass(kind, KeyboardInterrupt):
        print("edgekit: stopped", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def main() -> None:
    sys.excepthook = _one_line
    from edgekit import cli

    cli.main()


if __name__ == "__main__":
    main()
