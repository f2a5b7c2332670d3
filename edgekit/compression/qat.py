"""Quantizing with NVIDIA Model Optimizer, below eight bits too, and getting the result into an ONNX file that INT8 engines read."""

from __future__ import annotations

import contextlib
import copy
import io
import warnings
from pathlib import Path

import torch
from torch import nn

from edgekit import export
from edgekit.zoo import training


def config(weight_bits: int = 8) -> dict:
    """Model Optimizer's INT8_DEFAULT_CFG (weights per output channel, activations per tensor, both symmetric) with other weights.

    weight_bits: 2 to 8. ValueError otherwise. The default itself is not changed.
    """
    import modelopt.torch.quantization as mtq

    if not 2 <= weight_bits <= 8:
        raise ValueError(f"weight_bits must be 2 to 8, got {weight_bits}")
    wanted = copy.deepcopy(mtq.INT8_DEFAULT_CFG)
    for entry in wanted["quant_cfg"]:
        if entry["quantizer_name"] == "*weight_quantizer":
            entry["cfg"]["num_bits"] = weight_bits
    return wanted


def pictures_loop(pictures, batch_size: int = 64):
    """A calibration function for ``mtq.quantize``: shows every picture (a Split, or float32 [N, 1, 28, 28]) to a model once, in eval mode."""
    images = torch.from_numpy(getattr(pictures, "x", pictures))

    @torch.no_grad()  # not inference_mode: ranges observed there cannot take part in training later
    def show(model: nn.Module) -> None:
        for batch in images.split(batch_size):
            model.eval()(batch)

    return show


def ptq(model: nn.Module, pictures, weight_bits: int = 8) -> nn.Module:
    """A quantized copy of ``model`` in eval mode, calibrated on ``pictures`` (a Split, or float32 [N, 1, 28, 28])."""
    import modelopt.torch.quantization as mtq

    with contextlib.redirect_stdout(io.StringIO()):  # it says how many quantizers it inserted
        return mtq.quantize(copy.deepcopy(model).eval(), config(weight_bits), pictures_loop(pictures))


def qat(
    model: nn.Module, train, weight_bits: int = 8, *, epochs: int = 1, lr: float = 1e-3, calibrate: int = 256
) -> nn.Module:
    """``ptq`` on ``calibrate`` of the training pictures, then training on all of them with the quantizers at work."""
    quantized = ptq(model, train.subset(min(calibrate, len(train))), weight_bits)
    training.fit(quantized, train, epochs=epochs, lr=lr, progress=False)
    return quantized


@torch.no_grad()
def in_int8(model: nn.Module) -> nn.Module:
    """A copy whose weights of fewer bits are stored in INT8 quantizers, without changing what it computes.

    ONNX and the engines have no INT2 or INT3. A symmetric grid of b bits has the levels -t..t with t = 2**(b-1) - 1. The same step in eight
    bits has the levels -127..127, so the weights, once rounded to their grid, lie on that one too: the range grows to 127 / t.
    """
    model = copy.deepcopy(model)
    for module in model.modules():
        quantizer = getattr(module, "weight_quantizer", None)
        if quantizer is not None and quantizer.is_enabled and quantizer.num_bits != 8:
            top = 2 ** (quantizer.num_bits - 1) - 1
            module.weight.copy_(quantizer(module.weight))
            range_now = quantizer.amax.clone()
            quantizer.num_bits, quantizer.amax = 8, range_now * 127 / top
    return model


def to_onnx(model: nn.Module, path) -> Path:
    """Q/DQ file of a model quantized here, weights stored as int8: input "input", output "logits", dynamic batch; checked by onnx."""
    from edgekit.compression import qdq

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".float-weights.onnx")
    try:
        with (
            warnings.catch_warnings()
        ):  # the tracer points at Model Optimizer's own range checks, whose result is fixed after calibration
            warnings.filterwarnings("ignore", message="to_onnx: the tracer fixed a value.*tensor_quant")
            export.to_onnx(in_int8(model), draft, dynamo=False)  # dynamo stops at the quantizers' data-dependent guards
        return qdq.store_int8(draft, path)
    finally:
        draft.unlink(missing_ok=True)
