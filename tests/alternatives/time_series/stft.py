"""Right answers in other words to `stft`, lab 03g."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "a view of all frames",
        """
def stft(x, window, hop):
    cut = np.lib.stride_tricks.sliding_window_view(x, len(window))[::hop]
    return np.abs(np.fft.rfft(cut * window))
""",
    ),
    Right(
        "the library",
        """
def stft(x, window, hop):
    made = torch.stft(torch.from_numpy(x), len(window), hop, window=torch.from_numpy(window), center=False, return_complex=True)
    return made.abs().T
""",
    ),
    Right(
        "cosines and sines by hand",
        """
def stft(x, window, hop):
    size = len(window)
    angle = 2 * np.pi * np.outer(np.arange(size // 2 + 1), np.arange(size)) / size
    rows = []
    start = 0
    while start + size <= len(x):
        frame = x[start:start + size] * window
        rows.append([float(v) for v in np.hypot(np.cos(angle) @ frame, np.sin(angle) @ frame)])
        start += hop
    return rows
""",
    ),
]
