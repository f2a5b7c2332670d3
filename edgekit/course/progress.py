"""``edgekit progress``: what has been passed, from the student's ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.course.catalog import Lab, labs

if TYPE_CHECKING:
    from edgekit.ledger.ledger import Ledger, Row


def passed(lab: Lab, rows: list[Row]) -> set[str]:
    """The exercises of a lab whose latest check, among the ledger's ``rows``, passed."""
    latest = {row.name: row.value.get("passed") is True for row in rows if row.kind == "check" and row.lab == lab.module}
    return {item.name for item in lab.items if latest.get(item.name)}


def show() -> None:
    """Print a table of the labs with points, what is open, and where to go on.

    Raises:
        WorkFolderError, LedgerError: when the ledger cannot be read.
    """
    from rich.console import Console
    from rich.table import Table

    from edgekit import ledger

    table = Table("lab", "title", "points", "still open")
    book = ledger.student()
    rows = book.rows()
    done = total = 0.0
    following = ""
    for lab in labs():
        names = passed(lab, rows)
        earned = sum(item.points for item in lab.items if item.name in names)
        still = [item.name for item in lab.items if item.name not in names]
        done, total = done + earned, total + lab.points
        following = following or (lab.slug if still else "")
        table.add_row(lab.slug.partition("_")[0], lab.title, f"{earned:g} / {lab.points:g}", ", ".join(still) or "nothing")
    console = Console()
    console.print(table)
    console.print(f"{done:g} of {total:g} points." + (f" Go on with labs/{following}.ipynb." if following else " All done."))
    if lost := damage(book):
        console.print(lost, soft_wrap=True, markup=False, highlight=False)  # a path is not broken into lines


def damage(book: Ledger) -> str:
    """What a reader should know of lines of the ledger that count for nothing; "" when there are none."""
    count = book.damaged
    lines = "1 line" if count == 1 else f"{count} lines"
    return f"{lines} of {book.path} could not be read; what stood there does not count." if count else ""
