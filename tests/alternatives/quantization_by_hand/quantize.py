"""Right answers in other words to `quantize`, lab 03a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "clips first, rint, float64",
        """\
def quantize(x, scale, zero_point, qmin, qmax):
    steps = np.clip(x.astype(np.float64) / scale, qmin - zero_point, qmax - zero_point)
    return (np.rint(steps) + zero_point).astype(np.int32)
""",
    ),
    Right(
        "torch",
        """\
def quantize(x, scale, zero_point, qmin, qmax):
    return torch.clamp(torch.round(torch.from_numpy(x) / scale) + zero_point, qmin, qmax).to(torch.int32)
""",
    ),
    Right(
        "PyTorch's fake quantization, then back",
        """\
def quantize(x, scale, zero_point, qmin, qmax):
    return (np.round(round_trip(x, scale, zero_point, qmin, qmax) / scale) + zero_point).astype(np.int32)
""",
    ),
    Right(
        "Python's round, a list",
        """\
def quantize(x, scale, zero_point, qmin, qmax):
    if isinstance(x, np.ndarray) and x.ndim:
        return [quantize(v, scale, zero_point, qmin, qmax) for v in x]
    return max(qmin, min(qmax, round(float(x) / scale) + zero_point))
""",
    ),
    Right(
        "ONNX Runtime",
        """
def quantize(x, scale, zero_point, qmin, qmax):
    from edgekit.runtimes.ort.node import run_node
    dtype = np.uint8 if qmin >= 0 else np.int8
    return run_node("QuantizeLinear", x, np.float32(scale), dtype(zero_point)).astype(np.int32).clip(qmin, qmax)
""",
    ),
]
