"""The check of `calibrate`, lab 07a."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, require


def inputs(rng: np.random.Generator) -> dict:
    """Pictures whose first pixel says which one it is: training pictures 1..n, test pictures from 100 on."""
    size = int(rng.integers(4, 8))
    n, m = 3 * size + int(rng.integers(1, size)), int(rng.integers(5, 9))  # the last batch is a smaller one
    train, test = (rng.integers(0, 256, (k, 28, 28)).astype(np.uint8) for k in (n, m))
    train[:, 0, 0], test[:, 0, 0] = np.arange(1, n + 1), np.arange(100, 100 + m)
    return {"train": train, "test": test, "batch_size": size, "mode": True}


def probe(answer, inputs: dict) -> dict:
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
                {
                    "ids": x.detach()[:, 0, 0, 0] * 255,
                    "ends": ends,
                    "shape": list(x.shape),
                    "training": self.training,
                    "graph": bool(y.requires_grad),
                }
            )
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


def judge(inputs: dict, outputs: dict) -> str:
    calls, n, size = outputs["calls"], len(inputs["train"]), inputs["batch_size"]
    require(calls, "the model was never called: calibration means that it sees pictures. (A copy of it does not count.)", "no forward pass")
    moved = "batch norm's running statistics moved with every batch" if outputs["steps"] else "dropout would be active"
    require(
        not any(c["training"] for c in calls) and not outputs["steps"],
        f"the model was in train mode: {moved}, and the ranges are those of another network. Call model.eval() first.",
        "train mode",
    )
    _saw_inputs_as_they_are(calls)
    _saw_every_training_picture_once(calls, n, len(inputs["test"]))
    largest = max(c["shape"][0] for c in calls)
    cost = "more pictures at once may not fit into a small device's memory" if largest > size else "many small batches take longer"
    require(
        largest <= size and len(calls) == -(-n // size),
        f"{n} pictures came in {len(calls)} batches of up to {largest}, asked was a batch size of {size}: {cost}.",
        "batch size ignored",
    )
    _gradients_are_off_for_as_long_as_it_takes(calls, outputs)
    return f"All {n} training pictures once, in batches of at most {size}, in eval mode and without gradients."


def _saw_inputs_as_they_are(calls: list[dict]) -> None:
    low, top = min(c["ends"][0] for c in calls), max(c["ends"][1] for c in calls)
    require(
        top <= 200,
        f"the model saw values up to {top:.4g}: its input runs from 0 to 1, and every range would come out 255 times too wide. Take x, not"
        " images.",
        "bytes instead of x",
    )
    require(
        low >= 0 and top <= 1.001,
        f"the model saw values from {low:.3g} to {top:.3g}: its input runs from 0 to 1, as x has it. Were the pictures normalized? The"
        " ranges would not fit the pictures that come later.",
        "input changed",
    )
    require(
        all(c["shape"][1:] == [1, 28, 28] for c in calls),
        f"the model saw batches of shape {calls[0]['shape']}, expected [batch, 1, 28, 28].",
        "wrong shape",
    )


def _saw_every_training_picture_once(calls: list[dict], n: int, tests: int) -> None:
    seen = np.rint(np.concatenate([np.atleast_1d(c["ids"]) for c in calls])).astype(int)
    known = set(range(1, n + 1)) | set(range(100, 100 + tests))
    strangers = sum(i not in known for i in seen.tolist())
    require(
        not strangers,
        f"{strangers} of the {len(seen)} pictures shown are neither training nor test pictures: were they changed, or made up? Show the"
        " training pictures as they are.",
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


def _gradients_are_off_for_as_long_as_it_takes(calls: list[dict], outputs: dict) -> None:
    require(
        not any(c["graph"] for c in calls),
        "gradients were recorded: calibration needs none, and the stored activations cost memory. Use torch.no_grad().",
        "gradients recorded",
    )
    require(
        outputs["learns"],
        "parameters no longer require a gradient: only the quantizers may change, and this model is to be trained on. torch.no_grad()"
        " switches recording off and leaves the parameters alone.",
        "parameters frozen",
    )
    require(
        outputs["gradients_on"],
        "gradients are still switched off after your function: nothing in the session could be trained any more. torch.no_grad() as a"
        " `with` block or decorator switches them on again.",
        "gradients left off",
    )


calibrate = Exercise("calibrate", inputs, probe, judge)
