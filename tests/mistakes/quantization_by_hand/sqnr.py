"""Wrong answers to `sqnr`, lab 03a."""

from tests.mistakes import Mistake


def _sqnr(expression):
    return f"""
def sqnr(x, approx):
    signal, noise = np.sum(x**2, dtype=np.float64), np.sum((approx - x) ** 2, dtype=np.float64)
    if noise == 0:
        return float("inf")
    return float({expression})
"""


MISTAKES = [
    Mistake("upside down", _sqnr("10 * np.log10(noise / signal)"), says="upside down"),
    Mistake("amplitudes for powers", _sqnr("10 * np.log10(np.sqrt(signal / noise))"), says="amplitudes"),
    Mistake("20 for 10", _sqnr("20 * np.log10(signal / noise)"), says="twice"),
    Mistake("natural logarithm", _sqnr("10 * np.log(signal / noise)"), says="natural logarithm"),
    Mistake("no logarithm", _sqnr("signal / noise"), says="without the logarithm"),
    Mistake("variance for power", _sqnr("10 * np.log10(np.var(x) / np.var(approx - x))"), says="variance"),
    Mistake(
        "largest value for power",
        _sqnr("10 * np.log10(np.abs(x).max() ** 2 / np.mean((approx - x) ** 2, dtype=np.float64))"),
        says="sum of its squares",
    ),
    Mistake("error against the approximation", _sqnr("10 * np.log10(np.sum(approx**2, dtype=np.float64) / noise)"), says="dB, expected"),
    Mistake("a constant against division by zero", _sqnr("10 * np.log10(signal / (noise + 1.0))"), says="dB, expected"),
    Mistake(
        "no error gives NaN",
        "def sqnr(x, approx):\n    return float(10 * np.log10(np.sum(x**2) / np.sum((approx - x) ** 2))) if (x != approx).any() else 0.0\n",
        says="float('inf')",
    ),
    Mistake("in percent", _sqnr("100 * 10 * np.log10(signal / noise)"), says="expected"),
]
