"""The check of `qat_step`, lab 07a."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, require


def inputs(rng: np.random.Generator) -> dict:
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
            {**{k: v.astype(np.float32) for k, v in data.items()}, "scale": scale, "bits": bits, "lr": float(rng.uniform(0.005, 0.02))}
        )
    return {"cases": cases}


def probe(answer, inputs: dict) -> dict:
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


def judge(inputs: dict, outputs: dict) -> str:
    for case, result, kept in zip(inputs["cases"], outputs["results"], outputs["kept"], strict=True):
        w, where = case["weight"].astype(np.float64), f"with {case['bits']} bits"
        got = array(result, "the new weight", w.shape)
        expected, wrong = _steps(case)
        change = expected - w
        tolerance = 1e-3 * np.abs(change).max()
        if np.abs(got - expected).max() >= tolerance:
            for cause, says in SLIPS.items():
                off = all(np.abs(got - one).max() >= tolerance for one in wrong[cause])
                require(off, f"{where} {says.format(top=_top(case))}", cause)
            _explain_step(got, w, change, where)
            raise CheckFailed(
                f"{where} the new weight differs by up to {np.abs(got - expected).max():.2g} from one step of gradient descent: divide the"
                " weight by the scale that is given, round, clip, multiply, compute x @ q.T with it, take the mean squared error, and"
                " subtract lr times its gradient from the float weight.",
                "wrong step",
            )
        require(kept, f"{where} the step is right, but the weight that came in was changed in place: clone it first.", "changed in place")
    return "Rounded weights compute, float weights learn, and what is clipped stays: right for 2, 3 and 4 bits."


# Cause of a wrong step: what to say of it.
SLIPS = {
    "no gradient": "the weight did not move at all: the gradient of plain round() is 0. Quantize with an operation that lets it through.",
    "master weight rounded": "the returned weight lies on the grid: it was rounded. Small steps are lost that way: return the float weight,"
    " it is rounded again in the next forward pass.",
    "float forward pass": "the step is that of the float weight: the forward pass must compute with the rounded one, or nothing about"
    " rounding is learned.",
    "step from the rounded weight": "the step is right but starts from the rounded weight: go on from the float weight that came in.",
    "master weight clipped": "the step is right, but its result was clipped to the ends of the grid: the float weight may lie beyond, it is"
    " clipped again in the next forward pass.",
    "sign of the step": "the step goes uphill: subtract the gradient.",
    "clipped weights moved": "weights beyond the grid moved: they are clipped, and their gradient is 0.",
    "wrong grid": "the weight was rounded on another grid. It is symmetric, -t..t with t = 2**(bits - 1) - 1 = {top}.",
    "no clip": "the levels were not clipped to -t..t, t = 2**(bits - 1) - 1 = {top}.",
    "truncated": "the weight was cut off to a level of the grid: round to the nearest.",
    "integers": "the layer computed with the integers: multiply them by the scale.",
}


def _steps(case: dict) -> tuple[np.ndarray, dict[str, list[np.ndarray]]]:
    """The weight after a right step, and what comes of each of SLIPS, as linear algebra."""
    w, x, target = (case[k].astype(np.float64) for k in ("weight", "x", "target"))
    top, scale, lr = _top(case), case["scale"], case["lr"]
    steps = w / scale

    def step(low, high, rounded=np.rint, unit=scale, clips=True):
        """One step along the error's slope at the rounded weight; clipped weights stay, if the gradient ``clips`` too."""
        q, live = np.clip(rounded(steps), low, high), (steps >= low) & (steps <= high) | (not clips)
        return -lr * live * (2 / target.size) * ((x @ (q * unit).T - target).T @ x)

    on_grid = lambda weight: np.clip(np.rint(weight / scale), -top, top) * scale
    change, integers = step(-top, top), step(-top, top, unit=1)
    others = [(-top - 1, top), (-top - 1, top + 1), (-2 * top - 1, 2 * top + 1)]
    return w + change, {
        "no gradient": [w],
        "master weight rounded": [on_grid(w), on_grid(w + change)],
        "float forward pass": [w + step(-np.inf, np.inf, rounded=np.positive)],
        "step from the rounded weight": [on_grid(w) + change],
        "master weight clipped": [np.clip(w + change, -top * scale, top * scale)],
        "sign of the step": [w - change],
        "clipped weights moved": [w + step(-top, top, clips=False)],
        "wrong grid": [w + step(*ends) for ends in others],
        "no clip": [w + step(-127, 127)],
        "truncated": [w + step(-top, top, rounded=cut) for cut in (np.trunc, np.floor)],
        "integers": [w + integers, w + integers / scale],
    }


def _top(case: dict) -> int:
    """The largest level of the symmetric grid."""
    return 2 ** (case["bits"] - 1) - 1


def _explain_step(got: np.ndarray, w: np.ndarray, change: np.ndarray, where: str) -> None:
    """The slips that leave a factor open."""
    live = np.abs(change) > 1e-3 * np.abs(change).max()
    for moved, alone in ((got - w, False), (got, True)):
        ratio = float(np.median(moved[live] / change[live]))
        if np.abs(moved - ratio * change).max() > 1e-3 * np.abs(ratio * change).max():
            continue
        if alone:
            raise CheckFailed(
                f"{where} the gradient, or the step alone, was returned: wanted is the weight after the step.", "not the weight"
            )
        raise CheckFailed(
            f"{where} the step has the right direction but {ratio:.3g} times the length: is the loss the *mean* over all outputs, is lr"
            " used once, and does the scale cancel in the gradient?",
            "length of the step",
        )
    length = np.abs(got - w)[live]
    require(
        np.ptp(length) > 1e-2 * length.max(),
        f"{where} every weight moved by the same {length.max():.3g}, as with Adam in its first step: gradient descent moves each by lr"
        " times its gradient.",
        "not gradient descent",
    )


qat_step = Exercise("qat_step", inputs, probe, judge)
