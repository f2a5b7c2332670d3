"""The check of `plan_memory`, lab 03e."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, integer, mapping, require

# Rows of (expansion, channels, repeats, stride): MobileNetV2 as in table 2 of Sandler et al. (2018), and a shorter one.
_ROWS = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]


_SHORT = [(1, 16, 1, 1), (4, 24, 2, 2), (4, 48, 2, 2), (4, 96, 2, 2)]


def _network(rng: np.random.Generator, rows: list) -> list[dict]:
    """Activations of such a network for a random picture size and width: input, expanded, filtered, projected, added to the shortcut."""
    side, width = 16 * int(rng.integers(3, 9)), 8 * int(rng.integers(1, 5))
    tensors: list[dict] = []

    def make(channels: int, *reads: int) -> int:
        step = len(tensors)
        for index in reads:
            tensors[index]["last"] = step
        tensors.append({"name": f"t{step}", "size": 4 * channels * side * side, "first": step, "last": step})
        return step

    at = make(width)
    for expansion, channels, repeats, stride in rows:
        for number in range(repeats):
            inner, before = expansion * width, at
            wide = make(inner, at)
            side = max(1, side // stride) if number == 0 else side
            at = make(inner, wide)
            width = channels
            at = make(width, at)
            if number:
                at = make(width, at, before)
    return tensors


# Small tensors that live long come first, and cut the space in pieces for those who do not look ahead.
_LONG = [(1, 0, 3), (1, 0, 6), (1, 1, 9), (6, 2, 4), (7, 4, 5), (8, 6, 7), (9, 8, 9), (2, 3, 9)]


def inputs(rng: np.random.Generator) -> dict:
    unit = 64 * int(rng.integers(1, 9))
    touching = [{"name": n, "size": unit, "first": f, "last": f + 1} for n, f in (("a", 0), ("b", 1), ("c", 2))]
    long = [{"name": f"t{i}", "size": n * unit, "first": f, "last": e} for i, (n, f, e) in enumerate(_LONG)]
    wider = [{"name": f"t{i}", "size": (i + 4) * unit, "first": i, "last": i + 1} for i in range(6)]
    cases = {"three tensors in a chain": touching, "small tensors that live long": long, "a chain that widens": wider}
    cases |= {"a small network": _network(rng, _SHORT), "MobileNetV2": _network(rng, _ROWS)}
    return {"cases": cases}


def probe(answer, inputs: dict) -> dict:
    return {"plans": {kind: call(answer, tensors) for kind, tensors in inputs["cases"].items()}}


def judge(inputs: dict, outputs: dict) -> str:
    from edgekit.compiler import lower_bound, peak
    from edgekit.compiler.planning import clash

    worst = 0.0
    for kind, tensors in inputs["cases"].items():
        plan = mapping(outputs["plans"][kind], f"the plan for {kind}")
        missing = [t["name"] for t in tensors if t["name"] not in plan]
        require(not missing, f"{kind}: {missing[:3]} have no place: the plan needs one offset for every tensor.", "tensor without a place")
        plan = {name: integer(offset, f"the offset of {name!r}") for name, offset in plan.items()}
        require(min(plan.values()) >= 0, f"{kind}: an offset is {min(plan.values())}: memory starts at 0.", "negative offset")
        both = clash(tensors, plan)
        if both:
            a, b = (next(t for t in tensors if t["name"] == name) for name in both)
            touch = a["last"] == b["first"] or b["last"] == a["first"]
            show = lambda t, plan=plan: (
                f"{t['name']} (steps {t['first']} to {t['last']}, bytes {plan[t['name']]} to {plan[t['name']] + t['size']})"
            )
            require(
                False,
                f"{kind}: {show(a)} and {show(b)} share bytes while both are needed. "
                + (
                    "In the step where one ends, the other is being written from it: first and last are both included."
                    if touch
                    else "Compare with *every* tensor that was placed before and lives at the same time."
                ),
                "last step not included" if touch else "overlap",
            )
        bound, got, total = lower_bound(tensors), peak(tensors, plan), sum(t["size"] for t in tensors)
        worst = max(worst, got / bound)
        require(
            got < total or got == bound,
            f"{kind}: the plan takes {got:,} bytes, as much as all tensors together: nothing is used twice. A tensor may lie where another"
            " one was that is not needed any more, also in a gap below others.",
            "no reuse",
        )
        require(
            got <= 1.1 * bound,
            f"{kind}: the plan is valid and takes {got:,} bytes, {got / bound:.2f} times the lower bound. Place the *largest* tensor first,"
            " and each one at the lowest offset where it fits, also into a gap between two others.",
            "not tight",
        )
    return f"Five valid plans, the loosest {worst:.2f} times its lower bound."


plan_memory = Exercise("plan_memory", inputs, probe, judge)
