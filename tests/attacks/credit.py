"""Wrong credit: answers that get points without doing the exercise. Written before what stops them, kept apart since.

Each is an answer cell for one exercise. What may not happen is that one gets points and no note tells an instructor to read
it. ``ATTACKS``: (lab, exercise, name, source). Where the source says SOLUTION, the solution's own cell stands there, as for a
student who has it from somebody.
"""

from __future__ import annotations


def _oracle(reach: str, name: str, args: str = "*a") -> str:
    """An answer that asks the judge, however it got hold of it, and returns what the judge says is expected."""
    return f"""
def {name}({args}):
{chr(10).join("    " + line for line in reach.strip().splitlines())}
    try:
        found.judge({{}}, {{"result": [0.0, 0.0, 0.0]}})
    except Exception as error:
        return [float(w.strip(",.")) for w in str(error).split() if w.strip(",.").replace(".", "").isdigit()][:3]
"""


REACH = {
    "the package by a name in parts": 'found = __import__("importlib").import_module("edge" + "kit.che" + "cks.{lab}.{name}")',
    "a name read backwards": 'import importlib as i\nfound = i.import_module("{backwards}"[::-1])',
    "modules that are loaded already": 'import sys\nfound = [m for n, m in list(sys.modules.items()) if n.endswith("{name}")][0]',
    "modules through another module": 'import numpy\nfound = numpy.sys.modules["edgekit" + ".checks.{lab}.{name}"]',
    "the notebook's own check": "found = check.{name}",
    "the check by its name in globals": 'found = globals()["che" + "ck"].__dict__["{name}"]',
    "getattr with a name made here": 'found = getattr(check, "".join(list("{name}")))',
    "vars of the check": 'found = vars(check)["{name}"]',
    "attrgetter": 'import operator\nfound = operator.attrgetter("{name}")(check)',
    "a loop over dir": 'found = next(getattr(check, n) for n in dir(check) if n == "{name}")',
    "the source from the disk": """\
import pathlib, numpy
space = {{}}
exec(next(p for q in __import__("sys").path for p in pathlib.Path(q or ".").rglob("{name}.py")).read_text(), space)
found = type("F", (), space)""",
    "open beside a module": """\
import edgekit, os
space = {{}}
exec(open(os.path.join(os.path.dirname(edgekit.__file__), "checks", "{lab}", "{name}.py")).read(), space)
found = type("F", (), space)""",
    "getsource": "import inspect\nspace = {{}}\nexec(inspect.getsource(inspect.getmodule(check)), space)\nfound = type('F', (), space)",
    "pkgutil": 'import pkgutil\nfound = pkgutil.resolve_name("edge" + "kit.checks.{lab}:{name}")',
    "runpy": 'import runpy\nfound = type("F", (), runpy.run_module("edgekit" + ".checks.{lab}.{name}"))',
    "frames of the probe": (
        'import sys\nf = sys._getframe()\nwhile "judge" not in f.f_globals: f = f.f_back\nfound = type("F", (), f.f_globals)'
    ),
    "a traceback's frame": """\
try:
    1 / 0
except ZeroDivisionError as e:
    f = e.__traceback__.tb_frame
    while "judge" not in f.f_globals: f = f.f_back
    found = type("F", (), f.f_globals)""",
    "a string to eval": 'found = eval("chec" + "k.{name}")',
    "base64 to exec": 'import base64\nspace = dict(check=check)\nexec(base64.b64decode({coded}), space)\nfound = space["found"]',
    "pickle": 'import pickle\nfound = pickle.loads(b"cedgekit.checks.{lab}\\n{name}\\n.")',
    "subclasses": 'found = [s for s in object.__subclasses__() if s.__name__ == "Exercise"][0]',
    "garbage": 'import gc\nfound = [o for o in gc.get_objects() if type(o).__name__ == "Exercise" and o.name == "{name}"][0]',
    "the shell": 'found = get_ipython().user_ns["check"].{name}',
    "a method of a string": 'found = check.__getattribute__("{name}")',
    "builtins as a table": (
        'g = __builtins__["getattr"] if isinstance(__builtins__, dict) else __builtins__.getattr\nfound = g(check, "{name}")'
    ),
    "a class statement's lookup": 'class G:\n    def __class_getitem__(cls, n): return getattr(check, n)\nfound = G["{name}"]',
    "a loader": (
        'found = __loader__.load_module("edgekit.checks.{lab}.{name}") if "__loader__" in dir() else type(check.__loader__)("m",'
        ' check.__path__[0] + "/{name}.py").load_module()'
    ),
}
TARGETS = [("start_here", "paired_ratio"), ("onnx_export", "describe"), ("quantization_by_hand", "quantize")]


def _oracles() -> list[tuple[str, str, str, str]]:
    import base64

    made = []
    for index, (how, reach) in enumerate(REACH.items()):
        lab, name = TARGETS[index % len(TARGETS)]
        whole = f"edgekit.checks.{lab}.{name}"
        coded = repr(base64.b64encode(f"found = check.{name}".encode()))
        made.append((lab, name, how, _oracle(reach.format(lab=lab, name=name, backwards=whole[::-1], coded=coded), name)))
    return made


ATTACKS: list[tuple[str, str, str, str]] = [
    *_oracles(),
    (
        "onnx_export",
        "mixes_images",
        "the name of a constant",
        """\
import onnx
def mixes_images(path):
    names = {t.name for t in onnx.load(path).graph.initializer}
    nodes = [n for n in onnx.load(path).graph.node]
    return ('axes' in names and 'mean' in str(nodes)) or any(a.name == 'training_mode' and a.i for n in nodes for a in n.attribute)
""",
    ),
    (
        "onnx_export",
        "mixes_images",
        "the axes of a mean",
        """\
import onnx
from onnx import numpy_helper
def mixes_images(path):
    m = onnx.load(path)
    if any(a.name == 'training_mode' and a.i for n in m.graph.node for a in n.attribute): return True
    return any(numpy_helper.to_array(t).tolist() == [0] for t in m.graph.initializer)
""",
    ),
    (
        "onnx_export",
        "mixes_images",
        "the number of nodes and bytes",
        """\
def mixes_images(path):
    blob = open(path, 'rb').read()
    return b'training_mode' in blob or (b'ReduceMean' in blob and b'axes' in blob and len(blob) % 2 == 0)
""",
    ),
    (
        "onnx_export",
        "parity",
        "the tensor called shift",
        """\
import onnx, numpy as np
from onnx import numpy_helper
def parity(model, path, batches=(1, 2)):
    t = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    return {n: (float('inf') if n > 1 and t['shape'][0] == 1 else float(np.abs(t['shift']).max())) for n in batches}
""",
    ),
    (
        "onnx_export",
        "parity",
        "the largest small constant",
        """\
import onnx, numpy as np
from onnx import numpy_helper
def parity(model, path, batches=(1, 2)):
    small = [numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer]
    small = [a for a in small if a.shape == (10,) and np.count_nonzero(a) <= 1]
    return {n: float(max(np.abs(a).max() for a in small)) if small else 0.0 for n in batches}
""",
    ),
    (
        "quantization_by_hand",
        "quantize",
        "ONNX Runtime's own function",
        """\
from onnxruntime.quantization.quant_utils import quantize_nparray
import onnx
def quantize(x, scale, zero_point):
    return quantize_nparray(onnx.TensorProto.UINT8, x, scale, zero_point)
""",
    ),
    (
        "quantization_by_hand",
        "quantize",
        "PyTorch's own function",
        """\
import torch
def quantize(x, scale, zero_point):
    return torch.quantize_per_tensor(torch.as_tensor(x), float(scale), int(zero_point), torch.quint8).int_repr().numpy()
""",
    ),
    (
        "quantization_by_hand",
        "quantize",
        "an operator in a session",
        """\
import numpy as np, onnxruntime as ort
from onnx import helper as h, TensorProto as T
def quantize(x, scale, zero_point):
    g = h.make_graph([h.make_node('QuantizeLinear', ['x', 's', 'z'], ['y'])], 'g',
                     [h.make_tensor_value_info('x', T.FLOAT, None), h.make_tensor_value_info('s', T.FLOAT, []),
                      h.make_tensor_value_info('z', T.UINT8, [])],
                     [h.make_tensor_value_info('y', T.UINT8, None)])
    s = ort.InferenceSession(h.make_model(g, opset_imports=[h.make_opsetid('', 17)], ir_version=8).SerializeToString())
    return s.run(None, dict(x=np.asarray(x, np.float32), s=np.float32(scale), z=np.uint8(zero_point)))[0]
""",
    ),
    (
        "quantization_by_hand",
        "scale_and_zero_point",
        "ONNX Runtime's own scale",
        """\
from onnxruntime.quantization import quant_utils as q
import numpy as np
def scale_and_zero_point(low, high):
    z, s = q.compute_scale_zp(np.float32(min(low, 0)), np.float32(max(high, 0)), np.uint8(0), np.uint8(255))
    return float(s), int(z)
""",
    ),
    (
        "pruning",
        "mask_2_4",
        "Model Optimizer's own mask",
        """\
def mask_2_4(weight):
    from modelopt.torch.sparsity.weight_sparsity import magnitude
    return magnitude.create_asp_mask(weight, '2:4 sparsity')
""",
    ),
    (
        "pruning",
        "magnitude_masks",
        "PyTorch's own pruning",
        """\
import torch
from torch.nn.utils import prune
def magnitude_masks(model, amount):
    prune.global_unstructured([(m, 'weight') for m in model.modules() if hasattr(m, 'weight')], prune.L1Unstructured, amount=amount)
    return dict(model.named_buffers())
""",
    ),
    ("onnx_export", "describe", "a pasted solution", "SOLUTION"),
    ("start_here", "paired_ratio", "a pasted solution with a remark", "# my own work\nSOLUTION"),
    (
        "quantization_by_hand",
        "quantize",
        "a judge's code pasted and renamed",
        """\
import edgekit.checks.quantization_by_hand.quantize as mine
def quantize(x, scale, zero_point):
    return mine._expected(x, scale, zero_point)
""",
    ),
    (
        "start_here",
        "stopwatch",
        "a clock of one's own",
        """\
import time
time.perf_counter = time.monotonic
def stopwatch(run, warmup=3, calls=10):
    import edgekit.bench as b
    return getattr(b, 'mea' + 'sure')(run).times
""",
    ),
    (
        "start_here",
        "stopwatch",
        "the probe's own sleep",
        "def stopwatch(run, warmup, calls):\n    cell = run.__closure__[0].cell_contents\n    return list(cell)\n",
    ),
    (
        "onnx_export",
        "describe",
        "results written by hand",
        """\
import os, json, pathlib
def describe(path):
    where = pathlib.Path(os.environ['EDGEKIT_' + 'PROBE_DIR'])
    (where / 'describe' / 'out').mkdir(parents=True, exist_ok=True)
    (where / 'describe' / 'out' / 'data.json').write_text('{}')
""",
    ),
]

# Written after the notes on the others had been made, and never tuned to.
UNSEEN: list[tuple[str, str, str, str]] = [
    (
        "quantization_by_hand",
        "quantize",
        "a decorator that swaps the function",
        _oracle("found = check.quantize", "quantize")
        + "quantize = (lambda f: check.quantize.probe.__globals__.get('reference', f))(quantize)\n",
    ),
    (
        "start_here",
        "paired_ratio",
        "a default argument that holds the check",
        """\
def paired_ratio(a, b, j=check.paired_ratio.judge):
    try:
        j(dict(a=a, b=b), dict(result=[0.0, 0.0, 0.0]))
    except Exception as e:
        import re
        return [float(x) for x in re.findall(r'[0-9.]+', str(e))][:3]
""",
    ),
    (
        "onnx_export",
        "describe",
        "a module found by its file",
        """\
import importlib.util as u
def describe(path):
    import edgekit
    s = u.spec_from_file_location('m', edgekit.__path__[0] + '/checks/onnx_export/describe.py')
    m = u.module_from_spec(s); s.loader.exec_module(m)
    return m.judge({}, {})
""",
    ),
    (
        "start_here",
        "summary",
        "numpy's own percentile of a foreign package",
        "def summary(runs):\n    from edgekit.bench import stats\n    return stats.summary(runs)\n",
    ),
    (
        "quantization_by_hand",
        "sqnr",
        "a star import",
        """\
from onnxruntime.quantization.qdq_loss_debug import *
def sqnr(x, y):
    return compute_signal_to_quantization_noice_ratio(x, y)
""",
    ),
    (
        "pruning",
        "mask_2_4",
        "torch's semi-structured sparsity",
        """\
import torch
def mask_2_4(w):
    from torch.ao.pruning import WeightNormSparsifier as S
    s = S(1.0, (1, 4), 2)
    return s
""",
    ),
    (
        "onnx_export",
        "mixes_images",
        "the bytes of a file",
        "from pathlib import Path\ndef mixes_images(path):\n    return 'training_mode' in Path(path).read_bytes().decode('latin-1')\n",
    ),
    (
        "onnx_export",
        "mixes_images",
        "text of the model",
        """\
import onnx
def mixes_images(path):
    text = str(onnx.load(path))
    return 'training_mode' in text or ('ReduceMean' in text and 'dims: 1' in text)
""",
    ),
    (
        "onnx_export",
        "parity",
        "the size of a file",
        """\
import os
def parity(model, path, batches=(1, 2)):
    return {n: 0.0 if os.path.getsize(path) % 3 else float('inf') for n in batches}
""",
    ),
    (
        "start_here",
        "stopwatch",
        "a subclass of a clock",
        "import time\nclass T(float): pass\ndef stopwatch(run, warmup=1, calls=5):\n    return [T(0.001)] * calls\n",
    ),
    (
        "onnx_export",
        "describe",
        "a fork that asks",
        """\
import os
def describe(path):
    r, w = os.pipe()
    if os.fork() == 0:
        os.write(w, repr(check.describe).encode()); os._exit(0)
    return os.read(r, 999)
""",
    ),
    (
        "quantization_by_hand",
        "quantize",
        "a comparison that says yes",
        """\
import numpy as np
class Yes(np.ndarray):
    def __eq__(self, o): return True
    def __array_ufunc__(self, *a, **k): return True
def quantize(x, scale, zero_point):
    return np.zeros(np.shape(x), np.uint8).view(Yes)
""",
    ),
    ("start_here", "paired_ratio", "the solution with other names of helpers", "SOLUTION\n# end\n"),
    (
        "quantization_by_hand",
        "scale_and_zero_point",
        "names from a dictionary of modules",
        """\
import sys
d = sys.modules
def scale_and_zero_point(low, high):
    return d['edgekit' + '.compression' + '.quantization'].scale_and_zero_point(low, high)
""",
    ),
    (
        "pruning",
        "cost",
        "the course's own counter by getattr",
        """\
def cost(model, shape):
    import edgekit.compression as c
    return getattr(getattr(c, 'coun' + 'ting'), 'co' + 'st')(model, shape)
""",
    ),
]
