"""Wrong answers to lab 07d."""

from tests.mistakes import Mistake

SETUP = """
import numpy as np
import torch
from torch import nn
"""

_FP8 = """
def round_to_fp8(x):
    {clip}
    exponent = {exponent}
    step = 2.0 ** {step}
    return ({round}(x / step) * step).astype(np.float32)
"""


def _fp8(
    clip="x = np.clip(x, -448, 448)",
    exponent="np.floor(np.log2(np.maximum(np.abs(x), 2.0**-6)))",
    step="(exponent - 3)",
    round="np.round",
):
    return _FP8.format(clip=clip, exponent=exponent, step=step, round=round)


_INT4 = """
def int4_groupwise(weight, group):
    groups = {groups}
    scales = {scales}
    integers = {integers}
    return integers.reshape(weight.shape){cast}, scales.astype(np.float32)
"""


def _int4(
    groups="weight.reshape(len(weight), -1, group)",
    scales="np.abs(groups).max(axis=2) / 7",
    integers="np.round(groups / np.where(scales == 0, 1, scales)[..., None])",
    cast=".astype(np.int8)",
):
    return _INT4.format(groups=groups, scales=scales, integers=integers, cast=cast)


def _forward(extra: str) -> str:
    return f"def lora_forward(x, weight, bias, a, b, alpha):\n    r = a.shape[0]\n    base = nn.functional.linear(x, weight, bias)\n    return {extra}\n"


def _init(a="torch.randn(rank, inputs, generator=generator) / inputs**0.5", b="torch.zeros(outputs, rank)", result="a.requires_grad_(), b.requires_grad_()"):  # fmt: skip
    return f"def lora_init(inputs, outputs, rank, generator):\n    a = {a}\n    b = {b}\n    return {result}\n"


_FREEZE = """
def freeze_base(model):
    {mode}
    for name, p in model.named_parameters():
        {body}
    return {result}
"""


def _freeze(
    mode="model.eval()",
    body='p.requires_grad_("lora" in name)',
    result="[p for p in model.parameters() if p.requires_grad]",
):
    return _FREEZE.format(mode=mode, body=body, result=result)


MISTAKES = {
    "round_to_fp8": [
        Mistake("no subnormals", _fp8(exponent="np.floor(np.log2(np.maximum(np.abs(x), 1e-30)))"), says="exponent stays at -6"),
        Mistake("small numbers flushed to zero", _fp8().replace("return (", "return np.where(np.abs(x) < 2.0**-6, 0, "), says="not lost"),
        Mistake("zero not caught", _fp8(exponent="np.floor(np.log2(np.abs(x)))"), says="zero has no logarithm"),
        Mistake("no saturation", _fp8(clip="pass"), says="+-448"),
        Mistake("clipped at 240", _fp8(clip="x = np.clip(x, -240, 240)"), says="not 240"),
        Mistake("two mantissa bits", _fp8(step="(exponent - 2)"), says="three mantissa bits"),
        Mistake("E5M2", 'def round_to_fp8(x):\n    return torch.from_numpy(x).to(torch.float8_e5m2).float().numpy()\n', says="E5M2"),
        Mistake("truncated", _fp8(round="np.trunc"), says="cut off toward zero"),
        Mistake("half away from zero", _fp8(round="(lambda v: np.sign(v) * np.floor(np.abs(v) + 0.5))"), says="even mantissa"),
        Mistake("exponent rounded, not floored", _fp8(exponent="np.round(np.log2(np.maximum(np.abs(x), 2.0**-6)))"), says="*floor*"),
        Mistake("exponent from np.frexp", _fp8(exponent="np.maximum(np.frexp(x)[1], -5)"), says="np.frexp gives one more"),
        Mistake("exponent of the signed number", _fp8(exponent="np.floor(np.log2(np.maximum(x, 2.0**-6)))"), says="that of the magnitude"),
        Mistake("sign lost", _fp8(clip="x = np.minimum(np.abs(x), 448)"), says="the sign is another"),
        Mistake("number of steps returned", _fp8().replace(" * step)", ")"), says="Multiply by the step"),
        Mistake("infinity beyond", _fp8().replace("return (", "return np.where(np.abs(x) < 448, 1, np.inf) * ("), says="no infinity"),
        Mistake("scaled to 448 first", _fp8(clip="s = max(np.abs(x).max(), 1e-9) / 448; x = x / s").replace("* step)", "* step * s)"), says="was scaled first"),
        Mistake("torch's own type", "def round_to_fp8(x):\n    return torch.from_numpy(x).clamp(-448, 448).to(torch.float8_e4m3fn).float().numpy()\n", says="Do it yourself"),
    ],
    "int4_groupwise": [
        Mistake("one scale per row", _int4(scales="np.repeat(np.abs(groups).max(axis=(1, 2))[:, None], groups.shape[1], axis=1) / 7"), says="own maximum"),
        Mistake("groups along the outputs", "def int4_groupwise(weight, group):\n    groups = weight.T.reshape(weight.shape[1], -1, 1)\n    scales = np.abs(groups).max(axis=2) / 7\n    return np.round(weight).astype(np.int8), scales.astype(np.float32)\n", says="neighbouring *inputs*"),
        Mistake("strided groups", _int4(groups="weight.reshape(len(weight), group, -1).transpose(0, 2, 1)"), says="neighbours in the row"),
        Mistake("largest value instead of magnitude", _int4(scales="np.abs(groups.max(axis=2)) / 7"), says="magnitudes"),
        Mistake("divided by 8", _int4(scales="np.abs(groups).max(axis=2) / 8"), says="expected over 7"),
        Mistake("divided by 15", _int4(scales="np.abs(groups).max(axis=2) / 15"), says="expected over 7"),
        Mistake("cast instead of rounding", _int4(integers="groups / np.where(scales == 0, 1, scales)[..., None]"), says="cuts off"),
        Mistake("floats returned", _int4(cast=""), says="expected int8"),
        Mistake("group of zeros divided", _int4(integers="np.round(groups / scales[..., None])", cast=""), says="0 / 0"),
        Mistake("zero point added", _int4(integers="np.round(groups / np.where(scales == 0, 1, scales)[..., None]) + 8"), says="no zero point"),
        Mistake("scale turned round", _int4(scales="7 / np.maximum(np.abs(groups).max(axis=2), 1e-9)", integers="np.round(groups * scales[..., None])"), says="turned round"),
        Mistake("integers from the row's scale", _int4(integers="np.round(groups / (np.abs(groups).max(axis=(1, 2), keepdims=True) / 7))"), says="other scales"),
    ],
    "lora_forward": [
        Mistake("scale missing", _forward("base + (x @ a.T) @ b.T"), says="scale is missing"),
        Mistake("not divided by the rank", _forward("base + alpha * (x @ a.T) @ b.T"), says="not divided by the rank"),
        Mistake("scale turned round", _forward("base + r / alpha * (x @ a.T) @ b.T"), says="alpha over r"),
        Mistake("rank from the wrong dimension", _forward("base + alpha / a.shape[1] * (x @ a.T) @ b.T"), says="that A and B share"),
        Mistake("base left out", _forward("alpha / r * (x @ a.T) @ b.T"), says="frozen layer computes too"),
        Mistake("bias left out", _forward("x @ weight.T + alpha / r * (x @ a.T) @ b.T"), says="bias is missing"),
        Mistake("scale on everything", _forward("alpha / r * (base + (x @ a.T) @ b.T)"), says="frozen layer too"),
        Mistake("adapter not transposed", _forward("base + alpha / r * (x @ a) @ b"), says="raised RuntimeError"),
        Mistake("adapter left out", _forward("base"), says="no effect"),
        Mistake("square root of the rank", _forward("base + alpha / r**0.5 * (x @ a.T) @ b.T"), says="expected alpha / r ="),
        Mistake("bias twice", _forward("base + bias + alpha / r * (x @ a.T) @ b.T"), says="with its bias"),
    ],
    "lora_init": [
        Mistake("both zero", _init(a="torch.zeros(rank, inputs)"), says="for ever"),
        Mistake("both random", _init(b="torch.randn(outputs, rank, generator=generator)"), says="Start b at zero"),
        Mistake("a zero instead of b", _init(a="torch.zeros(rank, inputs)", b="torch.randn(outputs, rank, generator=generator) / inputs**0.5"), says="convention"),
        Mistake("shapes swapped", _init(a="torch.randn(inputs, rank, generator=generator) / inputs**0.5"), says="has shape"),
        Mistake("not scaled", _init(a="torch.randn(rank, inputs, generator=generator)"), says="1 / sqrt(inputs)"),
        Mistake("uniform from 0", _init(a="torch.rand(rank, inputs, generator=generator) * 2 / inputs**0.5"), says="centred"),
        Mistake("generator not used", _init(a="torch.randn(rank, inputs) / inputs**0.5"), says="generator=generator"),
        Mistake("no gradient", _init(result="a, b"), says="require a gradient"),
        Mistake("gradient required too early", _init(a="torch.randn(rank, inputs, generator=generator, requires_grad=True) / inputs**0.5", result="a, b.requires_grad_()"), says="requires_grad_() comes last"),
        Mistake("float64", _init(a="torch.randn(rank, inputs, generator=generator, dtype=torch.float64) / inputs**0.5"), says="expected float32"),
        Mistake("scaled by the rank", _init(a="torch.randn(rank, inputs, generator=generator) / rank"), says="1 / sqrt(inputs)"),
    ],
    "freeze_base": [
        Mistake("train mode kept", _freeze(mode="pass"), says="batch norm learns"),
        Mistake("base not frozen", _freeze(body="p.requires_grad_(True)", result='[p for n, p in model.named_parameters() if "lora" in n]'), says="still require a gradient"),
        Mistake("adapters never unfrozen", _freeze(body='p.requires_grad_(p.requires_grad and "lora" in name)'), says="would never learn"),
        Mistake("everything to the optimizer", _freeze(result="list(model.parameters())"), says="the optimizer would be given"),
        Mistake("everything frozen", _freeze(body="p.requires_grad_(False)"), says="would never learn"),
        Mistake("only one of the two matrices", _freeze(body='p.requires_grad_("lora_up" in name)'), says="would never learn"),
        Mistake("copies for the optimizer", _freeze(result="[nn.Parameter(p.clone()) for p in model.parameters() if p.requires_grad]"), says="not copies"),
        Mistake("pairs of name and parameter", _freeze(result='[pair for pair in model.named_parameters() if "lora" in pair[0]]'), says="named_parameters() gives pairs"),
        Mistake("an optimizer", _freeze(result="torch.optim.Adam([p for p in model.parameters() if p.requires_grad])"), says="a list of parameters"),
        Mistake("nothing returned", _freeze(result="None"), says="Did you forget `return`"),
    ],
}  # fmt: skip
