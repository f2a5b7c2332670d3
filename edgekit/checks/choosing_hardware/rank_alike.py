"""Lab 02, exercise 1: only like figures are ranked, in one unit."""

from __future__ import annotations

import numpy as np

from edgekit.checks import AnswerRaised, CheckFailed, Exercise, call, came, in_order, require, shuffled

_NAMES = ["Ash", "Birch", "Cedar", "Elm", "Fir"]
_LIKE = {"precision": "INT8", "sparsity": "dense", "engine": "NPU"}


def _figure(device: str, value, unit: str, **other: str) -> dict:
    return {"device": device, "value": value, "unit": unit, **_LIKE, **other}


def _inputs(rng: np.random.Generator) -> dict:
    names = [str(n) for n in rng.permutation(_NAMES)]
    tops = sorted((float(v) for v in rng.uniform(0.2, 0.9, 2)), reverse=True)
    units = [
        _figure(names[0], float(rng.integers(20, 90)), "GOPS"),
        _figure(names[1], round(tops[1], 3), "TOPS"),
        _figure(names[2], round(1.5 + tops[0], 3), "TOPS"),
        _figure(names[3], float(rng.integers(950, 1100)), "GOPS"),
    ]
    mixed = [{**f} for f in (units[1], units[2])]
    # A figure of another kind never decides by its number alone: it is the kind that an answer must look at.
    cases = [{"figures": units, "_expected": [names[2], names[3], names[1], names[0]], "_why": "unit"}]
    missing = [units[1], _figure(names[4], None, ""), units[2]]
    cases.append({"figures": missing, "_expected": [names[2], names[1]], "_why": "not found"})
    for key, value in (("sparsity", "sparse"), ("precision", "INT4"), ("engine", "GPU+DLA"), ("sparsity", "not stated")):
        cases.append({"figures": [mixed[0], {**mixed[1], key: value}], "_expected": None, "_why": key})
    later = [units[1], units[2], {**units[3], "engine": "GPU"}]
    cases.append({"figures": later, "_expected": None, "_why": "engine"})
    return {"cases": shuffled(cases, rng)}


def _probe(answer, inputs: dict) -> dict:
    found = []
    for case in inputs["cases"]:
        try:
            found.append({"ranked": call(answer, case["figures"])})
        except AnswerRaised as error:
            cause = error.__cause__
            if isinstance(cause, NotImplementedError):
                raise
            found.append({"raised": type(cause).__name__, "says": str(cause), "value": isinstance(cause, ValueError)})
    return {"found": found}


_BECAUSE = {
    "sparsity": "a sparse figure counts operations that a dense model never skips, and one that is not stated may be either",
    "precision": "an INT4 unit does twice as many operations as an INT8 unit of the same size",
    "engine": "one model runs on one engine: a sum over GPU and DLA is no engine's figure",
}


def _judge(inputs: dict, outputs: dict) -> str:
    for case, found in in_order(inputs["cases"], outputs["found"]):
        shown = [[f["device"], f["value"], f["unit"]] for f in case["figures"]]
        if case["_expected"] is None:
            _refused(case, found)
            continue
        require(
            "ranked" in found,
            f"rank_alike({shown}) raised {found.get('raised')}: {found.get('says')}. These figures are alike: rank them"
            + (", and leave out what was not found (value None)." if case["_why"] == "not found" else "."),
            "refuses like figures",
        )
        _ranked(case, found["ranked"], f"rank_alike({shown})")
    return "Like figures are ranked in one unit, those not found left out; unlike ones are refused with the reason."


def _refused(case: dict, found: dict) -> None:
    why = case["_why"]
    values = [f[why] for f in case["figures"]]
    require(
        "raised" in found,
        f"Figures whose {why} is {values} were ranked: {found.get('ranked')}. Raise ValueError: {_BECAUSE[why]}.",
        f"ranks unlike {why}",
    )
    require(
        found["value"],
        f"Figures whose {why} is {values} gave {found['raised']}: {found['says']}. Raise ValueError yourself.",
        "wrong error",
    )
    require(
        why in found["says"],
        f"The ValueError for figures whose {why} is {values} says {found['says']!r}. The message should say why: name "
        f"{why!r}, the attribute in which they differ.",
        "no reason given",
    )


def _ranked(case: dict, got, asked: str) -> None:
    if not isinstance(got, list) or not all(isinstance(name, str) for name in got):
        raise CheckFailed(f"{asked} should return a list of device names, got {came(got)}.", "wrong type")
    wanted = case["_expected"]
    if case["_why"] == "not found":
        require(
            len(got) == len(wanted),
            f"{asked} gave {got}: a device whose figure was not found (value None) has no place in a ranking, neither the "
            "last nor any other.",
            "ranks what was not found",
        )
    require(got != wanted[::-1], f"{asked} gave {got}. The highest comes first.", "ascending")
    by_number = sorted((f for f in case["figures"] if f["value"] is not None), key=lambda f: -f["value"])
    require(
        got == wanted or got != [f["device"] for f in by_number],
        f"{asked} gave {got}, expected {wanted}: 1 TOPS is 1000 GOPS. Bring all to one unit first.",
        "units mixed",
    )
    require(got == wanted, f"{asked} gave {got}, expected {wanted}: by operations per second, the highest first.", "wrong order")


rank_alike = Exercise("rank_alike", _inputs, _probe, _judge)
