"""Right answers in other words to `mixes_images`, lab 04."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "other neighbours, same batch size",
        """
def mixes_images(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng()
    image, dark, bright = rng.random((1, 1, 28, 28)), rng.random((3, 1, 28, 28)) * 0.1, rng.random((3, 1, 28, 28)) * 9
    a, b = (session.run(None, {"input": np.concatenate([image, rest]).astype(np.float32)})[0][0] for rest in (dark, bright))
    return np.abs(a - b).max() > 1e-3 * np.abs(a).max()
""",
    ),
    Right(
        "relative norm, a pair",
        """
def mixes_images(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    def run(x):
        return session.run(None, {"input": x})[0].astype(np.float64)
    pair = np.stack([np.zeros((1, 28, 28), np.float32), np.ones((1, 28, 28), np.float32)])
    together, alone = run(pair), np.concatenate([run(pair[:1]), run(pair[1:])])
    return np.linalg.norm(together - alone) / np.linalg.norm(alone) > 1e-4
""",
    ),
    Right(
        "torch.testing, plain noise",
        """
def mixes_images(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = torch.randn(8, 1, 28, 28)
    together = torch.from_numpy(session.run(None, {"input": x.numpy()})[0])
    for i, image in enumerate(x.split(1)):
        alone = torch.from_numpy(session.run(None, {"input": image.numpy()})[0])
        try:
            torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-3, atol=1e-4 * float(alone.abs().max()))
        except AssertionError:
            return True
    return False
""",
    ),
    Right(
        "one bright stranger, early return",
        """
def mixes_images(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(1).random((5, 1, 28, 28), dtype=np.float32)
    before = session.run(None, {"input": x})[0]
    x[-1] += 100
    after = session.run(None, {"input": x})[0]
    tolerance = 1e-3 * np.ptp(before)
    for one, other in zip(before[:-1], after[:-1]):
        if (abs(one - other) > tolerance).any():
            return True
    return False
""",
    ),
    Right(
        "percent of the standard deviation, a truth value of torch",
        """
def mixes_images(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = (np.random.default_rng(2).random((3, 1, 28, 28)) * np.array([0.2, 1, 5]).reshape(3, 1, 1, 1)).astype(np.float32)
    y = session.run(None, {"input": x})[0]
    z = np.vstack([session.run(None, {"input": one[None]})[0] for one in x])
    return torch.tensor(np.abs(y - z).max() > 0.01 * z.std())
""",
    ),
]
