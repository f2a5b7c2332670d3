"""Right answers in other words to lab 00."""

from tests.alternatives.start_here import paired_ratio, stopwatch, summary, verdict

RIGHT = {"stopwatch": stopwatch.RIGHT, "summary": summary.RIGHT, "paired_ratio": paired_ratio.RIGHT, "verdict": verdict.RIGHT}
