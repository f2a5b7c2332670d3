"""Wrong answers to lab 07a."""

from tests.mistakes.qat import calibrate, export_qdq, fake_quantize, qat_step, weight_levels

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

MISTAKES = {
    "fake_quantize": fake_quantize.MISTAKES,
    "calibrate": calibrate.MISTAKES,
    "qat_step": qat_step.MISTAKES,
    "export_qdq": export_qdq.MISTAKES,
    "weight_levels": weight_levels.MISTAKES,
}
