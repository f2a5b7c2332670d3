"""The check of `stream_step`, lab 03g."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, close, in_order, require, shuffled

STEPS = 40


def inputs(rng: np.random.Generator) -> dict:
    """Dilation 1, and larger ones with other kernels; 40 samples each, behind a state that is not zero."""
    cases = []
    for dilation in (1, int(rng.integers(2, 4)), int(rng.integers(4, 7))):
        channels, out, kernel = int(rng.integers(2, 5)), int(rng.integers(5, 8)), int(rng.integers(3, 5))
        draw = lambda *shape: rng.normal(0, 1, shape).astype(np.float32)
        cases.append(
            {
                "x": draw(STEPS, channels),
                "state": draw(channels, (kernel - 1) * dilation),
                "weight": draw(out, channels, kernel),
                "bias": draw(out),
                "dilation": dilation,
            }
        )
    return {"cases": shuffled(cases, rng)}


def probe(answer, inputs: dict) -> dict:
    return {"found": [_streamed(answer, case) for case in inputs["cases"]]}


def _streamed(answer, case: dict) -> dict:
    """All steps, each with the state that the one before has returned; it ends early where something else came back."""
    state, ys = case["state"], []
    for x in case["x"]:
        made = call(answer, x, state, case["weight"], case["bias"], case["dilation"])
        if not isinstance(made, tuple | list) or len(made) != 2:
            return {"ys": ys, "state": None, "kind": type(made).__name__}
        ys.append(np.asarray(made[0]))
        if _shape(made[1]) != case["state"].shape:
            return {"ys": ys, "state": made[1], "kind": "pair"}
        state = np.asarray(made[1], dtype=np.float32)
    return {"ys": ys, "state": state, "kind": "pair"}


def _shape(value) -> tuple | None:
    """The shape of lists of numbers; None where they are ragged: the judge says so."""
    try:
        return np.shape(value)
    except ValueError:
        return None


def _whole(case: dict, weight=None, dilation=None, bias=True) -> np.ndarray:
    """The whole sequence at once by torch.conv1d, [STEPS, out]."""
    import torch
    import torch.nn.functional as F

    weight = case["weight"] if weight is None else weight
    dilation = dilation or case["dilation"]
    seen = np.concatenate([case["state"], case["x"].T], axis=1)[:, case["state"].shape[1] - (weight.shape[2] - 1) * dilation :]
    y = F.conv1d(torch.from_numpy(np.ascontiguousarray(seen))[None], torch.from_numpy(np.ascontiguousarray(weight)), dilation=dilation)
    return y[0].T.numpy() + (case["bias"] if bias else 0)


def judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["found"]):
        _one(case, got)
    return (
        f"Equal to torch.conv1d over the whole sequence, {STEPS} samples one by one, for three dilations and from a state that is not zero."
    )


def _one(case: dict, got: dict) -> None:
    channels, out = case["weight"].shape[1], case["weight"].shape[0]
    what = f"stream_step with kernel {case['weight'].shape[2]}, dilation {case['dilation']}"
    require(
        got["kind"] == "pair",
        f"{what} should return the pair (output, next state), got {got['kind']}: the caller keeps the state, and hands it to the next"
        " call.",
        "no pair",
    )
    ys = [array(y, f"the output of {what}", (out,)) for y in got["ys"]]
    expected, shape = _whole(case), case["state"].shape
    _outputs(what, case, np.array(ys), expected[: len(ys)])
    if len(ys) < STEPS:
        found = array(got["state"], f"the next state of {what}")
        grows = found.shape == (channels, shape[1] + 1)
        raise CheckFailed(
            f"the next state of {what} has shape {found.shape}, expected {shape}, the same as before: "
            + (
                "it grows by one sample in every step. Drop the oldest."
                if grows
                else "it holds the last (kernel - 1) x dilation inputs, oldest first."
            ),
            "the state grows" if grows else "state of another shape",
        )
    last = case["x"].T[:, -shape[1] :]
    require(
        close(array(got["state"], f"the next state of {what}"), last, 1e-4, 1e-5),
        f"behind the last step the state of {what} is not the last {shape[1]} inputs, oldest first.",
        "wrong state",
    )


_SAYS = {
    "kernel back to front": "the taps are multiplied back to front: the last weight belongs to the newest sample, as in torch.conv1d.",
    "dilation ignored": "the last samples are taken side by side: between two taps there are `dilation` samples.",
    "no bias": "the bias is missing.",
}


def _outputs(what: str, case: dict, got: np.ndarray, expected: np.ndarray) -> None:
    if close(got, expected, 1e-3, 1e-4):
        return
    slips = {
        "kernel back to front": _whole(case, case["weight"][:, :, ::-1]),
        "dilation ignored": _whole(case, dilation=1),
        "no bias": _whole(case, bias=False),
    }
    for cause, value in slips.items():
        if close(got, value[: len(got)], 1e-3, 1e-4):
            raise CheckFailed(f"{what}: {_SAYS[cause]}", cause)
    good = [close(a, b, 1e-3, 1e-4) for a, b in zip(got, expected, strict=True)]
    if good[0]:
        at = good.index(False)
        raise CheckFailed(
            f"{what}: the first {at} {'output is' if at == 1 else 'outputs are'} right, then they differ. The step itself is right; the"
            " state that it hands on is not: it is the old one without its oldest sample, and with the new sample at its end.",
            "state handed on wrongly",
        )
    raise CheckFailed(
        f"{what}: already the first output differs, by up to {np.abs(got[0] - expected[0]).max():.3g}. Put the new sample behind the state,"
        " take every dilation-th of these, multiply by the weight, sum over channels and taps, add the bias.",
        "another computation",
    )


stream_step = Exercise("stream_step", inputs, probe, judge)
