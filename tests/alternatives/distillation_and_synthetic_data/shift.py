"""Right answers in other words to `shift`, lab 03c."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "slices, picture by picture",
        """
def shift(images, most, rng):
    moved = np.zeros_like(images)
    height, width = images.shape[2:]
    for i, picture in enumerate(images):
        down, right = rng.integers(-most, most, 2, endpoint=True)
        moved[i, :, max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)] = picture[
            :, max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)
        ]
    return moved
""",
    ),
    Right(
        "np.roll, what came back made black",
        """
def shift(images, most, rng):
    out = []
    for picture in images:
        d, r = int(rng.integers(-most, most + 1)), int(rng.integers(-most, most + 1))
        picture = np.roll(picture, (d, r), axis=(1, 2))
        picture[:, : max(d, 0)] = 0
        picture[:, :, : max(r, 0)] = 0
        if d < 0:
            picture[:, d:] = 0
        if r < 0:
            picture[:, :, r:] = 0
        out.append(picture)
    return out
""",
    ),
    Right(
        "scipy",
        """
def shift(images, most, rng):
    from scipy import ndimage
    moves = rng.choice(np.arange(-most, most + 1), size=(len(images), 2))
    return np.array([ndimage.shift(p, (0, *m), order=0, cval=0) for p, m in zip(images, moves)])
""",
    ),
    Right(
        "torch, one number for both moves",
        """
def shift(images, most, rng):
    n, _, h, w = images.shape
    padded = nn.functional.pad(torch.from_numpy(images), [most] * 4)
    draw = rng.integers((2 * most + 1) ** 2, size=n)
    return torch.stack([padded[i, :, a : a + h, b : b + w] for i, (a, b) in enumerate(zip(*np.divmod(draw, 2 * most + 1)))])
""",
    ),
    Right(
        "all at once, in float64",
        """
def shift(images, most, rng):
    n, _, h, w = images.shape
    padded = np.pad(images[:, 0].astype(float), ((0, 0), (most, most), (most, most)))
    y, x = np.floor(rng.random((2, n)) * (2 * most + 1)).astype(int)
    rows, columns = y[:, None] + np.arange(h), x[:, None] + np.arange(w)
    return padded[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]][:, None]
""",
    ),
]
