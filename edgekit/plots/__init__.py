"""The course's figures, each with a text that says what it shows. ``plots.latency`` and what else is here by itself serves any lab;
one file for each subject holds the rest: ``plots.quantization.grid``, ``plots.runtime.roofline``."""

from edgekit.plots import architectures, compiler, compression, diagrams, engine, explorer, formats, quantization, runtime, series
from edgekit.plots.figures import OKABE_ITO, canvas, finish, latency, paired_ratios

__all__ = [
    "OKABE_ITO",
    "architectures",
    "canvas",
    "compiler",
    "compression",
    "diagrams",
    "engine",
    "explorer",
    "finish",
    "formats",
    "latency",
    "paired_ratios",
    "quantization",
    "runtime",
    "series",
]
