"""Wrong answers to `shift`, lab 03c."""

from tests.mistakes import Mistake

_SHIFT = """
def shift(images, most, rng):
    height, width = images.shape[-2:]
    padded = np.pad(images, ((0, 0), (0, 0), (most, most), (most, most)){mode})
    corners = {corners}
    return np.stack([picture[:, y : y + height, x : x + width]{turn} for picture, (y, x) in zip(padded, corners)])
"""


def _shift(mode="", corners="rng.integers(0, 2 * most + 1, size=(len(images), 2))", turn=""):
    return _SHIFT.format(mode=mode, corners=corners, turn=turn)


MISTAKES = [
    Mistake(
        "np.roll",
        """\
def shift(images, most, rng):
    moves = rng.integers(-most, most + 1, (len(images), 2))
    return np.stack([np.roll(p, tuple(m), axis=(1, 2)) for p, m in zip(images, moves)])
""",
        says="wraps around",
    ),
    Mistake(
        "one move for all",
        _shift(corners="np.repeat(rng.integers(0, 2 * most + 1, size=(1, 2)), len(images), axis=0)"),
        says="draw a move for each picture",
    ),
    Mistake("upper end left out", _shift(corners="rng.integers(0, 2 * most, size=(len(images), 2))"), says="upper end"),
    Mistake("one direction only", _shift(corners="rng.integers(0, most + 1, size=(len(images), 2))"), says="both signs"),
    Mistake("generator of its own", _shift(corners="np.random.randint(0, 2 * most + 1, size=(len(images), 2))"), says="same seed gave two"),
    Mistake(
        "seed built in",
        _shift(corners="np.random.default_rng(0).integers(0, 2 * most + 1, size=(len(images), 2))"),
        says="same way in each epoch",
    ),
    Mistake(
        "to the side only",
        _shift(corners="np.stack([np.full(len(images), most), rng.integers(0, 2 * most + 1, size=len(images))], axis=1)"),
        says="no picture was moved down",
    ),
    Mistake(
        "nothing returned",
        "def shift(images, most, rng):\n    images = np.roll(images, tuple(rng.integers(-most, most + 1, 2)), axis=(2, 3))\n",
        says="forget `return`",
    ),
    Mistake("border smeared", _shift(mode=', mode="edge"'), says="pad with zeros"),
    Mistake("mirrored", _shift(turn="[:, :, ::-1]"), says="mirror"),
    Mistake(
        "diagonal only", _shift(corners="np.repeat(rng.integers(0, 2 * most + 1, size=(len(images), 1)), 2, axis=1)"), says="independently"
    ),
    Mistake(
        "in place",
        """\
def shift(images, most, rng):
    padded = np.pad(images, ((0, 0), (0, 0), (most, most), (most, most)))
    h, w = images.shape[-2:]
    for i, (y, x) in enumerate(rng.integers(0, 2 * most + 1, (len(images), 2))):
        images[i] = padded[i, :, y : y + h, x : x + w]
    return images
""",
        says="work on a copy",
    ),
    Mistake(
        "nothing cut off",
        "def shift(images, most, rng):\n    return np.pad(images, ((0, 0), (0, 0), (most, most), (most, most)))\n",
        says="has shape",
    ),
]
