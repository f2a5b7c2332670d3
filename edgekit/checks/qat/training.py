"""The checks of lab 07a on training: fake quantization, calibration, a step that leaves the grid alone."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, close, require

# ------------------------------------------------------------------------------------------------------------ fake_quantize
_GRIDS = [(-128, 127), (-8, 7), (-1, 1), (0, 255)]


def _fake_inputs(rng: np.random.Generator) -> dict:
    cases = []
    for low, high in _GRIDS:
        steps = rng.uniform(low - 0.45, high + 0.45, 40)
        steps = (
            np.floor(steps) + 0.5 + 0.9 * (steps - np.floor(steps) - 0.5)
        )  # no ties: one rounding error must not decide
        steps = np.clip(steps, low + 0.02, high - 0.02)  # at the very ends libraries differ in the gradient
        beyond = np.concatenate([high + rng.uniform(0.7, 6, 6), low - rng.uniform(0.7, 6, 6)])
        scale = float(2.0 ** rng.uniform(-6, 1))
        x = (np.concatenate([steps, beyond]) * scale).astype(np.float32).reshape(2, 26)
        cases.append(
            {"x": x, "scale": scale, "low": low, "high": high, "up": rng.normal(size=(2, 26)).astype(np.float32)}
        )
    return {"cases": cases}


def _fake_probe(answer, inputs: dict) -> dict:
    import torch

    values, gradients = [], []
    for case in inputs["cases"]:
        x = torch.from_numpy(case["x"])
        values.append(call(answer, x, case["scale"], case["low"], case["high"]))

        def pull(x, case=case):
            x.requires_grad_()
            y = answer(x, case["scale"], case["low"], case["high"])
            if not y.requires_grad:
                return None
            y.backward(torch.from_numpy(case["up"]))
            return x.grad

        gradients.append(call(pull, x))
    return {"values": values, "gradients": gradients}


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
    said = f"x / scale = {step:.3g} {where} gave {value:.4g}, expected {expected:.4g}: "
    if step > high + 0.6 or step < low - 0.6:
        raise CheckFailed(said + "that lies beyond the grid and must be clipped to its end.", "no clip")
    if np.isclose(value, expected / scale, atol=1e-3):
        raise CheckFailed(
            said + "that is the integer. Multiply by the scale: fake quantization returns real values.",
            "integers returned",
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

    from edgekit.data import DIGITS, Split

    class Spy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = torch.nn.BatchNorm2d(1)
            self.calls = []

        def forward(self, x):
            y = self.norm(x)
            self.calls.append(
                {"ids": (x.detach()[:, 0, 0, 0] * 255), "top": float(x.detach().max()), "shape": list(x.shape),
                 "training": self.training, "graph": bool(y.requires_grad)}
            )  # fmt: skip
            return y.mean(dim=(2, 3))

    spy = Spy().train(inputs["mode"])
    labels = {name: np.zeros(len(inputs[name]), np.int64) for name in ("train", "test")}
    splits = {name: Split("digits", name, inputs[name], labels[name], DIGITS) for name in labels}

    def run(splits, batch_size):
        return answer(spy, splits, batch_size)

    run.__name__ = "calibrate"
    call(run, splits, inputs["batch_size"])
    return {"calls": spy.calls, "mean": spy.norm.running_mean, "steps": int(spy.norm.num_batches_tracked)}


def _calibrate_judge(inputs: dict, outputs: dict) -> str:
    calls, n, size = outputs["calls"], len(inputs["train"]), inputs["batch_size"]
    require(calls, "the model was never called: calibration means that it sees pictures.", "no forward pass")
    require(
        not any(c["training"] for c in calls) and not outputs["steps"],
        "the model was in train mode: batch norm's running statistics moved with every batch, dropout would have been active, and the ranges are those of another "
        "network. Call model.eval() first.",
        "train mode",
    )
    top = max(c["top"] for c in calls)
    require(
        top <= 1.001,
        f"the model saw values up to {top:.4g}: its input runs from 0 to 1, and every range would come out 255 times too wide. Take x, not images.",
        "bytes instead of x",
    )
    require(
        all(c["shape"][1:] == [1, 28, 28] for c in calls),
        f"the model saw batches of shape {calls[0]['shape']}, expected [batch, 1, 28, 28].",
        "wrong shape",
    )
    seen = np.rint(np.concatenate([np.atleast_1d(c["ids"]) for c in calls])).astype(int)
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
    require(
        largest <= size and len(calls) == -(-n // size),
        f"{n} pictures came in {len(calls)} batches of up to {largest}, asked was a batch size of {size}: all pictures at once do not fit into a small device's memory.",
        "batch size ignored",
    )
    require(
        not any(c["graph"] for c in calls),
        "gradients were recorded: calibration needs none, and the stored activations cost memory. Use torch.no_grad().",
        "gradients recorded",
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
        steps = np.clip(steps, -top - 0.4, top + 0.4)
        steps[0, 0], steps[1, 1] = top + 2.3, -top - 1.7  # beyond the range: they must not move
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

    results = []
    for case in inputs["cases"]:
        results.append(
            call(
                answer,
                *(torch.from_numpy(case[k]) for k in ("weight", "x", "target")),
                case["scale"],
                case["bits"],
                case["lr"],
            )
        )
    return {"results": results}


def _step_judge(inputs: dict, outputs: dict) -> str:
    for case, result in zip(inputs["cases"], outputs["results"], strict=True):
        w, x, target = (case[k].astype(np.float64) for k in ("weight", "x", "target"))
        top, scale, lr = 2 ** (case["bits"] - 1) - 1, case["scale"], case["lr"]
        got = array(result, "the new weight", w.shape)
        levels = np.rint(w / scale)
        inside = np.abs(levels) <= top

        def moved(used, mask=inside, w=w, x=x, target=target, lr=lr):
            """One step along the error's slope at the weight ``used``, as linear algebra."""
            return w - lr * mask * (2 / target.size) * ((x @ used.T - target).T @ x)

        grid = np.clip(levels, -top, top) * scale
        expected = moved(grid)
        tolerance = 1e-3 * np.abs(expected - w).max()

        def same(a, b, t=tolerance):
            return bool(np.abs(a - b).max() < t)

        if same(got, expected):
            continue
        where = f"with {case['bits']} bits"
        full = np.ones_like(inside)
        require(
            not same(got, w),
            f"{where} the weight did not move at all: the gradient of plain round() is 0. Quantize with an operation that lets it through.",
            "no gradient",
        )
        require(not same(got, np.clip(np.rint(expected / scale), -top, top) * scale) and not same(got, grid), f"{where} the returned weight lies on the grid: it was rounded. Small steps are lost that way: return the float weight, it is rounded again in the next forward pass.", "master weight rounded")  # fmt: skip
        require(
            not same(got, moved(w, full)),
            f"{where} the step is that of the float weight: the forward pass must compute with the rounded one, or nothing about rounding is learned.",
            "float forward pass",
        )
        require(
            not same(got, grid + (expected - w)),
            f"{where} the step is right but starts from the rounded weight: go on from the float weight that came in.",
            "step from the rounded weight",
        )
        require(
            not same(got, 2 * w - expected), f"{where} the step goes uphill: subtract the gradient.", "sign of the step"
        )
        require(
            not same(got, moved(grid, full)),
            f"{where} weights beyond the grid moved: they are clipped, and their gradient is 0.",
            "clipped weights moved",
        )
        live = inside & (np.abs(expected - w) > tolerance)
        ratio = float(np.median((got - w)[live] / (expected - w)[live]))
        require(
            not same(got, w + ratio * (expected - w), 0.02 * abs(ratio) * np.abs(expected - w).max()),
            f"{where} the step has the right direction but {ratio:.3g} times the length: is the loss the *mean* over all outputs, and lr used once?",
            "length of the step",
        )
        raise CheckFailed(f"{where} (levels -{top}..{top}) the new weight differs by up to {np.abs(got - expected).max():.2g} from one step of gradient descent. Is the grid symmetric, with t = 2**(bits - 1) - 1?", "wrong grid")  # fmt: skip
    return "Rounded weights compute, float weights learn, and what is clipped stays: right for 2, 3 and 4 bits."


qat_step = Exercise("qat_step", _step_inputs, _step_probe, _step_judge)
