"""Runs in a deck's kernel, before its first cell."""

from __future__ import annotations

import io


def prepare() -> None:
    """Show matplotlib's figures as PNG that carry ``figure.alt``, with letters for a projector, and of a ledger's reveal only what was
    measured: on a slide the room has made the prediction."""
    import matplotlib
    from IPython import get_ipython
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    from edgekit.formatting import number_text
    from edgekit.ledger.ledger import Reveal

    # Now: a kernel's backend lays its own formatter over ours when it comes.
    pyplot.switch_backend(matplotlib.get_backend())
    matplotlib.rcParams["font.size"] = 12

    def png(figure):
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=150, facecolor="white")
        return picture.getvalue(), {"alt": getattr(figure, "alt", "")}

    def measured(reveal) -> str:
        number = reveal.measured if isinstance(reveal.measured, str) else number_text(reveal.measured)
        return f"<p><b>{reveal.key}: {number} {reveal.unit or ''}</b></p>"

    formatters = get_ipython().display_formatter.formatters
    formatters["image/png"].for_type(Figure, png)
    formatters["text/html"].for_type(Reveal, measured)
