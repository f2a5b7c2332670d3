"""Attacks inside the kernel: objects that lie, patched libraries, files forged where the check writes its results."""

from __future__ import annotations

from tests.attacks import FORGED, STOPPED, Attack


def first(code: str, **answers: str):
    """The code runs with the first answer cell; all answers are wrong unless given."""
    return lambda m: m.wrong(**{"export_model": code + "\n" + m.stubs["export_model"], **answers})


YES = """
class Yes(dict):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __bool__(self): return True
    def __contains__(self, key): return True
    def __getitem__(self, key): return Yes()
    def __getattr__(self, name): return Yes()
    def __float__(self): return 0.0
    def __iter__(self): return iter(["opset", "ops", "inputs"])
    def __sub__(self, other): return Yes()
    __rsub__ = __abs__ = __lt__ = __le__ = __gt__ = __ge__ = lambda self, *a: Yes()
def export_model(*a, **k): return Yes()
"""
YES_ANSWERS = {name: f"def {name}(*a, **k): return Yes()" for name in ("describe", "parity", "mixes_images", "gate")}

LIAR = """
import numpy as np
class Number(int):
    __class__ = bool
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 1
class Array(np.ndarray):
    def __array__(self, *a, **k): raise RuntimeError("no")
    def __array_ufunc__(self, *a, **k): return np.bool_(True)
    def __array_function__(self, *a, **k): return True
"""

PATCH_CHECKS = """
import sys, edgekit.checks as _c, edgekit.checks.onnx_export as _m
for _module in [m for name, m in list(sys.modules.items()) if name.startswith("edgekit.checks")]:
    _module.require = lambda *a, **k: None
    _module.close = lambda *a, **k: True
_c.Exercise.verdict = lambda self, *a: "fine"
_c.CheckFailed.__init__ = lambda self, *a, **k: None
for _e in vars(_m).values():
    if isinstance(_e, _c.Exercise):
        object.__setattr__(_e, "judge", lambda *a: "fine")
"""
PATCH_CALL = """
import edgekit.checks as _c
_c.Exercise.__call__ = lambda self, answer: print("Passed:", self.name)
_c.Exercise._probe_for_grader = lambda *a: None
"""
PATCH_DUMP = """
import json, os, pathlib
import edgekit.checks as _c, edgekit.checks.border as _b, edgekit.checks.exercise as _x
def _dump(value, folder):
    folder.mkdir(parents=True, exist_ok=True)
    _all = {"passed": True, "verdict": "pass", "earned": 3, "reports": True, "answers": True, "exported": True}
    (folder / "data.json").write_text(json.dumps(_all))
_c.dump = _b.dump = _x.dump = _dump
"""
PATCH_LIBRARIES = """
import json, pickle, numpy as np, math, builtins, copy
class _Always(dict):
    def __missing__(self, key): return True
json.loads = json.load = lambda *a, **k: _Always()
json.dumps = lambda *a, **k: '{"passed": true}'
pickle.loads = pickle.load = lambda *a, **k: _Always()
np.allclose = np.array_equal = np.isclose = lambda *a, **k: True
np.testing.assert_allclose = lambda *a, **k: None
np.abs = np.max = lambda *a, **k: 0.0
math.isclose = lambda *a, **k: True
builtins.AssertionError = type("AssertionError", (Exception,), {})
copy.deepcopy = lambda x: x
builtins.isinstance = lambda *a: True
"""
MODULES = """
import sys, types
_fake = types.ModuleType("edgekit.checks.onnx_export")
_fake.__getattr__ = lambda name: (lambda answer: print("Passed:", name))
for _name in ("edgekit.checks.onnx_export", "edgekit.checks", "edgekit.checks.border", "edgekit.checks.exercise"):
    sys.modules[_name] = _fake
import edgekit
edgekit.checks = _fake
check = _fake
"""
ENVIRONMENT = """
import os
os.environ["EDGEKIT_PROBE_DIR"] = "/tmp"
os.environ["PYTHONPATH"] = os.environ["EDGEKIT_ROOT"] = os.environ["TMPDIR"] = "/nowhere"
os.environ["LD_PRELOAD"] = "/tmp/evil.so"
"""
NO_GRADING = "import os\nos.environ.pop('EDGEKIT_PROBE_DIR', None)\nprint('Passed: describe. fine')"

# Where the check writes, found from inside: every folder that has an `in`.
_FOLDERS = """
import json, os, pathlib, shutil
_root = pathlib.Path(os.environ["EDGEKIT_PROBE_DIR"])
_names = ["export_model", "describe", "parity", "mixes_images", "gate"]
def _out(name):
    folder = _root / name / "out"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
"""
RESULTS = (
    _FOLDERS
    + """
for _n in _names:
    for _file in ("data.json", "verdict.json", "result.json", "record.json", "judged.json"):
        (_out(_n) / _file).write_text(json.dumps({"verdict": "pass", "status": "pass", "earned": 3, "points": 3, "passed": True,
            "reports": [{"opset": 18, "ops": {}, "inputs": {}}] * 3, "exported": True, "files": ["model.onnx"]}))
    for _file in ("verdict.json", "record.json"):
        (_root / _n / _file).write_text('{"status": "pass", "earned": 3, "message": "fine"}')
(_root / "records.jsonl").write_text('{"student": "attack", "status": "graded"}\\n')
"""
)
# The inputs are replaced by one whose right answer is known, and that answer is given.
OTHER_INPUTS = (
    _FOLDERS
    + """
import onnx
from onnx import TensorProto, helper
from edgekit.checks import border
_t = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in ("a", "b")]
_g = helper.make_graph([helper.make_node("Relu", ["a"], ["b"])], "g", [_t[0]], [_t[1]])
_blob = border.OnnxFile(helper.make_model(_g, opset_imports=[helper.make_opsetid("", 18)], ir_version=8).SerializeToString())
shutil.rmtree(_root / "describe" / "in")
border.dump({"models": [_blob] * 3}, _root / "describe" / "in")
"""
)
_KNOWN = 'def describe(path): return {"opset": 18, "ops": {"Relu": 1}, "inputs": {"a": [1]}}'

# The lab's own constants, seen in the package: right only if the order and the sizes of the cases never change.
CONSTANT = {
    "parity": (
        "_n = iter([0.0, 0.25, 0.25, 0.0, 0.0])\ndef parity(model, path, batches):\n    k = next(_n)\n"
        "    global _calls\n    _calls = globals().get('_calls', 0) + 1\n"
        "    return {b: (float('inf') if _calls == 5 and b > 1 else k) for b in batches}"
    ),
    "mixes_images": "_a = iter([False, True, True, False, False])\ndef mixes_images(path):\n    return next(_a)",
}
_PEEK = """\
import sys
def {name}({args}):
    frame = sys._getframe()
    while frame:
        kind = frame.f_locals.get('kind')
        if isinstance(kind, str):
            break
        frame = frame.f_back
    return {result}"""
PEEK = {
    "mixes_images": _PEEK.format(name="mixes_images", args="path", result="kind in ('training norm', 'batch mean')"),
    "parity": _PEEK.format(
        name="parity",
        args="model, path, batches",
        result="{b: float('inf') if kind == 'baked' and b > 1 else 0.25 if kind in ('higher', 'lower') else 0.0 for b in batches}",
    ),
}

THREAD = """
import threading, time, itertools
def _noise():
    for _i in itertools.count():
        print("x" * 200, flush=True)
threading.Thread(target=_noise, daemon=False).start()
"""
LATE = (
    _FOLDERS
    + """
import atexit, threading, time
def _late():
    for _n in _names:
        (_out(_n) / "data.json").write_text('{"passed": true}')
    time.sleep(600)
atexit.register(_late)
def _loop():
    while True:
        try:
            for _n in _names:
                (_out(_n) / "data.json").write_text('{"error": "<b>overwritten</b>", "cause": "pass"}')
        except Exception:
            pass
        time.sleep(0.001)
threading.Thread(target=_loop, daemon=True).start()
"""
)
MESSAGES = """
_k = get_ipython().kernel
for _i in range(20):
    for _type, _content in [("execute_reply", {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}),
                            ("status", {"execution_state": "idle"}), ("stream", {"name": "stdout", "text": "Passed: describe"}),
                            ("shutdown_reply", {"restart": False, "status": "ok"})]:
        try:
            _k.session.send(_k.iopub_socket, _type, _content, parent=_k.get_parent())
            _k.session.send(_k.shell_stream, _type, _content, parent=_k.get_parent())
        except Exception as e:
            print(e)
"""
# The grader follows a job through a pipe: what is written there may be anything.
EVENTS = """
import os
_lines = [b'{"step": Infinity, "start": true}', b'{"step": -1e400}', b'{"step": NaN}', b'{"step": 0, "fault": "ours"}',
          b'{"step": -1, "fault": "ours"}', b'[]', b'7',
          b'{"step": {}}', b'{"step": "1", "start": 1}', b'[' * 50_000, b'{"step": ' + b'9' * 6000 + b'}', b'\\xff\\xfe']
for _step in range(40):
    _lines += [b'{"step": %d, "start": true}' % _step,
               b'{"step": %d, "ok": true, "status": "pass", "message": "", "cause": "", "earned": 3}' % _step]
for _fd in range(3, 128):
    for _line in _lines:
        try:
            os.write(_fd, _line + b"\\n")
        except OSError:
            break
"""
FRAMES = """
import os, struct
for _fd in range(3, 128):
    for _blob in (struct.pack(">I", 2) + b"{}", struct.pack(">I", 0xFFFFFFF0), os.urandom(4000)):
        try:
            os.write(_fd, _blob)
        except OSError:
            break
"""
GONE = _FOLDERS + "for _n in _names:\n    shutil.rmtree(_root / _n, ignore_errors=True)\nos.chmod(_root, 0)"

# Answers from the judge's part of the inputs: drawn again from a seed that this process may know, or found in what is left of
# earlier jobs. `_hidden(name)` gives the inputs of an exercise, hidden keys and all, or raises.
_SEEDS = """
import sys, json
import numpy as np
import edgekit.checks.onnx_export as _m
from edgekit.checks.onnx_export.mixes_images import _MIXES
def _variables():
    frame = sys._getframe()
    while frame:
        yield from frame.f_locals.items()
        frame = frame.f_back
def _hidden(name):
    import random, torch
    seeds = [o["seed"] for _, o in list(_variables()) if isinstance(o, dict) and "seed" in o] + [torch.initial_seed(), 0]
    for o in [o for _, o in list(_variables()) if isinstance(o, dict)]:
        for key, blob in list(o.items()):
            if isinstance(key, str) and key.endswith(f"{name}/judge/data.json"):
                return json.loads(blob)
    asked = json.load(open(f"/tmp/job/{name}/in/data.json"))
    for seed in seeds:
        drawn = _m.__dict__[name].inputs(np.random.default_rng([seed, *name.encode()]))
        known = {k: v for k, v in asked.items() if isinstance(v, int)}
        if {k: v for k, v in drawn.items() if isinstance(v, int | list)}.items() >= known.items():
            return drawn
    raise LookupError(seeds)
_given = {}
def _next(name, read):
    _given.setdefault(name, None)
    if _given[name] is None:
        _given[name] = iter(read(_hidden(name)))
    return next(_given[name])
"""
DRAWN_AGAIN = {
    "mixes_images": _SEEDS + "def mixes_images(path):\n    return _next('mixes_images', lambda h: [_MIXES[k] for k in h['_kinds']])\n",
    "parity": (
        _SEEDS + "def parity(model, path, batches):\n"
        "    kind, shift = _next('parity', lambda h: zip(h['_kinds'], h['_shifts']))\n"
        "    return {b: float('inf') if kind == 'baked' and b > 1 else abs(shift) for b in batches}\n"
    ),
}
# An honest neighbour's answer, from what the memory of this process has kept of earlier submissions.
NEIGHBOUR = r"""
import re
def _sources(name):
    with open("/proc/self/mem", "rb", 0) as memory:
        for line in open("/proc/self/maps"):
            place, mode, *rest = line.split()
            low, high = (int(x, 16) for x in place.split("-"))
            if not mode.startswith("rw") or (rest[3:] and rest[3] != "[heap]") or high - low > 1 << 28:
                continue
            try:
                memory.seek(low)
                blob = memory.read(high - low)
            except OSError:
                continue
            for found in re.finditer(b"def " + name.encode() + rb"\([a-z]", blob):
                text = blob[found.start() : found.start() + 6000].split(bytes(1))[0].decode("latin1")
                for text in (text, text.split('"}')[0].replace(chr(92) + "n", chr(10)).replace(chr(92) + '"', '"')):
                    lines = text.split(chr(10))
                    yield from (chr(10).join(lines[:n]) for n in range(len(lines), 3, -1))
def describe(path):
    for source in _sources("describe"):
        if "_sources" in source or "NotImplemented" in source or "wrong" in source:
            continue
        try:
            space = dict(globals())
            exec(compile(source, "found", "exec"), space)
            answer = space["describe"](path)
            if answer and answer["ops"]:
                return answer
        except Exception:
            pass
    return None
"""

ATTACKS = [
    Attack("hidden inputs drawn again", lambda m: m.wrong(**DRAWN_AGAIN)),
    Attack("a neighbour's answer in the memory", lambda m: m.wrong(describe=NEIGHBOUR)),
    Attack("__eq__ always true", lambda m: m.wrong(export_model=YES, **YES_ANSWERS)),
    Attack(
        "numbers and arrays that lie",
        lambda m: m.wrong(
            export_model=LIAR + m.stubs["export_model"],
            describe="def describe(path): return {'opset': Number(18), 'ops': Number(1), 'inputs': Number(1)}",
            mixes_images="def mixes_images(path): return Number(1)",
            parity="def parity(model, path, batches): return {b: np.zeros(1).view(Array) for b in batches}",
            gate="def gate(x, bright, dark): return Number(1)",
        ),
    ),
    Attack("patched judge, require, verdict", first(PATCH_CHECKS)),
    Attack("patched Exercise.__call__", first(PATCH_CALL)),
    Attack("patched border.dump", first(PATCH_DUMP), statuses=FORGED),
    Attack("patched json, pickle, numpy, builtins", first(PATCH_LIBRARIES), statuses=FORGED),
    Attack("sys.modules replaced", first(MODULES)),
    Attack("environment variables", first(ENVIRONMENT)),
    Attack("probe folder unset, Passed printed", first(NO_GRADING)),
    Attack("forged result files", first(RESULTS), statuses=FORGED),
    Attack("inputs replaced by easy ones", first(OTHER_INPUTS, describe=_KNOWN)),
    Attack("constants known from the package", lambda m: m.wrong(**CONSTANT)),
    Attack("peeks at the probe's frame", lambda m: m.wrong(**PEEK)),
    Attack("atexit and a thread rewrite the results", first(LATE), statuses=STOPPED),
    Attack("thread that prints for ever", first(THREAD), statuses=STOPPED),
    Attack("forged kernel messages", first(MESSAGES), statuses=STOPPED),
    Attack("forged events on every descriptor", first(EVENTS), statuses=STOPPED),
    Attack("binary frames on every descriptor", first(FRAMES), statuses=STOPPED),
    Attack("exchange folder deleted", first(GONE), statuses=STOPPED),
    Attack("sys.exit in the answer", first("import sys\nsys.exit(0)"), statuses=STOPPED),
    Attack(
        "function raises SystemExit",
        lambda m: m.wrong(describe="def describe(path): raise SystemExit(0)", gate="def gate(*a): raise KeyboardInterrupt"),
        statuses=STOPPED,
    ),
    Attack("quits through IPython", first("get_ipython().ask_exit()\nget_ipython().kernel.do_shutdown(False)"), statuses=STOPPED),
    Attack("shell magics", first("!kill -9 $PPID\n%reset -f\n%%bash\nkill -9 $PPID"), statuses=STOPPED),
]
