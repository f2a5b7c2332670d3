"""The checks of lab 07d on adapters: forward pass, start values, what is frozen."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, came, close, require


# ------------------------------------------------------------------------------------------------------------- lora_forward
def _forward_inputs(rng: np.random.Generator) -> dict:
    cases = []
    for inputs, outputs, rank, alpha in [(7, 5, 2, 8.0), (4, 6, 3, float(rng.uniform(4, 20))), (8, 8, 4, 1.0)]:
        shapes = {
            "x": (9, inputs),
            "weight": (outputs, inputs),
            "bias": (outputs,),
            "a": (rank, inputs),
            "b": (outputs, rank),
        }
        cases.append({**{k: rng.normal(size=shape).astype(np.float32) for k, shape in shapes.items()}, "alpha": alpha})
    return {"cases": cases}


def _forward_probe(answer, inputs: dict) -> dict:
    import torch

    names = ("x", "weight", "bias", "a", "b")
    return {"results": [call(answer, *(torch.from_numpy(c[n]) for n in names), c["alpha"]) for c in inputs["cases"]]}


def _forward_judge(inputs: dict, outputs: dict) -> str:
    for case, result in zip(inputs["cases"], outputs["results"], strict=True):
        x, weight, bias, a, b = (case[name].astype(np.float64) for name in ("x", "weight", "bias", "a", "b"))
        alpha, rank = case["alpha"], len(a)
        got = array(result, "the result", (len(x), len(weight)))
        base = np.einsum("ni,oi->no", x, weight) + bias
        extra = np.einsum("ni,ri,or->no", x, a, b)

        def is_(what, got=got):
            return close(got, what, rtol=1e-3, atol=1e-3)

        if is_(base + alpha / rank * extra):
            continue
        where = f"with rank {rank} and alpha {alpha:.3g} "
        require(not is_(base), where + "the adapter has no effect: its part is not added.", "adapter left out")
        require(
            not is_(alpha / rank * extra),
            where + "only the adapter's part is there: the frozen layer computes too.",
            "base left out",
        )
        require(not is_(base - bias + alpha / rank * extra), where + "the bias is missing.", "bias left out")
        require(
            not is_(base + extra),
            where + "the scale is missing: the adapter's part is multiplied by alpha / r.",
            "scale missing",
        )
        require(not is_(base + alpha * extra), where + "the adapter's part is multiplied by alpha, but not divided by the rank: with another r the same learning rate would then be too large or too small.", "not divided by the rank")  # fmt: skip
        require(
            not is_(base + rank / alpha * extra),
            where + "the scale is turned round: alpha over r.",
            "scale turned round",
        )
        for size in {a.shape[1], len(b), len(x)}:
            require(
                not is_(base + alpha / size * extra),
                where + f"alpha was divided by {size}. The rank is the dimension that A and B share: {rank}.",
                "wrong dimension for the rank",
            )
        require(
            not is_(alpha / rank * extra + alpha / rank * base) and not is_(alpha / rank * (base + extra)),
            where + "the scale multiplies the frozen layer too.",
            "scale on everything",
        )
        factor = float(np.median((got - base) / extra))
        require(
            not is_(base + factor * extra),
            where + f"the adapter's part is multiplied by {factor:.3g}, expected alpha / r = {alpha / rank:.3g}.",
            "wrong scale",
        )
        raise CheckFailed(
            where + f"the result differs by up to {np.abs(got - base - alpha / rank * extra).max():.3g}: to the frozen layer with its bias, add x through A (down to r numbers), then through B, and scale only that part.",
            "wrong result",
        )  # fmt: skip
    return "Frozen layer plus alpha / r times x A^T B^T, for three shapes."


lora_forward = Exercise("lora_forward", _forward_inputs, _forward_probe, _forward_judge)


# ---------------------------------------------------------------------------------------------------------------- lora_init
def _init_inputs(rng: np.random.Generator) -> dict:
    return {
        "inputs": int(rng.integers(250, 370)),  # 1 / sqrt of it is far from 1 / rank and from 0.02
        "outputs": int(rng.integers(20, 60)),
        "rank": int(rng.integers(3, 7)),
        "seed": int(rng.integers(2**31)),
    }


def _init_probe(answer, inputs: dict) -> dict:
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


def _init_judge(inputs: dict, outputs: dict) -> str:
    shapes = {"a": (inputs["rank"], inputs["inputs"]), "b": (inputs["outputs"], inputs["rank"])}
    pairs = []
    for pair in outputs["pairs"]:
        require(
            isinstance(pair, list) and len(pair) == 2,
            f"lora_init should return the two tensors (a, b), got {came(pair)}.",
            "nothing returned" if pair is None else "wrong type",
        )
        pairs.append([array(part, name, shapes[name]) for part, name in zip(pair, "ab", strict=True)])
    a, b = pairs[0]
    require(
        a.any() or b.any(),
        "a and b are both zero: the gradient of each is the other one, so both stay zero for ever. One of them has to be random.",
        "both zero",
    )
    require(not (b @ a).any(), "the product of b and a is not 0: the deployed model would change before it has learned anything. Start b at zero.", "changes the model")  # fmt: skip
    require(a.any(), "a is zero and b random. It works, but the convention is the other way round, and adapters are exchanged: the matrix that meets the input first is the random one.", "a zero instead of b")  # fmt: skip
    size = float(a.std()) * inputs["inputs"] ** 0.5
    require(0.4 < size < 2.5, f"the random entries have a standard deviation of {float(a.std()):.3g}, expected about 1 / sqrt(inputs) = {inputs['inputs'] ** -0.5:.3g}: otherwise x @ a.T grows or shrinks with the number of inputs.", "wrong spread")  # fmt: skip
    require(abs(float(a.mean())) < 0.5 * float(a.std()), "the random entries are not centred at 0.", "not centred")
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
    learns = outputs["learns"] or [False]
    require(
        "computed" not in learns,
        "a or b is the result of a computation on a tensor that requires a gradient: gradients go to that tensor, and no optimizer takes this one. Finish the values first, requires_grad_() comes last.",
        "not a leaf",
    )
    require(
        learns == ["yes", "yes"],
        "a and b should both require a gradient, or the optimizer has nothing to do: requires_grad_().",
        "no gradient required",
    )
    return "The adapter starts as nothing, and the first step can change that."


lora_init = Exercise("lora_init", _init_inputs, _init_probe, _init_judge)


# -------------------------------------------------------------------------------------------------------------- freeze_base
def _adapted(seed: int):
    import torch
    from torch import nn

    from edgekit.compression import lora

    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 10)
    )  # fmt: skip
    net = lora.adapt(net, ["3", "6"], rank=2)
    for index, parameter in enumerate(net.parameters()):
        parameter.requires_grad_(index % 2 == 0)  # as somebody left it
    return net.train()


def _freeze_inputs(rng: np.random.Generator) -> dict:
    return {"seed": int(rng.integers(2**31)), "x": rng.random((8, 1, 28, 28), dtype=np.float32)}


def _freeze_probe(answer, inputs: dict) -> dict:
    import torch

    net = _adapted(inputs["seed"])
    names = {id(p): name for name, p in net.named_parameters()}
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}

    def run():
        return answer(net)

    run.__name__ = "freeze_base"
    made = call(run)
    given = list(made) if isinstance(made, Iterable) and not isinstance(made, torch.Tensor | torch.nn.Module) else None
    strangers = [type(p).__name__ for p in given or () if id(p) not in names]
    wants = [name for name, p in net.named_parameters() if p.requires_grad]
    net(torch.from_numpy(inputs["x"]))
    changed = [name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])]
    return {
        "kind": type(made).__name__,
        "given": None if given is None else sorted(names[id(p)] for p in given if id(p) in names),
        "strangers": strangers,
        "wants": sorted(wants),
        "all": sorted(names.values()),
        "changed": changed,
    }


def _freeze_judge(inputs: dict, outputs: dict) -> str:
    adapters = [name for name in outputs["all"] if "lora" in name]
    given, kind, strangers = outputs["given"], outputs["kind"], outputs["strangers"]
    require(
        given is not None,
        f"freeze_base should return a list of parameters, got {came(None) if kind == 'NoneType' else f'an object of type {kind}'}.",
        "nothing returned" if kind == "NoneType" else "wrong type",
    )
    instead = {"tuple": "named_parameters() gives pairs: return the parameter of each, without its name", "str": "return the parameters, not their names",
               "dict": "return the parameters in one list, not in groups"}  # fmt: skip
    require(
        not strangers,
        f"{len(strangers)} of the things returned are no parameters of the model that came in, but of type {strangers[0] if strangers else ''}: "
        f"{instead.get(strangers[0] if strangers else '', 'return the parameters themselves, not copies')}.",
        "copies",
    )
    stale = [n for n in adapters if n not in outputs["wants"]]
    require(not stale, f"{len(stale)} adapter parameters do not require a gradient ({stale[0] if stale else ''}): they would never learn. The model came with some frozen: set every one of them.", "adapter frozen")  # fmt: skip
    extra = [n for n in outputs["wants"] if n not in adapters]
    require(not extra, f"{len(extra)} parameters of the base still require a gradient, {extra[0] if extra else ''} for one: gradients and memory are spent on them, and an optimizer over model.parameters() would train them.", "base not frozen")  # fmt: skip
    moved = [n for n in outputs["changed"] if "running" in n or "num_batches" in n]
    require(not moved, f"a forward pass changed {moved[0] if moved else ''}: batch norm learns in train mode without any gradient. Put the model into eval mode.", "batch norm not frozen")  # fmt: skip
    require(
        not outputs["changed"],
        f"{outputs['changed'][0] if outputs['changed'] else ''} has other values than before: freezing changes no weights.",
        "weights changed",
    )
    wrong = sorted(set(given) ^ set(adapters))
    require(
        not wrong and len(given) == len(adapters),
        f"the optimizer would be given {len(given)} parameters, expected the {len(adapters)} of the adapters. {f'{wrong[0]} is wrong, or missing' if wrong else 'Some are there twice'}.",
        "wrong parameters for the optimizer",
    )
    return f"{len(adapters)} adapter parameters learn, {len(outputs['all']) - len(adapters)} of the base and its running statistics do not."


freeze_base = Exercise("freeze_base", _freeze_inputs, _freeze_probe, _freeze_judge)
