"""Wrong answers to lab 07b."""

from tests.mistakes.structured_pruning import prune_to, score, search_space, searchable_tiny

SETUP = """
import copy
import os
import tempfile
import modelopt.torch.nas as mtn
import modelopt.torch.prune as mtp
import torch
from modelopt.torch.opt.utils import named_hparams
from modelopt.torch.prune.pruning import PruneModeRegistry
from torch import nn
from edgekit.compression.pruning import fastnas_rules, free_widths
CHECKPOINT = os.path.join(tempfile.mkdtemp(), "search.pth")
"""

MISTAKES = {
    "score": score.MISTAKES,
    "search_space": search_space.MISTAKES,
    "searchable_tiny": searchable_tiny.MISTAKES,
    "prune_to": prune_to.MISTAKES,
}
