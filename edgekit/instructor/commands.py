"""The commands that only authors and instructors have. The command line adds them where this folder is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from edgekit.instructor.board.commands import app as board

if TYPE_CHECKING:
    from edgekit.instructor.reports.records import Record


def add(app: typer.Typer) -> None:
    """Put the commands of this file into ``app``."""
    app.command()(release)
    app.command()(grade)
    app.command()(slides)
    app.command()(claims)
    app.command()(questions)
    app.command()(answers)
    app.add_typer(board, name="board")


def release(
    check: Annotated[bool, typer.Option("--check", help="write nothing; fail where labs/ and solutions/ differ")] = False,
    tidy: Annotated[bool, typer.Option("--tidy", help="first bring the solutions into their committed form")] = False,
    bundle: Annotated[Optional[Path], typer.Option(help="write the students' edition to this empty folder")] = None,  # noqa: UP045
) -> None:
    """Make the students' notebooks in labs/ from solutions/."""
    from edgekit.instructor import bundle as bundling
    from edgekit.instructor import release as releasing

    findings = releasing.release_all(check=check or bundle is not None, tidy_first=tidy)
    for line in findings:
        typer.echo(line, err=True)
    if findings:
        raise typer.Exit(1)
    if bundle:
        typer.echo(f"{bundling.write(bundle)} files in {bundle}")
    else:
        from edgekit.instructor import deck_map

        releasing.update_readme(check)
        deck_map.update(check)


def grade(
    folders: Annotated[
        list[Path],
        typer.Argument(
            help="the submissions; or a word and result folders: `merge` PART1 PART2 --out DIR, `review` DIR, `changes` [OLD] DIR, "
            "`similar` DIR"
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="folder for records and reports")] = None,
    workers: Annotated[int, typer.Option(min=1, help="submissions graded at the same time")] = 2,
    tier: Annotated[
        str, typer.Option(help="walls around student code: namespace, container, or none (only for code you trust)")
    ] = "namespace",
    cold: Annotated[bool, typer.Option(help="a fresh interpreter for every submission")] = False,
    audit: Annotated[float, typer.Option(help="share of submissions graded again in a fresh interpreter")] = 0.02,
    shard: Annotated[str | None, typer.Option(help="i/n: only the i-th of n parts")] = None,
    lab: Annotated[list[str] | None, typer.Option(help="only this lab; may be repeated")] = None,
    roster: Annotated[Path | None, typer.Option(help="class list, CSV; default roster.csv among the submissions")] = None,
    cell_timeout: Annotated[float, typer.Option(help="seconds for one cell")] = 60,
    notebook_timeout: Annotated[float, typer.Option(help="seconds for one notebook")] = 300,
    dask: Annotated[str | None, typer.Option(help="tls://host:port of a Dask scheduler")] = None,
    tls_ca: Annotated[Path | None, typer.Option(help="certificate authority, PEM")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="certificate, PEM")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="key, PEM")] = None,
    insecure: Annotated[bool, typer.Option(help="accept tcp:// too, on a network that nobody else is on")] = False,
) -> None:
    """Mark a class: rebuild each submission, run it in a sandbox, judge it outside. Repeating the command goes on where it ended."""
    import warnings

    from edgekit.instructor.reports.records import clean

    # A warning may hold names that students chose, with control sequences for the terminal.
    warnings.showwarning = lambda message, *rest, **more: typer.echo(f"warning: {clean(message, 2000)}", err=True)
    word, *rest = folders
    if str(word) in WORDS:
        with _room(out or rest[-1] if rest else Path()):
            WORDS[str(word)](rest, out)
        return
    if rest:
        raise typer.BadParameter(f"one folder with submissions; with several it is one of {', '.join(WORDS)} and folders")
    if out is None:
        raise typer.BadParameter("name a folder for the results: --out DIR")
    limits = {
        "tier": tier,
        "cold": cold,
        "shard": shard,
        "cell_timeout": cell_timeout,
        "notebook_timeout": notebook_timeout,
        "labs": lab,
        "roster": roster,
    }
    with _room(out):
        if dask:
            from edgekit.instructor.grading import cluster

            keys = {"tls_ca": tls_ca, "tls_cert": tls_cert, "tls_key": tls_key, "insecure": insecure}
            records = cluster.grade_all(word, out, dask, **keys, **limits)
        else:
            from edgekit.instructor.grading.grade import grade_all

            records = grade_all(word, out, workers=workers, audit=audit, **limits)
        _report(out, records)


@contextmanager
def _room(out: Path) -> Iterator[None]:
    """Say in one line when the disk is full or the folder for the results is none."""
    try:
        yield
    except OSError as error:
        from edgekit.course.catalog import CourseError

        what = f"{error.filename or out}: {error.strerror or error}"
        raise CourseError(f"{what}. What is graded stays in {out}; the same command goes on from there") from error


def _report(out: Path, records: list[Record]) -> None:
    """Write the reports and tell what an instructor has to know.

    Raises:
        typer.Exit: with status 1 when something was found and not graded.
    """
    from edgekit.instructor.grading import changes
    from edgekit.instructor.reports import about
    from edgekit.instructor.reports import tables as reports
    from edgekit.instructor.reports.records import clean

    _tell(records, reports.write(out, records))
    known = about.read(out)
    if known.strangers:
        typer.echo(f"not in the roster: {', '.join(known.strangers)[:500]}", err=True)
    if changed := changes.of(out):
        typer.echo(f"{_several(len(changed), 'mark')} changed since last time: edgekit grade changes {out}")
    if known.lost:
        typer.echo(f"found and not graded: {len(known.lost)}", err=True)
        for path, why in known.lost:
            typer.echo(f"  {clean(path, 300)}: {why}", err=True)
        raise typer.Exit(1)


def slides(
    decks: Annotated[list[str] | None, typer.Argument(help="numbers or names of decks; all if none is named")] = None,
    out: Annotated[Path, typer.Option(help="folder for the notebooks, the HTML and the PDF")] = Path("build/slides"),
    pdf: Annotated[bool, typer.Option("--pdf", help="print each deck, too; needs Chromium")] = False,
    tidy: Annotated[bool, typer.Option("--tidy", help="only bring the decks into their committed form")] = False,
    check: Annotated[bool, typer.Option("--check", help="measure overflow, contrast and requests in Chromium")] = False,
) -> None:
    """Execute the decks in slides/ and write them as HTML that needs no network, and as notebooks for JupyterLab."""
    from edgekit.instructor import slides as room
    from edgekit.instructor.slides import looking

    chosen = room.choose(decks or [])
    if tidy:
        for path in chosen:
            room.tidy(path)
        return
    made = []
    for path in chosen:
        files = room.build(path, out, pdf=pdf)
        made.append(files["html"])
        typer.echo(", ".join(str(file) for file in files.values()))
    if check:
        faults, counted = looking.measure(made)
        for fault in faults:
            typer.echo(str(fault), err=True)
        typer.echo(f"{sum(counted.values())} slides, {len(faults)} faults")
        raise typer.Exit(1 if faults else 0)


def claims(
    ids: Annotated[Optional[list[str]], typer.Argument(help="such as C39; all if none is named")] = None,  # noqa: UP045
    record: Annotated[str | None, typer.Option(help="write this machine's verdicts to data/recorded/claims_NAME.json")] = None,
) -> None:
    """Measure the claims that this machine can judge, and print all of them with their verdicts. All of them take some minutes."""
    from edgekit.instructor.claims import table

    rows = table.judged(ids or None, done=lambda claim, found: typer.echo(f"{claim.id}: {found.verdict}", err=True))
    typer.echo(table.text(rows))
    if record:
        table.record(record, rows)


def questions(out: Annotated[Path, typer.Option(help="folder for the files")] = Path("build/questions")) -> None:
    """Write the question bank as Moodle XML and as QTI for Canvas."""
    from edgekit.instructor.questions.files import write

    for platform, file in write(out).items():
        typer.echo(f"{platform}: {file}")


def answers(
    labs: Annotated[list[str], typer.Argument(help="numbers or names of labs, such as 03a")],
    out: Annotated[Path, typer.Option(help="folder for the pages")] = Path("build/answers"),
) -> None:
    """Execute solutions and write each as an HTML page: what came out for every prediction on this machine."""
    from edgekit.course import catalog
    from edgekit.instructor.answers import write

    for lab in labs:
        typer.echo(str(write(catalog.find(lab), out)))


# ----------------------------------------------------------------------------------------------------------------- other words
def _merge(folders: list[Path], out: Path | None) -> None:
    from edgekit.instructor.grading.merge import merge

    if not folders or out is None:
        raise typer.BadParameter("name the --out folders of the shards: edgekit grade merge PART1 PART2 --out DIR")
    merged = merge(folders, out)
    for line in merged.conflicts:
        typer.echo(line, err=True)
    _tell(merged.records, merged.files)
    raise typer.Exit(1 if merged.conflicts else 0)


def _one(folders: list[Path], word: str) -> Path:
    if len(folders) != 1 or not folders[0].is_dir():
        raise typer.BadParameter(f"name one folder with results: edgekit grade {word} DIR")
    return folders[0]


def _review(folders: list[Path], out: Path | None) -> None:
    from edgekit.instructor import review

    folder = _one(folders, "review")
    with review.serving(folder) as address:
        typer.echo(f"Open {address} in a browser of this machine. Ctrl-C ends, and writes the reports anew.")
        review.wait()
    typer.echo(f"Your marks are in {folder / 'manual.json'}, the reports are written.")


def _changes(folders: list[Path], out: Path | None) -> None:
    from edgekit.instructor.grading import changes

    if len(folders) == 2:
        found, target = changes.between(*folders), folders[1]
    else:
        target = _one(folders, "changes")
        found = changes.of(target)
    for change in found:
        typer.echo(str(change))
    typer.echo(f"{_several(len(found), 'mark')} changed; {changes.write(target, found)} has them all")


def _similar(folders: list[Path], out: Path | None) -> None:
    from edgekit.instructor.reports import similarity

    folder = _one(folders, "similar")
    found = similarity.of(folder)
    table, page = similarity.write(folder, found)
    typer.echo(f"{_several(len(found), 'pair')} to look at: {page} and {table}. It is a report, never a mark.")


WORDS = {"merge": _merge, "review": _review, "changes": _changes, "similar": _similar}


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _tell(records: list[Record], made: dict[str, Path]) -> None:
    from edgekit.instructor.reports.records import faulty

    faults = sum(map(faulty, records))
    students = len({record.student for record in records})
    counted = f"{_several(len(records), 'submission')} of {_several(students, 'student')}"
    typer.echo(f"{counted}; marks in {made['csv']}, overview in {made['summary']}")
    if faults:
        typer.echo(f"{faults} of them have items with grader-error: no points were given or taken there, see records.jsonl", err=True)
