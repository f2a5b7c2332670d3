"""Right answers in other words to `parity`, lab 04."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "torch, ONNX Runtime's own exceptions",
        """
def parity(model, path, batches):
    from onnxruntime.capi import onnxruntime_pybind11_state as state
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    model.eval()
    errors = {}
    for n in batches:
        x = np.random.default_rng(n).random((n, 1, 28, 28), dtype=np.float32)
        try:
            got = session.run(["logits"], {session.get_inputs()[0].name: x})[0]
        except (state.Fail, state.InvalidArgument, state.RuntimeException):
            errors[n] = torch.tensor(torch.inf)
            continue
        with torch.no_grad():
            errors[n] = (torch.from_numpy(got) - model(torch.from_numpy(x))).abs().max()
    return errors
""",
    ),
    Right(
        "a copy, a norm, infinity first",
        """
def parity(model, path, batches):
    import math
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    twin = copy.deepcopy(model).train(False)
    errors = dict.fromkeys(batches, math.inf)
    for n in batches:
        x = np.random.default_rng(n).random((n, 1, 28, 28), dtype=np.float32)
        try:
            got, = session.run(None, {"input": x})
        except Exception:
            continue
        want = twin(torch.tensor(x)).detach().numpy()
        errors[n] = np.linalg.norm((got.astype(np.float64) - want).ravel(), ord=np.inf)
    return errors
""",
    ),
    Right(
        "in float64, a comprehension, other pictures",
        """
def parity(model, path, batches):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    exact = copy.deepcopy(model).eval().double()
    def error(n):
        x = torch.randn(n, 1, 28, 28)
        try:
            got = session.run(None, {"input": x.numpy()})[0]
        except Exception:
            return float("inf")
        difference = got - exact(x.double()).detach().numpy()
        return max(difference.max(), -difference.min())
    return {np.int64(n): error(n) for n in batches}
""",
    ),
    Right(
        "image by image in a loop, numpy inf",
        """
def parity(model, path, batches):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    errors = {}
    for n in batches:
        x = np.random.default_rng(n).random((n, 1, 28, 28), dtype=np.float32)
        model.eval()
        try:
            rows = session.run(None, {"input": x})[0]
            worst = 0.0
            for image, row in zip(x, rows, strict=True):
                for a, b in zip(model(torch.from_numpy(image[None]))[0].tolist(), row.tolist()):
                    worst = max(worst, abs(a - b))
            errors[n] = worst
        except Exception:
            errors[n] = np.float32("inf")
    return errors
""",
    ),
]
