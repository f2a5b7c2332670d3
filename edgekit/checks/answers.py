"""Calling a student's function, for the probes."""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np

from edgekit.checks.failure import AnswerRaised, advice, brief, worded


def shuffled(cases: list[dict], rng: np.random.Generator) -> list[dict]:
    """The cases in a random order, so that a list of right answers noted elsewhere is worth nothing; see :func:`in_order`."""
    return [{**cases[i], "_rank": int(i)} for i in rng.permutation(len(cases))]


def in_order(cases: list[dict], results: list) -> list[tuple[dict, Any]]:
    """Pairs of case and result in the order that the cases were written down in: the first that fails is the one to explain."""
    return sorted(zip(cases, results, strict=True), key=lambda pair: pair[0]["_rank"])


def call(answer: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call the student's function on copies of the arguments and return its result as it is.

    Raises:
        AnswerRaised: from whatever it raised, naming the arguments and the line.
    """
    shown = ", ".join([*map(brief, args), *(f"{name}={brief(value)}" for name, value in kwargs.items())])
    name = getattr(answer, "__name__", type(answer).__name__)
    if not callable(answer):
        raise AnswerRaised(f"expected the function itself, got {brief(answer)}: pass it without calling it")
    args, kwargs = copy.deepcopy((args, kwargs))
    try:
        return answer(*args, **kwargs)
    except (Exception, SystemExit) as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "edgekit" not in f.filename]
        where = f" (line {frames[0].lineno} of your cell: {frames[0].line})" if frames and frames[0].line else ""
        raise AnswerRaised(f"{name}({shown}) raised {worded(error)}{where}{advice(error)}") from error


def in_place(answer: Callable, name: str, *args: Any) -> Any:
    """As :func:`call`, with the very objects and not with copies: what happens to them is part of the question."""

    def run():
        return answer(*args)

    run.__name__ = name
    return call(run)


def quietly() -> ExitStack:
    """No progress bars, tables and warnings in the student's notebook for as long as the block runs (rich writes past sys.stdout there)."""
    import warnings

    from IPython.utils.capture import capture_output

    stack = ExitStack()
    stack.enter_context(capture_output())
    stack.enter_context(warnings.catch_warnings())
    warnings.simplefilter("ignore")
    return stack
