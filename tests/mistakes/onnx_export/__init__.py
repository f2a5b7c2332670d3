"""Wrong answers to lab 04."""

from tests.mistakes.onnx_export import describe, export_model, gate, mixes_images, parity

SETUP = """
import copy
from pathlib import Path
import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import nn
"""

MISTAKES = {
    "export_model": export_model.MISTAKES,
    "describe": describe.MISTAKES,
    "parity": parity.MISTAKES,
    "mixes_images": mixes_images.MISTAKES,
    "gate": gate.MISTAKES,
}
