"""Right answers in other words to `scale_and_zero_point`, lab 03a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "case by case, zero point from the upper end, an array",
        """
def scale_and_zero_point(low, high, bits, symmetric):
    if symmetric:
        top = 2 ** (bits - 1) - 1
        limit = max(abs(low), abs(high))
        return np.array([limit / top if limit else 1.0, 0, -top, top])
    low, high, top = min(0.0, low), max(0.0, high), 2**bits - 1
    scale = (high - low) / top if high > low else 1.0
    return np.array([scale, round(top - high / scale) if high > low else 0, 0, top])
""",
    ),
    Right(
        "PyTorch's observer",
        """
def scale_and_zero_point(low, high, bits, symmetric):
    from torch.ao.quantization import MinMaxObserver
    qmin, qmax = (1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1) if symmetric else (0, 2**bits - 1)
    kind = torch.per_tensor_symmetric if symmetric else torch.per_tensor_affine
    observer = MinMaxObserver(torch.qint8 if symmetric else torch.quint8, kind, quant_min=qmin, quant_max=qmax, eps=1e-30)
    observer(torch.tensor([low, high]))
    scale, zero = observer.calculate_qparams()
    return (scale if low or high else torch.tensor(1.0)), zero, qmin, qmax
""",
    ),
    Right(
        "in float32, shifts, a list",
        """
def scale_and_zero_point(low, high, bits, symmetric):
    low, high = np.float32(np.minimum(low, 0)), np.float32(np.maximum(high, 0))
    qmin, qmax = 0, (1 << bits) - 1
    if symmetric:
        high = np.maximum(high, -low)
        low, qmax = -high, (1 << bits - 1) - 1
        qmin = -qmax
    scale = np.float32(high - low) / np.float32(qmax - qmin)
    if scale == 0:
        scale = np.float32(1)
    zero = 0 if symmetric else np.clip(np.rint(qmin - low / scale), qmin, qmax)
    return [scale, zero, np.int64(qmin), np.int64(qmax)]
""",
    ),
    Right(
        "a class with other names for its parameters",
        """
class Grid:
    def __call__(self, lo, hi, n, mirrored):
        lo, hi = sorted((lo, hi, 0.0))[0], sorted((lo, hi, 0.0))[-1]
        if mirrored:
            lo, hi = min(lo, -hi), max(hi, -lo)
        ends = (1 - 2 ** (n - 1), 2 ** (n - 1) - 1) if mirrored else (0, 2**n - 1)
        scale = (hi - lo) / (ends[1] - ends[0])
        if not scale:
            return 1.0, 0, *ends
        return scale, 0 if mirrored else int(np.floor(0.5 - lo / scale)), *ends

scale_and_zero_point = Grid()
""",
    ),
]
