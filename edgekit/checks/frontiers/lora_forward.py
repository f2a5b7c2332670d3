"""The check of `lora_forward`, lab 07d."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, close, no_slip


def inputs(rng: np.random.Generator) -> dict:
    cases = []
    for inputs, outputs, rank, alpha in [(7, 5, 2, 8.0), (4, 6, 3, float(rng.uniform(4, 20))), (8, 8, 4, 1.0)]:
        shapes = {"x": (9, inputs), "weight": (outputs, inputs), "bias": (outputs,), "a": (rank, inputs), "b": (outputs, rank)}
        cases.append({**{k: rng.normal(size=shape).astype(np.float32) for k, shape in shapes.items()}, "alpha": alpha})
    return {"cases": cases}


def probe(answer, inputs: dict) -> dict:
    import torch

    names = ("x", "weight", "bias", "a", "b")
    return {"results": [call(answer, *(torch.from_numpy(c[n]) for n in names), c["alpha"]) for c in inputs["cases"]]}


def judge(inputs: dict, outputs: dict) -> str:
    for case, result in zip(inputs["cases"], outputs["results"], strict=True):
        _is_base_and_adapter(result, case)
    return "Frozen layer plus alpha / r times x A^T B^T, for three shapes."


def _is_base_and_adapter(result, case: dict) -> None:
    x, weight, bias, a, b = (case[name].astype(np.float64) for name in ("x", "weight", "bias", "a", "b"))
    alpha, rank = case["alpha"], len(a)
    scale = alpha / rank
    got = array(result, "the result", (len(x), len(weight)))
    base = np.einsum("ni,oi->no", x, weight) + bias
    extra = np.einsum("ni,ri,or->no", x, a, b)

    def is_(what: np.ndarray) -> bool:
        return close(got, what, rtol=1e-3, atol=1e-3)

    if is_(base + scale * extra):
        return
    factor = float(np.median((got - base) / extra))
    sizes = [
        (
            is_(base + alpha / size * extra),
            f"alpha was divided by {size}. The rank is the dimension that A and B share: {rank}.",
            "wrong dimension for the rank",
        )
        for size in {a.shape[1], len(b), len(x)}
    ]
    slips = [
        (is_(base), "the adapter has no effect: its part is not added.", "adapter left out"),
        (is_(scale * extra), "only the adapter's part is there: the frozen layer computes too.", "base left out"),
        (is_(base - bias + scale * extra), "the bias is missing.", "bias left out"),
        (is_(base + extra), "the scale is missing: the adapter's part is multiplied by alpha / r.", "scale missing"),
        (
            is_(base + alpha * extra),
            (
                "the adapter's part is multiplied by alpha, but not divided by the rank: with another r the same learning rate would then"
                " be too large or too small."
            ),
            "not divided by the rank",
        ),
        (is_(base + rank / alpha * extra), "the scale is turned round: alpha over r.", "scale turned round"),
        *sizes,
        (is_(scale * (base + extra)), "the scale multiplies the frozen layer too.", "scale on everything"),
        (is_(base + factor * extra), f"the adapter's part is multiplied by {factor:.3g}, expected alpha / r = {scale:.3g}.", "wrong scale"),
        (
            True,
            (
                f"the result differs by up to {np.abs(got - base - scale * extra).max():.3g}: to the frozen layer with its bias, add x"
                " through A (down to r numbers), then through B, and scale only that part."
            ),
            "wrong result",
        ),
    ]
    no_slip(slips, f"with rank {rank} and alpha {alpha:.3g} ")


lora_forward = Exercise("lora_forward", inputs, probe, judge)
