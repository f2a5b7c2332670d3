"""The check of `op_changes`, lab 05a."""

from __future__ import annotations

import tempfile
from typing import NoReturn

import numpy as np

from edgekit.checks import CheckFailed, Exercise, call, integer, mapping, require
from edgekit.checks.onnx_runtime._shared import _file, _write

_OPS = [
    ("", "Relu"),
    ("", "Neg"),
    ("", "Abs"),
    ("", "Identity"),
    ("", "Sigmoid"),
    ("com.microsoft", "Gelu"),
    ("com.microsoft.nchwc", "Abs"),
]


def _key(domain: str, op: str) -> str:
    return f"{domain}:{op}" if domain else op


def inputs(rng: np.random.Generator) -> dict:
    """The change of every operator is drawn first, and the two files are made to have it."""
    cases = []
    for kind in ("random", "moved to another domain", "same"):
        change = {op: int(rng.integers(-4, 5)) for op in _OPS}
        if kind == "moved to another domain":
            change = {("", "Abs"): -3, ("com.microsoft.nchwc", "Abs"): 3, ("", "Identity"): -2}
        if kind == "same":
            change = {}
        common = {op: int(rng.integers(1, 4)) for op in _OPS[:3]}
        before = [op for op, n in change.items() for _ in range(max(-n, 0))]
        after = [op for op, n in change.items() for _ in range(max(n, 0))]
        both = [op for op, n in common.items() for _ in range(n)]
        cases.append(
            {
                "_kind": kind,
                "before": _file(before + both, rng),
                "after": _file(after + both, rng),
                "_expected": {_key(*op): n for op, n in change.items() if n},
            }
        )
    return {"cases": cases}


def probe(answer, inputs: dict) -> dict:
    found = []
    for case in inputs["cases"]:
        with tempfile.TemporaryDirectory() as folder:
            before, after = (_write(folder, f"{name}.onnx", case[name]) for name in ("before", "after"))
            found.append(call(answer, before, after))
    return {"found": found}


def judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["found"], strict=True):
        got, expected = mapping(got, "the result"), case["_expected"]
        got = {key: integer(value, f"the change of {key}") for key, value in got.items()}
        if got == expected:
            continue
        _explain(got, expected, f"op_changes gave {got}, expected {expected}")
    return "What came and what went, with operators of other domains kept apart, and nothing where nothing changed."


def _explain(got: dict[str, int], expected: dict[str, int], shown: str) -> NoReturn:
    nonzero = {key: value for key, value in got.items() if value}
    require(nonzero != expected, f"{shown}: leave out what did not change (zeros).", "zeros kept")
    require(
        got != {key: -value for key, value in expected.items()},
        f"{shown}: upside down. Positive is what the second file has *more*.",
        "signs swapped",
    )
    bare: dict[str, int] = {}
    for key, value in expected.items():
        bare[key.rpartition(":")[2]] = bare.get(key.rpartition(":")[2], 0) + value
    require(
        nonzero != {key: value for key, value in bare.items() if value},
        f"{shown}: an operator is identified by its domain, too. A Conv of com.microsoft.nchwc is another one than Conv: put the domain"
        " in front where it is not empty.",
        "domain ignored",
    )
    require(
        got != {key: abs(value) for key, value in expected.items()},
        f"{shown}: the signs are lost. What the second file has less of is negative.",
        "signs lost",
    )
    unknown = sorted(set(got) - {_key(*op) for op in _OPS})
    require(
        not unknown,
        f"{shown}: {unknown[:3]} are no keys for operators. The key is the op_type in the default domain; others have their domain and"
        " a colon in front of it, such as 'com.microsoft:Gelu'.",
        "other keys",
    )
    require(
        nonzero not in ({k: v for k, v in expected.items() if v > 0}, {k: v for k, v in expected.items() if v < 0}),
        f"{shown}: one direction is missing. Count over the operators of both files; the difference of two Counters drops what is"
        " negative.",
        "one direction only",
    )
    missing = sorted(set(expected) - set(got))
    require(
        not missing or any(got[key] != expected.get(key) for key in got),
        f"{shown}: {missing[:3]} are missing. Count over the operators of both files, also of those that only one of them has.",
        "operators of one file only",
    )
    raise CheckFailed(
        f"{shown}. A change is the number of nodes in the second file minus that in the first. Count every node, not every kind of"
        " node, in both files.",
        "wrong count",
    )


op_changes = Exercise("op_changes", inputs, probe, judge)
