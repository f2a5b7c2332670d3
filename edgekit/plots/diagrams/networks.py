"""Diagrams of networks: layers, patterns of zeros, memory."""

from __future__ import annotations

import numpy as np

from edgekit.plots.diagrams.drawing import TEXT, arrow, box, sheet, word
from edgekit.plots.figures import OKABE_ITO, finish

BLUE, ORANGE, RED, GREEN = (OKABE_ITO[name] for name in ("blue", "orange", "vermillion", "green"))


def sparsity_patterns(seed: int = 1):
    """One weight matrix, 8 outputs by 16 inputs, half of it removed in three ways."""
    from matplotlib import pyplot

    weight = np.random.default_rng(seed).normal(size=(8, 16))
    size = np.abs(weight)
    groups = size.reshape(8, 4, 4)
    second = np.sort(groups, axis=2)[..., 2:3]
    rows = size.sum(axis=1)
    kept = {
        "dense": np.ones_like(size, dtype=bool),
        "single weights": size >= np.median(size),
        "2:4": (groups >= second).reshape(8, 16),
        "whole filters": np.repeat((rows >= np.median(rows))[:, None], 16, axis=1),
    }
    figure, axes = pyplot.subplots(2, 2, figsize=(9, 4.4), layout="constrained")
    for ax, (name, mask) in zip(axes.ravel(), kept.items(), strict=True):
        ax.imshow(np.where(mask, size, np.nan), cmap="Blues", vmin=-0.8, vmax=2.2, aspect="auto")
        ax.set_xticks(np.arange(-0.5, 16, 4 if name == "2:4" else 16), [])
        ax.set_yticks([])
        if name == "2:4":
            ax.grid(axis="x", color=RED, lw=2)
        left = size[mask].sum() / size.sum()
        ax.set_title(f"{name}: {left:.0%} of the magnitude left", fontsize=TEXT)
    return finish(
        figure,
        "A weight matrix of 8 outputs and 16 inputs, dense and with half of it removed: the smallest single weights, two of every four "
        "neighbouring inputs, or four whole rows. The freer the pattern, the more of the magnitude is left: "
        + ", ".join(f"{name} {size[mask].sum() / size.sum():.0%}" for name, mask in kept.items())
        + ".",
    )


def depthwise(inputs: int = 32, outputs: int = 64, kernel: int = 3, side: int = 28):
    """A convolution, and the depthwise and pointwise pair that takes its place, with their multiplications."""
    full = inputs * outputs * kernel**2 * side**2
    deep, point = inputs * kernel**2 * side**2, inputs * outputs * side**2
    figure, axes = sheet(height=4.0, y=4.0)
    word(axes, 0.1, 3.75, "every output looks at every input channel", ha="left", color="#00446b")
    box(axes, 0.1, 2.3, 1.9, 1.0, f"{inputs} channels", "grey")
    box(axes, 3.0, 2.3, 2.9, 1.0, f"Conv {kernel}x{kernel}\n{inputs} to {outputs}", "blue")
    box(axes, 6.9, 2.3, 1.9, 1.0, f"{full / 1e6:.2f} million\nMACs", "vermillion")
    word(axes, 0.1, 1.75, "first in space, channel by channel; then across channels", ha="left", color="#00446b")
    box(axes, 0.1, 0.3, 1.9, 1.0, f"{inputs} channels", "grey")
    box(axes, 2.5, 0.3, 1.8, 1.0, f"depthwise\n{kernel}x{kernel}", "green")
    box(axes, 4.7, 0.3, 1.8, 1.0, f"pointwise\n1x1 to {outputs}", "green")
    box(axes, 6.9, 0.3, 1.9, 1.0, f"{(deep + point) / 1e6:.2f} million\nMACs", "orange")
    for start, end in (
        ((2.02, 2.8), (2.97, 2.8)),
        ((5.92, 2.8), (6.87, 2.8)),
        ((2.02, 0.8), (2.47, 0.8)),
        ((4.32, 0.8), (4.67, 0.8)),
        ((6.52, 0.8), (6.87, 0.8)),
    ):
        arrow(axes, start, end)
    return finish(
        figure,
        f"A {kernel}x{kernel} convolution from {inputs} to {outputs} channels on {side}x{side} needs {full:,} multiply-accumulates. A"
        f" depthwise convolution followed by a pointwise one needs {deep + point:,}, {full / (deep + point):.1f} times fewer.",
    )


def memory_reuse():
    """The life of five tensors over time, each in a place of its own and sharing places."""
    tensors = (("a", 0, 1, 4), ("b", 1, 2, 6), ("c", 2, 4, 3), ("d", 3, 4, 5), ("e", 4, 5, 2))
    shared = _greedy(tensors)
    apart, offset = {}, 0
    for name, _, _, size in tensors:
        apart[name], offset = offset, offset + size
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 4.1), sharey=True, layout="constrained")
    colours = dict(zip("abcde", (BLUE, ORANGE, GREEN, OKABE_ITO["purple"], RED), strict=True))
    peaks = []
    for ax, title, places in zip(axes, ("no reuse", "planned"), (apart, shared), strict=True):
        for name, first, last, size in tensors:
            ax.barh(places[name], last - first + 1, size, first, align="edge", color=colours[name], alpha=0.55, ec="black")
            ax.text((first + last + 1) / 2, places[name] + size / 2, name, ha="center", va="center", fontsize=TEXT + 2)
        peak = max(places[name] + size for name, _, _, size in tensors)
        peaks.append(peak)
        ax.axhline(peak, color=RED, lw=2, ls="--")
        ax.set_title(f"{title}: {peak} blocks", fontsize=TEXT + 1)
        ax.set_xlabel("step of the graph", fontsize=TEXT)
        ax.set_xlim(0, 6)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=TEXT - 1)
    axes[0].set_ylabel("memory, blocks", fontsize=TEXT)
    return finish(
        figure,
        f"Five tensors over six steps. Each in a place of its own they need {peaks[0]} blocks. Tensors that never live at the same time"
        f" share places in a plan, which needs {peaks[1]}.",
    )


def _greedy(tensors) -> dict[str, int]:
    """Largest first, each at the lowest place where it meets nobody who lives at the same time."""
    places: dict[str, int] = {}
    known = {name: (first, last, size) for name, first, last, size in tensors}
    for name, first, last, size in sorted(tensors, key=lambda t: -t[3]):
        others = sorted((places[o], places[o] + known[o][2]) for o in places if known[o][0] <= last and first <= known[o][1])
        at = 0
        for begin, end in others:
            if at + size <= begin:
                break
            at = max(at, end)
        places[name] = at
    return places


def edgecnn():
    """EdgeCNN: stem, three residual blocks, global average pooling, one linear layer."""
    figure, axes = sheet(height=3.4, y=3.4)
    parts = (
        ("input\n1x28x28", "grey"),
        ("stem\n3x3 conv\n32, 14x14", "blue"),
        ("block 1\n32\n14x14", "green"),
        ("block 2\n64\n7x7", "green"),
        ("block 3\n128\n4x4", "green"),
        ("global\naverage\npool", "orange"),
        ("linear\n10", "blue"),
    )
    for i, (name, colour) in enumerate(parts):
        box(axes, 0.05 + 1.29 * i, 1.9, 1.05, 1.25, name, colour, TEXT - 1.5)
        if i:
            arrow(axes, (-0.17 + 1.29 * i, 2.5), (0.03 + 1.29 * i, 2.5))
    word(axes, 0.1, 1.35, "a block:", ha="left", weight="bold")
    for i, name in enumerate(("conv 3x3", "ReLU", "conv 3x3", "add", "ReLU")):
        box(axes, 0.9 + 1.6 * i, 0.35, 1.3, 0.65, name, "green", TEXT - 1.5)
        if i:
            arrow(axes, (0.62 + 1.6 * i, 0.67), (0.88 + 1.6 * i, 0.67))
    axes.annotate("", (6.3, 0.33), (0.5, 0.6), arrowprops={"arrowstyle": "-|>", "lw": 2, "color": RED, "connectionstyle": "arc3,rad=0.12"})
    word(axes, 3.4, -0.12, "shortcut", TEXT - 1, color=RED)
    axes.set_ylim(-0.25, 3.4)
    return finish(
        figure,
        "EdgeCNN. A picture of 1x28x28 goes through a 3x3 convolution of stride 2 to 32 channels, three residual blocks with 32, 64 and 128"
        " channels at 14, 7 and 4 pixels, global average pooling, and a linear layer to 10 classes. A block has two 3x3 convolutions and a"
        " shortcut.",
    )
