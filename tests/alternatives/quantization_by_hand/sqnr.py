"""Right answers in other words to `sqnr`, lab 03a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "ONNX Runtime's debugger",
        "def sqnr(x, approx):\n    from onnxruntime.quantization.qdq_loss_debug import compute_signal_to_quantization_noice_ratio as library\n    return np.inf if np.array_equal(x, approx) else library(x, approx)\n",
    ),
    Right(
        "twenty times the logarithm of the norms, torch",
        "def sqnr(x, approx):\n    x, approx = torch.from_numpy(x).double(), torch.from_numpy(approx).double()\n    return 20 * torch.log10(x.norm() / (x - approx).norm())\n",
    ),
    Right(
        "a difference of logarithms, means",
        "def sqnr(x, approx):\n    power = lambda a: np.mean(np.square(a, dtype=np.float64))\n    with np.errstate(divide='ignore'):\n        return np.float32(10 * (np.log10(power(x)) - np.log10(power(x - approx))))\n",
    ),
    Right(
        "math and fsum",
        "def sqnr(x, approx):\n    import math\n    noise = math.fsum((float(a) - float(b)) ** 2 for a, b in zip(x.flat, approx.flat))\n    return 10 * math.log10(math.fsum(float(a) ** 2 for a in x.flat) / noise) if noise else math.inf\n",
    ),
    Right(
        "dot products, an array of one",
        "def sqnr(x, approx):\n    x, e = x.ravel().astype(float), (x - approx).ravel().astype(float)\n    return np.array(10 * np.log10(x @ x / (e @ e)))\n",
    ),
]
