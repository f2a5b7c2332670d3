"""Wrong answers to `mixes_images`, lab 04."""

from tests.mistakes import Mistake

_MIXES = """
def mixes_images(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    {images}
    together = session.run(None, {{"input": images}})[0]
    alone = np.concatenate([session.run(None, {{"input": images[i : i + 1]}})[0] for i in range(len(images))])
    return {verdict}
"""


_IMAGES = (
    "images = np.random.default_rng(0).random((4, 1, 28, 28), dtype=np.float32) * np.arange(1, 5, dtype=np.float32).reshape(4, 1, 1, 1)"
)


_ALLCLOSE = "not np.allclose(together, alone, rtol=1e-3, atol=1e-4 * np.abs(alone).max())"


MISTAKES = [
    Mistake(
        "copies of one image",
        _MIXES.format(
            images="images = np.repeat(np.random.default_rng(0).random((1, 1, 28, 28), dtype=np.float32), 4, axis=0)", verdict=_ALLCLOSE
        ),
        says="images of your batch differ",
    ),
    Mistake("exact comparison", _MIXES.format(images=_IMAGES, verdict="bool((together != alone).any())"), says="tolerance relative"),
    Mistake(
        "fixed absolute tolerance",
        _MIXES.format(images=_IMAGES, verdict="not np.allclose(together, alone, rtol=0, atol=1e-6)"),
        says="tolerance relative",
    ),
    Mistake(
        "the same batch twice",
        """
def mixes_images(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).random((4, 1, 28, 28), dtype=np.float32)
    first, second = (session.run(None, {"input": images})[0] for _ in range(2))
    return not np.allclose(first, second)
""",
        says="one by one",
    ),
    Mistake(
        "fixed tolerance of a tenth",
        _MIXES.format(images=_IMAGES, verdict="bool(np.abs(together - alone).max() > 0.1)"),
        says="A fixed tolerance of that size",
    ),
    Mistake(
        "new images for the second run",
        _MIXES.format(images=_IMAGES + "; rng = np.random.default_rng()", verdict=_ALLCLOSE).replace(
            "images[i : i + 1]}", "rng.random((1, 1, 28, 28), dtype=np.float32)}"
        ),
        says="the same images",
    ),
    Mistake(
        "answer the wrong way round",
        _MIXES.format(images=_IMAGES, verdict=_ALLCLOSE.removeprefix("not ")),
        says="every answer the wrong way round",
    ),
]
