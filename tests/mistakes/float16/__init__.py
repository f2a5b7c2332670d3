"""Wrong answers to lab 05c."""

from tests.mistakes.float16 import first_overflow, nodes_to_keep, round_trip, to_float16

SETUP = """
import warnings
import numpy as np
import onnx
import onnxruntime as ort
from onnxconverter_common import float16
warnings.filterwarnings("ignore", message="the float32 number .* will be truncated")
"""

MISTAKES = {
    "round_trip": round_trip.MISTAKES,
    "to_float16": to_float16.MISTAKES,
    "first_overflow": first_overflow.MISTAKES,
    "nodes_to_keep": nodes_to_keep.MISTAKES,
}
