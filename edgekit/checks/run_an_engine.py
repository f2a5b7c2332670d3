"""Checks of lab 06b, running an engine."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from edgekit.checks import (
    Exercise,
    call,
    close,
    in_order,
    integer,
    mapping,
    number,
    require,
    shuffled,
)

# ------------------------------------------------------------------------------------------------------------- buffer_bytes
_SIZES = {"float32": 4, "float16": 2, "int8": 1, "int64": 8, "bool": 1}


def _bytes_inputs(rng: np.random.Generator) -> dict:
    c, h, w, classes = (int(n) for n in rng.integers([1, 20, 41, 90], [4, 40, 80, 120]))
    return {
        "cases": [
            {"specs": {"input": ["float32", ["batch", c, h, w]], "logits": ["float32", ["batch", classes]]}, "batch": int(rng.integers(8, 33))},
            {"specs": {"input": ["float16", ["batch", c, h, w]], "ids": ["int64", ["batch", classes]], "mask": ["bool", ["batch", h]]}, "batch": 16},
            {"specs": {"fixed": ["float32", [1, classes]], "scale": ["float32", []], "input": ["int8", ["batch", c, "batch", w]]}, "batch": 3},
        ]
    }  # fmt: skip


def _bytes_probe(answer, inputs: dict) -> dict:
    cases = inputs["cases"]
    specs = [{name: (dtype, tuple(shape)) for name, (dtype, shape) in case["specs"].items()} for case in cases]
    return {"sizes": [call(answer, spec, case["batch"]) for spec, case in zip(specs, cases, strict=True)]}


def _bytes_judge(inputs: dict, outputs: dict) -> str:
    for case, sizes in zip(inputs["cases"], outputs["sizes"], strict=True):
        sizes, batch = mapping(sizes, "the result"), case["batch"]
        require(
            set(sizes) == set(case["specs"]),
            f"the result has {sorted(sizes)}, expected one entry for each of {sorted(case['specs'])}.",
            "missing tensor",
        )
        for name, (dtype, shape) in case["specs"].items():
            dims = [batch if d == "batch" else d for d in shape]
            elements = int(np.prod(dims, dtype=np.int64))
            require(not isinstance(sizes[name], str), f"the size of {name!r}, {dtype} {shape}, came out as a text: 'batch' is still among the dimensions. Replace it wherever it stands.", "batch not replaced")  # fmt: skip
            got, want = integer(sizes[name], f"the size of {name!r}"), elements * _SIZES[dtype]
            shown = f"{name!r}, {dtype} {shape} at batch {batch}, gets {got:,} bytes, expected {want:,}"
            require(got != elements or want == elements, f"{shown}: that is the number of elements. A {dtype} takes {_SIZES[dtype]} bytes.", "elements for bytes")  # fmt: skip
            require(got * batch != want or shape.count("batch") < 2, f"{shown}: 'batch' stands in this shape twice, and counts twice.", "batch counted once")  # fmt: skip
            require(got * batch != want or batch == 1, f"{shown}: that is the size for a batch of one. Buffers must hold the largest batch of the profile.", "batch forgotten")  # fmt: skip
            require(got != elements * 4 or got == want, f"{shown}: not every tensor is float32. What does a {dtype} take?", "always four bytes")  # fmt: skip
            require(
                not ("batch" not in shape and got == want * batch),
                f"{shown}: this tensor has no batch dimension.",
                "batch multiplied in everywhere",
            )
            require(got == want, f"{shown}: multiply all dimensions (a scalar has one element) with the bytes of one element.", "wrong size")  # fmt: skip
    return "Float, half, integer and bool tensors, with and without a batch: all buffers have the right size."


buffer_bytes = Exercise("buffer_bytes", _bytes_inputs, _bytes_probe, _bytes_judge)


# ----------------------------------------------------------------------------------------------------------- latency_budget
# What a call takes, in units of a typical one: (compute, gap before it, gap after it). Total and wait have their medians in different calls, and so
# have the gaps: who subtracts or adds medians gets something else than the median of the waits.
_KINDS = [(0.7, 3, 1)] * 6 + [(1.0, 1, 1)] * 7 + [(1.3, 1, 3)] * 6


def _budget_inputs(rng: np.random.Generator) -> dict:
    """Calls with gaps between and inside; the first two are slow, so that means and medians differ. The clock has run for hours."""
    h2d, compute, d2h, gap = (float(v) for v in rng.uniform([2e-4, 1e-3, 5e-5, 3e-5], [4e-4, 2e-3, 1e-4, 6e-5]))
    clock, calls = float(rng.uniform(1e4, 1e5)), []
    for number_, k in enumerate([9, 9, *rng.permutation(len(_KINDS))]):
        factor, before, after = _KINDS[k]
        steps = np.array([h2d, before * gap, factor * compute, after * gap, d2h])
        ends = clock + np.cumsum(steps * rng.uniform(0.95, 1.05, 5) * (15 if number_ < 2 else 1))
        starts = [clock, *ends[:-1]]
        events = [[phase, float(starts[i]), float(ends[i])] for phase, i in (("h2d", 0), ("compute", 2), ("d2h", 4))]
        calls.append([events[i] for i in rng.permutation(3)])
        clock = float(ends[-1] + rng.uniform(1e-3, 5e-3))
    return {"calls": calls}


def _budget_probe(answer, inputs: dict) -> dict:
    calls = [{phase: (start, end) for phase, start, end in events} for events in inputs["calls"]]
    return {"budget": call(answer, calls)}


def _budget_judge(inputs: dict, outputs: dict) -> str:
    got = mapping(outputs["budget"], "the budget")
    names = ("h2d", "compute", "d2h", "wait", "total")
    require(set(got) >= set(names), f"the budget has {sorted(got)}, expected {list(names)}.", "missing key")
    calls = [{phase: (start, end) for phase, start, end in events} for events in inputs["calls"]]
    spans = {phase: np.array([c[phase][1] - c[phase][0] for c in calls]) for phase in names[:3]}
    total = np.array([c["d2h"][1] - c["h2d"][0] for c in calls])
    spans |= {"wait": total - sum(spans.values()), "total": total}
    typical = {name: float(np.median(values)) for name, values in spans.items()}
    gaps = [np.array([c[b][0] - c[a][1] for c in calls]) for a, b in (("h2d", "compute"), ("compute", "d2h"))]
    of_medians = [
        typical["total"] - sum(typical[phase] for phase in names[:3]),
        sum(float(np.median(gap)) for gap in gaps),
    ]
    for name in names:
        value, expected = number(got[name], name), typical[name]
        shown = f"{name} is {value:.4g} s, expected {expected:.4g} s"
        near = lambda *others, value=value: any(close(value, other, rtol=1e-3, atol=0) for other in others)
        require(not near(spans[name].mean()), f"{shown}: that is the mean, which the two slow calls at the beginning pull up. Take the median over the calls.", "mean for median")  # fmt: skip
        require(not near(-expected), f"{shown}: end minus start, not the other way round.", "sign")
        require(not near(1e3 * expected, 1e6 * expected, 1e9 * expected), f"{shown}: seconds were asked for, not milliseconds or microseconds.", "unit")  # fmt: skip
        if name in names[:3]:
            narrow = np.median([np.float32(c[name][1]) - np.float32(c[name][0]) for c in calls])
            require(near(expected) or not close(value, narrow, atol=1e-9), f"{shown}: that is what float32 makes of it: seven digits have no room for microseconds on a clock that has run for hours. Compute in float64.", "float32")  # fmt: skip
            require(near(expected), f"{shown}: the median of end minus start over all calls, the slow ones too; find a phase by its name, as the keys come in any order.", "wrong span")  # fmt: skip
        if name == "wait":
            require(near(expected) or not near(*of_medians), f"{shown}: that is made of medians. Take the wait of each call first, then the median: the typical total and the typical phases come from different calls.", "made of medians")  # fmt: skip
            require(near(expected), f"{shown}: wait is what is left of a call's whole time (first start to last end) when its three phases are taken off, and then the median.", "wait")  # fmt: skip
        require(near(expected), f"{shown}: from the first start to the last end of the same call, and then the median over the calls.", "wrong span")  # fmt: skip
    return "Copies, compute and the time in which nothing happened, as medians over 21 calls."


latency_budget = Exercise("latency_budget", _budget_inputs, _budget_probe, _budget_judge)


# ----------------------------------------------------------------------------------------------------------------- makespan
def _makespan_inputs(rng: np.random.Generator) -> dict:
    times = rng.uniform(1.0, 5.0, (6, 3))
    return {
        "cases": {
            "one image": [[1.0, 4.0, 2.0]],
            "three equal images, compute is the slowest": [[1.0, 4.0, 2.0]] * 3,
            "four equal images, the copy to the device is the slowest": [[5.0, 2.0, 1.0]] * 4,
            "an image whose copy back is slow": [[1.0, 1.0, 6.0], [1.0, 1.0, 1.0], [1.0, 5.0, 1.0]],
            "two images, in the slower order": [[4.0, 2.0, 1.0], [1.0, 3.0, 4.0]],
            "six random images": times.tolist(),
        }
    }


def _makespan_probe(answer, inputs: dict) -> dict:
    return {"spans": {kind: call(answer, times) for kind, times in inputs["cases"].items()}}


def _longest_path(times: np.ndarray) -> float:
    """A schedule without idle choice ends with its critical path: from the first phase of the first image to the last of the last one, each
    step to the next image or the next phase. All such paths are tried."""
    images, phases = times.shape
    best = 0.0
    for turns in combinations(range(images + phases - 2), phases - 1):
        i = j = 0
        length = times[0, 0]
        for step in range(images + phases - 2):
            i, j = (i, j + 1) if step in turns else (i + 1, j)
            length += times[i, j]
        best = max(best, length)
    return float(best)


def _makespan_judge(inputs: dict, outputs: dict) -> str:
    for kind, times in inputs["cases"].items():
        times = np.array(times)
        got, expected = number(outputs["spans"][kind], f"the time for {kind}"), _longest_path(np.array(times))
        shown = f"{kind}: {got:.3f}, expected {expected:.3f}"
        require(not close(got, times.sum(axis=0).max()), f"{shown}: that is the busiest unit alone. It has nothing to do until the first image reaches it, and others work after it.", "only the busiest unit")  # fmt: skip
        if len(times) > 1:
            require(not close(got, times.sum()), f"{shown}: that is the sum of everything, as if nothing overlapped. Each phase has a unit of its own that may start with the next image.", "no overlap")  # fmt: skip
            require(not close(got, times.sum(axis=1).max()), f"{shown}: that is the slowest image alone: a unit does one image at a time.", "units without limit")  # fmt: skip
        right = close(got, expected)
        require(right or got > expected, f"{shown}: too short. A phase begins when *both* are true: the image has finished its phase before, and the unit has finished the image before it in the list.", "begins too early")  # fmt: skip
        require(right, f"{shown}: too long. A phase begins as soon as its image and its unit are free, and a finished image leaves its unit at once.", "waits too long")  # fmt: skip
    return "Six schedules: no unit does two images at once, no image is in two places, and nobody waits without reason."


makespan = Exercise("makespan", _makespan_inputs, _makespan_probe, _makespan_judge)


# ------------------------------------------------------------------------------------------------------------ pick_contexts
def _row(contexts: int, low: float, high: float, p90: float, memory: int) -> dict:
    return {"contexts": contexts, "low": low, "high": high, "p90": p90, "memory": memory}


def _pick_inputs(rng: np.random.Generator) -> dict:
    r = float(rng.uniform(500, 1500))
    best = lambda *numbers: [n * r for n in numbers]
    cases = []

    def case(expected, why, *rows):
        cases.append(
            {
                "table": [_row(n, *best(low, high), p90, memory) for n, low, high, p90, memory in rows],
                "_expected": expected,
                "_why": why,
            }
        )

    case(
        4,
        "it alone has the highest throughput, and keeps to both limits|not the best",
        (1, 0.98, 1.02, 2e-3, 10),
        (2, 1.7, 1.8, 3e-3, 20),
        (4, 2.4, 2.6, 4e-3, 40),
    )
    case(
        2,
        "the interval of 4 overlaps with that of 2, so more contexts bring nothing that can be shown: take the fewest|more than needed",
        (1, 0.98, 1.02, 2e-3, 10),
        (2, 1.7, 1.9, 3e-3, 20),
        (4, 1.8, 2.0, 4e-3, 40),
    )
    case(
        2,
        "with 4 contexts one call in ten takes longer than the latency limit|latency limit ignored",
        (1, 0.98, 1.02, 2e-3, 10),
        (2, 1.7, 1.8, 3e-3, 20),
        (4, 2.4, 2.6, 9e-3, 40),
    )
    case(
        2,
        "4 contexts need more memory than there is|memory limit ignored",
        (1, 0.98, 1.02, 2e-3, 10),
        (2, 1.7, 1.8, 3e-3, 20),
        (4, 2.4, 2.6, 4e-3, 80),
    )
    case(
        1,
        "its interval overlaps with that of the best one that is allowed; the one that is not allowed is no reason for more|compared with one that is not allowed",
        (1, 0.95, 1.1, 2e-3, 10),
        (2, 1.0, 1.2, 3e-3, 20),
        (4, 2.4, 2.6, 9e-3, 40),
    )
    case(
        0,
        "no number of contexts keeps to the latency limit|nothing fits",
        (1, 0.98, 1.02, 8e-3, 10),
        (2, 1.7, 1.8, 9e-3, 20),
    )
    case(
        1,
        "the rows come in another order here, and 1 overlaps with the best|order of the table",
        (4, 1.0, 1.3, 4e-3, 40),
        (1, 0.98, 1.05, 2e-3, 10),
        (2, 0.99, 1.1, 3e-3, 20),
    )
    case(
        2,
        "the best is 4, which has the highest lower end; the interval of 2 reaches it and that of 1 does not|another best",
        (1, 0.95, 1.2, 2e-3, 10),
        (2, 1.1, 2.2, 3e-3, 20),
        (4, 1.4, 1.6, 4e-3, 40),
    )
    case(
        2,
        "exactly at a limit is still within it|limit excluded",
        (1, 0.98, 1.02, 2e-3, 10),
        (2, 1.7, 1.8, 5e-3, 50),
    )
    return {"cases": shuffled(cases, rng), "latency": 5e-3, "memory": 50}


def _pick_probe(answer, inputs: dict) -> dict:
    return {"picked": [call(answer, case["table"], inputs["latency"], inputs["memory"]) for case in inputs["cases"]]}


def _pick_judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["picked"]):
        why, cause = case["_why"].split("|")
        require(got is not None or case["_expected"], "no row keeps to the limits, and None came back: 0 was asked for.", "nothing fits")  # fmt: skip
        got = integer(got, "the number of contexts")
        shown = "; ".join(f"{r['contexts']}: {r['low']:.0f} to {r['high']:.0f} images/s, p90 {r['p90'] * 1e3:.0f} ms, {r['memory']} MB" for r in case["table"])  # fmt: skip
        require(
            got == case["_expected"],
            f"({shown}; limits {inputs['latency'] * 1e3:.0f} ms and {inputs['memory']} MB): you picked {got}, expected {case['_expected']}: {why}.",
            cause,
        )
    return "Nine tables: the fewest contexts that cannot be told from the best, within both limits."


pick_contexts = Exercise("pick_contexts", _pick_inputs, _pick_probe, _pick_judge)
