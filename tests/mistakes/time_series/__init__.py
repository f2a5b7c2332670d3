"""Wrong answers to lab 03g."""

from tests.mistakes.time_series import export_streaming, quantize_where_it_pays, receptive_field, stft, stream_step, streaming_budget

SETUP = """
import shutil

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn

from edgekit import export
"""

MISTAKES = {
    "receptive_field": receptive_field.MISTAKES,
    "stft": stft.MISTAKES,
    "stream_step": stream_step.MISTAKES,
    "export_streaming": export_streaming.MISTAKES,
    "quantize_where_it_pays": quantize_where_it_pays.MISTAKES,
    "streaming_budget": streaming_budget.MISTAKES,
}
