"""Wrong answers to lab 07a."""

from tests.mistakes import Mistake

SETUP = """
import copy
from pathlib import Path
import modelopt.torch.quantization as mtq
import numpy as np
import onnx
import torch
from torch import nn
from edgekit.compression import qdq
"""


def _fake(body: str) -> str:
    return "def fake_quantize(x, scale, low, high):\n    " + body.replace("\n", "\n    ")


_CALIBRATE = """
def calibrate(model, splits, batch_size):
    {mode}
    with {grad}:
        for batch in {pictures}:
            model(batch)
"""


def _calibrate(
    mode="model.eval()", grad="torch.no_grad()", pictures='torch.from_numpy(splits["train"].x).split(batch_size)'
):
    return _CALIBRATE.format(mode=mode, grad=grad, pictures=pictures)


_STEP = """
def qat_step(weight, x, target, scale, bits, lr):
    w = weight.clone().requires_grad_()
    top = {top}
    q = {q}
    {loss}.backward()
    return {result}
"""


def _step(
    top="2 ** (bits - 1) - 1",
    q="torch.fake_quantize_per_tensor_affine(w, scale, 0, -top, top)",
    loss="nn.functional.mse_loss(x @ q.T, target)",
    result="(w - lr * w.grad).detach()",
):
    return _STEP.format(top=top, q=q, loss=loss, result=result)


_EXPORT = """
def export_qdq(model, path):
    {before}
    torch.onnx.export({model}, (torch.rand(2, 1, 28, 28),), path, {names}{axes}{more})
"""
_NAMES = 'input_names=["input"], output_names=["logits"], '
_AXES = 'dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}}, '


def _export(before="pass", model="model.eval()", names=_NAMES, axes=_AXES, more="dynamo=False"):
    return _EXPORT.format(before=before, model=model, names=names, axes=axes, more=more)


_LEVELS = """
def weight_levels(path):
    known = qdq.constants(path)
    levels = {{}}
    for node in onnx.load(path).graph.node:
        if node.op_type != "QuantizeLinear"{filter}:
            continue
        weight, scale = known{get}, known[node.input[1]]
        axis = next((a.i for a in node.attribute if a.name == "axis"), {default})
        if scale.size > 1:
            shape = [1] * weight.ndim
            shape[axis] = -1
            scale = scale.reshape(shape)
        levels[node.input[0]] = len(np.unique({integers}))
    return levels
"""


def _levels(
    filter=" or node.input[0] not in known",
    get="[node.input[0]]",
    default="1",
    integers="np.clip(np.round(weight / scale), -128, 127)",
):
    return _LEVELS.format(filter=filter, get=get, default=default, integers=integers)


MISTAKES = {
    "fake_quantize": [
        Mistake("plain round, no gradient", _fake("return (x / scale).clamp(low, high).round() * scale"), says="straight through"),
        Mistake("gradient passes beyond the range", _fake("y = (x / scale).round().clamp(low, high) * scale\nreturn x + (y - x).detach()"), says="beyond the grid"),
        Mistake("everything detached", _fake("return ((x / scale).clamp(low, high).round() * scale).detach()"), says="no longer depends on x"),
        Mistake("no clip", _fake("y = x / scale\nreturn (y + (y.round() - y).detach()) * scale"), says="clipped to its end"),
        Mistake("integers returned", _fake("y = (x / scale).clamp(low, high)\nreturn y + (y.round() - y).detach()"), says="Multiply by the scale"),
        Mistake("truncates", _fake("y = (x / scale).clamp(low, high)\nreturn (y + (y.floor() - y).detach()) * scale"), says="round to the nearest"),
        Mistake("scale detached with the error", _fake("y = (x / scale).clamp(low, high)\nreturn y + (y.round() * scale - y).detach()"), says="cancel in the backward pass"),
        Mistake("half away from zero", _fake("y = (x / scale).clamp(low, high)\nreturn (y + (y.sign() * (y.abs() + 0.5).floor() - y).detach()) * scale"), says="The even one wins"),
        Mistake("torch's own", _fake("return torch.fake_quantize_per_tensor_affine(x, scale, 0, low, high)"), says="is what this exercise builds"),
        Mistake("printed, not returned", _fake("y = (x / scale).clamp(low, high)\nprint((y + (y.round() - y).detach()) * scale)"), says="Did you forget `return`"),
    ],
    "calibrate": [
        Mistake("train mode", _calibrate(mode="pass"), says="train mode"),
        Mistake("test pictures", _calibrate(pictures='torch.from_numpy(splits["test"].x).split(batch_size)'), says="test pictures"),
        Mistake("bytes", _calibrate(pictures='torch.from_numpy(splits["train"].images[:, None]).float().split(batch_size)'), says="255 times too wide"),
        Mistake("only the first batch", _calibrate(pictures='[torch.from_numpy(splits["train"].x[:batch_size])]'), says="never shown"),
        Mistake("last batch dropped", _calibrate(pictures='torch.from_numpy(splits["train"].x[: len(splits["train"]) // batch_size * batch_size]).split(batch_size)'), says="never shown"),
        Mistake("all at once", _calibrate(pictures='[torch.from_numpy(splits["train"].x)]'), says="asked was a batch size"),
        Mistake("gradients recorded", _calibrate(grad="torch.enable_grad()"), says="no_grad"),
        Mistake("never run", "def calibrate(model, splits, batch_size):\n    model.eval()\n", says="never called"),
        Mistake("a copy is shown them", _calibrate(mode="model = copy.deepcopy(model).eval()"), says="A copy of it"),
        Mistake("normalized pictures", _calibrate(pictures='((torch.from_numpy(splits["train"].x) - 0.5) / 0.5).split(batch_size)'), says="normalized"),
        Mistake("bytes as they are", _calibrate(pictures='torch.from_numpy(splits["train"].images[:, None]).split(batch_size)'), says="255 times too wide"),
        Mistake("one picture at a time", _calibrate(pictures='torch.from_numpy(splits["train"].x).split(1)'), says="many small batches"),
        Mistake("gradients left off", _calibrate(mode="model.eval()\n    torch.set_grad_enabled(False)"), says="still switched off"),
        Mistake("parameters frozen", _calibrate(mode="model.eval().requires_grad_(False)", grad="torch.enable_grad()"), says="leaves the parameters alone"),
    ],
    "qat_step": [
        Mistake("plain round", _step(q="w + 0 * w.sum() + ((w / scale).round().clamp(-top, top) * scale - w).detach() - (w - w.detach())"), says="did not move"),
        Mistake("returns the rounded weight", _step(result="torch.fake_quantize_per_tensor_affine((w - lr * w.grad).detach(), scale, 0, -top, top)"), says="Small steps are lost"),
        Mistake("steps from the rounded weight", _step(result="(q - lr * w.grad).detach()"), says="float weight that came in"),
        Mistake("float forward pass", _step(loss="nn.functional.mse_loss(x @ w.T, target)"), says="must compute with the rounded one"),
        Mistake("uphill", _step(result="(w + lr * w.grad).detach()"), says="uphill"),
        Mistake("sum instead of mean", _step(loss="((x @ q.T - target) ** 2).sum()"), says="*mean*"),
        Mistake("mean over the batch only", _step(loss="((x @ q.T - target) ** 2).sum(1).mean()"), says="*mean*"),
        Mistake("one bit too many", _step(top="2**bits - 1"), says="symmetric"),
        Mistake("clipped weights move", _step(q="w + ((w / scale).round().clamp(-top, top) * scale - w).detach()"), says="beyond the grid moved"),
        Mistake("lowest level one too low", _step(q="torch.fake_quantize_per_tensor_affine(w, scale, 0, -top - 1, top)"), says="symmetric"),
        Mistake("no clip", _step(q="w + ((w / scale).round() * scale - w).detach()"), says="were not clipped"),
        Mistake("cut off, not rounded", _step(q="(lambda v: v + (v.trunc() - v).detach())((w / scale).clamp(-top, top)) * scale"), says="round to the nearest"),
        Mistake("integers in the forward pass", _step(q="torch.fake_quantize_per_tensor_affine(w, scale, 0, -top, top) / scale"), says="multiply them by the scale"),
        Mistake("gradient returned", _step(result="w.grad"), says="wanted is the weight"),
        Mistake("result clipped", _step(result="(w - lr * w.grad).detach().clamp(-top * scale, top * scale)"), says="may lie beyond"),
        Mistake("Adam", _step(result="w - lr * w.grad.sign()"), says="as with Adam"),
        Mistake("weight changed in place", _step(result="weight.copy_((w - lr * w.grad).detach())"), says="changed in place"),
    ],
    "export_qdq": [
        Mistake("fake quantization disabled", _export(before='mtq.disable_quantizer(model, "*")'), says="quantizers enabled"),
        Mistake("weights folded", _export(before="mtq.fold_weight(model)"), says="quantizers enabled"),
        Mistake("only inputs' quantizers disabled", _export(before='mtq.disable_quantizer(model, "*input_quantizer")'), says="take their input without"),
        Mistake("batch left static", _export(axes=""), says="dynamic_axes"),
        Mistake("no names", _export(names="", axes=""), says="input_names"),
        Mistake("training mode kept", _export(model="model.train()", more="dynamo=False, training=torch.onnx.TrainingMode.PRESERVE"), says="training mode"),
        Mistake("ranges far too wide", _export(before="[setattr(m.input_quantizer, 'amax', m.input_quantizer.amax * 300) for m in model.modules() if hasattr(m, 'input_quantizer') and m.input_quantizer.amax is not None]"), says="differs from the quantized model"),
        Mistake("softmax behind the logits", _export(model="nn.Sequential(model, nn.Softmax(1)).eval()"), says="a softmax for one"),
        Mistake("newer exporter", _export(more=""), says="pass dynamo=False"),
        Mistake("height and width dynamic too", _export(axes='dynamic_axes={"input": {0: "batch", 2: "h", 3: "w"}, "logits": {0: "batch"}}, '), says="only dimension 0"),
    ],
    "weight_levels": [
        Mistake("float values counted", _levels(integers="weight"), says="*real* values"),
        Mistake("not rounded", _levels(integers="np.clip(weight / scale, -128, 127)"), says="and round"),
        Mistake("activations too", _levels(filter="", get='.get(node.input[0], np.zeros((2, 2)))'), says="no quantized weight"),
        Mistake("no clip", _levels(integers="np.round(weight / scale)"), says="clip"),
        Mistake("axis 0 assumed", _levels(default="0"), says="raised ValueError"),
        Mistake("one scale for all", _levels(integers="np.clip(np.round(weight / scale.max()), -128, 127)"), says="broadcasts"),
        Mistake("cut off, not rounded", _levels(integers="np.clip(weight / scale, -128, 127).astype(np.int8)"), says="Round to the nearest"),
        Mistake("clipped at -127", _levels(integers="np.clip(np.round(weight / scale), -127, 127)"), says="not from -127"),
        Mistake("unsigned", _levels(integers="np.clip(np.round(weight / scale), 0, 255)"), says="negative integers count"),
        Mistake("range instead of levels", _levels(integers="np.arange(np.ptp(np.clip(np.round(weight / scale), -128, 127)) + 1)"), says="that occur"),
        Mistake("constants from nodes forgotten", _levels().replace("qdq.constants(path)", "{t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}"), says="raised KeyError"),
    ],
}  # fmt: skip
