"""Right answers in other words to `integer_linear`, lab 03a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
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
]
