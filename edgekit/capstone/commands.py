"""``edgekit submit``: template, budget, check, pack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The capstone: a budget, a submission, and whether it is kept.")

Student = Annotated[str, typer.Option(help="your login")]
Device = Annotated[str, typer.Option(help="microcontroller, cpu-board or gpu-box")]
Task = Annotated[str, typer.Option(help="digits or keyword")]
Course = Annotated[str, typer.Option(help="the word that your instructor gave you; budgets depend on it")]


@app.command()
def budget(student: Student, device: Device, task: Task = "digits", course: Course = "open") -> None:
    """Show a student's budget."""
    from edgekit.capstone.budgets import draw

    typer.echo(draw(student, device, task, course))


@app.command()
def template(
    folder: Path,
    student: Student,
    device: Device,
    task: Task = "digits",
    course: Course = "open",
    division: Annotated[str, typer.Option(help="closed, or open: there edgekit tune is allowed")] = "closed",
) -> None:
    """Write the files of a submission to fill in: card, commands, submission.json. The model is yours."""
    from edgekit.capstone.budgets import draw
    from edgekit.capstone.template import write

    drawn = draw(student, device, task, course)
    for path in write(folder, drawn, division):
        typer.echo(f"wrote {path}")
    typer.echo(drawn)


@app.command()
def check(
    folder: Path,
    split: Annotated[Path | None, typer.Option(help="an .npz file with images and labels, instead of new pictures")] = None,
    seconds: Annotated[float, typer.Option(min=0.5, max=60, help="of paired timing, at most")] = 9.0,
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable")] = False,
) -> None:
    """Measure a submission on pictures drawn just now, and say for every budget whether it is kept and why."""
    from edgekit.capstone import checking, unseen

    report = checking.check(folder, unseen.load(split) if split else None, seconds=seconds)
    typer.echo(json.dumps(report.to_dict(), indent=1, default=str) if as_json else report)
    raise typer.Exit(0 if report.kept else 1)


@app.command()
def pack(
    folder: Path,
    token: Annotated[str, typer.Option(envvar="EDGEKIT_TOKEN", help="from your instructor")] = "",
    out: Annotated[Path | None, typer.Option(help="the file; FOLDER.edgekit unless given")] = None,
) -> None:
    """Make one signed file of a submission: hashes of its files, device, versions."""
    from edgekit.capstone.packing import pack as packed

    typer.echo(f"wrote {packed(folder, token, out)}")
