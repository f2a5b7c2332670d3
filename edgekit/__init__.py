"""edgekit: from a trained PyTorch model to a measured, deployed one.

The package holds what would distract from a lab: data, plots, measuring, checking and the differences between devices.
Importing it is cheap; an engine is imported when it is used.
"""

__version__ = "0.1.0"
