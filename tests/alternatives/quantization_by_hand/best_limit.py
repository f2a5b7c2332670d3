"""Right answers in other words to `best_limit`, lab 03a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "highest SQNR, ONNX Runtime's debugger",
        """\
def best_limit(x, limits, bits):
    from onnxruntime.quantization.qdq_loss_debug import compute_signal_to_quantization_noice_ratio as db
    top = 2**bits - 1
    return max(limits, key=lambda v: db(x, round_trip(x, float(v) / top, 0, 0, top)))
""",
    ),
    Right(
        "all at once, halves rounded up, float32",
        """\
def best_limit(x, limits, bits):
    step = (limits / (2**bits - 1)).astype(np.float32)[:, None]
    q = np.clip(np.floor(x / step + 0.5), 0, 2**bits - 1)
    errors = ((q * step - x) ** 2).sum(1)
    return np.float32(limits[errors.argmin()])
""",
    ),
    Right(
        "torch, root of the mean",
        """\
def best_limit(x, limits, bits):
    t, best, least = torch.from_numpy(x), None, float('inf')
    for limit in torch.from_numpy(limits):
        step = limit / (2**bits - 1)
        error = (torch.clamp(torch.round(t / step), max=2**bits - 1) * step - t).pow(2).mean().sqrt()
        if error < least:
            best, least = limit, error
    return best
""",
    ),
    Right(
        "clips the values first",
        """\
def best_limit(x, limits, bits):
    def mse(v):
        s = v / (2**bits - 1)
        return np.linalg.norm(np.round(np.minimum(x, v) / s) * s - x)
    return sorted(limits.tolist(), key=mse)[0]
""",
    ),
]
