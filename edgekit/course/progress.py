"""``edgekit progress``: what has been passed, from the student's ledger."""

from __future__ import annotations

from edgekit.course.catalog import Lab, labs


def passed(lab: Lab) -> set[str]:
    """The exercises of a lab whose latest check passed."""
    from edgekit import ledger

    latest = {row.name: row.value.get("passed") is True for row in ledger.student().rows("check", lab.module)}
    return {item.name for item in lab.items if latest.get(item.name)}


def show() -> None:
    """Print a table of the labs with points, what is open, and where to go on."""
    from rich.console import Console
    from rich.table import Table

    table = Table("lab", "title", "points", "still open")
    done = total = 0.0
    following = ""
    for lab in labs():
        names = passed(lab)
        earned = sum(item.points for item in lab.items if item.name in names)
        still = [item.name for item in lab.items if item.name not in names]
        done, total = done + earned, total + lab.points
        following = following or (lab.slug if still else "")
        table.add_row(lab.slug, lab.title, f"{earned:g} / {lab.points:g}", ", ".join(still) or "nothing")
    console = Console()
    console.print(table)
    console.print(
        f"{done:g} of {total:g} points." + (f" Go on with labs/{following}.ipynb." if following else " All done.")
    )
