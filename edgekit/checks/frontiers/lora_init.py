"""The check of `lora_init`, lab 07d."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, array, call, require, several


def inputs(rng: np.random.Generator) -> dict:
    return {
        "inputs": int(rng.integers(250, 370)),  # 1 / sqrt of it is far from 1 / rank and from 0.02
        "outputs": int(rng.integers(20, 60)),
        "rank": int(rng.integers(3, 7)),
        "seed": int(rng.integers(2**31)),
    }


def probe(answer, inputs: dict) -> dict:
    import torch

    sizes = (inputs["inputs"], inputs["outputs"], inputs["rank"])
    found = []
    for seed in (inputs["seed"], inputs["seed"], inputs["seed"] + 1):
        torch.manual_seed(len(found))  # draws that do not come from the generator differ

        def run(inputs, outputs, rank, seed=seed):
            return answer(inputs, outputs, rank, torch.Generator().manual_seed(seed))

        run.__name__ = "lora_init"
        pair = call(run, *sizes)
        found.append(pair)
    a, b = found[0] if isinstance(found[0], tuple | list) and len(found[0]) == 2 else (None, None)
    learns = None
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        learns = [part.requires_grad and ("yes" if part.is_leaf else "computed") for part in (a, b)]
    return {"pairs": [list(pair) if isinstance(pair, tuple | list) else pair for pair in found], "learns": learns}


def judge(inputs: dict, outputs: dict) -> str:
    shapes = {"a": (inputs["rank"], inputs["inputs"]), "b": (inputs["outputs"], inputs["rank"])}
    pairs = []
    for pair in outputs["pairs"]:
        several(pair, 2, "lora_init should return the two tensors (a, b),")
        pairs.append([array(part, name, shapes[name]) for part, name in zip(pair, "ab", strict=True)])
    a, b = pairs[0]
    require(
        a.any() or b.any(),
        "a and b are both zero: the gradient of each is the other one, so both stay zero for ever. One of them has to be random.",
        "both zero",
    )
    require(
        not (b @ a).any(),
        "the product of b and a is not 0: the deployed model would change before it has learned anything. Start b at zero.",
        "changes the model",
    )
    require(
        a.any(),
        "a is zero and b random. It works, but the convention is the other way round, and adapters are exchanged: the matrix that meets the"
        " input first is the random one.",
        "a zero instead of b",
    )
    _spread(a, inputs["inputs"])
    require(
        np.array_equal(a, pairs[1][0]),
        "the same generator seed gave different values: draw with generator=generator.",
        "generator not used",
    )
    require(
        not np.array_equal(a, pairs[2][0]),
        "another seed gave the same values: draw with the generator that was passed in.",
        "generator not used",
    )
    require(
        a.dtype == b.dtype == np.float32,
        f"a is {a.dtype} and b {b.dtype}, expected float32: torch multiplies no float64 with the float32 of the layer.",
        "wrong dtype",
    )
    _learns(outputs["learns"] or [False])
    return "The adapter starts as nothing, and the first step can change that."


def _spread(a: np.ndarray, inputs: int) -> None:
    size = float(a.std()) * inputs**0.5
    require(
        0.4 < size < 2.5,
        f"the random entries have a standard deviation of {float(a.std()):.3g}, expected about 1 / sqrt(inputs) ="
        f" {inputs**-0.5:.3g}: otherwise x @ a.T grows or shrinks with the number of inputs.",
        "wrong spread",
    )
    require(abs(float(a.mean())) < 0.5 * float(a.std()), "the random entries are not centred at 0.", "not centred")


def _learns(learns: list) -> None:
    require(
        "computed" not in learns,
        "a or b is the result of a computation on a tensor that requires a gradient: gradients go to that tensor, and no optimizer takes"
        " this one. Finish the values first, requires_grad_() comes last.",
        "not a leaf",
    )
    require(
        learns == ["yes", "yes"],
        "a and b should both require a gradient, or the optimizer has nothing to do: requires_grad_().",
        "no gradient required",
    )


lora_init = Exercise("lora_init", inputs, probe, judge)
