"""The check of `conclude`, lab 05b."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, number, require, slip, text

VERDICTS = ("not comparable", "too inaccurate", "slower", "faster", "smaller only")


def inputs(rng: np.random.Generator) -> dict:
    drop = float(rng.choice([0.003, 0.01, 0.02]))
    e = drop * float(rng.uniform(0.2, 0.45))
    fine, better = [-drop + e, e], [e, 3 * e]
    cases = [
        ("faster", fine, [1.3, 1.5], [1, 1], "all of the speed-up's interval is above 1"),
        ("slower", fine, [0.5, 0.9], [1, 1], "all of the speed-up's interval is below 1"),
        ("smaller only", fine, [0.9, 1.6], [1, 1], "the speed-up's interval contains 1, so it is not clear"),
        ("smaller only", fine, [0.7, 1.1], [1, 1], "the speed-up's interval contains 1, so it is not clear"),
        (
            "too inaccurate",
            [-drop - e, e],
            [1.3, 1.5],
            [1, 1],
            "the low end of the change allows a loss larger than max_drop, whatever the middle of the interval says",
        ),
        ("too inaccurate", [-0.4, -0.3], [0.5, 0.9], [1, 1], "accuracy is judged before speed, and the loss is far above max_drop"),
        (
            "faster",
            better,
            [1.1, 1.2],
            [2, 2],
            "all of the speed-up's interval is above 1, and a gain of accuracy is no loss: mind the sign of the change",
        ),
        (
            "faster",
            [2 * drop, 3 * drop],
            [1.1, 1.2],
            [2, 2],
            "all of the speed-up's interval is above 1, and a gain of accuracy is no loss: mind the sign of the change",
        ),
        ("not comparable", fine, [1.8, 2.0], [1, 2], "the two ran on different numbers of threads: the ratio measures the threads"),
        ("not comparable", [-0.4, -0.3], [1.8, 2.0], [4, 2], "the two ran on different numbers of threads, and that comes first"),
    ]
    rows = []
    for expected, change, speedup, threads, why in cases:
        bytes_ = [int(b) for b in rng.integers(30_000, 90_000, 4)]
        row = {
            "fp32": {"threads": threads[0], "file": bytes_[0], "external": int(rng.integers(2, 9)) * 100_000},
            "int8": {"threads": threads[1], "file": bytes_[1], "external": int(rng.choice([0, bytes_[2]]))},
            "change": change,
            "speedup": speedup,
        }
        rows.append({"row": row, "_expected": expected, "_why": why})
    return {"cases": [rows[i] for i in rng.permutation(len(rows))], "max_drop": drop}


def probe(answer, inputs: dict) -> dict:
    return {"answers": [call(answer, case["row"], inputs["max_drop"]) for case in inputs["cases"]]}


def judge(inputs: dict, outputs: dict) -> str:
    for case, answer in zip(inputs["cases"], outputs["answers"], strict=True):
        row, shown = (
            case["row"],
            "change [{:+.4f}, {:+.4f}], speed-up [{:.2f}, {:.2f}]".format(*case["row"]["change"], *case["row"]["speedup"]),
        )
        require(
            isinstance(answer, list) and len(answer) == 2, f"expected a pair (verdict, times smaller), got {answer!r:.60}.", "wrong type"
        )
        said = text(answer[0], "the verdict", among=VERDICTS)
        require(
            answer[1] is not None and answer[1] == answer[1],
            f"with the verdict {said!r} came {answer[1]} for times smaller: bytes do not depend on threads or speed, so the number is part"
            " of every answer.",
            "size left out",
        )
        smaller = number(answer[1], "times smaller")
        require(
            said == case["_expected"],
            f"{shown}, threads {row['fp32']['threads']} and {row['int8']['threads']}: your verdict is {said!r}, expected"
            f" {case['_expected']!r}, because {case['_why']}.",
            "threads ignored" if case["_expected"] == "not comparable" else f"{said} for {case['_expected']}",
        )
        whole = [row[kind]["file"] + row[kind]["external"] for kind in ("fp32", "int8")]
        right = whole[0] / whole[1]
        alone = row["fp32"]["file"] / row["int8"]["file"]
        require(
            abs(smaller / right - 1) < 1e-3 or abs(smaller / alone - 1) > 1e-3,
            f"times smaller is {smaller:.2f}, expected {right:.2f}: the weights of the float32 model stand in its external data, which"
            " counts too.",
            "external data left out",
        )
        require(
            abs(smaller * right - 1) > 1e-3 or abs(right - 1) < 1e-3,
            f"times smaller is {smaller:.2f}, expected {right:.2f}: that is new size over old size. Smaller means the old size is divided"
            " by the new one.",
            "ratio upside down",
        )
        require(
            abs(smaller - right) < 0.006 or smaller not in (round(right, 1), round(right), right // 1),
            f"times smaller is {smaller}, expected {right:.4g}: return it as it is, rounding is for whoever prints it.",
            "rounded",
        )
        require(
            abs(smaller - right) < 0.006,
            f"times smaller is {smaller:.3f}, expected {right:.3f}: bytes of the float32 model, both files, over bytes of the INT8 model,"
            f" both files.{slip(smaller, right)}",
            "wrong size",
        )
    return "Ten rows judged: threads first, then the pessimistic end of the accuracy, then the speed, with external data counted."


conclude = Exercise("conclude", inputs, probe, judge)
