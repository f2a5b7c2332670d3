"""Wrong answers to lab 06c."""

from tests.mistakes.precision import choose_precision, fp8_quantize, layer_precisions, round_mantissa

SETUP = """
from pathlib import Path
import numpy as np
import onnx
"""

MISTAKES = {
    "round_mantissa": round_mantissa.MISTAKES,
    "fp8_quantize": fp8_quantize.MISTAKES,
    "layer_precisions": layer_precisions.MISTAKES,
    "choose_precision": choose_precision.MISTAKES,
}
