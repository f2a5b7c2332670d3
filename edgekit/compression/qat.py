"""Quantizing with NVIDIA Model Optimizer, below eight bits too, and getting the result into an ONNX file that INT8 engines read."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from edgekit import export
from edgekit.files import folder_beside
from edgekit.formatting import one_line
from edgekit.silence import quiet
from edgekit.zoo import training

# Model Optimizer computes 0 for a range up to 2**-24, but its exporter writes the step 1 for a range of 0. This range is nothing as well,
# and its step in eight bits is still a number in float16.
NO_RANGE, TINY_RANGE = 2.0**-24, 2.0**-17


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
    """A calibration function for ``mtq.quantize``: shows every picture (a Split, or float32 [N, 1, 28, 28]) to a model once, in eval
    mode."""
    images = torch.from_numpy(getattr(pictures, "x", pictures))

    @torch.no_grad()  # not inference_mode: ranges observed there cannot take part in training later
    def show(model: nn.Module) -> None:
        for batch in images.split(batch_size):
            model.eval()(batch)

    return show


class QatError(ValueError):
    """A model or pictures that Model Optimizer does not quantize; the message says what to change."""


def ptq(model: nn.Module, pictures, weight_bits: int = 8) -> nn.Module:
    """A quantized copy of ``model`` in eval mode, calibrated on ``pictures`` (a Split, or float32 [N, ...] as the model takes them).

    Raises QatError for pictures that are none (empty, NaN, all zero, another type than the model's), and for a model without a layer to
    quantize.
    """
    import modelopt.torch.quantization as mtq

    shown = _checked(model, pictures)
    with quiet():  # it says how many quantizers it inserted
        try:
            quantized = mtq.quantize(copy.deepcopy(model).eval(), config(weight_bits), pictures_loop(shown))
        except RuntimeError as error:
            if "nothing would be quantized" not in str(error):
                raise QatError(f"{type(model).__name__} does not run on pictures {list(shown.shape)}: {one_line(error)}") from error
            raise QatError(
                f"{type(model).__name__} has no layer that Model Optimizer quantizes (nn.Conv2d, nn.Linear ...): weights that "
                "forward uses by itself (functional.conv2d) are not seen. Fix: make them a layer."
            ) from error
    quantized.edgekit_example = torch.from_numpy(shown[:1])  # to_onnx knows by it what the model takes
    return quantized


def _checked(model: nn.Module, pictures) -> np.ndarray:
    array = np.asarray(getattr(pictures, "x", pictures))
    if not array.ndim or not len(array):
        raise QatError("there are no pictures to calibrate on: without them there are no ranges. Fix: pass at least a few dozen.")
    weight = next((p for p in model.parameters() if p.is_floating_point()), None)
    wanted = str(weight.dtype).removeprefix("torch.") if weight is not None else "float32"
    if array.dtype.kind != "f" or (wanted in ("float16", "float32", "float64") and str(array.dtype) != wanted):
        raise QatError(
            f"the pictures are {array.dtype}, the model takes {wanted}. Fix: scale them as in training ((x / 255).astype('{wanted}'))."
        )
    if not np.isfinite(array).all():
        raise QatError(f"the pictures contain NaN or infinity (in {int((~np.isfinite(array)).sum())} of {array.size} values)")
    if not array.any():
        raise QatError(
            "every value of the pictures is 0, so the model's input has no range. Fix: calibrate on pictures like those it will see."
        )
    return array


def qat(model: nn.Module, train, weight_bits: int = 8, *, epochs: int = 1, lr: float = 1e-3, calibrate: int = 256) -> nn.Module:
    """``ptq`` on ``calibrate`` of the training pictures, then training on all of them with the quantizers at work."""
    quantized = ptq(model, train.subset(min(calibrate, len(train))), weight_bits)
    training.fit(quantized, train, epochs=epochs, lr=lr)
    return quantized


@torch.no_grad()
def in_int8(model: nn.Module) -> nn.Module:
    """A copy whose weights of fewer bits are stored in INT8 quantizers, without changing what it computes.

    ONNX and the engines have no INT2 or INT3. A symmetric grid of b bits has the levels -t..t with t = 2**(b-1) - 1. The same step in eight
    bits has the levels -127..127, so the weights, once rounded to their grid, lie on that one too: the range grows to 127 / t. A layer
    whose input was always 0 during calibration computes 0 here, and does so in the file.
    """
    model = copy.deepcopy(model)
    for module in model.modules():
        quantizer = getattr(module, "weight_quantizer", None)
        if quantizer is not None and quantizer.is_enabled and quantizer.num_bits != 8:
            top = 2 ** (quantizer.num_bits - 1) - 1
            module.weight.copy_(quantizer(module.weight))
            range_now = quantizer.amax.clone()
            quantizer.num_bits, quantizer.amax = 8, range_now * 127 / top
        quantizer = getattr(module, "input_quantizer", None)
        if quantizer is not None and quantizer.is_enabled and quantizer.amax is not None:
            quantizer.amax = quantizer.amax.masked_fill(quantizer.amax <= NO_RANGE, TINY_RANGE)
    return model


def to_onnx(model: nn.Module, path, example=None, *, input_names=("input",), output_names=("logits",), dynamic_batch=True) -> Path:
    """Q/DQ file of a model quantized here, weights stored as int8; checked by onnx. ``example`` and names: see export.to_onnx; default
    what the model was calibrated on.

    Raises ExportError as export.to_onnx does (a model calibrated elsewhere needs an example unless it takes 1x28x28); QatError for a
    folder that cannot be written.
    """
    from edgekit.compression import qdq

    path = Path(path)
    if example is None:
        example = getattr(model, "edgekit_example", None)
    with folder_beside(path, ".qat-", QatError) as folder, warnings.catch_warnings():
        # the tracer points at Model Optimizer's own range checks, whose result is fixed after calibration
        warnings.filterwarnings("ignore", message="to_onnx: the tracer fixed a value.*tensor_quant")
        draft = Path(folder) / path.name
        # dynamo stops at the quantizers' data-dependent guards
        export.to_onnx(
            in_int8(model), draft, example, input_names=input_names, output_names=output_names, dynamic_batch=dynamic_batch, dynamo=False
        )
        return qdq.store_int8(draft, path)
