"""Wrong answers to lab 00."""

from tests.mistakes.start_here import paired_ratio, stopwatch, summary, verdict

SETUP = """
import time
import numpy as np
"""

MISTAKES = {
    "stopwatch": stopwatch.MISTAKES,
    "summary": summary.MISTAKES,
    "paired_ratio": paired_ratio.MISTAKES,
    "verdict": verdict.MISTAKES,
}
