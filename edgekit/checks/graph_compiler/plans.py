"""The checks of lab 03e on what is decided for good: a kernel for each layer, and a place in memory for each tensor."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, in_order, integer, mapping, require, shuffled, text


# -------------------------------------------------------------------------------------------------------------- pick_tactic
def _tactic(rng, median: float, error: float = 1e-6, scratch: int = 1000, odd: float = 1.0, at: int = 0) -> dict:
    """Nine calls, of which the one ``at`` takes ``odd`` times as long."""
    times = median * rng.uniform(0.98, 1.02, 9)
    times[at] *= odd
    return {"times": times.tolist(), "error": error, "scratch": scratch}


def _pick_inputs(rng: np.random.Generator) -> dict:
    t = float(rng.uniform(50e-6, 200e-6))
    cases = [
        ("im2col", {"direct": _tactic(rng, 1.5 * t), "im2col": _tactic(rng, t), "fft": _tactic(rng, 2 * t)}, "it is the fastest|not the fastest"),
        ("fft", {"im2col": _tactic(rng, 1.2 * t), "fft": _tactic(rng, t, odd=20)}, "it is the fastest, but for one call that something interrupted: the mean follows such a call, the median does not|mean for median"),
        ("im2col", {"im2col": _tactic(rng, t), "direct": _tactic(rng, 1.3 * t, odd=0.5, at=8)}, "it is usually the fastest; one lucky call of the other does not count: take the median, not the minimum|minimum for median"),
        ("direct", {"im2col": _tactic(rng, 1.2 * t), "direct": _tactic(rng, t, odd=20, at=4)}, "it is the fastest; the call that was interrupted stands in the middle of the list: the median is the middle of the *sorted* times|times not sorted"),
        ("im2col", {"winograd": _tactic(rng, 0.5 * t, error=0.02), "im2col": _tactic(rng, t)}, "the error of the faster one is above the tolerance: a fast wrong answer is no tactic|error ignored"),
        ("direct", {"winograd": _tactic(rng, 0.5 * t, error=float("nan")), "direct": _tactic(rng, t)}, "the error of the faster one is NaN, which no comparison finds too large: ask whether it is small enough|NaN let through"),
        ("direct", {"im2col": _tactic(rng, 0.7 * t, scratch=10**6), "direct": _tactic(rng, t)}, "the faster one needs more scratch memory than the limit|scratch ignored"),
        ("im2col", {"im2col": _tactic(rng, 0.7 * t, scratch=50_000, error=1e-3), "direct": _tactic(rng, t)}, "its scratch and its error are exactly at what is allowed, not above|limit excluded"),
    ]  # fmt: skip
    return {
        "cases": shuffled([{"_expected": e, "tactics": c, "_why": why} for e, c, why in cases], rng),
        "tolerance": 1e-3,
        "limit": 50_000,
    }


def _pick_probe(answer, inputs: dict) -> dict:
    return {"picked": [call(answer, case["tactics"], inputs["tolerance"], inputs["limit"]) for case in inputs["cases"]]}


def _pick_judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["picked"]):
        got = text(got, "the tactic", among=list(case["tactics"]))
        why, cause = case["_why"].split("|")
        shown = "; ".join(
            f"{name} median {np.median(t['times']) * 1e6:.0f} µs, error {t['error']:.2g}, scratch {t['scratch']:,}" for name, t in case["tactics"].items()
        )  # fmt: skip
        require(
            got == case["_expected"],
            f"from ({shown}; tolerance {inputs['tolerance']:g}, limit {inputs['limit']:,}) you picked {got!r}, expected {case['_expected']!r}: {why}.",
            cause,
        )
    return "Eight layers: the fastest by its median, among those that are right and fit into the memory."


pick_tactic = Exercise("pick_tactic", _pick_inputs, _pick_probe, _pick_judge)


# -------------------------------------------------------------------------------------------------------------- plan_memory
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


def _plan_inputs(rng: np.random.Generator) -> dict:
    unit = 64 * int(rng.integers(1, 9))
    touching = [{"name": n, "size": unit, "first": f, "last": f + 1} for n, f in (("a", 0), ("b", 1), ("c", 2))]
    long = [{"name": f"t{i}", "size": n * unit, "first": f, "last": e} for i, (n, f, e) in enumerate(_LONG)]
    wider = [{"name": f"t{i}", "size": (i + 4) * unit, "first": i, "last": i + 1} for i in range(6)]
    cases = {"three tensors in a chain": touching, "small tensors that live long": long, "a chain that widens": wider}
    cases |= {"a small network": _network(rng, _SHORT), "MobileNetV2": _network(rng, _ROWS)}
    return {"cases": cases}


def _plan_probe(answer, inputs: dict) -> dict:
    return {"plans": {kind: call(answer, tensors) for kind, tensors in inputs["cases"].items()}}


def _plan_judge(inputs: dict, outputs: dict) -> str:
    from edgekit.compiler import lower_bound, peak
    from edgekit.compiler.planning import clash

    worst = 0.0
    for kind, tensors in inputs["cases"].items():
        plan = mapping(outputs["plans"][kind], f"the plan for {kind}")
        missing = [t["name"] for t in tensors if t["name"] not in plan]
        require(not missing, f"{kind}: {missing[:3]} have no place: the plan needs one offset for every tensor.", "tensor without a place")  # fmt: skip
        plan = {name: integer(offset, f"the offset of {name!r}") for name, offset in plan.items()}
        require(min(plan.values()) >= 0, f"{kind}: an offset is {min(plan.values())}: memory starts at 0.", "negative offset")  # fmt: skip
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
                + ("In the step where one ends, the other is being written from it: first and last are both included." if touch else "Compare with *every* tensor that was placed before and lives at the same time."),
                "last step not included" if touch else "overlap",
            )  # fmt: skip
        bound, got, total = lower_bound(tensors), peak(tensors, plan), sum(t["size"] for t in tensors)
        worst = max(worst, got / bound)
        require(got < total or got == bound, f"{kind}: the plan takes {got:,} bytes, as much as all tensors together: nothing is used twice. A tensor may lie where another one was that is not needed any more, also in a gap below others.", "no reuse")  # fmt: skip
        require(
            got <= 1.1 * bound,
            f"{kind}: the plan is valid and takes {got:,} bytes, {got / bound:.2f} times the lower bound. Place the *largest* tensor first, and each one at the "
            "lowest offset where it fits, also into a gap between two others.",
            "not tight",
        )
    return f"Five valid plans, the loosest {worst:.2f} times its lower bound."


plan_memory = Exercise("plan_memory", _plan_inputs, _plan_probe, _plan_judge)
