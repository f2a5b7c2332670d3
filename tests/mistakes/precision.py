"""Wrong answers to lab 06c."""

from tests.mistakes import Mistake

SETUP = """
from pathlib import Path
import numpy as np
import onnx
"""

_ROUND = """
def round_mantissa(x, bits):
    mantissa, exponent = np.frexp(x)
    steps = 2.0 ** ({steps})
    return np.ldexp({round}(mantissa * steps) / steps, exponent).astype(np.float32)
"""


def _round(steps="bits + 1", round="np.rint"):
    return _ROUND.format(steps=steps, round=round)


_FP8 = """
def fp8_quantize(x):
    scale = {scale}
    scaled = {scaled}
    exponent = {exponent}
    step = np.ldexp(1.0, exponent - {bits})
    return {result}, scale
"""


def _fp8(
    scale="np.abs(x).max() / 448 or 1.0",
    scaled="x / scale",
    exponent="np.maximum(np.frexp(scaled)[1] - 1, -6)",
    bits="3",
    result="np.rint(scaled / step) * step * scale",
):
    return _FP8.format(scale=scale, scaled=scaled, exponent=exponent, bits=bits, result=result)


_LAYERS = """
def layer_precisions(path):
    graph = onnx.load(path).graph
    maker = {{out: node for node in graph.node for out in node.output}}
    dequantized = lambda name: name in maker and maker[name].op_type == "DequantizeLinear"
    table = {{}}
    for node in graph.node:
        if {wanted}:
            data, weight = dequantized(node.input[0]), dequantized(node.input[1])
            table[node.name] = {said}
    return table
"""
_WANTED = 'node.op_type in ("Conv", "Gemm", "MatMul")'
_SAID = '"int8" if data and weight else "weights only" if weight else "float"'


def _layers(wanted=_WANTED, said=_SAID):
    return _LAYERS.format(wanted=wanted, said=said)


_CHOOSE = """
def choose_precision(rows, max_drop):
    allowed = [row for row in rows if {allowed}]
    return max(allowed, key=lambda row: {key})["name"] if allowed else "fp32"
"""


def _choose(
    allowed='row["drop"][1] <= max_drop and row["speed"] is not None and row["speed"][0] > 1', key='row["speed"][0]'
):
    return _CHOOSE.format(allowed=allowed, key=key)


MISTAKES = {
    "round_mantissa": [
        Mistake("truncated", _round(round="np.trunc"), says="towards zero"),
        Mistake("rounded down", _round(round="np.floor"), says="in the same direction"),
        Mistake("exponent not put back", "def round_mantissa(x, bits):\n    mantissa, exponent = np.frexp(x)\n    return np.rint(mantissa * 2.0 ** (bits + 1)) / 2.0 ** (bits + 1)\n", says="but for a power of two"),
        Mistake("not divided by the steps", "def round_mantissa(x, bits):\n    mantissa, exponent = np.frexp(x)\n    return np.ldexp(np.rint(mantissa * 2.0 ** (bits + 1)), exponent)\n", says="but for a power of two"),
        Mistake("sign lost", _round().replace("np.frexp(x)", "np.frexp(np.abs(x))"), says="sign is lost"),
        Mistake("float16 for all bits", "def round_mantissa(x, bits):\n    return x.astype(np.float16).astype(np.float32)\n", says="65504"),
        Mistake("something added before the logarithm", "def round_mantissa(x, bits):\n    x = x.astype(np.float64)\n    step = 2.0 ** (np.floor(np.log2(np.abs(x) + 1e-12)) - bits)\n    return np.rint(x / step) * step\n", says="no number is too small"),
        Mistake("only an array of zeros guarded", "def round_mantissa(x, bits):\n    if not x.any():\n        return x\n    with np.errstate(all='ignore'):\n        step = 2.0 ** (np.floor(np.log2(np.abs(x.astype(np.float64)))) - bits)\n        return np.rint(x / step) * step\n", says="wherever it stands"),
        Mistake("one bit too few", _round(steps="bits"), says="too coarse"),
        Mistake("one bit too many", _round(steps="bits + 2"), says="2^10 steps"),
        Mistake("ties away from zero", _round(round="(lambda v: np.sign(v) * np.floor(np.abs(v) + 0.5))"), says="*even*"),
        Mistake("ties up", _round(round="(lambda v: np.floor(v + 0.5))"), says="*even*"),
        Mistake("a fixed grid", "def round_mantissa(x, bits):\n    return (np.rint(x * 2.0**bits) / 2.0**bits).astype(np.float32)\n", says="moves with its exponent"),
        Mistake("decimal places", "def round_mantissa(x, bits):\n    return np.round(x, bits)\n", says="expected"),
        Mistake("logarithm of zero", "def round_mantissa(x, bits):\n    with np.errstate(all='ignore'):\n        e = np.floor(np.log2(np.abs(x.astype(np.float64))))\n        step = 2.0 ** (e - bits)\n        return (np.rint(x / step) * step).astype(np.float32)\n", says="logarithm of 0"),
        Mistake("returned as it came", "def round_mantissa(x, bits):\n    return x\n", says="nothing was rounded"),
    ],
    "fp8_quantize": [
        Mistake("no scale", _fp8(scale="1.0"), says="should land on 448"),
        Mistake("scale upside down", _fp8(scale="448 / np.abs(x).max() if np.abs(x).max() else 1.0", scaled="x * scale", result="np.rint(scaled / step) * step / scale"), says="reciprocal"),
        Mistake("range of int8", _fp8(scale="np.abs(x).max() / 127 or 1.0"), says="made for int8"),
        Mistake("maximum, not absolute", _fp8(scale="x.max() / 448 or 1.0"), says="scale"),
        Mistake("not dequantized", _fp8(result="np.rint(scaled / step) * step"), says="still divided"),
        Mistake("no subnormals", _fp8(exponent="np.frexp(scaled)[1] - 1"), says="subnormal"),
        Mistake("two bits", _fp8(bits="2"), says="3 mantissa bits"),
        Mistake("scale of zero", _fp8(scale="np.abs(x).max() / 448", scaled="np.divide(x, scale)"), says="zeros became"),
        Mistake("scale of zero kept", _fp8().replace("    scaled =", "    if not x.any():\n        return x, 0.0\n    scaled ="), says="Any number above 0"),
        Mistake("truncated", _fp8(result="np.trunc(scaled / step) * step * scale"), says="to the nearest"),
        Mistake("changed places", "def fp8_quantize(x):\n    scale = np.abs(x).max() / 448 or 1.0\n    return scale, x\n", says="changed places"),
        Mistake("nothing returned", _fp8().replace("return", "found ="), says="got None"),
        Mistake("values only", _fp8().replace(", scale\n", "\n"), says="should return (values, scale), got an array"),
        Mistake("int8 grid with the right scale", _fp8(result="np.rint(scaled) * scale"), says="expected"),
    ],
    "layer_precisions": [
        Mistake("weights decide", _layers(said='"int8" if weight else "float"'), says="expected 'weights only'"),
        Mistake("one of the two is enough", _layers(said='"int8" if data or weight else "float"'), says="expected"),
        Mistake("data without weight counts", _layers(said='"int8" if data and weight else "weights only" if weight or data else "float"'), says="*both*"),
        Mistake("MatMul forgotten", _layers(wanted='node.op_type in ("Conv", "Gemm")'), says="Conv, Gemm and MatMul"),
        Mistake("the bias counts too", _layers().replace("table[node.name] =", "data = data and all(map(dequantized, node.input))\n            table[node.name] ="), says="a bias does not matter"),
        Mistake("by the name of the output", _layers().replace("table[node.name]", "table[node.output[0]]"), says="by its node.name"),
        Mistake("convolutions only", _layers(wanted='node.op_type == "Conv"'), says="is missing"),
        Mistake("every node", _layers(wanted="len(node.input) > 1"), says="does not belong"),
        Mistake("type of the stored weights", """
def layer_precisions(path):
    graph = onnx.load(path).graph
    quantized = any(node.op_type == "QuantizeLinear" for node in graph.node)
    return {node.name: "int8" if quantized else "float" for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")}
""", says="expected"),
        Mistake("searches further up", """
def layer_precisions(path):
    graph = onnx.load(path).graph
    maker = {out: node for node in graph.node for out in node.output}
    def dequantized(name):
        while name in maker:
            if maker[name].op_type == "DequantizeLinear": return True
            if maker[name].op_type not in ("Relu",): return False
            name = maker[name].input[0]
        return False
    said = lambda d, w: "int8" if d and w else "weights only" if w else "float"
    return {n.name: said(dequantized(n.input[0]), dequantized(n.input[1])) for n in graph.node if n.op_type in ("Conv", "Gemm", "MatMul")}
""", says="a node in between"),
    ],
    "choose_precision": [
        Mistake("loss ignored", _choose(allowed='row["speed"] is not None and row["speed"][0] > 1'), says="loses more"),
        Mistake("middle of the loss", _choose(allowed='sum(row["drop"]) / 2 <= max_drop and row["speed"] is not None and row["speed"][0] > 1'), says="not ruled out"),
        Mistake("lower end of the loss", _choose(allowed='row["drop"][0] <= max_drop and row["speed"] is not None and row["speed"][0] > 1'), says="expected 'fp16'"),
        Mistake("fastest, even if slower than FP32", _choose(allowed='row["drop"][1] <= max_drop and row["speed"] is not None'), says="shown to be faster"),
        Mistake("interval with 1 in it", _choose(allowed='row["drop"][1] <= max_drop and row["speed"] is not None and row["speed"][1] > 1'), says="contains 1"),
        Mistake("unmeasured is assumed to be fast", _choose(allowed='row["drop"][1] <= max_drop and (row["speed"] is None or row["speed"][0] > 1)', key='(row["speed"] or (9, 9))[0]'), says="not measured"),
        Mistake("upper end of the speed-up", _choose(key='row["speed"][1]'), says="lower end"),
        Mistake("size of the change, not loss", _choose(allowed='max(map(abs, row["drop"])) <= max_drop and row["speed"] is not None and row["speed"][0] > 1'), says="*gains* accuracy"),
        Mistake("None if there is none", _choose().replace('"fp32"', "None"), says="'fp32' was asked for"),
        Mistake("always the first", "def choose_precision(rows, max_drop):\n    return rows[0]['name'] if rows else 'fp32'\n", says="fastest"),
    ],
}  # fmt: skip
