"""The course's three models for pictures, those for signals by name, and the trained weights of both.

Pictures: float32 [N, 1, 28, 28] in [0, 1] to float32 logits [N, 10]. Signals: see `sequence_models`.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import nn

from edgekit import paths
from edgekit.files import sha256
from edgekit.zoo import sequence_models


class CheckpointError(RuntimeError):
    """A checkpoint is missing, altered, or belongs to another architecture; the message says which and what to do."""


class TinyCNN(nn.Module):
    """One 3x3 convolution with eight channels and one linear layer: 62,810 parameters, 62,730 of them in the last layer.

    The model that runs through the course. Most of its weights are in ``fc``, so that is what compression can shrink.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, 1, 1)
        self.relu = nn.ReLU()
        self.fc = nn.Linear(8 * 28 * 28, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.conv(x))
        return self.fc(x.view(x.size(0), -1))


class Residual(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al. 2016, "Deep residual learning"), halving the picture if ``stride`` is 2.

    Each ReLU is a module of its own: quantizers attach to modules, and one module used twice would get one range for both.
    """

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))
        self.relu2 = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu2(out + self.shortcut(x))


class EdgeCNN(nn.Module):
    """A small residual network with global average pooling: large enough for INT8, pruning, 2:4 and distillation to bite.

    The channels are ``width``, ``2 * width`` and ``4 * width``. ``width`` must be a multiple of 16, so that 2:4 sparsity (inputs
    a multiple of 16, outputs of 8) and the divisors of channel pruning apply to every 3x3 layer but the first.
    """

    def __init__(self, width: int = 32, num_classes: int = 10, in_channels: int = 1) -> None:
        super().__init__()
        if width < 16 or width % 16:
            raise ValueError(f"width must be a positive multiple of 16 (for 2:4 sparsity and pruning), got {width}")
        self.stem = nn.Sequential(nn.Conv2d(in_channels, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.block1 = Residual(width, width, 1)
        self.block2 = Residual(width, 2 * width, 2)
        self.block3 = Residual(2 * width, 4 * width, 2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten(1)
        self.fc = nn.Linear(4 * width, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block3(self.block2(self.block1(self.stem(x))))
        return self.fc(self.flatten(self.pool(x)))


class InvertedResidual(nn.Module):
    """Widen by a 1x1 convolution, filter each channel by itself, narrow again without an activation (Sandler et al. 2018, "MobileNetV2").

    The shortcut is there where the picture and the number of channels stay as they are.
    """

    def __init__(self, channels_in: int, channels: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = expand * channels_in
        self.expand = nn.Sequential(nn.Conv2d(channels_in, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU6())
        self.depthwise = nn.Sequential(nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False), nn.BatchNorm2d(wide), nn.ReLU6())
        self.project = nn.Sequential(nn.Conv2d(wide, channels, 1, bias=False), nn.BatchNorm2d(channels))
        self.adds = stride == 1 and channels_in == channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.project(self.depthwise(self.expand(x)))
        return x + out if self.adds else out


class DepthwiseCNN(nn.Module):
    """A small MobileNetV2: most of its arithmetic in 1x1 convolutions, its 3x3 filters depthwise.

    It stands beside EdgeCNN at less than a quarter of the MACs. Lab 05b measures what one INT8 scale for all of its channels costs: a
    depthwise filter has nine weights of its own. Its three stages have ``width``, ``2 * width`` and
    ``4 * width`` channels; ``expand`` is how much wider each block is inside, one number or one for each stage.
    """

    def __init__(self, width: int = 16, expand: int | Sequence[int] = 4, num_classes: int = 10, in_channels: int = 1) -> None:
        super().__init__()
        stages = (expand,) * 3 if isinstance(expand, int) else tuple(expand)
        if width < 4 or len(stages) != 3 or min(stages) < 1:
            raise ValueError(f"width must be at least 4, expand one or three numbers from 1 on; got {width}, {expand}")
        a, b, c = stages
        self.stem = nn.Sequential(nn.Conv2d(in_channels, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU6())
        self.blocks = nn.Sequential(
            InvertedResidual(width, width, 1, a),
            InvertedResidual(width, 2 * width, 2, b),
            InvertedResidual(2 * width, 2 * width, 1, b),
            InvertedResidual(2 * width, 4 * width, 2, c),
            InvertedResidual(4 * width, 4 * width, 1, c),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten(1)
        self.fc = nn.Linear(4 * width, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.flatten(self.pool(self.blocks(self.stem(x)))))


_FOR_PICTURES = {"tinycnn": TinyCNN, "edgecnn": EdgeCNN, "depthwisecnn": DepthwiseCNN}
_FOR_SIGNALS = {
    "wavecnn": sequence_models.WaveCNN,
    "spectrogramcnn": sequence_models.SpectrogramCNN,
    "gru": partial(sequence_models.Recurrent, "GRU"),
    "lstm": partial(sequence_models.Recurrent, "LSTM"),
    "crnn": sequence_models.CRNN,
    "tcn": sequence_models.CausalTCN,
}
_MODELS = _FOR_PICTURES | _FOR_SIGNALS


def build(name: str, *, seed: int | None = None, **options) -> nn.Module:
    """An untrained model: "tinycnn"; "edgecnn" with options width, num_classes and in_channels; "depthwisecnn" with expand as well;
    "wavecnn", "spectrogramcnn", "gru", "lstm", "crnn" and "tcn" with the options of their classes in `sequence_models`.

    With a ``seed`` its first weights depend on nothing else. ValueError for other names.
    """
    if name not in _MODELS:
        raise ValueError(f"there is no model {name!r}; there are {', '.join(sorted(_MODELS))}")
    if seed is None:
        return _MODELS[name](**options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _MODELS[name](**options)


def checkpoint_info(name: str, folder: str | Path | None = None) -> dict:
    """What is recorded about a shipped checkpoint: accuracy per split, seed, epochs, versions, device, date, command."""
    path = _folder(folder) / f"{name}.json"
    try:
        info = json.loads(path.read_text())
    except FileNotFoundError:
        shipped = sorted(p.stem for p in path.parent.glob("*.json"))
        raise CheckpointError(f"{path} is missing. Checkpoints there: {', '.join(shipped) or 'none'}. {_fix(name)}") from None
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON ({error}). {_fix(name)}") from None
    if not isinstance(info, dict) or not {"sha256", "model"} <= info.keys():
        raise CheckpointError(f"{path} has no entries 'sha256' and 'model'. {_fix(name)}")
    return info


def load_checkpoint(name: str, folder: str | Path | None = None) -> nn.Module:
    """A trained model in eval mode on the CPU, by its name: see :func:`build`.

    ``folder`` defaults to data/checkpoints. The file's SHA-256 must be the one in NAME.json, and only tensors are read from
    it (``weights_only``), so that no code in it runs. CheckpointError if it is missing, altered or does not fit.
    """
    info = checkpoint_info(name, folder)
    path = _folder(folder) / f"{name}.pt"
    if not path.is_file():
        raise CheckpointError(f"{path} is missing. {_fix(name)}")
    found = sha256(path)
    if found != info["sha256"]:
        raise CheckpointError(
            f"{path} was altered or cut off: SHA-256 {found[:12]}…, expected {info['sha256'][:12]}… "
            f"({path.stat().st_size} bytes). {_fix(name)}"
        )
    model = build(info["model"], **info.get("options", {}))
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError):
        raise CheckpointError(f"{path} holds something other than tensors and is not opened. {_fix(name)}") from None
    try:
        model.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        raise CheckpointError(f"{path} does not fit {type(model).__name__}: {error}. {_fix(name)}") from None
    return model.eval()


def _folder(folder: str | Path | None) -> Path:
    return Path(folder) if folder is not None else paths.data() / "checkpoints"


def _maker(name: str) -> str:
    return "make_signal_checkpoints.py" if name in _FOR_SIGNALS else "make_checkpoints.py"


def _fix(name: str) -> str:
    return (
        f"To restore it: git checkout -- data/checkpoints/{name}.pt data/checkpoints/{name}.json; "
        f"to train it again: python data/{_maker(name)} {name}"
    )
