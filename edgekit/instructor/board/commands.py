"""``edgekit board``: init, serve, add, judge, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The capstone's board of a class.")
Tier = Annotated[str, typer.Option(help="walls around models: namespace, container, or none (only for models you trust)")]


@app.command()
def init(
    folder: Path,
    roster: Annotated[Path, typer.Option(help="class list, CSV")],
    course: Annotated[str | None, typer.Option(help="a word; the budgets depend on it [default: open]")] = None,
    until: Annotated[str | None, typer.Option(help="deadline, such as 2027-01-31T23:59 [default: none]")] = None,
) -> None:
    """Start a board: tokens for the class, and pictures that nobody has seen. Again: tokens for who is new, the rest stays."""
    from edgekit.instructor.board import room

    board = room.make(folder, roster, course, until)
    closes = f"{board.until:%Y-%m-%d %H:%M %Z}" if board.until else "no deadline"
    typer.echo(f"course {board.course!r}, {closes}")
    typer.echo(f"{len(board.tokens)} tokens in {folder / room.TOKENS}; give each student its own. Keep {folder} to yourself.")


@app.command()
def serve(
    folder: Path,
    host: Annotated[str, typer.Option(help="0.0.0.0 lets the class network in")] = "127.0.0.1",
    port: int = 8765,
    tier: Tier = "namespace",
) -> None:
    """Show the board, take submissions over HTTP and judge them. Ctrl-C ends; what was taken stays."""
    from edgekit.instructor.board import room, server

    board = room.read(folder)
    with server.serving(board, host, port) as address:
        typer.echo(
            f"{address} shows the board. Hand in: curl --data-binary @FILE.edgekit -H 'X-Student: NAME' -H 'Authorization: Bearer TOKEN'"
            f" {address}submit"
        )
        server.judge_all(board, tier, typer.echo, until_empty=False)


@app.command()
def add(
    folder: Path,
    submissions: Path,
    received: Annotated[
        str | None, typer.Option(help="when these files were handed in, such as 2027-01-31T20:00: held against the deadline")
    ] = None,
) -> None:
    """Take every packed file below a folder. The deadline is not looked at, unless you say when the files were handed in."""
    from edgekit.instructor.board import intake, room

    board = room.read(folder)
    told = intake.take_folder(intake.Intake(board), submissions, room.moment(received or ""))
    for path, said in told:
        typer.echo(f"{path.name}: {said}", err=said != intake.TAKEN)
    if board.until and not received and told:
        typer.echo(f"The deadline ({board.until:%Y-%m-%d %H:%M %Z}) was not looked at: --received says when files came.")
    raise typer.Exit(0 if all(said == intake.TAKEN for _, said in told) else 1)


@app.command()
def judge(
    folder: Path, tier: Tier = "namespace", seconds: Annotated[float, typer.Option(min=0.5, max=60, help="of paired timing, at most")] = 9.0
) -> None:
    """Judge what waits, then end."""
    from edgekit.instructor.board import room, server

    server.judge_all(room.read(folder), tier, typer.echo, until_empty=True, seconds=seconds)


@app.command()
def export(folder: Path, target: Annotated[Path, typer.Option("--out", help="an HTML file")] = Path("board.html")) -> None:
    """Write the board as one HTML file."""
    from edgekit.instructor.board import room, server

    typer.echo(f"wrote {server.export(room.read(folder), target)}")


@app.command()
def marks(folder: Path, out: Annotated[Path, typer.Option(help="folder for records and texts")]) -> None:
    """Put cards and defences into the grader's queue: edgekit grade review OUT."""
    from edgekit.instructor.board import marks, room

    typer.echo(f"{marks.write(room.read(folder), out)} submissions added. Read them: edgekit grade review {out}")
