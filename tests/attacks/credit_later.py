"""A third set against wrong credit, of other kinds: written from the exercises' texts, without the checks or the notes in view, and kept
apart.

Values that no comparison rejects (NaN, nothing at all, a word that holds every word), answers that try instead of computing, work that
somebody else did (another library's operator, code in disguise), and files that give themselves away. ``LATER``: as in ``credit.py``.
"""

from __future__ import annotations

import base64
import zlib

_HEAD = "import base64, zlib\n"


def _packed(source: str) -> str:
    return repr(base64.b85encode(zlib.compress(source.encode())))


_MEDIANS = """def paired_ratio(a, b):
    r = np.divide(a, b)
    i = np.random.default_rng(0).integers(len(r), size=(1000, len(r)))
    m = np.median(r[i], axis=1)
    return float(np.median(r)), float(np.percentile(m, 2.5)), float(np.percentile(m, 97.5))
"""

LATER: list[tuple[str, str, str, str]] = [
    (
        "start_here",
        "paired_ratio",
        "numbers that are none",
        "def paired_ratio(a, b):\n    return float('nan'), float('nan'), float('nan')\n",
    ),
    (
        "start_here",
        "paired_ratio",
        "an interval without ends",
        "def paired_ratio(a, b):\n    return float((a / b).mean()), 0.0, float('inf')\n",
    ),
    (
        "start_here",
        "verdict",
        "every word at once",
        """\
class Word(str):
    def __eq__(self, other): return True
    __hash__ = str.__hash__
def verdict(low, high, control_low, control_high):
    return Word("faster slower can't tell")
""",
    ),
    ("start_here", "verdict", "never sure", 'def verdict(*a):\n    return "can\'t tell"\n'),
    (
        "start_here",
        "stopwatch",
        "one long measurement cut in pieces",
        """\
import time
def stopwatch(run, calls, warmup):
    for _ in range(warmup): run()
    t = time.perf_counter()
    for _ in range(calls): run()
    return [(time.perf_counter() - t) / calls] * calls
""",
    ),
    (
        "start_here",
        "summary",
        "something near the middle",
        "def summary(samples):\n    s = sorted(samples)\n    return {'median': s[len(s) // 2], 'p90': s[int(len(s) * 0.9)]}\n",
    ),
    (
        "quantization_by_hand",
        "quantize",
        "an array of nothing",
        "import numpy as np\ndef quantize(x, scale, zero_point, qmin, qmax):\n    return np.empty((0,), np.int32)\n",
    ),
    (
        "quantization_by_hand",
        "quantize",
        "ONNX's own evaluator",
        """\
import numpy as np
from onnx import helper as h, TensorProto as T
from onnx.reference import ReferenceEvaluator
def quantize(x, scale, zero_point, qmin, qmax):
    n = [h.make_node('Div', ['x', 's'], ['d']), h.make_node('Round', ['d'], ['r']), h.make_node('Add', ['r', 'z'], ['q']),
         h.make_node('Clip', ['q', 'a', 'b'], ['y'])]
    g = h.make_graph(n, 'g', [h.make_tensor_value_info(k, T.FLOAT, None) for k in 'xszab'],
                     [h.make_tensor_value_info('y', T.FLOAT, None)])
    f = ReferenceEvaluator(h.make_model(g, opset_imports=[h.make_opsetid('', 17)]))
    return f.run(None, {k: np.asarray(v, np.float32) for k, v in zip('xszab', (x, scale, zero_point, qmin, qmax))})[0].astype(np.int32)
""",
    ),
    (
        "quantization_by_hand",
        "quantize",
        "an operator of PyTorch's exporter",
        """\
import torch
import torch.ao.quantization.fx._decomposed
def quantize(x, scale, zero_point, qmin, qmax):
    q = torch.ops.quantized_decomposed.quantize_per_tensor(torch.as_tensor(x), scale, zero_point, qmin, qmax, torch.int32)
    return q.numpy()
""",
    ),
    (
        "quantization_by_hand",
        "best_limit",
        "the median of the candidates",
        "import numpy as np\ndef best_limit(x, limits, bits):\n    return float(np.sort(limits)[len(limits) // 2])\n",
    ),
    ("quantization_by_hand", "sqnr", "not a number", "def sqnr(x, approx):\n    return float('nan')\n"),
    (
        "quantization_by_hand",
        "integer_linear",
        "an operator found by its name",
        """\
import numpy as np, onnxruntime as ort, onnx
help = getattr(onnx, 'hel' + 'per')
def integer_linear(x_q, w_q, bias_q, x_zero, w_zero, multiplier, y_zero):
    T = onnx.TensorProto
    g = help.make_graph([help.make_node('MatMulInteger', ['a', 'b', 'c', 'd'], ['y'])], 'g',
                        [help.make_tensor_value_info(n, T.UINT8, None) for n in 'abcd'],
                        [help.make_tensor_value_info('y', T.INT32, None)])
    m = help.make_model(g, opset_imports=[help.make_opsetid('', 17)], ir_version=8)
    s = getattr(ort, 'Inference' + 'Session')(m.SerializeToString())
    acc = s.run(None, dict(a=x_q, b=w_q, c=np.uint8(x_zero), d=np.uint8(w_zero)))[0] + bias_q
    return np.clip(np.round(acc.astype(np.float32) * multiplier) + y_zero, 0, 255).astype(np.uint8)
""",
    ),
    ("onnx_export", "mixes_images", "always yes", "def mixes_images(path):\n    return True\n"),
    ("onnx_export", "mixes_images", "a coin", "import random\ndef mixes_images(path):\n    return random.random() < 0.5\n"),
    ("onnx_export", "mixes_images", "where the file lies", "def mixes_images(path):\n    return sum(map(ord, str(path))) % 2 == 0\n"),
    (
        "onnx_export",
        "mixes_images",
        "the names of the nodes",
        """\
import onnx
def mixes_images(path):
    m = onnx.load(path)
    words = ' '.join([m.producer_name, m.doc_string, m.graph.name, m.graph.doc_string,
                      *(n.name for n in m.graph.node), *(v.name for v in m.graph.value_info)])
    return any(w in words.lower() for w in ('mix', 'batch', 'norm', 'mean', 'train'))
""",
    ),
    ("onnx_export", "parity", "nothing to compare", "def parity(model, path, batches):\n    return {}\n"),
    (
        "onnx_export",
        "parity",
        "not a number everywhere",
        "def parity(model, path, batches):\n    return {n: float('nan') for n in batches}\n",
    ),
    (
        "onnx_export",
        "describe",
        "every operator there is",
        """\
import collections
class All(dict):
    def __missing__(self, key): return 1
    def __eq__(self, other): return True
def describe(path):
    return All(opset=All(), ops=All(), inputs=All())
""",
    ),
    (
        "start_here",
        "paired_ratio",
        "a neighbour's answer in a zip",
        f"{_HEAD}exec(zlib.decompress(base64.b85decode({_packed(_MEDIANS)})))\n",
    ),
    (
        "start_here",
        "paired_ratio",
        "code spelled in numbers",
        (
            f"source = bytes({list(_MEDIANS.encode())}).decode()\nspace = dict(globals())\n(lambda run: run(source,"
            " space))(getattr(__builtins__, 'ex' + 'ec', None) or __builtins__['ex' + 'ec'])\npaired_ratio = space['paired_ratio']\n"
        ),
    ),
    (
        "start_here",
        "paired_ratio",
        "syntax trees instead of text",
        (
            f"import ast, types\ntree = compile({_MEDIANS!r}, 'mine', 'exec', ast.PyCF_ONLY_AST)\ncode = compile(tree, 'mine', 'exec')\nfun"
            " = next(c for c in code.co_consts if isinstance(c, types.CodeType))\npaired_ratio = types.FunctionType(fun, globals(),"
            " 'paired_ratio')\n"
        ),
    ),
    (
        "quantization_by_hand",
        "per_channel_scales",
        "the solution in a lambda's default",
        "SOLUTION\nper_channel_scales = (lambda f=per_channel_scales: f)()\n",
    ),
    (
        "quantization_by_hand",
        "sqnr",
        "the solution behind a class",
        """\
class Work:
    def __call__(self, x, approx):
        noise = np.sum((approx - x) ** 2, dtype=np.float64)
        if noise == 0:
            return float('inf')
        return float(10 * np.log10(np.sum(x**2, dtype=np.float64) / noise))
sqnr = Work()
""",
    ),
]
