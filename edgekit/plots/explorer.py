"""Things to turn knobs on: ipywidgets that redraw a figure. All of them work without a mouse, and say in words what they show."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from edgekit.plots.figures import as_html

MOST_VALUES = 50_000  # more only slow the knobs down


@dataclass(frozen=True)
class Quantized:
    """One setting of the knobs. approx: like x; levels: real values of the grid (of the first channel, if there are many);
    sqnr in dB (infinite without error); clipped: share of the values beyond the grid; clipping: share of the error's power
    that is theirs."""

    approx: np.ndarray
    levels: np.ndarray
    sqnr: float
    clipped: float
    clipping: float

    def __str__(self) -> str:
        return (
            f"SQNR {self.sqnr:.1f} dB; {self.clipped:.2%} of the values are clipped, which makes {self.clipping:.0%} of the error's "
            "power, rounding makes the rest"
        )


def quantized(x, bits: int, share: float, scheme: str, per_channel: bool = False) -> Quantized:
    """Quantize and dequantize with PyTorch's operator.

    x: float array, channels first if ``per_channel``. bits: 2 to 16. share: of the range from minimum to maximum that the grid
    covers, above 0, 1 for all of it. scheme: "symmetric" (signed, zero point 0) or "asymmetric" (unsigned).
    """
    if scheme not in ("symmetric", "asymmetric"):
        raise ValueError(f"scheme is 'symmetric' or 'asymmetric', got {scheme!r}")
    if not 2 <= bits <= 16 or not share > 0:
        raise ValueError(f"bits must lie in 2..16 and share above 0, got {bits} and {share}")
    x = np.asarray(x, dtype=np.float32)
    rows = x.reshape(len(x), -1) if per_channel else x.reshape(1, -1)
    parts = [_row(row, bits, share, scheme) for row in rows]
    approx = np.stack([part[0] for part in parts])
    beyond = np.stack([outside(row, part[1]) for row, part in zip(rows, parts, strict=True)])
    error = (approx.astype(np.float64) - rows) ** 2
    power, noise = float((rows.astype(np.float64) ** 2).sum()), float(error.sum())
    return Quantized(
        approx=approx.reshape(x.shape),
        levels=parts[0][1],
        sqnr=10 * float(np.log10(power / noise)) if noise and power else float("inf"),
        clipped=float(beyond.mean()),
        clipping=float(error[beyond].sum() / noise) if noise else 0.0,
    )


def outside(x: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Which values lie beyond the grid's ends; the rounding of float32 does not count."""
    slack = 1e-5 * (levels[-1] - levels[0])
    return (x < levels[0] - slack) | (x > levels[-1] + slack)


def _row(row: np.ndarray, bits: int, share: float, scheme: str) -> tuple[np.ndarray, np.ndarray]:
    """(approximation, levels) of one channel; scale and zero point as ONNX Runtime chooses them."""
    import torch
    from onnxruntime.quantization.quant_utils import compute_scale_zp

    signed = scheme == "symmetric"
    top = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    bottom = -top if signed else 0
    ends = [np.float32(row.min() * share), np.float32(row.max() * share)]
    zero, scale = compute_scale_zp(*ends, np.array(bottom, np.int32), np.array(top, np.int32), signed)
    zero, scale = int(zero), float(scale)
    approx = torch.fake_quantize_per_tensor_affine(torch.from_numpy(row.copy()), scale, zero, bottom, top).numpy()
    return approx, scale * (np.arange(bottom, top + 1) - zero)


def quantization(tensors: Mapping[str, np.ndarray]):
    """Knobs for tensor, bits, range and scheme, over the histogram, the grid and the error.

    tensors: {"conv1, weights": array with channels first, ...}. Returns an ipywidgets VBox; its ``shown`` is the Quantized on show.
    """
    import ipywidgets as w

    from edgekit.plots.slider import Slider

    wide = {"description_width": "9em"}
    layout = w.Layout(width="32em")
    knobs = {
        "name": w.Dropdown(options=list(tensors), description="tensor", style=wide, layout=layout),
        "bits": Slider("bits", range(2, 9), 8),
        "share": Slider("range, % of all", range(5, 101), 100),
        "scheme": w.ToggleButtons(options=["symmetric", "asymmetric"], description="scheme", style=wide),
        "per": w.ToggleButtons(options=["per tensor", "per channel"], description="one scale", style=wide),
    }

    def draw(name, bits, share, scheme, per):
        from edgekit.plots.quantization import grid

        x, per_channel = np.asarray(tensors[name]), per == "per channel"
        found = quantized(x, bits, share / 100, scheme, per_channel)
        approx, what = found.approx, name
        if per_channel:  # every channel has a grid of its own: show the first
            x, approx, what = x[0], approx[0], f"{name}, channel 0"
        thin = np.random.default_rng(0).permutation(x.size)[:MOST_VALUES]
        overall = f"SQNR of the tensor {found.sqnr:.1f} dB"
        return grid(x.ravel()[thin], approx.ravel()[thin], found.levels, what, overall), found

    return explorer(knobs, draw)


def explorer(knobs: Mapping, draw: Callable):
    """Knobs over a picture and a sentence. Where no widget can live (a printed page), the first picture is what is kept.

    knobs: widgets by name. draw: ``draw(**values)`` returns the figure, with its text alternative, and what it shows, which says itself as
    a sentence. Returns an ipywidgets VBox; its ``knobs`` are the widgets, its ``shown`` is what is on show.
    """
    import ipywidgets as w

    picture, words = w.HTML(), w.HTML()
    box = w.VBox([*knobs.values(), picture, words])
    box.knobs = knobs

    def redraw(_=None):
        figure, box.shown = draw(**{name: knob.value for name, knob in knobs.items()})
        picture.value = as_html(figure)
        words.value = f"<p>{html.escape(str(box.shown).rstrip('.'))}.</p>"

    for knob in knobs.values():
        knob.observe(redraw, "value")
    redraw()
    return box
