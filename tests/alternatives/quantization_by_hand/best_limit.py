"""Right answers in other words to `best_limit`, lab 03a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "highest SQNR, ONNX Runtime's debugger",
        "def best_limit(x, limits, bits):\n    from onnxruntime.quantization.qdq_loss_debug import compute_signal_to_quantization_noice_ratio as db\n    top = 2**bits - 1\n    return max(limits, key=lambda v: db(x, round_trip(x, float(v) / top, 0, 0, top)))\n",
    ),
    Right(
        "all at once, halves rounded up, float32",
        "def best_limit(x, limits, bits):\n    step = (limits / (2**bits - 1)).astype(np.float32)[:, None]\n    q = np.clip(np.floor(x / step + 0.5), 0, 2**bits - 1)\n    errors = ((q * step - x) ** 2).sum(1)\n    return np.float32(limits[errors.argmin()])\n",
    ),
    Right(
        "torch, root of the mean",
        "def best_limit(x, limits, bits):\n    t, best, least = torch.from_numpy(x), None, float('inf')\n    for limit in torch.from_numpy(limits):\n        step = limit / (2**bits - 1)\n        error = (torch.clamp(torch.round(t / step), max=2**bits - 1) * step - t).pow(2).mean().sqrt()\n        if error < least:\n            best, least = limit, error\n    return best\n",
    ),
    Right(
        "clips the values first",
        "def best_limit(x, limits, bits):\n    def mse(v):\n        s = v / (2**bits - 1)\n        return np.linalg.norm(np.round(np.minimum(x, v) / s) * s - x)\n    return sorted(limits.tolist(), key=mse)[0]\n",
    ),
]
