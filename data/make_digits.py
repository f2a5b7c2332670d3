"""Makes the shipped data set "digits": ``python data/make_digits.py`` (about a minute; ``--check`` compares only).

Every picture is drawn as vectors (a handwritten skeleton or the outline of a glyph), distorted as vectors and turned into
28x28 pixels by its distance to the ink. Picture ``i`` of a split depends on (SEED, split, i) and on nothing else, so any
part of a split can be remade alone. Needs numpy, matplotlib (for its fonts), fontTools, and scikit-learn for "real".
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
from functools import cache
from pathlib import Path

import numpy as np

logging.getLogger("fontTools").setLevel(logging.ERROR)  # it complains about the dates in the cm fonts

HERE = Path(__file__).resolve().parent
SEED = 20261122
SIZE = 28  # pixels
BOX = 20.0  # the digit's larger side, as in MNIST; the rest is margin
COUNTS = {"train": 12000, "val": 2000, "test": 6000}
STREAM = {"train": 1, "val": 2, "test": 3}
STYLES = ("hand", "type", "new typeface", "scanned")  # "new typeface": Computer Modern, in test only
GREYS = 51  # grey levels are multiples of 255 / 51 = 5: the eye sees no difference and the file is half as large

# Handwriting: per digit a list of variants, a variant is a list of strokes, a stroke a list of points that a Catmull-Rom
# spline passes through. x to the right, y down, the digit in the unit square. A stroke that starts where the last one
# ended makes a corner.
HAND = {
    0: [
        [[(0.5, 0), (0.15, 0.18), (0.05, 0.5), (0.17, 0.85), (0.5, 1), (0.83, 0.85), (0.95, 0.5), (0.85, 0.18), (0.5, 0)]],
        [[(0.62, 0.03), (0.3, 0.1), (0.12, 0.5), (0.22, 0.88), (0.48, 1), (0.76, 0.85), (0.86, 0.45), (0.75, 0.12), (0.45, 0.02)]],
        [[(0.35, 0.05), (0.1, 0.4), (0.15, 0.8), (0.45, 1), (0.8, 0.8), (0.92, 0.42), (0.72, 0.06), (0.4, 0.02), (0.25, 0.14)]],
    ],
    1: [
        [[(0.5, 0), (0.5, 0.5), (0.5, 1)]],
        [[(0.27, 0.24), (0.42, 0.12), (0.55, 0)], [(0.55, 0), (0.54, 0.5), (0.53, 1)]],
        [[(0.3, 0.22), (0.5, 0)], [(0.5, 0), (0.5, 0.5), (0.5, 1)], [(0.25, 1), (0.5, 1), (0.75, 1)]],
    ],
    2: [
        [[(0.1, 0.26), (0.25, 0.05), (0.58, 0), (0.85, 0.2), (0.76, 0.46), (0.45, 0.74), (0.08, 1)], [(0.08, 1), (0.5, 0.99), (0.92, 1)]],
        [[(0.12, 0.2), (0.45, 0), (0.8, 0.14), (0.78, 0.42), (0.48, 0.72), (0.16, 0.95), (0.12, 0.82), (0.35, 0.8), (0.62, 0.95),
          (0.92, 0.93)]],
        [[(0.15, 0.12), (0.5, 0), (0.82, 0.2), (0.68, 0.52), (0.36, 0.8), (0.1, 0.98)], [(0.1, 0.98), (0.4, 0.92), (0.9, 0.98)]],
    ],
    3: [
        [[(0.12, 0.13), (0.45, 0), (0.8, 0.15), (0.73, 0.38), (0.38, 0.47)],
         [(0.38, 0.47), (0.78, 0.56), (0.88, 0.78), (0.58, 1), (0.1, 0.9)]],
        [[(0.12, 0.02), (0.5, 0.01), (0.85, 0.02)], [(0.85, 0.02), (0.62, 0.22), (0.42, 0.4)],
         [(0.42, 0.4), (0.8, 0.5), (0.86, 0.8), (0.5, 1), (0.1, 0.88)]],
        [[(0.15, 0.1), (0.5, 0), (0.78, 0.16), (0.7, 0.36), (0.5, 0.46), (0.74, 0.56), (0.86, 0.76), (0.6, 0.98), (0.12, 0.93)]],
    ],
    4: [
        [[(0.72, 0), (0.4, 0.36), (0.06, 0.68)], [(0.06, 0.68), (0.5, 0.67), (0.95, 0.67)], [(0.72, 0), (0.71, 0.5), (0.7, 1)]],
        [[(0.2, 0), (0.14, 0.28), (0.12, 0.55)], [(0.12, 0.55), (0.5, 0.55), (0.9, 0.53)], [(0.76, 0.05), (0.73, 0.5), (0.68, 1)]],
        [[(0.3, 0.02), (0.16, 0.3), (0.1, 0.58)], [(0.1, 0.58), (0.45, 0.6), (0.92, 0.56)], [(0.66, 0.28), (0.63, 0.62), (0.6, 1)]],
    ],
    5: [
        [[(0.85, 0), (0.5, 0.01), (0.24, 0.01)], [(0.24, 0.01), (0.2, 0.22), (0.17, 0.43)],
         [(0.17, 0.43), (0.5, 0.35), (0.84, 0.52), (0.84, 0.8), (0.5, 1), (0.1, 0.9)]],
        [[(0.9, 0.02), (0.6, 0), (0.3, 0.03)], [(0.3, 0.03), (0.24, 0.2), (0.22, 0.4)],
         [(0.22, 0.4), (0.58, 0.42), (0.8, 0.62), (0.68, 0.9), (0.36, 1), (0.08, 0.92)]],
    ],
    6: [
        [[(0.74, 0.02), (0.36, 0.2), (0.1, 0.58), (0.2, 0.92), (0.5, 1), (0.82, 0.86), (0.8, 0.62), (0.5, 0.5), (0.22, 0.62),
          (0.14, 0.78)]],
        [[(0.55, 0), (0.28, 0.28), (0.13, 0.66), (0.28, 0.95), (0.6, 0.98), (0.82, 0.78), (0.68, 0.56), (0.4, 0.58), (0.16, 0.76)]],
        [[(0.4, 0), (0.22, 0.35), (0.14, 0.7), (0.3, 0.96), (0.64, 0.97), (0.85, 0.75), (0.7, 0.53), (0.42, 0.53), (0.17, 0.7)]],
    ],
    7: [
        [[(0.1, 0.02), (0.5, 0.01), (0.9, 0.02)], [(0.9, 0.02), (0.62, 0.48), (0.4, 1)]],
        [[(0.1, 0.02), (0.5, 0.01), (0.9, 0.02)], [(0.9, 0.02), (0.62, 0.46), (0.4, 1)], [(0.3, 0.5), (0.55, 0.49), (0.82, 0.48)]],
        [[(0.1, 0.14), (0.14, 0.02)], [(0.14, 0.02), (0.5, 0.05), (0.88, 0)], [(0.88, 0), (0.6, 0.35), (0.48, 1)]],
    ],
    8: [
        [[(0.78, 0.15), (0.5, 0), (0.22, 0.17), (0.34, 0.4), (0.7, 0.6), (0.84, 0.82), (0.5, 1), (0.16, 0.82), (0.32, 0.6), (0.68, 0.38),
          (0.78, 0.15)]],
        [[(0.5, 0), (0.22, 0.1), (0.22, 0.36), (0.5, 0.47), (0.78, 0.36), (0.78, 0.1), (0.5, 0)],
         [(0.5, 0.47), (0.17, 0.6), (0.17, 0.88), (0.5, 1), (0.83, 0.88), (0.83, 0.6), (0.5, 0.47)]],
    ],
    9: [
        [[(0.82, 0.25), (0.52, 0), (0.18, 0.2), (0.24, 0.46), (0.58, 0.48), (0.83, 0.22)], [(0.83, 0.22), (0.79, 0.6), (0.62, 1)]],
        [[(0.83, 0.2), (0.5, 0), (0.17, 0.2), (0.25, 0.47), (0.6, 0.47), (0.85, 0.2)],
         [(0.85, 0.2), (0.88, 0.58), (0.74, 0.9), (0.45, 1), (0.2, 0.93)]],
        [[(0.75, 0.15), (0.5, 0), (0.2, 0.18), (0.25, 0.42), (0.5, 0.45), (0.75, 0.15)], [(0.75, 0.05), (0.75, 0.5), (0.75, 1)]],
    ],
}  # fmt: skip

SEEN_FONTS = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSerif",
    "DejaVuSerif-Bold", "DejaVuSerif-Italic", "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic",
)  # fmt: skip
NEW_FONTS = ("cmr10", "cmb10", "cmss10", "cmtt10")
DIGIT_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def spline(points: np.ndarray, per_span: int = 7) -> np.ndarray:
    """A polyline along the centripetal-free (uniform) Catmull-Rom spline through ``points`` [K,2]."""
    if len(points) < 3:
        return points
    p = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    t = np.linspace(0, 1, per_span, endpoint=False)[:, None]
    spans = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True)
    ]
    return np.vstack([*spans, points[-1:]])


@cache
def glyph(font: str, digit: int) -> tuple[np.ndarray, ...]:
    """The closed contours of a digit in a font that matplotlib ships, as polylines, y down, larger side 1."""
    import matplotlib
    from fontTools.pens.recordingPen import DecomposingRecordingPen
    from fontTools.ttLib import TTFont

    file = TTFont(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{font}.ttf")
    glyphs = file.getGlyphSet()
    pen = DecomposingRecordingPen(glyphs)
    glyphs[file.getBestCmap().get(ord(str(digit)), DIGIT_NAMES[digit])].draw(pen)
    contours, t = [], np.linspace(0, 1, 6)[1:, None]
    for operation, args in pen.value:
        if operation == "moveTo":
            line = [np.array(args, float)]
        elif operation == "lineTo":
            line.append(np.array(args, float))
        elif operation == "qCurveTo":
            controls = np.array(args, float)
            start = line[-1][-1]
            for k, control in enumerate(controls[:-1]):
                # TrueType leaves out the on-curve points that lie halfway between two control points.
                end = controls[-1] if k == len(controls) - 2 else (control + controls[k + 1]) / 2
                line.append((1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end)
                start = end
        elif operation == "closePath":
            contours.append(np.vstack([*line, line[0]]))
        else:
            raise ValueError(f"{font}: outline operation {operation} of digit {digit} is not handled")
    every = np.vstack(contours)
    scale = np.ptp(every, axis=0).max()
    return tuple((c - every.min(0)) / scale * (1, -1) for c in contours)


def segments(lines: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Start and end points, [S,2] each, of all straight pieces."""
    return np.vstack([line[:-1] for line in lines]), np.vstack([line[1:] for line in lines])


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[S, SIZE*SIZE]: from each pixel's centre to each segment, in pixels."""
    y, x = np.divmod(np.arange(SIZE * SIZE), SIZE)
    dx, dy = (b - a).T[:, :, None]
    px, py = x - a[:, :1], y - a[:, 1:]
    t = np.clip((px * dx + py * dy) / np.maximum(dx * dx + dy * dy, 1e-12), 0, 1)
    return np.hypot(px - t * dx, py - t * dy)


def inside(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[SIZE*SIZE] bool: pixel centres with a non-zero winding number."""
    y, x = np.divmod(np.arange(SIZE * SIZE), SIZE)
    ax, ay, bx, by = a[:, :1], a[:, 1:], b[:, :1], b[:, 1:]
    side = (bx - ax) * (y - ay) - (x - ax) * (by - ay)
    return ((ay <= y) & (by > y) & (side > 0)).sum(0) != ((ay > y) & (by <= y) & (side < 0)).sum(0)


def warp(lines: list[np.ndarray], rng: np.random.Generator, strength: float) -> list[np.ndarray]:
    """A random affine map followed by a smooth displacement (three sine waves per axis): the elastic part."""
    angle, shear = rng.normal(0, 5 * np.pi / 180), rng.normal(0.04, 0.13)
    aspect = np.exp(rng.normal(-0.05, 0.13))
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = matrix @ np.array([[aspect, -shear], [0, 1.0]])
    waves = rng.normal(0, 3.5, (2, 3, 2))
    phases = rng.uniform(0, 2 * np.pi, (2, 3))
    heights = rng.normal(0, strength, (2, 3))
    out = []
    for line in lines:
        p = (line - 0.5) @ matrix.T
        shift = np.stack([(heights[k] * np.sin(p @ waves[k].T + phases[k])).sum(1) for k in range(2)], axis=1)
        out.append(p + shift)
    return out


def place(lines: list[np.ndarray], side: float, middle: np.ndarray) -> list[np.ndarray]:
    """Scales so that the larger side is ``side`` pixels and moves the centre of mass of the lines to ``middle``."""
    every = np.vstack(lines)
    scale = side / np.ptp(every, axis=0).max()
    a, b = segments(lines)
    weight = np.hypot(*(b - a).T)[:, None]
    centre = (weight * (a + b) / 2).sum(0) / weight.sum()
    return [(line - centre) * scale + middle for line in lines]


def hand(digit: int, rng: np.random.Generator, middle: np.ndarray, soft: float) -> np.ndarray:
    """A handwritten digit: coverage in [0,1], [SIZE*SIZE]. The pen's radius drifts along the strokes."""
    variants = HAND[digit]
    strokes = variants[rng.integers(len(variants))]
    corners = {p: np.array(p) + rng.normal(0, 0.03, 2) for stroke in strokes for p in stroke}  # shared points stay shared
    lines = warp([spline(np.array([corners[p] for p in stroke])) for stroke in strokes], rng, 0.025)
    radius = np.clip(rng.normal(1.15, 0.3), 0.6, 2.0)
    lines = place(lines, BOX * rng.uniform(0.9, 1.04) - 2 * radius, middle)
    a, b = segments(lines)
    along = np.linspace(0, 1, len(a))
    radii = radius * (1 + 0.18 * np.sin(rng.uniform(2, 7) * along + rng.uniform(0, 2 * np.pi)))
    return np.clip((radii[:, None] - distances(a, b)) / soft + 0.5, 0, 1).max(0)


def typed(font: str, digit: int, rng: np.random.Generator, middle: np.ndarray, soft: float) -> np.ndarray:
    """A digit of a typeface, heavier or lighter by up to a fraction of a pixel: coverage in [0,1], [SIZE*SIZE]."""
    lines = [line + (0.5, 0.5) - np.vstack(glyph(font, digit)).mean(0) for line in glyph(font, digit)]
    a, b = segments(place(warp(lines, rng, 0.018), BOX * rng.uniform(0.9, 1.04), middle))
    distance = distances(a, b).min(0)
    signed = np.where(inside(a, b), -distance, distance)
    return np.clip((rng.uniform(-0.25, 0.45) - signed) / soft + 0.5, 0, 1)


def spoil(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Contrast on every picture; on a part of them a scratch, clutter near the border or noise."""
    picture = ink * rng.uniform(0.7, 1.0)
    if rng.random() < 0.10:  # a scratch across the digit takes ink away
        centre, angle = rng.uniform(8, 20, 2), rng.uniform(0, np.pi)
        reach = 14 * np.array([np.cos(angle), np.sin(angle)])
        scratch = np.clip(rng.uniform(0.4, 0.9) - distances((centre - reach)[None], (centre + reach)[None])[0] + 0.5, 0, 1)
        picture = picture * (1 - scratch)
    if rng.random() < 0.18:  # clutter: a piece of a neighbour at one of the four borders
        along, depth, turn = rng.uniform(3, 25), rng.uniform(-1, 2.5), rng.integers(4)
        ends = np.array([[along, depth], [along + rng.uniform(-6, 6), depth + rng.uniform(-2, 2.5)]])
        ends = [ends, ends[:, ::-1], (27 - ends), (27 - ends)[:, ::-1]][turn]
        mark = np.clip(rng.uniform(0.4, 1.2) - distances(ends[:1], ends[1:])[0] + 0.5, 0, 1)
        picture = np.maximum(picture, mark * rng.uniform(0.4, 0.9))
    if rng.random() < 0.15:
        picture = picture + rng.normal(0, rng.uniform(0.03, 0.12), picture.shape)
    return picture


def to_bytes(picture: np.ndarray) -> np.ndarray:
    """[0,1] floats -> uint8 multiples of 5."""
    return (np.rint(np.clip(picture, 0, 1) * GREYS) * (255 // GREYS)).astype(np.uint8)


def label_of(split: str, index: int, seed: int = SEED) -> int:
    """Every block of ten pictures holds each digit once, in random order."""
    return int(np.random.default_rng([seed, STREAM[split], 1, index // 10]).permutation(10)[index % 10])


def draw(split: str, index: int, seed: int = SEED) -> tuple[np.ndarray, int, int]:
    """One picture: (uint8 [28,28], label, style). Another ``seed`` draws other pictures of the same kind: the capstone's unseen split."""
    rng = np.random.default_rng([seed, STREAM[split], 0, index])
    digit = label_of(split, index, seed)
    middle = np.array([13.5, 13.5]) + rng.normal(0, 0.6, 2)
    soft = rng.uniform(1.0, 3.2)  # width of the edge in pixels: the blur
    kind = rng.random()
    if kind < 0.6:
        style, ink = 0, hand(digit, rng, middle, soft)
    elif kind < 0.9 or split != "test":
        style, ink = 1, typed(SEEN_FONTS[rng.integers(len(SEEN_FONTS))], digit, rng, middle, soft)
    else:
        style, ink = 2, typed(NEW_FONTS[rng.integers(len(NEW_FONTS))], digit, rng, middle, soft)
    return to_bytes(spoil(ink, rng)).reshape(SIZE, SIZE), digit, style


def rendered(split: str, count: int | None = None) -> dict[str, np.ndarray]:
    """The first ``count`` pictures of a rendered split (all by default): images, labels, styles."""
    drawn = [draw(split, i) for i in range(COUNTS[split] if count is None else count)]
    images, labels, styles = zip(*drawn, strict=True)
    return {"images": np.stack(images), "labels": np.array(labels, np.int64), "styles": np.array(styles, np.uint8)}


def cubic(offsets: np.ndarray) -> np.ndarray:
    """Catmull-Rom kernel: weights of neighbours at these distances (in source pixels)."""
    d = np.abs(offsets)
    near, far = 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def real() -> dict[str, np.ndarray]:
    """The UCI digits, 8x8 with values 0..16: enlarged by 20/8 and put with their centre of mass in the middle."""
    from sklearn.datasets import load_digits

    source = load_digits()
    images = np.zeros((len(source.images), SIZE, SIZE), np.uint8)
    grid = np.arange(8)
    for out, small in zip(images, source.images / 16.0, strict=True):
        centre = np.array([(small.sum(1) * grid).sum(), (small.sum(0) * grid).sum()]) / small.sum()
        rows, columns = (cubic(((np.arange(SIZE) - 13.5) * 8 / BOX + c)[:, None] - grid) for c in centre)
        out[:] = to_bytes(rows @ small @ columns.T)
    return {"images": images, "labels": source.target.astype(np.int64), "styles": np.full(len(images), 3, np.uint8)}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the shipped files, write nothing")
    parser.add_argument("--out", type=Path, default=HERE / "digits", help="folder to write to")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    sums = {}
    for split in (*COUNTS, "real"):
        arrays = real() if split == "real" else rendered(split)
        path = args.out / f"{split}.npz"
        if not args.check:
            np.savez_compressed(path, **arrays)
        with np.load(path, allow_pickle=False) as shipped:
            same = all(np.array_equal(shipped[key], arrays[key]) for key in arrays)
        sums[path.name] = {
            "file": sha256(path.read_bytes()),
            "images": sha256(arrays["images"].tobytes()),
            "labels": sha256(arrays["labels"].tobytes()),
            "count": len(arrays["labels"]),
        }
        print(f"{path.name}: {len(arrays['labels'])} pictures, {path.stat().st_size / 1e6:.2f} MB, {'same' if same else 'DIFFERENT'}")
        if not same:
            raise SystemExit(f"{path} does not hold what this script draws")
    if not args.check:
        (args.out / "CHECKSUMS.json").write_text(json.dumps(sums, indent=1) + "\n")


if __name__ == "__main__":
    main()
