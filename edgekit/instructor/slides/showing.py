"""Runs in a deck's kernel, before its first cell."""

from __future__ import annotations

import io


def figures_with_alt() -> None:
    """Show matplotlib's figures as PNG that carry ``figure.alt``, sharp enough for a projector."""
    from IPython import get_ipython
    from matplotlib.figure import Figure

    def png(figure):
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=150, facecolor="white")
        return picture.getvalue(), {"alt": getattr(figure, "alt", "")}

    get_ipython().display_formatter.formatters["image/png"].for_type(Figure, png)
