"""The check of `best_limit`, lab 03a."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, call, number, require


def inputs(rng: np.random.Generator) -> dict:
    """Activations with a tail; many, so that different criteria choose different limits. The candidates come in no order."""
    x = np.maximum(rng.normal(size=8000), 0).astype(np.float32)
    tail = np.where(rng.random(8000) < 0.004, rng.uniform(3, 9, 8000), 0).astype(np.float32)
    uniform = rng.uniform(0, 1, 4000).astype(np.float32)
    cases = [("tail", x + tail, 4), ("tail", x + tail, 8), ("uniform", uniform, 4)]
    return {
        "cases": [
            {"_kind": kind, "x": v, "bits": bits, "limits": rng.permutation(np.linspace(0.1, 1.0, 31)) * float(v.max())}
            for kind, v, bits in cases
        ]
    }


def probe(answer, inputs: dict) -> dict:
    return {"limits": [call(answer, case["x"], case["limits"], case["bits"]) for case in inputs["cases"]]}


def _fake(x: np.ndarray, limit: float, bits: int) -> np.ndarray:
    import torch

    top = 2**bits - 1
    return torch.fake_quantize_per_tensor_affine(torch.from_numpy(x), limit / top, 0, 0, top).numpy()


def judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["limits"], strict=True):
        x, limits, bits = case["x"], case["limits"], case["bits"]
        got = number(got, "the limit")
        require(
            np.isclose(limits, got, rtol=1e-6).any(),
            f"best_limit returned {got:.6g}, which is none of the candidates ({limits.min():.3g} to {limits.max():.3g}). Return the limit,"
            " not its index or its error.",
            "not a candidate",
        )
        from onnxruntime.quantization.qdq_loss_debug import compute_signal_to_quantization_noice_ratio as quality

        db = np.array([quality(x.astype(np.float64), _fake(x, float(v), bits).astype(np.float64)) for v in limits])
        mine = db[np.argmin(np.abs(limits - got))]
        if mine >= db.max() - 0.02:
            continue
        best = float(limits[np.argmax(db)])
        said = (
            f"x up to {x.max():.3g}, {bits} bits: your limit {got:.4g} gives an SQNR of {mine:.2f} dB, the limit {best:.4g} gives"
            f" {db.max():.2f} dB"
        )
        if got >= limits.max() * 0.999:
            why, cause = (
                (
                    "Yours is the largest candidate, where nothing is clipped: a coarser grid for all values is an error too. Is the round"
                    " trip's rounding in your error, on a grid of the bits passed in?"
                ),
                "largest limit",
            )
        elif got <= limits.min() * 1.001:
            why, cause = (
                (
                    "Yours is the smallest candidate: the values beyond it are clipped, and that error counts too. Is the smallest error"
                    " chosen, over all of x?"
                ),
                "smallest limit",
            )
        else:
            why, cause = (
                (
                    "Is it the mean of the *squared* error, and is the grid that of the bits passed in, from 0 to the limit in 2**bits - 1"
                    " steps?"
                ),
                "other criterion",
            )
        raise CheckFailed(f"{said}. {why}", cause)
    return "The limit with the smallest squared error, with and without a tail, at 4 and 8 bits."


best_limit = Exercise("best_limit", inputs, probe, judge)
