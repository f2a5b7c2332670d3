"""Checks of lab 07d: FP8, INT4 in groups, adapters."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, close, integer, require


# ------------------------------------------------------------------------------------------------------------- round_to_fp8
def _fp8_inputs(rng: np.random.Generator) -> dict:
    normal = rng.choice([-1, 1], 120) * 2.0 ** rng.uniform(-6, 8.7, 120)
    tiny = rng.choice([-1, 1], 60) * 2.0 ** rng.uniform(-11, -6, 60)
    ties = (rng.integers(8, 16, 30) + 0.5) * 2.0 ** rng.integers(-9, 5, 30)
    beyond = np.array([449.0, 463.0, 465.0, 480.0, 1e4, 3e38, -470.0, -1e6])
    kinds = {"zero": np.zeros((2, 3)), "normal": normal, "tiny": tiny, "ties": ties, "beyond": beyond}
    return {kind: x.astype(np.float32) for kind, x in kinds.items()}


def _fp8_probe(answer, inputs: dict) -> dict:
    with np.errstate(all="ignore"):
        return {kind: call(answer, x) for kind, x in inputs.items()}


def _cast(x: np.ndarray, kind: str) -> np.ndarray:
    import torch

    dtype = getattr(torch, kind)
    return torch.from_numpy(x).clamp(-torch.finfo(dtype).max, torch.finfo(dtype).max).to(dtype).float().numpy()


def _fp8_judge(inputs: dict, outputs: dict) -> str:
    for kind, x in inputs.items():
        got = array(outputs[kind], f"the result for {kind} numbers", x.shape, finite=False)
        finite = np.isfinite(got)
        require(finite.all(), f"round_to_fp8({x[~finite][0] if (~finite).any() else 0:.4g}) gave {got[~finite][0] if (~finite).any() else 0}: zero has no logarithm, and this format has no infinity. Keep the magnitude away from 0 before log2.", "not finite")  # fmt: skip
        expected = _cast(x, "float8_e4m3fn")
        wrong = np.flatnonzero(got.ravel() != expected.ravel())
        if len(wrong):
            _explain_fp8(kind, x.ravel(), got.ravel(), expected.ravel(), int(wrong[0]))
    return "Equal to torch.float8_e4m3fn on normal, subnormal and halfway numbers, zeros, and beyond 448."


def _explain_fp8(kind: str, x: np.ndarray, got: np.ndarray, expected: np.ndarray, i: int) -> None:
    said = f"round_to_fp8({x[i]:.6g}) gave {got[i]:.6g}, torch.float8_e4m3fn has {expected[i]:.6g}: "
    if kind == "beyond":
        raise CheckFailed(
            said
            + "beyond the largest number the result is +-448. (240 and 57344 are the ends of other 8-bit formats.)",
            "no saturation",
        )
    if np.abs(got).max() <= 240 < np.abs(expected).max():
        raise CheckFailed(
            said + "the finite format goes up to 448, not 240: it has no infinity.", "wrong largest number"
        )
    if np.array_equal(got, _cast(x, "float8_e5m2")):
        raise CheckFailed(
            said + "that is E5M2. E4M3 has three mantissa bits: eight steps between two powers of two.", "wrong format"
        )
    if kind == "tiny" and (got == 0).all():
        raise CheckFailed(
            said + "small numbers are not lost: below 2**-6 the format is subnormal, with a fixed step of 2**-9.",
            "subnormals",
        )
    if kind == "tiny":
        raise CheckFailed(said + "below 2**-6 the exponent stays at -6, and the step at 2**-9.", "subnormals")
    if kind == "ties":
        raise CheckFailed(
            said + "that number lies halfway between two; the one with the even mantissa wins, as np.round does it.",
            "halfway",
        )
    if kind == "normal" and (np.abs(got) <= np.abs(x)).all():
        raise CheckFailed(said + "it was cut off toward zero. Round to the nearest.", "truncated")
    step = expected[i] - got[i]
    raise CheckFailed(
        said + f"off by {abs(step):.3g}. Between 2**e and 2**(e+1) the step is 2**(e-3), with e the *floor* of log2.",
        "wrong step",
    )


round_to_fp8 = Exercise("round_to_fp8", _fp8_inputs, _fp8_probe, _fp8_judge)


# ----------------------------------------------------------------------------------------------------------- int4_groupwise
def _int4_inputs(rng: np.random.Generator) -> dict:
    cases = []
    for out, groups, group in [(5, 4, 8), (6, 3, 16), (4, 2, 4)]:
        scale = 10.0 ** rng.uniform(-2, 1, (out, groups, 1))
        weight = rng.normal(size=(out, groups, group)) * scale
        weight[1, -1] = 0
        cases.append({"weight": weight.reshape(out, -1).astype(np.float32), "group": group})
    return {"cases": cases}


def _int4_probe(answer, inputs: dict) -> dict:
    with np.errstate(all="ignore"):
        return {"answers": [call(answer, case["weight"], case["group"]) for case in inputs["cases"]]}


def _int4_judge(inputs: dict, outputs: dict) -> str:
    for case, answer in zip(inputs["cases"], outputs["answers"], strict=True):
        weight, group = case["weight"], case["group"]
        rows, count = len(weight), weight.shape[1] // group
        require(
            isinstance(answer, list) and len(answer) == 2,
            "int4_groupwise should return (integers, scales).",
            "wrong type",
        )
        q = array(answer[0], "integers", weight.shape, finite=False)
        s = array(answer[1], "scales", finite=False)
        require(s.shape == (rows, count), f"scales has shape {s.shape}, expected {(rows, count)}: one for each group of {group} neighbouring *inputs* in each of {rows} rows.", "shape of the scales")  # fmt: skip
        require(
            np.isfinite(q).all() and np.isfinite(s).all(),
            "a group of zeros gave NaN or infinity: its scale is 0, and 0 / 0 is no number. Divide by something else there.",
            "group of zeros",
        )
        require(q.dtype == np.int8, f"integers has dtype {q.dtype}, expected int8: these are stored.", "wrong type")
        top = np.abs(weight.reshape(rows, count, group)).max(axis=2)
        alive = top > 0
        q3 = q.reshape(rows, count, group).astype(int)
        ratio = np.median((top[alive] / s[alive]).astype(float)) if (s[alive] > 0).all() else 0.0
        require(ratio > 0, "a scale is 0 or negative where the group has weights.", "wrong scale")
        uneven = float(np.ptp(top[alive] / s[alive]))
        require(
            uneven < 1e-3 * ratio + 1e-4,
            f"the largest magnitude over the scale differs from group to group (from {(top[alive] / s[alive]).min():.3g} to {(top[alive] / s[alive]).max():.3g}): each group needs its "
            f"own maximum, over the magnitudes of its {group} neighbours in the row.",
            "not each group's own maximum",
        )
        require(abs(ratio - 7) < 1e-2, f"the scale is the largest magnitude over {ratio:.3g}, expected over 7: the integers run from -7 to 7, and the largest weight lands on the end.", "wrong divisor")  # fmt: skip
        if not alive.all():
            require(not q3[~alive].any(), "a group of zeros has integers other than 0.", "group of zeros")
        expected = _fake(weight, s, group)
        got = q3 * s[:, :, None]
        off = np.argwhere(~np.isclose(got, expected, atol=1e-6, rtol=1e-4) & (_tie(weight, s, group) > 1e-3))
        if len(off):
            i, g, k = off[0]
            exact = weight.reshape(rows, count, group)[i, g, k] / s[i, g]
            require(
                np.abs(q).max() <= 7,
                f"integers go up to {int(np.abs(q).max())}: four bits hold -7..7 here.",
                "too large",
            )
            raise CheckFailed(
                f"weight / scale = {exact:.3f} became {q3[i, g, k]}: round to the nearest integer (a cast to int8 cuts off).",
                "not rounded",
            )
    return "Every group of neighbouring inputs has its own scale, the integers fit four bits, and zeros stay zeros."


def _fake(weight: np.ndarray, scales: np.ndarray, group: int) -> np.ndarray:
    """Torch's per-channel fake quantization, with a group for a channel."""
    import torch

    flat = torch.from_numpy(weight.reshape(-1, group).copy())
    safe = torch.from_numpy(np.where(scales == 0, 1, scales).reshape(-1).astype(np.float32))
    zero = torch.zeros(len(safe), dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(flat, safe, zero, 0, -7, 7).numpy().reshape(*scales.shape, group)


def _tie(weight: np.ndarray, scales: np.ndarray, group: int) -> np.ndarray:
    """How far each weight is from the middle between two integers, in steps."""
    steps = weight.reshape(*scales.shape, group) / np.where(scales == 0, 1, scales)[:, :, None]
    return np.abs(np.abs(steps - np.trunc(steps)) - 0.5)


int4_groupwise = Exercise("int4_groupwise", _int4_inputs, _int4_probe, _int4_judge)


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
        raise CheckFailed(
            where
            + f"the result differs by up to {np.abs(got - base - alpha / rank * extra).max():.3g}: x goes through A first (down to r numbers), then through B.",
            "wrong order",
        )
    return "Frozen layer plus alpha / r times x A^T B^T, for three shapes."


lora_forward = Exercise("lora_forward", _forward_inputs, _forward_probe, _forward_judge)


# ---------------------------------------------------------------------------------------------------------------- lora_init
def _init_inputs(rng: np.random.Generator) -> dict:
    return {
        "inputs": int(rng.integers(150, 250)),
        "outputs": int(rng.integers(20, 60)),
        "rank": int(rng.integers(3, 9)),
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
        learns = [bool(a.requires_grad), bool(b.requires_grad)]
    return {"pairs": [list(pair) if isinstance(pair, tuple | list) else pair for pair in found], "learns": learns}


def _init_judge(inputs: dict, outputs: dict) -> str:
    shapes = {"a": (inputs["rank"], inputs["inputs"]), "b": (inputs["outputs"], inputs["rank"])}
    pairs = []
    for pair in outputs["pairs"]:
        require(
            isinstance(pair, list) and len(pair) == 2, "lora_init should return the two tensors (a, b).", "wrong type"
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
        outputs["learns"] == [True, True],
        "a and b should both require a gradient, or the optimizer has nothing to do: requires_grad_().",
        "no gradient required",
    )
    return "The adapter starts as nothing, and the first step can change that."


lora_init = Exercise("lora_init", _init_inputs, _init_probe, _init_judge)


# -------------------------------------------------------------------------------------------------------------- freeze_base
def _adapted(seed: int):
    import torch
    from torch import nn

    from edgekit import lora

    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(4, 6, 3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 10)
    )  # fmt: skip
    net = lora.adapt(net, ["4", "7"], rank=2)
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
        return list(answer(net))

    run.__name__ = "freeze_base"
    given = call(run)
    strangers = sum(id(p) not in names for p in given)
    wants = [name for name, p in net.named_parameters() if p.requires_grad]
    passes = [net(torch.from_numpy(inputs["x"])) for _ in range(2)]
    changed = [name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])]
    return {
        "given": sorted(names[id(p)] for p in given if id(p) in names),
        "strangers": strangers,
        "wants": sorted(wants),
        "all": sorted(names.values()),
        "changed": changed,
        "same": bool(torch.equal(*passes)),
    }


def _freeze_judge(inputs: dict, outputs: dict) -> str:
    adapters = [name for name in outputs["all"] if "lora" in name]
    require(
        not outputs["strangers"],
        f"{outputs['strangers']} of the returned tensors are no parameters of the model: return the parameters themselves, not copies.",
        "copies",
    )
    stale = [n for n in adapters if n not in outputs["wants"]]
    require(not stale, f"{len(stale)} adapter parameters do not require a gradient ({stale[0] if stale else ''}): they would never learn. The model came with some frozen: set every one of them.", "adapter frozen")  # fmt: skip
    extra = [n for n in outputs["wants"] if n not in adapters]
    require(not extra, f"{len(extra)} parameters of the base still require a gradient, {extra[0] if extra else ''} for one: gradients and memory are spent on them, and an optimizer over model.parameters() would train them.", "base not frozen")  # fmt: skip
    moved = [n for n in outputs["changed"] if "running" in n or "num_batches" in n]
    require(not moved, f"two forward passes changed {moved[0] if moved else ''}: batch norm learns in train mode without any gradient. Put the model into eval mode.", "batch norm not frozen")  # fmt: skip
    require(
        not outputs["changed"],
        f"{outputs['changed'][0] if outputs['changed'] else ''} has other values than before: freezing changes no weights.",
        "weights changed",
    )
    require(outputs["same"], "two forward passes on the same pictures differ: dropout is active. Put the whole model into eval mode, not batch norm alone.", "dropout active")  # fmt: skip
    wrong = sorted(set(outputs["given"]) ^ set(adapters))
    require(not wrong and integer(len(outputs["given"]), "n") == len(adapters), f"the optimizer would be given {len(outputs['given'])} parameters, expected the {len(adapters)} of the adapters. {wrong[0] if wrong else 'One of them'} is wrong.", "wrong parameters for the optimizer")  # fmt: skip
    return f"{len(adapters)} adapter parameters learn, {len(outputs['all']) - len(adapters)} of the base and its running statistics do not."


freeze_base = Exercise("freeze_base", _freeze_inputs, _freeze_probe, _freeze_judge)
