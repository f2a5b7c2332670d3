"""The check of `choose_precision`, lab 06c."""

from __future__ import annotations

import numpy as np

from edgekit.checks import AnswerRaised, Exercise, call, in_order, require, shuffled, text, worded


def _row(name: str, drop: tuple, speed: tuple | None) -> dict:
    """drop: interval of the accuracy that is lost, in points. speed: interval of the speed-up over FP32, or None where it was not
    measured."""
    return {"name": name, "drop": list(drop), "speed": None if speed is None else list(speed)}


def inputs(rng: np.random.Generator) -> dict:
    s = float(rng.uniform(1.3, 1.8))
    fast, faster, fastest = (s, 1.1 * s), (1.3 * s, 1.4 * s), (1.7 * s, 1.8 * s)
    small, none, large = (-0.1, 0.3), (-0.1, 0.1), (0.6, 1.4)
    cases = [
        (
            [_row("fp16", none, fast), _row("int8", small, faster)],
            "int8",
            "it is the fastest of those whose loss stays below the limit|not the fastest",
        ),
        ([_row("fp16", none, fast), _row("int8", large, fastest)], "fp16", "int8 loses more than is allowed|loss ignored"),
        (
            [_row("fp16", none, fast), _row("int8", (0.1, 0.9), fastest)],
            "fp16",
            "the loss of int8 may be as large as the upper end of its interval: too much is not ruled out|lower end or middle of the loss",
        ),
        (
            [_row("fp16", none, (0.9, 1.2)), _row("int8", small, (0.6, 0.8))],
            "fp32",
            "neither is shown to be faster: an interval that contains 1, or lies below it, shows nothing|not shown to be faster",
        ),
        (
            [_row("fp16", none, fast), _row("fp8", none, None)],
            "fp16",
            "fp8 was not measured on this machine: no evidence, no choice|not measured",
        ),
        ([_row("fp8", none, None)], "fp32", "nothing was measured: stay with what you have|not measured"),
        (
            [_row("int8", none, (1.02 * s, 3 * s)), _row("fp16", none, (1.2 * s, 1.3 * s))],
            "fp16",
            "what counts is what is shown, the lower end: int8 may be faster, fp16 is|upper end of the speed-up",
        ),
        (
            [_row("fp16", none, fast), _row("int8", (-0.9, -0.2), faster)],
            "int8",
            "int8 *gains* accuracy, so its loss is surely below the limit|gain taken for a loss",
        ),
        (
            [_row("fp16", none, fast), _row("int8", (-0.1, 0.5), faster)],
            "int8",
            "int8 loses at most exactly as much as is allowed|limit excluded",
        ),
        (
            [_row("fp16", none, (1.0, 1.2))],
            "fp32",
            "an interval that begins at 1 does not show that anything is faster|not shown to be faster",
        ),
        ([], "fp32", "there is no candidate|no candidate"),
    ]
    cases = [{"rows": rows, "_expected": e, "_why": why} for rows, e, why in cases]
    return {"cases": shuffled(cases, rng), "max_drop": 0.5}


def probe(answer, inputs: dict) -> dict:
    rows = [
        [{**row, "drop": tuple(row["drop"]), "speed": row["speed"] and tuple(row["speed"])} for row in case["rows"]]
        for case in inputs["cases"]
    ]
    try:
        return {"chosen": [call(answer, one, inputs["max_drop"]) for one in rows]}
    except AnswerRaised as error:
        if isinstance(error.__cause__, TypeError) and "None" in str(error.__cause__):
            hint = 'A row whose "speed" is None was not measured on this device: leave such rows out before you compare anything'
            raise AnswerRaised(f"choose_precision raised {worded(error.__cause__)}. {hint}.") from error.__cause__
        raise


def judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["chosen"]):
        why, cause = case["_why"].split("|")
        require(
            got is not None or case["_expected"] != "fp32",
            "no candidate is safe and faster, and None came back: 'fp32' was asked for.",
            cause,
        )
        got = text(got, "the choice", among=[*(row["name"] for row in case["rows"]), "fp32"])
        speed = lambda row: "not measured" if row["speed"] is None else "{:.2f} to {:.2f}x".format(*row["speed"])
        shown = "; ".join(f"{r['name']} loses {r['drop'][0]} to {r['drop'][1]} points, speed-up {speed(r)}" for r in case["rows"])
        require(
            got == case["_expected"],
            f"({shown or 'no rows'}; at most {inputs['max_drop']} points): you chose {got!r}, expected {case['_expected']!r}: {why}.",
            cause,
        )
    return "Eleven decisions: what is lost is bounded, what is gained is shown, and what was not measured is not chosen."


choose_precision = Exercise("choose_precision", inputs, probe, judge)
