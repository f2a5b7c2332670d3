"""Wrong answers to `round_to_fp8`, lab 07d."""

from tests.mistakes import Mistake

_FP8 = """
def round_to_fp8(x):
    {clip}
    exponent = {exponent}
    step = 2.0 ** {step}
    return ({round}(x / step) * step).astype(np.float32)
"""


def _fp8(
    clip="x = np.clip(x, -448, 448)", exponent="np.floor(np.log2(np.maximum(np.abs(x), 2.0**-6)))", step="(exponent - 3)", round="np.round"
):
    return _FP8.format(clip=clip, exponent=exponent, step=step, round=round)


MISTAKES = [
    Mistake("no subnormals", _fp8(exponent="np.floor(np.log2(np.maximum(np.abs(x), 1e-30)))"), says="exponent stays at -6"),
    Mistake("small numbers flushed to zero", _fp8().replace("return (", "return np.where(np.abs(x) < 2.0**-6, 0, "), says="not lost"),
    Mistake("zero not caught", _fp8(exponent="np.floor(np.log2(np.abs(x)))"), says="zero has no logarithm"),
    Mistake("no saturation", _fp8(clip="pass"), says="+-448"),
    Mistake("clipped at 240", _fp8(clip="x = np.clip(x, -240, 240)"), says="not 240"),
    Mistake("two mantissa bits", _fp8(step="(exponent - 2)"), says="three mantissa bits"),
    Mistake("E5M2", "def round_to_fp8(x):\n    return torch.from_numpy(x).to(torch.float8_e5m2).float().numpy()\n", says="E5M2"),
    Mistake("truncated", _fp8(round="np.trunc"), says="cut off toward zero"),
    Mistake("half away from zero", _fp8(round="(lambda v: np.sign(v) * np.floor(np.abs(v) + 0.5))"), says="even mantissa"),
    Mistake("exponent rounded, not floored", _fp8(exponent="np.round(np.log2(np.maximum(np.abs(x), 2.0**-6)))"), says="*floor*"),
    Mistake("exponent from np.frexp", _fp8(exponent="np.maximum(np.frexp(x)[1], -5)"), says="np.frexp gives one more"),
    Mistake("exponent of the signed number", _fp8(exponent="np.floor(np.log2(np.maximum(x, 2.0**-6)))"), says="that of the magnitude"),
    Mistake("sign lost", _fp8(clip="x = np.minimum(np.abs(x), 448)"), says="the sign is another"),
    Mistake("number of steps returned", _fp8().replace(" * step)", ")"), says="Multiply by the step"),
    Mistake("infinity beyond", _fp8().replace("return (", "return np.where(np.abs(x) < 448, 1, np.inf) * ("), says="no infinity"),
    Mistake(
        "scaled to 448 first",
        _fp8(clip="s = max(np.abs(x).max(), 1e-9) / 448; x = x / s").replace("* step)", "* step * s)"),
        says="was scaled first",
    ),
    Mistake(
        "torch's own type",
        "def round_to_fp8(x):\n    return torch.from_numpy(x).clamp(-448, 448).to(torch.float8_e4m3fn).float().numpy()\n",
        says="Do it yourself",
    ),
    Mistake("ties upward", _fp8(round="(lambda v: np.floor(v + 0.5))"), says="halfway between two"),
    Mistake("ties downward", _fp8(round="(lambda v: np.ceil(v - 0.5))"), says="halfway between two"),
]
