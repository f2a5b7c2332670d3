"""Wrong answers to lab 04."""

from tests.mistakes import Mistake

SETUP = """
import copy
from pathlib import Path
import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import nn
"""

_EXPORT = """
def export_model(model, path):
    torch.onnx.export({model}, (torch.rand(2, 1, 28, 28),), path, {names}{dynamic}external_data={external}, verbose=False)
"""
_NAMES = 'input_names=["input"], output_names=["logits"], '
_DYNAMIC = 'dynamic_shapes={"x": {0: "batch"}}, '


def _export(model="model.eval()", names=_NAMES, dynamic=_DYNAMIC, external="False"):
    return _EXPORT.format(model=model, names=names, dynamic=dynamic, external=external)


_PARITY = """
def parity(model, path, batches):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    errors = {{}}
    for n in {batches}:
        x = np.random.default_rng(n).random((n, 1, 28, 28), dtype=np.float32)
        expected = model{mode}(torch.from_numpy(x)).detach().numpy()
        try:
            got = session.run(None, {{"input": x}})[0]
            errors[n] = float({error})
        except Exception:
            {on_error}
    return errors
"""


def _parity(
    batches="batches", mode=".eval()", error="np.abs(got - expected).max()", on_error='errors[n] = float("inf")'
):
    return _PARITY.format(batches=batches, mode=mode, error=error, on_error=on_error)


_MIXES = """
def mixes_images(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    {images}
    together = session.run(None, {{"input": images}})[0]
    alone = np.concatenate([session.run(None, {{"input": images[i : i + 1]}})[0] for i in range(len(images))])
    return {verdict}
"""
_IMAGES = "images = np.random.default_rng(0).random((4, 1, 28, 28), dtype=np.float32) * np.arange(1, 5, dtype=np.float32).reshape(4, 1, 1, 1)"
_ALLCLOSE = "not np.allclose(together, alone, rtol=1e-3, atol=1e-4 * np.abs(alone).max())"

_DESCRIBE = """
def describe(path):
    proto = onnx.load(path)
    ops = {{}}
    for node in proto.graph.node:
        ops[node.op_type] = {count}
    inputs = {{v.name: [{dim} for d in v.type.tensor_type.shape.dim] for v in proto.graph.input}}
    return {{"opset": {opset}, "ops": ops, "inputs": inputs}}
"""
_COUNT = "ops.get(node.op_type, 0) + 1"
_DIM = 'd.dim_value if d.HasField("dim_value") else d.dim_param or None'
_OPSET = 'next(o.version for o in proto.opset_import if o.domain == "")'

MISTAKES = {
    "export_model": [
        Mistake("batch left static", _export(dynamic=""), says="batch dimension is fixed"),
        Mistake("no names", _export(names=""), says="input_names"),
        Mistake("external data", _export(external="True"), says="external data"),
        Mistake("fresh weights", _export(model="type(model)().eval()"), says="fresh weights"),
        Mistake(
            "height and width dynamic too",
            """
def export_model(model, path):
    torch.onnx.export(model.eval(), (torch.rand(2, 1, 28, 28),), path, input_names=["input"], output_names=["logits"], dynamo=False,
                      dynamic_axes={"input": {0: "batch", 2: "height", 3: "width"}})
""",
            says="only dimension 0",
        ),
        Mistake("batch dimension renamed afterwards", _export(dynamic="dynamo=False, ", external="False") + '    model = onnx.load(path)\n    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"\n    onnx.save(model, path)\n', says="renamed in the file"),
        Mistake("softmax added", _export(model="nn.Sequential(model, nn.Softmax(1)).eval()", dynamic='dynamo=False, dynamic_axes={"input": {0: "batch"}}, '), says="a softmax of the logits"),
        Mistake("a string for a list of names", _export(names='input_names="input", output_names="logits", '), says="lists of names"),
        Mistake("another file name", _export().replace("path, in", "str(path) + '.onnx', in"), says="no file was written"),
    ],
    "describe": [
        Mistake("first opset import", _DESCRIBE.format(count=_COUNT, dim=_DIM, opset="proto.opset_import[0].version"), says="one opset per domain"),
        Mistake("highest version", _DESCRIBE.format(count=_COUNT, dim=_DIM, opset="max(o.version for o in proto.opset_import)"), says="one opset per domain"),
        Mistake("numbers as strings", _DESCRIBE.format(count=_COUNT, dim='str(d.dim_value) if d.HasField("dim_value") else d.dim_param or None', opset=_OPSET), says="without str()"),
        Mistake("outputs among the inputs", _DESCRIBE.format(count=_COUNT, dim=_DIM, opset=_OPSET).replace("in proto.graph.input", "in [*proto.graph.input, *proto.graph.output]"), says="graph.input"),
        Mistake("IR version for opset", _DESCRIBE.format(count=_COUNT, dim=_DIM, opset="proto.ir_version"), says="opset is 8"),
        Mistake("a set of operators, not a count", _DESCRIBE.format(count="1", dim=_DIM, opset=_OPSET), says="count every node"),
        Mistake("unset dimension read as 0", _DESCRIBE.format(count=_COUNT, dim="d.dim_param or d.dim_value", opset=_OPSET), says="HasField"),
    ],
    "parity": [
        Mistake("sign kept", _parity(error="(got - expected).min()"), says="*absolute*"),
        Mistake("signed maximum", _parity(error="(expected - got).max()"), says="*absolute*"),
        Mistake("mean instead of maximum", _parity(error="np.abs(expected - got).mean()"), says="*absolute*"),
        Mistake("first image only", _parity(error="np.abs(got[0] - expected[0]).max()"), says="over all images"),
        Mistake("mean over the images", _parity(error="np.abs(got - expected).max(axis=1).mean()"), says="over all images"),
        Mistake("train mode set", _parity(mode=".train()"), says="eval mode"),
        Mistake("train mode", _parity(mode=""), says="eval()"),
        Mistake("only a batch of one", _parity(batches="[1]"), says="asked were"),
        Mistake("failing batch left out", _parity(on_error="continue"), says="asked were"),
        Mistake("failure reported as 0", _parity(on_error="errors[n] = 0.0"), says="agrees with nothing"),
        Mistake("compares classes, not logits", _parity(error="(got.argmax(1) != expected.argmax(1)).mean()"), says="*absolute*"),
    ],
    "mixes_images": [
        Mistake("copies of one image", _MIXES.format(images="images = np.repeat(np.random.default_rng(0).random((1, 1, 28, 28), dtype=np.float32), 4, axis=0)", verdict=_ALLCLOSE), says="images of your batch differ"),
        Mistake("exact comparison", _MIXES.format(images=_IMAGES, verdict="bool((together != alone).any())"), says="tolerance relative"),
        Mistake("fixed absolute tolerance", _MIXES.format(images=_IMAGES, verdict="not np.allclose(together, alone, rtol=0, atol=1e-6)"), says="tolerance relative"),
        Mistake(
            "the same batch twice",
            """
def mixes_images(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).random((4, 1, 28, 28), dtype=np.float32)
    first, second = (session.run(None, {"input": images})[0] for _ in range(2))
    return not np.allclose(first, second)
""",
            says="one by one",
        ),
        Mistake("fixed tolerance of a tenth", _MIXES.format(images=_IMAGES, verdict="bool(np.abs(together - alone).max() > 0.1)"), says="A fixed tolerance of that size"),
        Mistake("new images for the second run", _MIXES.format(images=_IMAGES + "; rng = np.random.default_rng()", verdict=_ALLCLOSE).replace("images[i : i + 1]}", "rng.random((1, 1, 28, 28), dtype=np.float32)}"), says="the same images"),
        Mistake("answer the wrong way round", _MIXES.format(images=_IMAGES, verdict=_ALLCLOSE.removeprefix("not ")), says="every answer the wrong way round"),
    ],
    "gate": [
        Mistake("if kept", "def gate(x, bright, dark):\n    if x.mean() > 0.5:\n        return bright(x)\n    return dark(x)\n", says="data-dependent"),
        Mistake("one decision per batch", "def gate(x, bright, dark):\n    return torch.where(x.mean() > 0.5, bright(x), dark(x))\n", says="own mean"),
        Mistake("decision per pixel", "def gate(x, bright, dark):\n    return torch.where(x > 0.5, bright(x), dark(x))\n", says="each pixel"),
        Mistake("branches swapped", "def gate(x, bright, dark):\n    return torch.where(x.mean(dim=(1, 2, 3), keepdim=True) > 0.5, dark(x), bright(x))\n", says="wrong branch"),
        Mistake("decision per row", "def gate(x, bright, dark):\n    return torch.where(x.mean(dim=3, keepdim=True) > 0.5, bright(x), dark(x))\n", says="one decision for an image"),
        Mistake("most of the pixels", "def gate(x, bright, dark):\n    return torch.where((x > 0.5).float().mean(dim=(1, 2, 3), keepdim=True) > 0.5, bright(x), dark(x))\n", says="own mean"),
        Mistake("input masked, not the answers", "def gate(x, bright, dark):\n    m = (x.mean(dim=(1, 2, 3), keepdim=True) > 0.5).float()\n    return bright(m * x) + dark((1 - m) * x)\n", says="neither bright(x) nor dark(x)"),
        Mistake("sorted by branch", "def gate(x, bright, dark):\n    m = x.mean(dim=(1, 2, 3)) > 0.5\n    return torch.cat([bright(x[m]), dark(x[~m])])\n", says="where they are"),
        Mistake("decisions in a Python list", "def gate(x, bright, dark):\n    m = torch.tensor([image.mean() > 0.5 for image in x])\n    return torch.where(m.view(-1, 1, 1, 1), bright(x), dark(x))\n", says="data-dependent"),
        Mistake("keepdim forgotten", "def gate(x, bright, dark):\n    return torch.where(x.mean(dim=(1, 2, 3)) > 0.5, bright(x), dark(x))\n", says="raised RuntimeError"),
    ],
}  # fmt: skip
