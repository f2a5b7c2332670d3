"""Wrong answers to `stft`, lab 03g."""

from tests.mistakes import Mistake


def _answer(starts="range(0, len(x) - size + 1, hop)", row="np.abs(np.fft.rfft(x[i : i + size] * window))", end="np.array(rows)"):
    return (
        f"def stft(x, window, hop):\n    size = len(window)\n    rows = []\n    for i in {starts}:\n        rows.append({row})\n    return"
        f" {end}\n"
    )


MISTAKES = [
    Mistake("no window", _answer(row="np.abs(np.fft.rfft(x[i : i + size]))"), says="not multiplied by the window"),
    Mistake("complex", _answer(row="np.fft.rfft(x[i : i + size] * window)"), says="magnitude is asked for"),
    Mistake("real part", _answer(row="np.fft.rfft(x[i : i + size] * window).real"), says="differs by up to"),
    Mistake("power", _answer(row="np.abs(np.fft.rfft(x[i : i + size] * window)) ** 2"), says="the square"),
    Mistake("fft", _answer(row="np.abs(np.fft.fft(x[i : i + size] * window))"), says="upper half"),
    Mistake("last frame left out", _answer(starts="range(0, len(x) - size, hop)"), says="last whole frame"),
    Mistake(
        "last frame padded",
        _answer(
            starts="range(0, len(x) - size + hop, hop)",
            row="np.abs(np.fft.rfft(np.resize(np.append(x[i : i + size], np.zeros(size)), size) * window))",
        ),
        says="samples are missing",
    ),
    Mistake(
        "padded at both ends",
        _answer().replace("    rows = []\n", "    rows = []\n    x = np.pad(x, size // 2, mode='reflect')\n"),
        says="shape",
    ),
    Mistake("transposed", _answer(end="np.array(rows).T"), says="one *row* for each frame"),
    Mistake("divided by the size", _answer(row="np.abs(np.fft.rfft(x[i : i + size] * window)) / size"), says="no factor"),
    Mistake(
        "window in frequency", _answer(row="np.abs(np.fft.rfft(x[i : i + size]) * window[: size // 2 + 1])"), says="before the transform"
    ),
    Mistake("no overlap", _answer(starts="range(0, len(x) - size + 1, size)"), says="do not overlap"),
    Mistake(
        "mean removed", _answer(row="np.abs(np.fft.rfft((x[i : i + size] - x[i : i + size].mean()) * window))"), says="mean of a frame"
    ),
]
