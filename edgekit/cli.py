"""The ``edgekit`` command. Each subcommand imports what it needs when it runs, so that ``--help`` answers at once."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

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


def _positive(value: float) -> float:
    if not 0 < value < float("inf"):
        raise typer.BadParameter(f"{value:g} is not a positive number")
    return value


@app.command()
def bench(
    models: Annotated[list[str], typer.Argument(help="ONNX files, or tinycnn / edgecnn for the shipped PyTorch models")],
    runtime: Annotated[list[str] | None, typer.Option(help="onnxruntime, pytorch, pytorch-compiled; may be repeated")] = None,
    provider: Annotated[list[str] | None, typer.Option(help="ONNX Runtime execution provider; may be repeated")] = None,
    threads: Annotated[int, typer.Option(min=1, help="threads for every engine")] = 1,
    batch: Annotated[int | None, typer.Option(min=1, help="images per call; 1, or what the model fixes, unless given")] = None,
    shape: Annotated[
        list[str] | None, typer.Option(help="NAME=1,3,640,640: sizes of an input with free dimensions; may be repeated")
    ] = None,
    given: Annotated[Path | None, typer.Option("--input", help="an .npz file with the inputs")] = None,
    seconds: Annotated[float, typer.Option(callback=_positive, help="time to measure; a comparison ends sooner once it is told")] = 5.0,
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
        if given:
            x, size = lineup.arrays_from(given, origins), batch
        else:
            x, size = lineup.example(origins, batch, lineup.shapes_from(shape or []))
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


@app.command()
def tune(
    model: Annotated[Path, typer.Argument(help="a float32 ONNX file")],
    data: Annotated[Path, typer.Option(help="an .npz file with rows of inputs, by the names of the model's inputs")],
    labels: Annotated[str | None, typer.Option(help="an .npy file with a class for each row, or the name of an array in the data")] = None,
    max_drop: Annotated[float, typer.Option(min=0, max=100, help="points of accuracy that may be lost")] = 0.5,
    budget: Annotated[float, typer.Option(callback=_positive, help="seconds for everything")] = 300.0,
    folder: Annotated[Path | None, typer.Option(help="for the files and what is known; MODEL.tune unless given")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable")] = False,
) -> None:
    """Try float16, the INT8 recipes, engines, threads and batches for one model: a table, the Pareto front and one recommendation.

    Half of the rows calibrate and the other half judge. A second call goes on where the first one stopped.
    """
    import json

    from edgekit.compression import tuning

    found = tuning.tune(model, data, labels, max_drop=max_drop, budget=budget, folder=folder)
    print(json.dumps(found.to_dict(), indent=1, default=str) if as_json else found)


@app.command()
def runtimes(
    model: Annotated[str, typer.Argument(help="a shipped classifier: tinycnn, edgecnn, depthwisecnn, gru, ...")],
    engine: Annotated[list[str] | None, typer.Option(help="only this engine beside PyTorch; may be repeated")] = None,
    seconds: Annotated[float, typer.Option(callback=_positive, help="time to compare")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable")] = False,
    record: Annotated[bool, typer.Option(help="write it to data/recorded/runtimes_MODEL.json, too")] = False,
) -> None:
    """One model on every engine that is here: size, agreement with PyTorch, memory, speed with its interval, INT8 beside float32.

    An engine that is missing or fails is named with the reason. Converting and trying takes some minutes.
    """
    import json

    from edgekit.course import leaderboard

    tell = lambda line: typer.echo(line, err=True)
    found = leaderboard.rank(model, seconds=seconds, engines=engine, tell=tell)
    if record:
        only = "".join(f" --engine {name}" for name in engine or [])
        leaderboard.record(found, f"edgekit runtimes {model} --seconds {seconds:g}{only} --record")
    print(json.dumps(found.to_dict(), indent=1, default=str) if as_json else found)


from edgekit.capstone.commands import app as submit  # noqa: E402

app.add_typer(submit, name="submit")

# [authors: the students' edition has neither these lines nor the folder.
from edgekit.instructor.commands import add  # noqa: E402

add(app)
# authors]


def main(stopped: Callable[[], bool] = lambda: False) -> None:
    """The command. An error of ours names the file, the value and the fix: one line says it, a traceback would hide it.

    stopped: whether Ctrl-C was pressed. A library that catches it half-way fails later with another error.
    """
    try:
        app()
    except SystemExit as end:
        if _by_ctrl_c(end):  # typer makes an exit without a word of it
            raise KeyboardInterrupt from None
        raise
    except Exception as error:
        if stopped():
            raise KeyboardInterrupt from error
        if not type(error).__module__.startswith("edgekit."):
            raise
        print(f"edgekit: {_for_the_shell(str(error))}", file=sys.stderr)
        sys.exit(2)


def _by_ctrl_c(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _for_the_shell(message: str) -> str:
    """The same advice as an option: who sits at a shell has no ``providers=`` to write."""
    return re.sub(r"providers=\['(\w+?)ExecutionProvider'\]", lambda found: f"--provider {found[1].lower()}", message)
