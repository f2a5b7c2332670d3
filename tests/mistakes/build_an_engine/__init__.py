"""Wrong answers to lab 06a."""

from tests.mistakes.build_an_engine import (
    batch_profile,
    build_engine,
    build_network,
    choose_targets,
    instead_of_lp_pool,
    quantize_for_trt,
    refuses,
)

SETUP = """
import hashlib
from collections import Counter
from pathlib import Path
import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static
"""

MISTAKES = {
    "build_network": build_network.MISTAKES,
    "batch_profile": batch_profile.MISTAKES,
    "build_engine": build_engine.MISTAKES,
    "quantize_for_trt": quantize_for_trt.MISTAKES,
    "instead_of_lp_pool": instead_of_lp_pool.MISTAKES,
    "refuses": refuses.MISTAKES,
    "choose_targets": choose_targets.MISTAKES,
}
