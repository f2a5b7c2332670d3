"""Wrong answers to lab 07c."""

from tests.mistakes.sparsity_2_4 import eligible, pack_2_4, sparse_weights, sparsify_and_tune

SETUP = """
import copy
import modelopt.torch.sparsity as mts
import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
"""

MISTAKES = {
    "eligible": eligible.MISTAKES,
    "sparsify_and_tune": sparsify_and_tune.MISTAKES,
    "sparse_weights": sparse_weights.MISTAKES,
    "pack_2_4": pack_2_4.MISTAKES,
}
