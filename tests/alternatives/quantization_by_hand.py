"""Right answers to lab 03a, written in other ways."""

from tests.alternatives import Right

RIGHT = {
    "scale_and_zero_point": [
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
    ],
    "quantize": [
        Right("clips first, rint, float64", "def quantize(x, scale, zero_point, qmin, qmax):\n    steps = np.clip(x.astype(np.float64) / scale, qmin - zero_point, qmax - zero_point)\n    return (np.rint(steps) + zero_point).astype(np.int32)\n"),
        Right("torch", "def quantize(x, scale, zero_point, qmin, qmax):\n    return torch.clamp(torch.round(torch.from_numpy(x) / scale) + zero_point, qmin, qmax).to(torch.int32)\n"),
        Right("PyTorch's fake quantization, then back", "def quantize(x, scale, zero_point, qmin, qmax):\n    return (np.round(round_trip(x, scale, zero_point, qmin, qmax) / scale) + zero_point).astype(np.int32)\n"),
        Right("Python's round, a list", "def quantize(x, scale, zero_point, qmin, qmax):\n    if isinstance(x, np.ndarray) and x.ndim:\n        return [quantize(v, scale, zero_point, qmin, qmax) for v in x]\n    return max(qmin, min(qmax, round(float(x) / scale) + zero_point))\n"),
        Right(
            "ONNX Runtime",
            """
def quantize(x, scale, zero_point, qmin, qmax):
    from edgekit.runtimes.ort.node import run_node
    dtype = np.uint8 if qmin >= 0 else np.int8
    return run_node("QuantizeLinear", x, np.float32(scale), dtype(zero_point)).astype(np.int32).clip(qmin, qmax)
""",
        ),
    ],
    "sqnr": [
        Right("ONNX Runtime's debugger", "def sqnr(x, approx):\n    from onnxruntime.quantization.qdq_loss_debug import compute_signal_to_quantization_noice_ratio as library\n    return np.inf if np.array_equal(x, approx) else library(x, approx)\n"),
        Right("twenty times the logarithm of the norms, torch", "def sqnr(x, approx):\n    x, approx = torch.from_numpy(x).double(), torch.from_numpy(approx).double()\n    return 20 * torch.log10(x.norm() / (x - approx).norm())\n"),
        Right("a difference of logarithms, means", "def sqnr(x, approx):\n    power = lambda a: np.mean(np.square(a, dtype=np.float64))\n    with np.errstate(divide='ignore'):\n        return np.float32(10 * (np.log10(power(x)) - np.log10(power(x - approx))))\n"),
        Right("math and fsum", "def sqnr(x, approx):\n    import math\n    noise = math.fsum((float(a) - float(b)) ** 2 for a, b in zip(x.flat, approx.flat))\n    return 10 * math.log10(math.fsum(float(a) ** 2 for a in x.flat) / noise) if noise else math.inf\n"),
        Right("dot products, an array of one", "def sqnr(x, approx):\n    x, e = x.ravel().astype(float), (x - approx).ravel().astype(float)\n    return np.array(10 * np.log10(x @ x / (e @ e)))\n"),
    ],
    "per_channel_scales": [
        Right("a loop", "def per_channel_scales(w, axis, bits):\n    top = 2 ** (bits - 1) - 1\n    scales = []\n    for i in range(w.shape[axis]):\n        limit = max(abs(v) for v in np.take(w, i, axis).flat)\n        scales.append(limit / top if limit else 1)\n    return np.array(scales, dtype=np.float32)\n"),
        Right("channels first, rows, in place", "def per_channel_scales(w, axis, bits):\n    rows = np.moveaxis(w, axis, 0).reshape(w.shape[axis], -1)\n    scales = np.maximum(rows.max(1), -rows.min(1)) / np.float32(2 ** (bits - 1) - 1)\n    scales[scales == 0] = 1\n    return scales\n"),
        Right("torch", "def per_channel_scales(w, axis, bits):\n    t = torch.from_numpy(w)\n    limits = t.abs().amax([d for d in range(t.ndim) if d != axis])\n    return torch.where(limits == 0, 1.0, limits / (2 ** (bits - 1) - 1))\n"),
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
        Right("maximum norm", "def per_channel_scales(w, axis, bits):\n    s = np.linalg.norm(np.swapaxes(w, 0, axis).reshape(w.shape[axis], -1), np.inf, axis=1) / (2 ** (bits - 1) - 1)\n    return np.float32(s + (s == 0))\n"),
    ],
    "best_limit": [
        Right("highest SQNR, ONNX Runtime's debugger", "def best_limit(x, limits, bits):\n    from onnxruntime.quantization.qdq_loss_debug import compute_signal_to_quantization_noice_ratio as db\n    top = 2**bits - 1\n    return max(limits, key=lambda v: db(x, round_trip(x, float(v) / top, 0, 0, top)))\n"),
        Right("all at once, halves rounded up, float32", "def best_limit(x, limits, bits):\n    step = (limits / (2**bits - 1)).astype(np.float32)[:, None]\n    q = np.clip(np.floor(x / step + 0.5), 0, 2**bits - 1)\n    errors = ((q * step - x) ** 2).sum(1)\n    return np.float32(limits[errors.argmin()])\n"),
        Right("torch, root of the mean", "def best_limit(x, limits, bits):\n    t, best, least = torch.from_numpy(x), None, float('inf')\n    for limit in torch.from_numpy(limits):\n        step = limit / (2**bits - 1)\n        error = (torch.clamp(torch.round(t / step), max=2**bits - 1) * step - t).pow(2).mean().sqrt()\n        if error < least:\n            best, least = limit, error\n    return best\n"),
        Right("clips the values first", "def best_limit(x, limits, bits):\n    def mse(v):\n        s = v / (2**bits - 1)\n        return np.linalg.norm(np.round(np.minimum(x, v) / s) * s - x)\n    return sorted(limits.tolist(), key=mse)[0]\n"),
    ],
    "integer_linear": [
        Right(
            "the zero points multiplied out, int64",
            """
def integer_linear(x_q, w_q, bias_q, x_zero, w_zero, multiplier, y_zero):
    x, w, k = x_q.astype(np.int64), w_q.astype(np.int64), x_q.shape[1]
    total = x @ w - w_zero * x.sum(1, keepdims=True) - x_zero * w.sum(0) + k * x_zero * w_zero + bias_q
    return np.clip(np.rint(np.float32(total) * multiplier).astype(np.int64) + y_zero, 0, 255).astype("uint8")
""",
        ),
        Right(
            "MatMulInteger of ONNX Runtime",
            """
def integer_linear(x_q, w_q, bias_q, x_zero, w_zero, multiplier, y_zero):
    from edgekit.runtimes.ort.node import run_node
    total = run_node("MatMulInteger", x_q, w_q, np.uint8(x_zero), np.uint8(w_zero)) + bias_q
    return run_node("QuantizeLinear", total.astype(np.float32) * multiplier, np.float32(1), np.uint8(y_zero))
""",
        ),
        Right(
            "torch, in float64 up to the accumulator",
            """
def integer_linear(x_q, w_q, bias_q, x_zero, w_zero, multiplier, y_zero):
    x, w, b = (torch.from_numpy(a).double() for a in (x_q, w_q, bias_q))
    total = torch.nn.functional.linear(x - x_zero, (w - w_zero).T, b)
    return (torch.round(total.float() * torch.from_numpy(multiplier)) + y_zero).clamp(0, 255).byte()
""",
        ),
        Right(
            "a loop in Python's integers",
            """
def integer_linear(x_q, w_q, bias_q, x_zero, w_zero, multiplier, y_zero):
    y = np.zeros((x_q.shape[0], w_q.shape[1]), dtype=np.uint8)
    x, w = (x_q.astype(int) - x_zero).tolist(), (w_q.astype(int) - w_zero).T.tolist()
    for i, row in enumerate(x):
        for j, column in enumerate(w):
            total = sum(a * b for a, b in zip(row, column)) + int(bias_q[j])
            y[i, j] = max(0, min(255, round(float(np.float32(total) * multiplier[j])) + y_zero))
    return y
""",
        ),
    ],
}  # fmt: skip
