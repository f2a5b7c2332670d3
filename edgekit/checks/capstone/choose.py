"""Lab 08, exercise 3: the choice that the evidence allows."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, call, came, in_order, require, shuffled

_NAMES = ["float32", "INT8", "float16", "narrow", "narrow + INT8", "narrow + float16", "distilled", "distilled + INT8"]
_BUDGETS = ("accuracy", "latency", "file", "memory")


def _inputs(rng: np.random.Generator) -> dict:
    names = [str(name) for name in rng.permutation(_NAMES)]
    sizes = sorted(int(s) for s in rng.choice(np.arange(60, 900), len(names), replace=False) * 1000)
    rng.shuffle(sizes)
    rows = dict(zip(names, sizes, strict=True))
    order = sorted(rows, key=rows.get)
    words = lambda **odd: {budget: odd.get(budget, "kept") for budget in _BUDGETS}

    def case(odd: dict) -> dict:
        return {name: {"verdicts": words(**odd.get(name, {})), "file": rows[name]} for name in names}

    missed = lambda: {str(rng.choice(_BUDGETS)): "missed"}
    # The smallest misses something, the next cannot be told; then come two that are allowed.
    several = {order[0]: missed(), order[1]: {"latency": "can't tell"}, **{name: missed() for name in order[4:]}}
    one = {name: missed() for name in names if name != order[5]}
    none = {name: missed() if name != order[2] else {"latency": "can't tell"} for name in names}
    cases = [
        {"candidates": case(several), "_expected": order[2], "_why": "smallest"},
        {"candidates": case(one), "_expected": order[5], "_why": "one"},
        {"candidates": case(none), "_expected": None, "_why": "none"},
    ]
    return {"cases": shuffled(cases, rng)}


def _probe(answer, inputs: dict) -> dict:
    return {"chosen": [call(answer, case["candidates"]) for case in inputs["cases"]]}


def _judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["chosen"]):
        candidates = case["candidates"]
        if got is not None and not (isinstance(got, str) and got in candidates):
            raise CheckFailed(f"choose(...) should return one of {', '.join(candidates)}, or None, got {came(got)}.", "no candidate")
        if got == case["_expected"]:
            continue
        if case["_why"] == "none":
            word = [f"{b}: {w}" for b, w in candidates[got]["verdicts"].items() if w != "kept"]
            raise CheckFailed(
                f"choose(...) gave {got!r}, where no candidate keeps every budget ({', '.join(word)}): return None. Nothing is shipped"
                " then.",
                "ships without proof",
            )
        require(got is not None, f"choose(...) gave None, but {case['_expected']!r} keeps every budget.", "nothing chosen")
        word = [f"{b}: {w}" for b, w in candidates[got]["verdicts"].items() if w != "kept"]
        require(
            not word,
            f'choose(...) gave {got!r}, which does not keep every budget ({", ".join(word)}). "can\'t tell" is not kept.',
            "misses a budget",
        )
        require(
            False,
            f"choose(...) gave {got!r} with {candidates[got]['file']:,} bytes; {case['_expected']!r} keeps every budget too and is"
            " smaller.",
            "not the smallest",
        )
    return "Only what keeps every budget is shipped, the smallest of them, and nothing where nothing does."


choose = Exercise("choose", _inputs, _probe, _judge)
