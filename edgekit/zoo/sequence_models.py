"""Small networks for time series: CNN-1D, GRU and LSTM, TCN, spectrogram CNN, CRNN; and the spectrogram itself as a layer.

The classifiers take a whole word, float32 [N, 1, samples], or its frames, float32 [N, frames, bins], as each class says, and return float32
logits [N, 8]. `CausalTCN` predicts the next sample and takes float32 [N, 1, samples].
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

WINDOW, HOP = 128, 64  # samples: 32 ms and 16 ms at 4 kHz
BINS = WINDOW // 2 + 1


def frames(x: np.ndarray) -> np.ndarray:
    """Log-magnitude spectrogram outside of any model, by NumPy: float32 [N, 1, samples] -> [N, frames, BINS].

    Hann windows of 128 samples every 64, log10(magnitude + 0.01). Only whole windows: (samples - 128) // 64 + 1 frames.
    """
    cut = np.lib.stride_tricks.sliding_window_view(x[:, 0], WINDOW, axis=1)[:, ::HOP]
    return np.log10(np.abs(np.fft.rfft(cut * hann(), axis=-1)) + 1e-2).astype(np.float32)


def hann(size: int = WINDOW) -> np.ndarray:
    """float32 [size], periodic, as torch.hann_window makes it."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)


class Spectrogram(nn.Module):
    """The same inside of a model, as a convolution with a fixed cosine and sine for each bin: exports as Conv, which every engine has.

    float32 [N, 1, samples] -> [N, frames, BINS].
    """

    def __init__(self) -> None:
        super().__init__()
        angle = 2 * math.pi / WINDOW * np.outer(np.arange(BINS), np.arange(WINDOW))
        waves = np.concatenate([np.cos(angle), -np.sin(angle)]) * hann()
        self.register_buffer("waves", torch.tensor(waves[:, None], dtype=torch.float32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = F.conv1d(x, self.waves, stride=HOP)
        power = parts[:, :BINS] ** 2 + parts[:, BINS:] ** 2
        return torch.log10(torch.sqrt(power) + 1e-2).transpose(1, 2)


class WaveCNN(nn.Module):
    """CNN-1D on the raw samples: four convolutions with strides, then the mean over time. [N, 1, samples] -> [N, classes]."""

    def __init__(self, width: int = 16, classes: int = 8) -> None:
        super().__init__()
        shape = [(1, width, 64, 8), (width, 2 * width, 8, 4), (2 * width, 2 * width, 8, 2), (2 * width, 4 * width, 8, 2)]
        self.layers = nn.Sequential(
            *(nn.Sequential(nn.Conv1d(a, b, k, s, k // 2, bias=False), nn.BatchNorm1d(b), nn.ReLU()) for a, b, k, s in shape)
        )
        self.fc = nn.Linear(4 * width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.layers(x).mean(2))


class Recurrent(nn.Module):
    """One GRU or LSTM layer over the frames, and a linear layer on its last output. [N, frames, BINS] -> [N, classes]."""

    def __init__(self, kind: str = "GRU", hidden: int = 64, classes: int = 8) -> None:
        super().__init__()
        if kind not in ("GRU", "LSTM"):
            raise ValueError(f"kind must be GRU or LSTM, got {kind!r}")
        self.rnn = getattr(nn, kind)(BINS, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.rnn(x)[0][:, -1])


class StreamingLSTM(nn.Module):
    """A trained `Recurrent` LSTM, one or more frames at a time, its two states in and out: the graph of a device that listens.

    (frames [1, T, BINS], h [1, 1, hidden], c [1, 1, hidden]) -> (logits [1, classes], next h, next c). All zeros is the state before the
    first frame.
    """

    def __init__(self, whole: Recurrent) -> None:
        super().__init__()
        self.rnn, self.fc = whole.rnn, whole.fc

    def forward(self, frames: torch.Tensor, h: torch.Tensor, c: torch.Tensor):
        out, (h, c) = self.rnn(frames, (h, c))
        return self.fc(out[:, -1]), h, c


class SpectrogramCNN(nn.Module):
    """The frames as a picture: three 3x3 convolutions, then the mean. [N, frames, BINS] -> [N, classes]."""

    def __init__(self, width: int = 8, classes: int = 8) -> None:
        super().__init__()
        shape = [(1, width, (1, 2)), (width, 2 * width, (2, 2)), (2 * width, 4 * width, (2, 2))]
        self.layers = nn.Sequential(
            *(nn.Sequential(nn.Conv2d(a, b, 3, s, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()) for a, b, s in shape)
        )
        self.fc = nn.Linear(4 * width * 9, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.layers(x[:, None]).mean(2)  # over time; [N, channels, 9 places in frequency]
        return self.fc(h.flatten(1))


class CRNN(nn.Module):
    """Convolutions over time and frequency, an LSTM over time, a linear layer on its last output. [N, frames, BINS] -> [N, classes]."""

    def __init__(self, width: int = 8, hidden: int = 32, classes: int = 8) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, width, 3, (1, 2), 1), nn.ReLU(), nn.Conv2d(width, width, 3, (2, 2), 1), nn.ReLU())
        self.rnn = nn.LSTM(width * 17, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.conv(x[:, None]).permute(0, 2, 1, 3).flatten(2)  # [N, frames, channels * places]
        return self.fc(self.rnn(h)[0][:, -1])


class CausalTCN(nn.Module):
    """Predicts each sample from the ones before it: convolutions whose dilation doubles, no look ahead (Bai, Kolter and Koltun 2018).

    float32 [N, 1, samples] -> [N, 1, samples]: the output at t is a guess of the input at t + 1, from inputs up to t.
    """

    def __init__(self, width: int = 12, kernel: int = 3, dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)) -> None:
        super().__init__()
        self.kernel, self.dilations = kernel, tuple(dilations)
        ends = [1, *[width] * len(self.dilations)]
        self.layers = nn.ModuleList(nn.Conv1d(a, b, kernel, dilation=d) for a, b, d in zip(ends, ends[1:], self.dilations, strict=False))
        self.head = nn.Conv1d(width, 1, 1)

    @property
    def receptive_field(self) -> int:
        """Input samples that one output depends on, its own included."""
        return 1 + (self.kernel - 1) * sum(self.dilations)

    def prediction_error(self, x: torch.Tensor) -> torch.Tensor:
        """Mean squared error of the next sample, where the network has its whole past. float32 [N, 1, samples] -> [N]."""
        whole = self.receptive_field - 1  # the first output that has it
        return ((self(x)[..., whole:-1] - x[..., whole + 1 :]) ** 2).mean((1, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer, dilation in zip(self.layers, self.dilations, strict=True):
            h = torch.relu(layer(F.pad(x, ((self.kernel - 1) * dilation, 0))))
            x = h + x if h.shape == x.shape else h
        return self.head(x)
