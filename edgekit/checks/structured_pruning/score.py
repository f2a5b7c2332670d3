"""The check of `score`, lab 07b."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, in_place, number, require


def inputs(rng: np.random.Generator) -> dict:
    logits = rng.normal(size=(37, 10)).astype(np.float32)
    labels = logits.argmax(1)
    wrong = rng.choice(37, int(rng.integers(8, 16)), replace=False)
    labels[wrong] = (labels[wrong] + 1 + rng.integers(0, 9, len(wrong))) % 10
    return {"logits": logits, "labels": labels}


def probe(answer, inputs: dict) -> dict:
    import torch
    from torch import nn

    class Known(nn.Module):
        """Answers with the logits that stand in the pictures, and remembers how it was asked."""

        def __init__(self):
            super().__init__()
            self.drop, self.scale, self.seen = nn.Dropout(0.5), nn.Parameter(torch.ones(())), []

        def forward(self, x):
            self.seen.append((self.training, torch.is_grad_enabled()))
            return self.drop(x[:, 0, 0, :10]) * self.scale

    images = torch.zeros(len(inputs["labels"]), 1, 28, 28)
    images[:, 0, 0, :10] = torch.from_numpy(inputs["logits"])
    found = {}
    for mode in ("eval", "train"):
        model = Known().train(mode == "train")
        value = in_place(answer, "score", model, images, torch.from_numpy(inputs["labels"]))
        found[mode] = {
            "value": value,
            "kind": "float" if isinstance(value, float) else type(value).__name__,
            "trained": any(s[0] for s in model.seen),
            "grad": any(s[1] for s in model.seen),
        }
    return found


def judge(inputs: dict, outputs: dict) -> str:
    logits, labels = inputs["logits"].astype(np.float64), inputs["labels"]
    accuracy = float((logits.argmax(1) == labels).mean())
    shifted = logits - logits.max(1, keepdims=True)
    loss = float(np.mean(np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels]))
    for mode in ("eval", "train"):
        got = outputs[mode]
        require(
            not got["trained"],
            "the model ran in train mode: dropout was on, and batch norm would have learned from the pictures it is judged on. Call eval()"
            " first.",
            "train mode",
        )
        value = number(got["value"], "the score")
        require(
            abs(value - loss) > 1e-3 and abs(value + loss) > 1e-3,
            f"the score is {value:.4f}: that is the cross-entropy loss (or minus it). Wanted is the accuracy; and FastNAS *maximizes* the"
            " score, so a loss would make it look for the worst network.",
            "loss instead of accuracy",
        )
        require(
            abs(value - (1 - accuracy)) > 1e-6,
            f"the score is {value:.4f}: that is the share of *wrong* answers, and FastNAS maximizes. Right are {accuracy:.4f}.",
            "error rate",
        )
        require(
            abs(value - accuracy * len(labels)) > 1e-6,
            f"the score is {value:g}: the number of right answers. Divide by how many there are ({len(labels)}).",
            "count instead of share",
        )
        require(abs(value - 100 * accuracy) > 1e-4, f"the score is {value:.2f}, in percent. Wanted is a share in [0, 1].", "percent")
        require(
            abs(value - accuracy) < 1e-6,
            f"the score is {value:.4f}, the share of right answers is {accuracy:.4f}: compare the class of the largest logit with the"
            " label.",
            "wrong score",
        )
        require(
            got["kind"] == "float",
            f"the score is a {got['kind']}, expected a Python float: .item() takes it out of a tensor.",
            "not a float",
        )
        require(
            not got["grad"],
            "the score is right, but the forward pass recorded gradients, which costs memory and time in every candidate. Use"
            " torch.inference_mode().",
            "gradients recorded",
        )
    return "The share of right answers, as a float, in eval mode and without gradients."


score = Exercise("score", inputs, probe, judge)
