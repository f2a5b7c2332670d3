"""Right answers in other words to `sqnr`, lab 03a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "ONNX Runtime's debugger",
        """\
def sqnr(x, approx):
    from onnxruntime.quantization.qdq_loss_debug import compute_signal_to_quantization_noice_ratio as library
    return np.inf if np.array_equal(x, approx) else library(x, approx)
""",
    ),
    Right(
        "twenty times the logarithm of the norms, torch",
        """\
def sqnr(x, approx):
    x, approx = torch.from_numpy(x).double(), torch.from_numpy(approx).double()
    return 20 * torch.log10(x.norm() / (x - approx).norm())
""",
    ),
    Right(
        "a difference of logarithms, means",
        """\
def sqnr(x, approx):
    power = lambda a: np.mean(np.square(a, dtype=np.float64))
    with np.errstate(divide='ignore'):
        return np.float32(10 * (np.log10(power(x)) - np.log10(power(x - approx))))
""",
    ),
    Right(
        "math and fsum",
        """\
def sqnr(x, approx):
    import math
    noise = math.fsum((float(a) - float(b)) ** 2 for a, b in zip(x.flat, approx.flat))
    return 10 * math.log10(math.fsum(float(a) ** 2 for a in x.flat) / noise) if noise else math.inf
""",
    ),
    Right(
        "dot products, an array of one",
        """\
def sqnr(x, approx):
    x, e = x.ravel().astype(float), (x - approx).ravel().astype(float)
    return np.array(10 * np.log10(x @ x / (e @ e)))
""",
    ),
]
