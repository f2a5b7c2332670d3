"""The ``edgekit`` command. Each subcommand imports what it needs when it runs, so that ``--help`` answers at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="From a trained PyTorch model to a measured, deployed one.",
)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Open JupyterLab on the landing notebook. Further arguments go to JupyterLab."""
    import os

    from edgekit.course.launch import jupyterlab

    arguments = list(context.args)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root and not any("allow-root" in argument.replace("_", "-") for argument in arguments):
        typer.echo("edgekit lab: you are root, which JupyterLab refuses unless told: adding --allow-root", err=True)
        arguments.insert(0, "--allow-root")
    raise typer.Exit(jupyterlab(arguments))


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="machine-readable")] = False) -> None:
    """Say what this machine is, what runs on it, and how to close each gap."""
    from rich.console import Console

    from edgekit.course import doctor as room

    diagnosis = room.examine()
    if as_json:
        print(diagnosis.to_json())
    else:
        diagnosis.render(Console())
    raise typer.Exit(diagnosis.exit_status)


@app.command()
def check(
    lab: Annotated[str, typer.Argument(help="number or name of a lab, or the path of a notebook")],
    timeout: Annotated[float, typer.Option(min=1, help="seconds for one cell")] = 300,
) -> None:
    """Run one lab's notebook and say for every exercise whether its check passes, and what is missing."""
    from edgekit.course.selfcheck import run

    raise typer.Exit(run(lab, timeout))


@app.command()
def progress() -> None:
    """What I have passed so far, and the points."""
    from edgekit.course.progress import show

    show()


@app.command()
def release(
    check: Annotated[
        bool, typer.Option("--check", help="write nothing; fail where labs/ and solutions/ differ")
    ] = False,
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
        releasing.update_readme(check)


@app.command()
def grade(
    folders: Annotated[
        list[Path], typer.Argument(help="the submissions; or `merge` and the result folders of all shards")
    ],
    out: Annotated[Path, typer.Option(help="folder for records and reports")],
    workers: Annotated[int, typer.Option(help="submissions graded at the same time")] = 2,
    tier: Annotated[
        str, typer.Option(help="walls around student code: namespace, container, or none (only for code you trust)")
    ] = "namespace",
    cold: Annotated[bool, typer.Option(help="a fresh interpreter for every submission")] = False,
    audit: Annotated[float, typer.Option(help="share of submissions graded again in a fresh interpreter")] = 0.02,
    shard: Annotated[str | None, typer.Option(help="i/n: only the i-th of n parts")] = None,
    lab: Annotated[list[str] | None, typer.Option(help="only this lab; may be repeated")] = None,
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

    from edgekit.instructor.reports import tables as reports

    warnings.showwarning = lambda message, *rest, **more: typer.echo(f"warning: {message}", err=True)
    if str(folders[0]) == "merge":
        from edgekit.instructor.grading.merge import merge

        if len(folders) < 2:
            raise typer.BadParameter("name the --out folders of the shards: edgekit grade merge PART1 PART2 --out DIR")
        merged = merge(folders[1:], out)
        for line in merged.conflicts:
            typer.echo(line, err=True)
        _tell(merged.records, merged.files)
        raise typer.Exit(1 if merged.conflicts else 0)
    if len(folders) != 1:
        raise typer.BadParameter(
            "one folder with submissions; to unite shards: edgekit grade merge PART1 PART2 --out DIR"
        )
    limits = {
        "tier": tier,
        "cold": cold,
        "shard": shard,
        "cell_timeout": cell_timeout,
        "notebook_timeout": notebook_timeout,
        "labs": lab,
    }
    if dask:
        from edgekit.instructor.grading import cluster

        records = cluster.grade_all(
            folders[0], out, dask, tls_ca=tls_ca, tls_cert=tls_cert, tls_key=tls_key, insecure=insecure, **limits
        )
    else:
        from edgekit.instructor.grading.grade import grade_all

        records = grade_all(folders[0], out, workers=workers, audit=audit, **limits)
    _tell(records, reports.write(out, records))


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _tell(records: list[dict], made: dict[str, Path]) -> None:
    faults = sum(
        r["status"] == "grader-error" or any(i["status"] == "grader-error" for i in r["items"]) for r in records
    )
    students = len({r["student"] for r in records})
    counted = f"{_several(len(records), 'submission')} of {_several(students, 'student')}"
    typer.echo(f"{counted}; marks in {made['csv']}, overview in {made['summary']}")
    if faults:
        typer.echo(
            f"{faults} of them have items with grader-error: no points were given or taken there, see records.jsonl",
            err=True,
        )


def _positive(value: float) -> float:
    if not 0 < value < float("inf"):
        raise typer.BadParameter(f"{value:g} is not a positive number")
    return value


@app.command()
def bench(
    models: Annotated[
        list[str], typer.Argument(help="ONNX files, or tinycnn / edgecnn for the shipped PyTorch models")
    ],
    runtime: Annotated[
        list[str] | None, typer.Option(help="onnxruntime, pytorch, pytorch-compiled; may be repeated")
    ] = None,
    provider: Annotated[list[str] | None, typer.Option(help="ONNX Runtime execution provider; may be repeated")] = None,
    threads: Annotated[int, typer.Option(min=1, help="threads for every engine")] = 1,
    batch: Annotated[
        int | None, typer.Option(min=1, help="images per call; 1, or what the model fixes, unless given")
    ] = None,
    seconds: Annotated[
        float, typer.Option(callback=_positive, help="time to measure; a comparison ends sooner once it is told")
    ] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable")] = False,
) -> None:
    """Compare models, runtimes and providers: ratios with intervals, an A/A control and a verdict. The first is the baseline."""
    import contextlib
    import json

    from edgekit import bench as room
    from edgekit.course import lineup

    with contextlib.ExitStack() as stack:
        entries, origins = {}, []
        for model, entry in lineup.runners(models, runtime or ["onnxruntime"], provider or [None], threads):
            runner = stack.enter_context(entry)
            entries[lineup.unused(runner.name, entries)] = runner
            origins.append((model, runner))
        x, size = lineup.example(origins, batch)
        if len(entries) == 1:
            result = room.measure(next(iter(entries.values())), x, min_time=seconds, items=size or 1)
        else:
            result = room.compare(entries, x, max_time=seconds)
    fed = {name: {"dtype": str(array.dtype), "shape": list(array.shape)} for name, array in x.items()}
    if as_json:
        print(json.dumps({**result.to_dict(), "batch": size, "inputs": fed}, indent=1, default=str))
        return
    print(result)
    said = ", ".join(f"{name} {one['dtype']} {one['shape']}" for name, one in fed.items()) or "none, the model has none"
    print(f"batch {size or 'none'}; inputs: {said}")


def main() -> None:
    """Entry point. An error of ours names the file, the value and the fix: one line says it, a traceback would hide it."""
    try:
        app()
    except Exception as error:
        if not type(error).__module__.startswith("edgekit."):
            raise
        print(f"edgekit: {error}", file=sys.stderr)
        sys.exit(2)
