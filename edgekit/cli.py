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
    help="From a trained PyTorch model to a measured, deployed one.",
)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Open JupyterLab on the landing notebook. Further arguments go to JupyterLab."""
    from edgekit.course.launch import jupyterlab

    raise typer.Exit(jupyterlab(context.args))


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="machine-readable")] = False) -> None:
    """Say what this machine is, what runs on it, and how to close each gap."""
    from rich.console import Console

    from edgekit import doctor as room

    diagnosis = room.examine()
    if as_json:
        print(diagnosis.to_json())
    else:
        diagnosis.render(Console())
    raise typer.Exit(diagnosis.exit_status)


@app.command()
def check(
    lab: Annotated[str, typer.Argument(help="number or name of a lab, or the path of a notebook")], timeout: float = 300
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
    from edgekit.course import bundle as bundling
    from edgekit.course import release as releasing

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
def bench(
    models: Annotated[
        list[str], typer.Argument(help="ONNX files, or tinycnn / edgecnn for the shipped PyTorch models")
    ],
    runtime: Annotated[
        list[str] | None, typer.Option(help="onnxruntime, pytorch, pytorch-compiled; may be repeated")
    ] = None,
    provider: Annotated[list[str] | None, typer.Option(help="ONNX Runtime execution provider; may be repeated")] = None,
    threads: Annotated[int, typer.Option(help="threads for every engine")] = 1,
    batch: Annotated[int, typer.Option(help="images per call")] = 1,
    seconds: Annotated[float, typer.Option(help="time to measure")] = 3.0,
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable")] = False,
) -> None:
    """Compare models, runtimes and providers: ratios with intervals, an A/A control and a verdict. The first is the baseline."""
    import contextlib
    import json

    from edgekit import bench as room

    with contextlib.ExitStack() as stack:
        entries = {}
        for entry in _entries(models, runtime or ["onnxruntime"], provider or [None], threads):
            runner = stack.enter_context(entry)
            entries[_unused(runner.name, entries)] = runner
        x = next(iter(entries.values())).example(batch)
        if len(entries) == 1:
            result = room.measure(next(iter(entries.values())), x, min_time=seconds)
        else:
            result = room.compare(entries, x, min_time=seconds)
    print(json.dumps(result.to_dict(), indent=1, default=str) if as_json else result)


def _entries(models: list[str], runtimes: list[str], providers: list[str | None], threads: int):
    """A Runner for every combination that was asked for. The shipped models exist in PyTorch and are exported on the way."""
    import tempfile

    import numpy as np

    from edgekit import export
    from edgekit import runtimes as room
    from edgekit.models import load_checkpoint

    image = np.zeros((1, 1, 28, 28), dtype=np.float32)
    for model in models:
        shipped = model in ("tinycnn", "edgecnn")
        for runtime in runtimes:
            if runtime.startswith("pytorch"):
                if not shipped:
                    raise room.RunnerError(
                        f"{model}: PyTorch runs tinycnn and edgecnn here; an ONNX file runs in onnxruntime"
                    )
                yield room.load(
                    load_checkpoint(model), runtime, threads=threads, name=f"{model} {runtime}", example=image
                )
                continue
            for provider in providers:
                name = " ".join([Path(model).stem, runtime, *([provider] if provider else [])])
                options = {"providers": [provider]} if provider else {}
                if not shipped:
                    yield room.load(model, runtime, threads=threads, name=name, **options)
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder) / f"{model}.onnx"
                    export.to_onnx(load_checkpoint(model), path)
                    yield room.load(path, runtime, threads=threads, name=name, **options)


def _unused(name: str, taken: dict) -> str:
    return name if name not in taken else _unused(f"{name} again", taken)


def main() -> None:
    """Entry point. An error of ours names the file, the value and the fix: one line says it, a traceback would hide it."""
    try:
        app()
    except Exception as error:
        if not type(error).__module__.startswith("edgekit."):
            raise
        print(f"edgekit: {error}", file=sys.stderr)
        sys.exit(2)
