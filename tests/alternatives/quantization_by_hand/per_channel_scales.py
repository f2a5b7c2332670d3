"""Right answers in other words to `per_channel_scales`, lab 03a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "a loop",
        """\
def per_channel_scales(w, axis, bits):
    top = 2 ** (bits - 1) - 1
    scales = []
    for i in range(w.shape[axis]):
        limit = max(abs(v) for v in np.take(w, i, axis).flat)
        scales.append(limit / top if limit else 1)
    return np.array(scales, dtype=np.float32)
""",
    ),
    Right(
        "channels first, rows, in place",
        """\
def per_channel_scales(w, axis, bits):
    rows = np.moveaxis(w, axis, 0).reshape(w.shape[axis], -1)
    scales = np.maximum(rows.max(1), -rows.min(1)) / np.float32(2 ** (bits - 1) - 1)
    scales[scales == 0] = 1
    return scales
""",
    ),
    Right(
        "torch",
        """\
def per_channel_scales(w, axis, bits):
    t = torch.from_numpy(w)
    limits = t.abs().amax([d for d in range(t.ndim) if d != axis])
    return torch.where(limits == 0, 1.0, limits / (2 ** (bits - 1) - 1))
""",
    ),
    Right(
        "PyTorch's observer",
        """
def per_channel_scales(w, axis, bits):
    from torch.ao.quantization import PerChannelMinMaxObserver
    top = 2 ** (bits - 1) - 1
    observer = PerChannelMinMaxObserver(axis, torch.qint8, torch.per_channel_symmetric, quant_min=-top, quant_max=top, eps=1e-12)
    observer(torch.from_numpy(w))
    scales = observer.calculate_qparams()[0].numpy()
    return np.where(np.isclose(scales, 1e-12, rtol=1e-3, atol=0), np.float32(1), scales)
""",
    ),
    Right(
        "maximum norm",
        """\
def per_channel_scales(w, axis, bits):
    s = np.linalg.norm(np.swapaxes(w, 0, axis).reshape(w.shape[axis], -1), np.inf, axis=1) / (2 ** (bits - 1) - 1)
    return np.float32(s + (s == 0))
""",
    ),
]
