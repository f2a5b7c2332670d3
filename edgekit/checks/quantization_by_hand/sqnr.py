"""The check of `sqnr`, lab 03a."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, call, number, require, slip


def inputs(rng: np.random.Generator) -> dict:
    x, noise = rng.normal(size=(2, 40, 50))
    x = (x - x.mean()).astype(np.float32)  # without a mean, the variance is the power
    noise = ((noise - noise.mean()) * 10.0 ** rng.uniform(-2.5, -0.5)).astype(np.float32)
    return {
        "cases": [
            {"_kind": "noise", "x": x, "approx": x + noise},
            {"_kind": "offset", "x": x + np.float32(3), "approx": x + np.float32(3) + noise},
            {"_kind": "shrunk", "x": x, "approx": x * np.float32(0.4)},
            {"_kind": "constant error", "x": x, "approx": x + np.float32(0.05)},
            {"_kind": "worse than nothing", "x": x, "approx": -x},
            {"_kind": "large", "x": x * np.float32(1e3), "approx": (x + noise) * np.float32(1e3)},
            {"_kind": "exact", "x": x, "approx": x.copy()},
        ]
    }


def probe(answer, inputs: dict) -> dict:
    with np.errstate(divide="ignore", invalid="ignore"):
        return {"db": [call(answer, case["x"], case["approx"]) for case in inputs["cases"]]}


_SQNR_SAYS = {
    "noise": "the power of the signal over the power of the error, in decibels; the power of an array is the sum of its squares",
    "offset": "x has a mean of 3 here. Power is the sum of squares; a variance leaves the mean out",
    "shrunk": "the approximation is 0.4 times x here. The signal is x, the original, not the approximation",
    "constant error": "the error is the same everywhere here. Its power is the sum of its squares, its variance is 0",
    "worse than nothing": "the error is twice as large as the signal here, so the ratio is below 1 and its logarithm negative",
    "large": "everything is a thousand times larger here, and the ratio is the same: is there a fixed constant in your formula?",
}


def judge(inputs: dict, outputs: dict) -> str:
    from onnxruntime.quantization.qdq_loss_debug import compute_signal_to_quantization_noice_ratio as reference

    for case, got in zip(inputs["cases"], outputs["db"], strict=True):
        kind = case["_kind"]
        if kind == "exact":
            require(
                np.size(got) == 1 and np.array_equal(np.ravel(got), [np.inf]),
                f"two equal arrays gave {got!r}, expected float('inf'): without error the ratio has no bound. Treat an error of 0 before"
                " you divide.",
                "no error",
            )
            continue
        db = number(got, "sqnr")
        expected = reference(case["x"].astype(np.float64), case["approx"].astype(np.float64))
        said = f"sqnr gave {db:.3f} dB, expected {expected:.3f} dB"
        tolerance = 0.01
        if abs(db - expected) < tolerance:
            continue
        for factor, why, cause in (
            (-1, "upside down: the signal's power belongs above the line, so that better is larger", "ratio upside down"),
            (
                0.5,
                "that is half of it: ten times the logarithm of a ratio of *amplitudes* (norms) instead of powers",
                "amplitude for power",
            ),
            (2, "that is twice it: twenty times the logarithm belongs to amplitudes, ten to powers", "20 for 10"),
            (np.log(10) / 10, "that is the natural logarithm without the ten", "natural logarithm"),
            (np.log(10), "that is the natural logarithm: decibels use base 10", "natural logarithm"),
            (0.1, "that is in bels: a decibel is a tenth of one, so multiply by ten", "bels"),
        ):
            require(abs(db - factor * expected) > tolerance, f"{said}: {why}.", cause)
        require(
            abs(10 ** (expected / 10) - db) > 1e-3 * abs(db), f"{said}: that is the ratio itself, without the logarithm.", "no logarithm"
        )
        raise CheckFailed(f"{said}: {_SQNR_SAYS[kind]}.{slip(db, expected)}", kind)
    return "Agrees with ONNX Runtime's quantization debugger, also for signals with a mean, worse than nothing, and without error."


sqnr = Exercise("sqnr", inputs, probe, judge)
