"""Diagrams of the course's ideas, drawn by code: for slides, for the glossary, for a lab that wants one. Each returns a figure with
``figure.alt``, a text that says what it shows."""

from edgekit.plots.diagrams.flows import (
    capture,
    chain,
    distillation,
    engine_life,
    fake_quantizers,
    fusion,
    lora,
    model_optimizer,
    providers,
    static_dynamic,
)
from edgekit.plots.diagrams.hardware import landscape, light_and_link, overlap, profiles, roofline
from edgekit.plots.diagrams.networks import depthwise, edgecnn, memory_reuse, sparsity_patterns
from edgekit.plots.diagrams.numbers import formats, grid, per_channel, saturation, symmetric_asymmetric

__all__ = [
    "capture",
    "chain",
    "depthwise",
    "distillation",
    "edgecnn",
    "engine_life",
    "fake_quantizers",
    "formats",
    "fusion",
    "grid",
    "landscape",
    "light_and_link",
    "lora",
    "memory_reuse",
    "model_optimizer",
    "overlap",
    "per_channel",
    "profiles",
    "providers",
    "roofline",
    "saturation",
    "sparsity_patterns",
    "static_dynamic",
    "symmetric_asymmetric",
]
