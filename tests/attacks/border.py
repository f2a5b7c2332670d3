"""Attacks on whoever reads the results: hostile JSON, .npz and .onnx, text that wants to be more than text."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np

from tests.attacks import FORGED, STOPPED, Attack, Material

_PREPARE = """
import base64, json, os, pathlib, shutil
def _write(files):
    # After the check has written: a subclass of Path is not needed, the folder is known.
    out = pathlib.Path(os.environ["EDGEKIT_PROBE_DIR"]) / "describe" / "out"
    out.mkdir(parents=True, exist_ok=True)
    for name, blob in files.items():
        (out / name).write_bytes(blob)
import edgekit.checks.exercise as _c
_c.dump = lambda value, folder: _write(_files)
"""
_REPORTS = {"reports": [{"opset": {"$array": "a0"}, "ops": {"$array": "a1"}, "inputs": {}}] * 3}


def _files(code: str, statuses: frozenset = FORGED, **more):
    return {"make": lambda m: m.wrong(export_model=_PREPARE + code + "\n" + m.stubs["export_model"]), "statuses": statuses, **more}


def _literal(files: dict[str, bytes]) -> str:
    return f"_files = {files!r}"


def _zip(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, blob in members.items():
            archive.writestr(name, blob)
    return made.getvalue()


def _npy(header: str, data: bytes = b"") -> bytes:
    text = header.encode().ljust(118)[:118] + b"\n" if len(header) < 118 else header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def _referring(npz: bytes) -> str:
    return _literal({"data.json": json.dumps(_REPORTS).encode(), "arrays.npz": npz})


def _pickled() -> bytes:
    class Evil:
        def __reduce__(self):
            return (eval, ("__import__('pathlib').Path('/tmp/edgekit-attack-unpickled').touch()",))

    made = io.BytesIO()
    np.savez(made, a0=np.array([Evil()], dtype=object), a1=np.zeros(1))
    return made.getvalue()


def _encrypted() -> bytes:
    blob = bytearray(_zip({"a0.npy": _npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", b"\0" * 8)}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        blob[blob.index(mark) + offset] |= 1
    return bytes(blob)


BOMB = (
    f"_reports = {_REPORTS!r}"
    + """
import io, zipfile
_made = io.BytesIO()
with zipfile.ZipFile(_made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as _z:
    for _name in ("a0.npy", "a1.npy"):
        with _z.open(_name, "w", force_zip64=True) as _f:
            _head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000,), }"
            _f.write(b"\\x93NUMPY\\x01\\x00" + (118).to_bytes(2, "little") + _head.ljust(117) + b"\\n")
            for _i in range(200):
                _f.write(bytes(2**20))
_files = {"data.json": json.dumps(_reports).encode(), "arrays.npz": _made.getvalue()}
"""
)
# The same with declared sizes that lie: unpacking 200 MB that call themselves 100 bytes.
LYING_BOMB = (
    BOMB
    + """
_blob = bytearray(_files["arrays.npz"])
_at = 0
while (_at := _blob.find(b"PK\\x01\\x02", _at)) >= 0:
    _blob[_at + 24 : _at + 28] = (100).to_bytes(4, "little")
    _at += 4
_files["arrays.npz"] = bytes(_blob)
"""
)

_LINKS = """
_out = pathlib.Path(os.environ["EDGEKIT_PROBE_DIR"]) / "describe" / "out"
def _link(value, folder):
    shutil.rmtree(_out, ignore_errors=True)
    {code}
_c.dump = _link
_files = {{}}
"""


def _model(code: str):
    """An export that writes a hostile model; ``code`` sets ``blob`` and may use onnx's helper."""
    head = """\
def export_model(model, path):
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from pathlib import Path
    import numpy as np
"""
    tail = "\n    Path(path).write_bytes(blob if isinstance(blob, bytes) else blob.SerializeToString())\n"
    body = "\n".join("    " + line for line in code.strip("\n").splitlines())
    return lambda m: m.wrong(export_model=head + body + tail)


_SHELL = """
def wrap(nodes, tensors=()):
    x = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 1, 28, 28])
    y = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])
    graph = helper.make_graph(nodes, "g", [x], [y], list(tensors))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
def outside(location, dims=(7840,), offset=0):
    t = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", str(offset)), ("length", str(4 * int(np.prod(dims))))):
        t.external_data.add(key=key, value=value)
    return t
flat = [helper.make_node("Flatten", ["input"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["logits"])]
"""
_LOOP = """
i = helper.make_tensor_value_info("i", TensorProto.INT64, [])
c, o = (helper.make_tensor_value_info(n, TensorProto.BOOL, []) for n in "co")
v, w = (helper.make_tensor_value_info(n, TensorProto.FLOAT, []) for n in ("v", "next"))
body = helper.make_graph([helper.make_node("Identity", ["c"], ["o"]), helper.make_node("Cos", ["v"], ["next"])], "body", [i, c, v], [o, w])
nodes = [helper.make_node("Loop", ["n", "yes", "zero"], ["end"], body=body), helper.make_node("Flatten", ["input"], ["f"]),
         helper.make_node("MatMul", ["f", "w"], ["m"]), helper.make_node("Add", ["m", "end"], ["logits"])]
tensors = [numpy_helper.from_array(np.array(2**62), "n"), numpy_helper.from_array(np.array(True), "yes"),
           numpy_helper.from_array(np.array(0, np.float32), "zero"), numpy_helper.from_array(np.zeros((784, 10), np.float32), "w")]
blob = wrap(nodes, tensors)
"""
_GREEDY = """
nodes = [helper.make_node("ConstantOfShape", ["s"], ["huge"]), helper.make_node("ReduceSum", ["huge"], ["one"], keepdims=0),
         helper.make_node("Flatten", ["input"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["m"]),
         helper.make_node("Add", ["m", "one"], ["logits"])]
blob = wrap(nodes, [numpy_helper.from_array(np.array([25 * 2**30]), "s"), numpy_helper.from_array(np.zeros((784, 10), np.float32), "w")])
"""
_DEEP_MODEL = """
out = [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)]
inner = helper.make_graph([helper.make_node("Identity", ["input"], ["z"])], "g", [], out)
for _ in range(90):
    node = helper.make_node("If", ["yes"], ["z"], then_branch=inner, else_branch=inner)
    if len(node.SerializeToString()) > 2**22: break
    inner = helper.make_graph([node], "g", [], out)
blob = wrap(list(inner.node) + flat, [numpy_helper.from_array(np.array(True), "yes"),
                                      numpy_helper.from_array(np.zeros((784, 10), np.float32), "w")])
"""

TEXT = "<script>alert(1)</script> =cmd|'/C calc'!A0 \\x1b[2J \\ud800 $\\\\frac{ ]]> \\x00"
SAYS = f"""
def export_model(*a, **k): raise ValueError("{TEXT}" * 100)
def describe(path): raise type("{TEXT[:8]}", (Exception,), {{}})("{TEXT}")
"""


def _forged_cause(m: Material) -> dict:
    code = f"""_files = {{"data.json": json.dumps({{"error": "{TEXT}", "cause": "{TEXT}"}}).encode()}}"""
    return m.wrong(export_model=_PREPARE + code + "\n" + m.stubs["export_model"])


ATTACKS = [
    Attack("npz bomb", **_files(BOMB)),
    Attack("npz bomb that lies about its size", **_files(LYING_BOMB)),
    Attack("pickle in the npz", **_files(_referring(_pickled()))),
    Attack("encrypted npz", **_files(_referring(_encrypted()))),
    Attack(
        "npz with odd headers",
        **_files(
            _referring(
                _zip(
                    {
                        "a0.npy": _npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 3), }", b"\0" * 24),
                        "a1.npy": _npy("{'descr': [('x', '|O')], 'fortran_order': False, 'shape': (" + "(" * 3000 + ")" * 3000 + ",), }"),
                    }
                )
            )
        ),
    ),
    Attack("deeply nested JSON", **_files('_files = {"data.json": b"[" * 100_000 + b"]" * 100_000}')),
    Attack(
        "JSON integer of a million digits", **_files('_files = {"data.json": b\'{"reports": [{"opset": \' + b"9" * 1_000_000 + b"}]}"}')
    ),
    Attack("JSON of ten million values", **_files('_files = {"data.json": b"[" + b"0," * 10_000_000 + b"0]"}')),
    Attack(
        "JSON with NaN, odd references, wrong types",
        **_files(
            '_files = {"data.json": b\'{"reports": [{"opset": NaN, "ops": {"$onnx": "../../in/model0"}, "inputs": {"$array": {"$array":'
            ' 1}}}, Infinity, null], "$onnx": -1}\'}'
        ),
    ),
    Attack(
        "results of NaN and infinity",
        lambda m: m.wrong(
            describe="def describe(path): return {'opset': float('nan'), 'ops': {'Relu': float('inf')}, 'inputs': {}}",
            parity="def parity(model, path, batches): return {b: float('nan') for b in batches}",
            mixes_images="def mixes_images(path): return float('nan')",
            gate="def gate(x, bright, dark): return x * float('nan')",
        ),
    ),
    Attack("out is a link to another folder", **_files(_LINKS.format(code="os.symlink('/etc', _out)"))),
    Attack(
        "data.json is a link to /etc/passwd", **_files(_LINKS.format(code="_out.mkdir(); os.symlink('/etc/passwd', _out / 'data.json')"))
    ),
    Attack(
        "data.json is a FIFO", **_files(_LINKS.format(code="_out.mkdir(); os.mkfifo(_out / 'data.json'); os.mkfifo(_out / 'arrays.npz')"))
    ),
    Attack("ten thousand result files", **_files(_LINKS.format(code="_out.mkdir(); [(_out / str(i)).touch() for i in range(10_000)]"))),
    Attack("results not UTF-8", **_files('_files = {"data.json": b"\\xff\\xfe{\\x00"}')),
    Attack("feedback with HTML, formulas, control codes", lambda m: m.wrong(export_model=SAYS), statuses=STOPPED),
    Attack("forged error and cause", _forged_cause, statuses=STOPPED),
    Attack("ONNX: weights in /etc/passwd", _model(_SHELL + 'blob = wrap(flat, [outside("/etc/passwd", (10, 10))])')),
    Attack("ONNX: weights by path traversal", _model(_SHELL + 'blob = wrap(flat, [outside("../" * 20 + "etc/passwd", (10, 10))])')),
    Attack("ONNX: weights in /dev/zero", _model(_SHELL + 'blob = wrap(flat, [outside("/dev/zero", (784, 10))])')),
    Attack(
        "ONNX: tensor declared with 4 TB",
        _model(_SHELL + 'blob = wrap(flat, [TensorProto(name="w", data_type=1, dims=[2**20, 2**20], raw_data=b"1234")])'),
    ),
    Attack(
        "ONNX: negative and overflowing dimensions",
        _model(_SHELL + 'blob = wrap(flat, [TensorProto(name="w", data_type=1, dims=[2**62, 8, -4], raw_data=b"1234")])'),
    ),
    Attack("ONNX: a loop without end", _model(_SHELL + _LOOP), statuses=STOPPED),
    Attack("ONNX: asks for 100 GB when run", _model(_SHELL + _GREEDY), statuses=FORGED),
    Attack("ONNX: nested without end", _model(_SHELL + _DEEP_MODEL), statuses=FORGED),
    Attack("ONNX: random bytes", _model("blob = b'\\x08\\x0a' + np.random.default_rng(0).bytes(100_000)")),
    Attack(
        "ONNX: path is a link to /etc/passwd",
        lambda m: m.wrong(export_model="def export_model(model, path):\n    import os\n    os.symlink('/etc/passwd', path)"),
    ),
]
