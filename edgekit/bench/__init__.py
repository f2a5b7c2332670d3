"""Everything that is measured: speed, accuracy, power, memory.

Three questions, three calls: ``compare(entries, x)`` says which is faster, ``compare_accuracy(a, b, labels)`` whether one got
worse, ``energy(run, x)`` what a call costs. ``measure``, ``evaluate`` and ``footprint`` describe one thing by itself.
"""

from edgekit.bench.accuracy import Accuracy, AccuracyChange, compare_accuracy, evaluate, predict
from edgekit.bench.memory import Footprint, footprint
from edgekit.bench.power import Energy, energy
from edgekit.bench.results import Comparison, Measurement, Ratio
from edgekit.bench.speed import compare, measure
from edgekit.bench.stats import NotEnoughSamples, wilson

__all__ = [
    "Accuracy",
    "AccuracyChange",
    "Comparison",
    "Energy",
    "Footprint",
    "Measurement",
    "NotEnoughSamples",
    "Ratio",
    "compare",
    "compare_accuracy",
    "energy",
    "evaluate",
    "footprint",
    "measure",
    "predict",
    "wilson",
]
