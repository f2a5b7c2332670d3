"""Models that device vendors publish latencies for, written as plain PyTorch: detectors and a keyword spotter.

Only the structure counts here (layers, shapes, MACs, bytes), so the weights are random. The structures follow the model files of
Ultralytics (YOLOv5 v6, YOLOv8) and DS-CNN of Y. Zhang et al., *Hello Edge* (2017).
"""

from __future__ import annotations

import torch
from torch import nn


def _conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, padding: int | None = None) -> nn.Sequential:
    padding = kernel // 2 if padding is None else padding
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False), nn.BatchNorm2d(outputs), nn.SiLU())


class _Bottleneck(nn.Module):
    def __init__(self, width: int, first: int, shortcut: bool):
        super().__init__()
        self.convs = nn.Sequential(_conv(width, width, first), _conv(width, width, 3))
        self.shortcut = shortcut

    def forward(self, x):
        return x + self.convs(x) if self.shortcut else self.convs(x)


class _C3(nn.Module):
    """Two branches of half the width, one of them with bottlenecks (YOLOv5)."""

    def __init__(self, inputs: int, outputs: int, repeats: int, shortcut: bool = True):
        super().__init__()
        half = outputs // 2
        self.left, self.right, self.join = _conv(inputs, half), _conv(inputs, half), _conv(2 * half, outputs)
        self.chain = nn.Sequential(*(_Bottleneck(half, 1, shortcut) for _ in range(repeats)))

    def forward(self, x):
        return self.join(torch.cat([self.chain(self.left(x)), self.right(x)], 1))


class _C2f(nn.Module):
    """As C3, but every bottleneck's output goes on to the end (YOLOv8)."""

    def __init__(self, inputs: int, outputs: int, repeats: int, shortcut: bool = False):
        super().__init__()
        self.half = half = outputs // 2
        self.split, self.join = _conv(inputs, 2 * half), _conv((2 + repeats) * half, outputs)
        self.chain = nn.ModuleList(_Bottleneck(half, 3, shortcut) for _ in range(repeats))

    def forward(self, x):
        both = self.split(x)
        parts = [both[:, : self.half], both[:, self.half :]]
        for block in self.chain:
            parts.append(block(parts[-1]))
        return self.join(torch.cat(parts, 1))


class _SPPF(nn.Module):
    """Three max pools one after the other, joined."""

    def __init__(self, width: int):
        super().__init__()
        self.first, self.last = _conv(width, width // 2), _conv(2 * width, width)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        parts = [self.first(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.last(torch.cat(parts, 1))


def _three_scales(net, x):
    """What YOLO's heads read, at strides 8, 16 and 32: down the backbone, up again, and down once more (Liu et al. 2018, PANet)."""
    p3 = net.p3(x)
    p4 = net.p4(p3)
    p5 = net.p5(p4)
    n4 = net.up4(torch.cat([net.up(p5), p4], 1))
    n3 = net.out3(torch.cat([net.up(n4), p3], 1))
    m4 = net.out4(torch.cat([net.down3(n3), n4], 1))
    m5 = net.out5(torch.cat([net.down4(m4), p5], 1))
    return n3, m4, m5


class YOLOv5s(nn.Module):
    """YOLOv5s, 80 classes, up to the raw maps of the three scales: 3 anchors of 85 values for every cell."""

    def __init__(self):
        super().__init__()
        self.p3 = nn.Sequential(_conv(3, 32, 6, 2, 2), _conv(32, 64, 3, 2), _C3(64, 64, 1), _conv(64, 128, 3, 2), _C3(128, 128, 2))
        self.p4 = nn.Sequential(_conv(128, 256, 3, 2), _C3(256, 256, 3))
        self.p5 = nn.Sequential(_conv(256, 512, 3, 2), _C3(512, 512, 1), _SPPF(512), _conv(512, 256))
        self.up = nn.Upsample(scale_factor=2)
        self.up4 = nn.Sequential(_C3(512, 256, 1, False), _conv(256, 128))
        self.out3 = _C3(256, 128, 1, False)
        self.down3, self.out4 = _conv(128, 128, 3, 2), _C3(256, 256, 1, False)
        self.down4, self.out5 = _conv(256, 256, 3, 2), _C3(512, 512, 1, False)
        self.heads = nn.ModuleList(nn.Conv2d(width, 255, 1) for width in (128, 256, 512))

    def forward(self, x):
        return tuple(head(level) for head, level in zip(self.heads, _three_scales(self, x), strict=True))


class YOLOv8n(nn.Module):
    """YOLOv8n, 80 classes, up to the raw maps of boxes (64 values) and classes (80) on three scales."""

    def __init__(self, classes: int = 80):
        super().__init__()
        self.p3 = nn.Sequential(_conv(3, 16, 3, 2), _conv(16, 32, 3, 2), _C2f(32, 32, 1, True), _conv(32, 64, 3, 2), _C2f(64, 64, 2, True))
        self.p4 = nn.Sequential(_conv(64, 128, 3, 2), _C2f(128, 128, 2, True))
        self.p5 = nn.Sequential(_conv(128, 256, 3, 2), _C2f(256, 256, 1, True), _SPPF(256))
        self.up = nn.Upsample(scale_factor=2)
        self.up4, self.out3 = _C2f(384, 128, 1), _C2f(192, 64, 1)
        self.down3, self.out4 = _conv(64, 64, 3, 2), _C2f(192, 128, 1)
        self.down4, self.out5 = _conv(128, 128, 3, 2), _C2f(384, 256, 1)
        self.boxes = nn.ModuleList(self._head(width, 64, 64) for width in (64, 128, 256))
        wide = max(64, min(classes, 100))
        self.classes = nn.ModuleList(self._head(width, wide, classes) for width in (64, 128, 256))

    @staticmethod
    def _head(inputs: int, width: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(_conv(inputs, width, 3), _conv(width, width, 3), nn.Conv2d(width, outputs, 1))

    def forward(self, x):
        heads = zip(self.boxes, self.classes, _three_scales(self, x), strict=True)
        return tuple(torch.cat([box(level), score(level)], 1) for box, score, level in heads)


class KeywordCNN(nn.Module):
    """A small DS-CNN: 49 x 10 values of a second of sound in, 12 words out; 64 channels, four depthwise-separable layers."""

    def __init__(self, width: int = 64, words: int = 12):
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, width, (10, 4), 2, (5, 1)), nn.ReLU()]
        for _ in range(4):
            layers += [nn.Conv2d(width, width, 3, 1, 1, groups=width), nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, words))

    def forward(self, x):
        return self.layers(x)
