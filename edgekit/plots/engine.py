"""Figures of chapter 6: what becomes of a graph's nodes in an engine, and what an engine file is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgekit.plots.figures import OKABE_ITO, canvas, finish

_KINDS = {"correlation": ("blue", "convolution"), "gemm": ("purple", "matrix product"), "kgen": ("orange", "generated kernel")}


def fusions(layers: Sequence, title: str = "engine", most: int = 30):
    """One bar per layer of an engine (edgekit.runtimes.trt.EngineLayer), as long as it has ONNX nodes in it, with the nodes' names."""
    shown = [layer for layer in layers if layer.computes][:most]
    figure, axes = canvas(width=10.5, height=1.0 + 0.3 * len(shown))
    seen: dict[str, str] = {}
    for height, layer in enumerate(reversed(shown)):
        colour, word = _KINDS.get(layer.kind, ("sky", layer.kind))
        seen[word] = OKABE_ITO[colour]
        axes.barh(height, max(len(layer.onnx), 0.05), color=OKABE_ITO[colour], height=0.7)
        nodes = ", ".join(n.removeprefix("node_") for n in layer.onnx) or "(no node of the model: a change of layout or type)"
        said = f"{word}: {nodes}"
        axes.annotate(said if len(said) < 110 else said[:107] + "...", (len(layer.onnx) + 0.1, height), va="center", fontsize=8)
    axes.set_yticks([])
    axes.set_ylim(-0.7, len(shown) - 0.3)
    longest = max((len(layer.onnx) for layer in shown), default=1)
    axes.set_xlim(0, longest * 2 + 1.5)
    axes.set_xticks(range(0, longest + 1, max(1, longest // 5)))
    axes.set_xlabel("ONNX nodes in the layer")
    axes.set_title(f"{title}: {len(shown)} layers that compute, in the order of execution", fontsize=10, loc="left")
    for word, colour in seen.items():
        axes.bar(0, 0, color=colour, label=word)
    axes.legend(frameon=False, loc="lower right", fontsize=8)
    said = "; ".join(f"{_KINDS.get(one.kind, ('', one.kind))[1]} with {len(one.onnx)} ONNX nodes" for one in shown)
    return finish(figure, f"Layers of {title} in order: {said}.")


def sizes(rows: Mapping[str, tuple[int, int, int]]):
    """{name: (bytes of the ONNX file, bytes of weights in the engine, bytes of the engine)} as a bar of the file beside a stacked bar of
    the engine."""
    figure, axes = canvas(width=8.0, height=1.0 + 0.62 * len(rows))
    for height, (onnx, weights, plan) in enumerate(reversed(rows.values())):
        axes.barh(height + 0.2, onnx / 1e3, height=0.34, color=OKABE_ITO["sky"])
        axes.barh(height - 0.2, weights / 1e3, height=0.34, color=OKABE_ITO["blue"])
        axes.barh(
            height - 0.2, (plan - weights) / 1e3, left=weights / 1e3, height=0.34, color=OKABE_ITO["orange"], hatch="//", edgecolor="white"
        )
    axes.set_yticks(range(len(rows) - 1, -1, -1), list(rows))
    axes.set_xlabel("kilobytes")
    for word, colour, hatch in (
        ("ONNX file", "sky", ""),
        ("engine: weights", "blue", ""),
        ("engine: kernels and the rest", "orange", "//"),
    ):
        axes.bar(0, 0, color=OKABE_ITO[colour], hatch=hatch, edgecolor="white", label=word)
    axes.legend(frameon=False, loc="best", fontsize=8)
    said = "; ".join(
        f"{name}: file {o / 1e3:.0f} kB, engine {p / 1e3:.0f} kB, of them weights {w / 1e3:.0f} kB" for name, (o, w, p) in rows.items()
    )
    return finish(figure, f"Sizes. {said}.")
