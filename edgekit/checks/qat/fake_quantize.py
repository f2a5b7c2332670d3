"""The check of `fake_quantize`, lab 07a."""

from __future__ import annotations

from unittest import mock

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, close, require

_GRIDS = [(-128, 127), (-8, 7), (-1, 1), (0, 255)]


def inputs(rng: np.random.Generator) -> dict:
    cases = []
    for low, high in _GRIDS:
        steps = rng.uniform(low, high, 36)
        steps = np.round(steps) + 0.9 * (steps - np.round(steps))  # near a tie a rounding error would decide
        steps = np.clip(steps, low + 0.02, high - 0.02)  # at the very ends libraries differ in the gradient
        ties = rng.integers(low, high, 4) + 0.5
        beyond = np.concatenate([high + rng.uniform(0.7, 6, 6), low - rng.uniform(0.7, 6, 6)])
        scale = float(2.0 ** rng.integers(-6, 0))  # a power of two: no rounding error, so that ties stay ties
        x = (np.concatenate([steps, ties, beyond]) * scale).astype(np.float32).reshape(2, 26)
        cases.append({"x": x, "scale": scale, "low": low, "high": high, "up": rng.normal(size=(2, 26)).astype(np.float32)})
    return {"cases": cases}


def probe(answer, inputs: dict) -> dict:
    import torch

    def gradient(x, *grid):
        y = answer(x.requires_grad_(), *grid)
        if getattr(y, "requires_grad", False):
            y.backward(torch.from_numpy(case["up"]))
        return x.grad

    gradient.__name__ = "fake_quantize"
    values, gradients = [], []
    with _without_torch():
        for case in inputs["cases"]:
            x, *grid = torch.from_numpy(case["x"]), case["scale"], case["low"], case["high"]
            values.append(call(answer, x, *grid))
            gradients.append(call(gradient, x, *grid))
    return {"values": values, "gradients": gradients}


def _without_torch():
    """Torch's own fake quantization says that it is what the exercise builds."""
    import torch

    def refuse(*args, **kwargs):
        raise RuntimeError("torch.fake_quantize_* is what this exercise builds: write it with divide, clamp and round")

    return mock.patch.multiple(torch, fake_quantize_per_tensor_affine=refuse, fake_quantize_per_channel_affine=refuse)


def judge(inputs: dict, outputs: dict) -> str:
    import torch

    for case, value, gradient in zip(inputs["cases"], outputs["values"], outputs["gradients"], strict=True):
        x, scale, low, high = torch.from_numpy(case["x"]), case["scale"], case["low"], case["high"]
        where = f"on the grid {low}..{high} with scale {scale:.4g}"
        value = array(value, "the result", tuple(x.shape))
        x.requires_grad_()
        torch_value = torch.fake_quantize_per_tensor_affine(x, scale, 0, low, high)
        torch_value.backward(torch.from_numpy(case["up"]))
        expected, slope = torch_value.detach().numpy(), x.grad.numpy()
        steps = case["x"] / scale
        wrong = np.argwhere(~np.isclose(value, expected, rtol=1e-4, atol=1e-4 * scale))
        if len(wrong):
            i = tuple(wrong[0])
            _explain_value(float(value[i]), float(expected[i]), float(steps[i]), scale, low, high, where)
        require(
            gradient is not None,
            f"the forward pass is right {where}, but the result no longer depends on x for autograd: nothing would learn. Detach only the"
            " rounding error, not the value.",
            "gradient cut off",
        )
        gradient = array(gradient, "the gradient", tuple(x.shape))
        beyond = (steps < low) | (steps > high)
        require(
            np.abs(gradient[~beyond]).max() > 0,
            f"the forward pass is right {where}, but the gradient is 0 everywhere, even inside the grid: round() is a staircase. Let the"
            " gradient pass straight through it.",
            "no straight-through",
        )
        require(
            close(gradient[~beyond], slope[~beyond], rtol=1e-3, atol=1e-5),
            f"inside the grid {where} the gradient should be 1 times what comes from above; yours is"
            f" {float(np.median(gradient[~beyond] / case['up'][~beyond])):.3g} times that. Scaling up and down again must cancel in the"
            " backward pass too.",
            "slope inside",
        )
        require(
            close(gradient[beyond], slope[beyond], rtol=1e-3, atol=1e-5),
            f"beyond the grid {where} the gradient should be 0: x / scale is clipped there, so a small change of x changes nothing. Is the"
            " clip inside what you detach?",
            "gradient beyond the range",
        )
    return "Values and gradients equal torch's own fake quantization on four grids, inside the range and beyond."


def _explain_value(value: float, expected: float, step: float, scale: float, low: int, high: int, where: str) -> None:
    said = f"x / scale = {step:.4g} {where} gave {value:.4g}, expected {expected:.4g}: "
    if step > high + 0.6 or step < low - 0.6:
        raise CheckFailed(said + "that lies beyond the grid and must be clipped to its end.", "no clip")
    if np.isclose(value, expected / scale, atol=1e-3):
        raise CheckFailed(said + "that is the integer. Multiply by the scale: fake quantization returns real values.", "integers returned")
    if abs(step - np.trunc(step)) == 0.5 and abs(value / scale - step) < 0.51:
        raise CheckFailed(said + "that lies halfway between two levels. The even one wins, as in torch.round.", "halfway")
    if np.isclose(value, np.floor(step) * scale, atol=1e-3 * scale) or np.isclose(value, np.trunc(step) * scale, atol=1e-3 * scale):
        raise CheckFailed(said + "round to the nearest level; a cast or floor drops the fraction.", "truncated")
    if np.isclose(value, step * scale, rtol=1e-4):
        raise CheckFailed(said + "it was not rounded at all.", "not rounded")
    raise CheckFailed(said + "divide by the scale, clip, round, multiply by the scale.", "wrong value")


fake_quantize = Exercise("fake_quantize", inputs, probe, judge)
