"""Wrong answers to lab 05b."""

from tests.mistakes.post_training_quantization import conclude, make_reader, quantize_model, sensitivity, tensorrt_problems

SETUP = """
import tempfile
from pathlib import Path
import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from edgekit.compression import quantization
work = Path(tempfile.mkdtemp())
def run(path, x):
    return ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"input": x})[0]
"""

MISTAKES = {
    "make_reader": make_reader.MISTAKES,
    "quantize_model": quantize_model.MISTAKES,
    "sensitivity": sensitivity.MISTAKES,
    "tensorrt_problems": tensorrt_problems.MISTAKES,
    "conclude": conclude.MISTAKES,
}
