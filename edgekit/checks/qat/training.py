"""The checks of lab 07a on training: fake quantization, calibration, a step that leaves the grid alone."""

from __future__ import annotations

from unittest import mock

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, close, require

# ------------------------------------------------------------------------------------------------------------ fake_quantize
_GRIDS = [(-128, 127), (-8, 7), (-1, 1), (0, 255)]


def _fake_inputs(rng: np.random.Generator) -> dict:
    cases = []
    for low, high in _GRIDS:
        steps = rng.uniform(low, high, 36)
        steps = np.round(steps) + 0.9 * (steps - np.round(steps))  # near a tie a rounding error would decide
        steps = np.clip(steps, low + 0.02, high - 0.02)  # at the very ends libraries differ in the gradient
        ties = rng.integers(low, high, 4) + 0.5
        beyond = np.concatenate([high + rng.uniform(0.7, 6, 6), low - rng.uniform(0.7, 6, 6)])
        scale = float(2.0 ** rng.integers(-6, 0))  # a power of two: no rounding error, so that ties stay ties
        x = (np.concatenate([steps, ties, beyond]) * scale).astype(np.float32).reshape(2, 26)
        cases.append(
            {"x": x, "scale": scale, "low": low, "high": high, "up": rng.normal(size=(2, 26)).astype(np.float32)}
        )
    return {"cases": cases}


def _fake_probe(answer, inputs: dict) -> dict:
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


def _fake_judge(inputs: dict, outputs: dict) -> str:
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
            f"the forward pass is right {where}, but the result no longer depends on x for autograd: nothing would learn. Detach only the rounding error, not the value.",
            "gradient cut off",
        )
        gradient = array(gradient, "the gradient", tuple(x.shape))
        beyond = (steps < low) | (steps > high)
        require(
            np.abs(gradient[~beyond]).max() > 0,
            f"the forward pass is right {where}, but the gradient is 0 everywhere, even inside the grid: round() is a staircase. Let the gradient pass straight through it.",
            "no straight-through",
        )
        require(
            close(gradient[~beyond], slope[~beyond], rtol=1e-3, atol=1e-5),
            f"inside the grid {where} the gradient should be 1 times what comes from above; yours is {float(np.median(gradient[~beyond] / case['up'][~beyond])):.3g} times that. "
            "Scaling up and down again must cancel in the backward pass too.",
            "slope inside",
        )
        require(
            close(gradient[beyond], slope[beyond], rtol=1e-3, atol=1e-5),
            f"beyond the grid {where} the gradient should be 0: x / scale is clipped there, so a small change of x changes nothing. Is the clip inside what you detach?",
            "gradient beyond the range",
        )
    return "Values and gradients equal torch's own fake quantization on four grids, inside the range and beyond."


def _explain_value(value: float, expected: float, step: float, scale: float, low: int, high: int, where: str) -> None:
    said = f"x / scale = {step:.4g} {where} gave {value:.4g}, expected {expected:.4g}: "
    if step > high + 0.6 or step < low - 0.6:
        raise CheckFailed(said + "that lies beyond the grid and must be clipped to its end.", "no clip")
    if np.isclose(value, expected / scale, atol=1e-3):
        raise CheckFailed(
            said + "that is the integer. Multiply by the scale: fake quantization returns real values.",
            "integers returned",
        )
    if abs(step - np.trunc(step)) == 0.5 and abs(value / scale - step) < 0.51:
        raise CheckFailed(
            said + "that lies halfway between two levels. The even one wins, as in torch.round.", "halfway"
        )
    if np.isclose(value, np.floor(step) * scale, atol=1e-3 * scale) or np.isclose(
        value, np.trunc(step) * scale, atol=1e-3 * scale
    ):
        raise CheckFailed(said + "round to the nearest level; a cast or floor drops the fraction.", "truncated")
    if np.isclose(value, step * scale, rtol=1e-4):
        raise CheckFailed(said + "it was not rounded at all.", "not rounded")
    raise CheckFailed(said + "divide by the scale, clip, round, multiply by the scale.", "wrong value")


fake_quantize = Exercise("fake_quantize", _fake_inputs, _fake_probe, _fake_judge)


# ---------------------------------------------------------------------------------------------------------------- calibrate
def _calibrate_inputs(rng: np.random.Generator) -> dict:
    """Pictures whose first pixel says which one it is: training pictures 1..n, test pictures from 100 on."""
    size = int(rng.integers(4, 8))
    n, m = 3 * size + int(rng.integers(1, size)), int(rng.integers(5, 9))  # the last batch is a smaller one
    train, test = (rng.integers(0, 256, (k, 28, 28)).astype(np.uint8) for k in (n, m))
    train[:, 0, 0], test[:, 0, 0] = np.arange(1, n + 1), np.arange(100, 100 + m)
    return {"train": train, "test": test, "batch_size": size, "mode": True}


def _calibrate_probe(answer, inputs: dict) -> dict:
    import torch

    from edgekit.zoo.data import DIGITS, Split

    class Spy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = torch.nn.BatchNorm2d(1)
            self.calls = []

        def forward(self, x):
            if not isinstance(x, torch.Tensor):
                raise TypeError(f"a model takes a tensor, got {type(x).__name__}")
            y = self.norm(x.float())  # batch norm calls bytes "not implemented"; the judge has better words for them
            ends = [float(x.min()), float(x.max())]
            self.calls.append(
                {"ids": (x.detach()[:, 0, 0, 0] * 255), "ends": ends, "shape": list(x.shape),
                 "training": self.training, "graph": bool(y.requires_grad)}
            )  # fmt: skip
            return y.mean(dim=(2, 3))

    spy = Spy().train(inputs["mode"])
    labels = {name: np.zeros(len(inputs[name]), np.int64) for name in ("train", "test")}
    splits = {name: Split("digits", name, inputs[name], labels[name], DIGITS) for name in labels}

    def run(splits, batch_size):
        return answer(spy, splits, batch_size)

    run.__name__ = "calibrate"
    with torch.enable_grad():  # and as it was afterwards
        call(run, splits, inputs["batch_size"])
        on = torch.is_grad_enabled()
    learns = all(p.requires_grad for p in spy.parameters())
    return {"calls": spy.calls, "steps": int(spy.norm.num_batches_tracked), "learns": learns, "gradients_on": on}


def _calibrate_judge(inputs: dict, outputs: dict) -> str:
    calls, n, size = outputs["calls"], len(inputs["train"]), inputs["batch_size"]
    require(
        calls,
        "the model was never called: calibration means that it sees pictures. (A copy of it does not count.)",
        "no forward pass",
    )
    moved = "batch norm's running statistics moved with every batch" if outputs["steps"] else "dropout would be active"
    require(
        not any(c["training"] for c in calls) and not outputs["steps"],
        f"the model was in train mode: {moved}, and the ranges are those of another network. Call model.eval() first.",
        "train mode",
    )
    low, top = min(c["ends"][0] for c in calls), max(c["ends"][1] for c in calls)
    require(
        top <= 200,
        f"the model saw values up to {top:.4g}: its input runs from 0 to 1, and every range would come out 255 times too wide. Take x, not images.",
        "bytes instead of x",
    )
    require(
        low >= 0 and top <= 1.001,
        f"the model saw values from {low:.3g} to {top:.3g}: its input runs from 0 to 1, as x has it. Were the pictures normalized? The ranges would not fit the pictures that come later.",
        "input changed",
    )
    require(
        all(c["shape"][1:] == [1, 28, 28] for c in calls),
        f"the model saw batches of shape {calls[0]['shape']}, expected [batch, 1, 28, 28].",
        "wrong shape",
    )
    seen = np.rint(np.concatenate([np.atleast_1d(c["ids"]) for c in calls])).astype(int)
    known = set(range(1, n + 1)) | set(range(100, 100 + len(inputs["test"])))
    strangers = sum(i not in known for i in seen.tolist())
    require(
        not strangers,
        f"{strangers} of the {len(seen)} pictures shown are neither training nor test pictures: were they changed, or made up? Show the training pictures as they are.",
        "other pictures",
    )
    require(
        seen.max() < 100,
        "the model saw test pictures: ranges chosen on them make the accuracy measured on them too good. Calibrate on training pictures.",
        "calibrated on test",
    )
    missing = n - len(set(seen.tolist()))
    require(
        not missing,
        f"{missing} of {n} training pictures were never shown. Does the loop end early, or is the last, smaller batch left out?",
        "pictures left out",
    )
    require(len(seen) == n, f"{n} pictures were shown {len(seen)} times: show each of them once.", "shown twice")
    largest = max(c["shape"][0] for c in calls)
    cost = "more pictures at once may not fit into a small device's memory" if largest > size else "many small batches take longer"  # fmt: skip
    require(
        largest <= size and len(calls) == -(-n // size),
        f"{n} pictures came in {len(calls)} batches of up to {largest}, asked was a batch size of {size}: {cost}.",
        "batch size ignored",
    )
    require(
        not any(c["graph"] for c in calls),
        "gradients were recorded: calibration needs none, and the stored activations cost memory. Use torch.no_grad().",
        "gradients recorded",
    )
    require(
        outputs["learns"],
        "parameters no longer require a gradient: only the quantizers may change, and this model is to be trained on. torch.no_grad() switches recording off and leaves the parameters alone.",
        "parameters frozen",
    )
    require(
        outputs["gradients_on"],
        "gradients are still switched off after your function: nothing in the session could be trained any more. torch.no_grad() as a `with` block or decorator switches them on again.",
        "gradients left off",
    )
    return f"All {n} training pictures once, in batches of at most {size}, in eval mode and without gradients."


calibrate = Exercise("calibrate", _calibrate_inputs, _calibrate_probe, _calibrate_judge)


# ----------------------------------------------------------------------------------------------------------------- qat_step
def _step_inputs(rng: np.random.Generator) -> dict:
    cases = []
    for bits in (2, 3, 4):
        top, (rows, cols, batch) = 2 ** (bits - 1) - 1, (3, 5, 16)
        scale = float(rng.uniform(0.05, 0.2))
        steps = rng.integers(-top, top + 1, (rows, cols)) + rng.uniform(-0.4, 0.4, (rows, cols))
        steps = np.clip(steps, 0.02 - top, top - 0.02)  # beyond the last level, but rounded to it, libraries differ
        steps[0, 0], steps[1, 1] = 2 * top + 2.3, -2 * top - 1.7  # beyond the range: they must not move
        x = rng.normal(size=(batch, cols))
        target = x @ rng.normal(size=(cols, rows)) * scale * top
        data = {"weight": steps * scale, "x": x, "target": target}
        cases.append(
            {
                **{k: v.astype(np.float32) for k, v in data.items()},
                "scale": scale,
                "bits": bits,
                "lr": float(rng.uniform(0.005, 0.02)),
            }
        )
    return {"cases": cases}


def _step_probe(answer, inputs: dict) -> dict:
    import torch

    results, kept = [], []

    def run(weight, *rest):
        before = weight.clone()
        made = answer(weight, *rest)
        kept.append(bool(torch.equal(weight, before)))
        return made

    run.__name__ = "qat_step"
    for case in inputs["cases"]:
        tensors = (torch.from_numpy(case[k]) for k in ("weight", "x", "target"))
        results.append(call(run, *tensors, case["scale"], case["bits"], case["lr"]))
    return {"results": results, "kept": kept}


def _step_judge(inputs: dict, outputs: dict) -> str:
    for case, result, kept in zip(inputs["cases"], outputs["results"], outputs["kept"], strict=True):
        w, where = case["weight"].astype(np.float64), f"with {case['bits']} bits"
        got = array(result, "the new weight", w.shape)
        expected, slips = _steps(case)
        change = expected - w
        tolerance = 1e-3 * np.abs(change).max()
        if np.abs(got - expected).max() >= tolerance:
            for wrong, says, cause in slips:
                require(all(np.abs(got - one).max() >= tolerance for one in wrong), f"{where} {says}", cause)
            _explain_step(got, w, change, where)
            raise CheckFailed(
                f"{where} the new weight differs by up to {np.abs(got - expected).max():.2g} from one step of gradient descent: divide the weight by the scale that is given, round, clip, multiply, "
                "compute x @ q.T with it, take the mean squared error, and subtract lr times its gradient from the float weight.",
                "wrong step",
            )
        require(
            kept,
            f"{where} the step is right, but the weight that came in was changed in place: clone it first.",
            "changed in place",
        )
    return "Rounded weights compute, float weights learn, and what is clipped stays: right for 2, 3 and 4 bits."


def _steps(case: dict) -> tuple[np.ndarray, list[tuple[list[np.ndarray], str, str]]]:
    """The weight after a right step, and what comes of wrong ones, as linear algebra: arrays, what to say, cause."""
    w, x, target = (case[k].astype(np.float64) for k in ("weight", "x", "target"))
    top, scale, lr = 2 ** (case["bits"] - 1) - 1, case["scale"], case["lr"]
    steps = w / scale

    def step(low, high, rounded=np.rint, unit=scale, clips=True):
        """One step along the error's slope at the rounded weight; clipped weights stay, if the gradient ``clips`` too."""
        q, live = np.clip(rounded(steps), low, high), (steps >= low) & (steps <= high) | (not clips)
        return -lr * live * (2 / target.size) * ((x @ (q * unit).T - target).T @ x)

    change, grid, end = step(-top, top), np.clip(np.rint(steps), -top, top) * scale, top * scale
    others = [(-top - 1, top), (-top - 1, top + 1), (-2 * top - 1, 2 * top + 1)]
    integers = step(-top, top, unit=1)
    return w + change, [
        ([w], "the weight did not move at all: the gradient of plain round() is 0. Quantize with an operation that lets it through.", "no gradient"),
        ([grid, np.clip(np.rint((w + change) / scale), -top, top) * scale], "the returned weight lies on the grid: it was rounded. Small steps are lost that way: return the float weight, it is rounded again in the next forward pass.", "master weight rounded"),
        ([w + step(-np.inf, np.inf, rounded=np.positive)], "the step is that of the float weight: the forward pass must compute with the rounded one, or nothing about rounding is learned.", "float forward pass"),
        ([grid + change], "the step is right but starts from the rounded weight: go on from the float weight that came in.", "step from the rounded weight"),
        ([np.clip(w + change, -end, end)], "the step is right, but its result was clipped to the ends of the grid: the float weight may lie beyond, it is clipped again in the next forward pass.", "master weight clipped"),
        ([w - change], "the step goes uphill: subtract the gradient.", "sign of the step"),
        ([w + step(-top, top, clips=False)], "weights beyond the grid moved: they are clipped, and their gradient is 0.", "clipped weights moved"),
        ([w + step(*ends) for ends in others], f"the weight was rounded on another grid. It is symmetric, -t..t with t = 2**(bits - 1) - 1 = {top}.", "wrong grid"),
        ([w + step(-127, 127)], f"the levels were not clipped to -t..t, t = 2**(bits - 1) - 1 = {top}.", "no clip"),
        ([w + step(-top, top, rounded=cut) for cut in (np.trunc, np.floor)], "the weight was cut off to a level of the grid: round to the nearest.", "truncated"),
        ([w + integers, w + integers / scale], "the layer computed with the integers: multiply them by the scale.", "integers"),
    ]  # fmt: skip


def _explain_step(got: np.ndarray, w: np.ndarray, change: np.ndarray, where: str) -> None:
    """The slips that leave a factor open."""
    live = np.abs(change) > 1e-3 * np.abs(change).max()
    for moved, alone in ((got - w, False), (got, True)):
        ratio = float(np.median(moved[live] / change[live]))
        if np.abs(moved - ratio * change).max() > 1e-3 * np.abs(ratio * change).max():
            continue
        if alone:
            raise CheckFailed(
                f"{where} the gradient, or the step alone, was returned: wanted is the weight after the step.",
                "not the weight",
            )
        raise CheckFailed(
            f"{where} the step has the right direction but {ratio:.3g} times the length: is the loss the *mean* over all outputs, is lr used once, and does the scale cancel in the gradient?",
            "length of the step",
        )
    length = np.abs(got - w)[live]
    require(
        np.ptp(length) > 1e-2 * length.max(),
        f"{where} every weight moved by the same {length.max():.3g}, as with Adam in its first step: gradient descent moves each by lr times its gradient.",
        "not gradient descent",
    )


qat_step = Exercise("qat_step", _step_inputs, _step_probe, _step_judge)
