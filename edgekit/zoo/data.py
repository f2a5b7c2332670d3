"""Data sets: the shipped digits, and MNIST or Fashion-MNIST where a student has them or asks for the download.

Every picture is 28x28, grey, white on black. Models get float32 [N, 1, 28, 28] in [0, 1]: the bytes divided by 255 and
nothing else, so that no mean or deviation has to travel with a deployed model.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from edgekit import paths
from edgekit.files import BROKEN_ZIP, sha256

DIGITS = tuple("0123456789")
FASHION = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
STYLES = ("hand", "type", "new typeface", "scanned")

_SPLITS = {"digits": ("train", "val", "test", "real"), "mnist": ("train", "test"), "fashion_mnist": ("train", "test")}
_TORCHVISION = {"mnist": ("MNIST", DIGITS), "fashion_mnist": ("FashionMNIST", FASHION)}
_verified: dict[Path, tuple[int, int]] = {}  # path -> (modified, size) when its checksum was last seen to be right


class DataError(ValueError):
    """A data file is missing or damaged; the message names the file, what is wrong with it and how to restore it."""


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a data set.

    images: uint8 [N, 28, 28]. labels: int64 [N], indices into ``classes``. styles: uint8 [N], indices into ``STYLES``, where
    the data set knows how each picture was made. Raises DataError if these do not fit together.
    """

    name: str
    split: str
    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    styles: np.ndarray | None = None

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
            raise DataError(f"images must be uint8 [N, 28, 28], got {images.dtype} {list(images.shape)}")
        if labels.dtype != np.int64 or labels.shape != (len(images),):
            raise DataError(f"labels must be int64 [{len(images)}], got {labels.dtype} {list(labels.shape)}")
        if len(labels) and not 0 <= labels.min() <= labels.max() < len(self.classes):
            raise DataError(f"labels must lie in 0..{len(self.classes) - 1}, but run from {labels.min()} to {labels.max()}")
        if self.styles is not None and self.styles.shape != labels.shape:
            raise DataError(f"styles must have the shape of labels, {labels.shape}, got {self.styles.shape}")

    @cached_property
    def x(self) -> np.ndarray:
        """float32 [N, 1, 28, 28] in [0, 1]: what every model and runtime of the course is given."""
        return self.images[:, None].astype(np.float32) / np.float32(255)

    @property
    def y(self) -> np.ndarray:
        """int64 [N], the same as ``labels``."""
        return self.labels

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        return f"Split({self.name!r}, {self.split!r}, {len(self)} pictures, {len(self.classes)} classes)"

    def take(self, index: np.ndarray) -> Split:
        """The pictures at ``index`` (integers or a mask [N]), in that order: ``test.take(test.styles == 2)``."""
        styles = None if self.styles is None else self.styles[index]
        return Split(self.name, self.split, self.images[index], self.labels[index], self.classes, styles)

    def subset(self, n: int, seed: int = 0) -> Split:
        """``n`` random pictures in which each class has its share to within one picture, in their old order."""
        if not 1 <= n <= len(self):
            raise ValueError(f"n must lie in 1..{len(self)}, the number of pictures in {self.split!r}, got {n}")
        shuffled = np.random.default_rng(seed).permutation(len(self))
        # A picture's place in the queue is how far down its own class it stands, as a fraction; ties are cut at random.
        place = np.empty(len(self))
        for label in np.unique(self.labels):
            members = shuffled[self.labels[shuffled] == label]
            place[members] = (np.arange(len(members)) + 0.5) / len(members)
        return self.take(np.sort(shuffled[np.argsort(place[shuffled], kind="stable")[:n]]))

    def loader(self, batch_size: int = 64, shuffle: bool = False, seed: int = 0):
        """A torch DataLoader over (float32 [B, 1, 28, 28], int64 [B]); the order depends on ``seed`` only."""
        import torch
        from torch.utils.data import DataLoader, TensorDataset

        pairs = TensorDataset(torch.from_numpy(self.x), torch.from_numpy(self.y))
        order = torch.Generator().manual_seed(seed)
        return DataLoader(pairs, batch_size=batch_size, shuffle=shuffle, generator=order)


def load(name: str = "digits", split: str = "train", folder: str | Path | None = None, *, download: bool = False) -> Split:
    """A split of "digits" (train, val, test, real), "mnist" or "fashion_mnist" (train, test).

    "digits" ships with the course and is checked against its SHA-256 on the first load. The other two are read from IDX files
    (gzipped or not) in ``folder``, default labs/work/datasets; ``download=True`` lets torchvision fetch them there.
    ValueError for an unknown name or split, DataError for files that are missing or damaged.
    """
    if name not in _SPLITS:
        raise ValueError(f"there is no data set {name!r}; there are {', '.join(_SPLITS)}")
    if split not in _SPLITS[name]:
        raise ValueError(f"{name} has no split {split!r}; it has {', '.join(_SPLITS[name])}")
    if name == "digits":
        return _load_digits(split, Path(folder) if folder is not None else paths.data() / "digits")
    return _load_idx(name, split, Path(folder) if folder is not None else paths.work() / "datasets", download)


# --- the shipped digits -------------------------------------------------------------------------------------------------


def _load_digits(split: str, folder: Path) -> Split:
    path = folder / f"{split}.npz"
    fix = f"To restore it: git checkout -- data/digits; to make it again: python data/make_digits.py --out {folder}"
    content = _verified_bytes(path, fix)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return Split("digits", split, arrays["images"], arrays["labels"], DIGITS, arrays["styles"])
    except (KeyError, OSError, *BROKEN_ZIP) as error:
        raise DataError(f"{path} cannot be read: {error}. {fix}") from None


def _verified_bytes(path: Path, fix: str) -> bytes:
    """The file's content once its SHA-256 is the one in CHECKSUMS.json beside it."""
    try:
        content, stat = path.read_bytes(), path.stat()
    except OSError as error:
        raise DataError(f"{path} is missing or cannot be read ({error.strerror}). {fix}") from None
    if _verified.get(path) == (stat.st_mtime_ns, stat.st_size):
        return content
    sums = path.with_name("CHECKSUMS.json")
    try:
        expected = json.loads(sums.read_text())[path.name]["file"]
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(f"{sums} is missing or has no checksum for {path.name}. {fix}") from None
    found = sha256(content)
    if found != expected:
        raise DataError(f"{path} was altered or cut off: {len(content)} bytes with SHA-256 {found[:12]}…, expected {expected[:12]}…. {fix}")
    _verified[path] = (stat.st_mtime_ns, stat.st_size)
    return content


# --- IDX files (format: the MNIST page of LeCun, Cortes and Burges) ------------------------------------------------------


def _load_idx(name: str, split: str, folder: Path, download: bool) -> Split:
    title, classes = _TORCHVISION[name]
    prefix = {"train": "train", "test": "t10k"}[split]
    stems = (f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte")
    if download and not all(_find(folder, title, stem) for stem in stems):
        import torchvision

        try:
            getattr(torchvision.datasets, title)(str(folder), train=split == "train", download=True)
        except Exception as error:  # torchvision passes on whatever urllib and its mirrors raise
            raise DataError(
                f"torchvision could not download {title} to {folder}: {error}. Without a network, copy "
                f"{stems[0]}.gz and {stems[1]}.gz there by other means."
            ) from error
    found = [_find(folder, title, stem) for stem in stems]
    for stem, path in zip(stems, found, strict=True):
        if path is None:
            looked = ", ".join(str(place) for place in _places(folder, title))
            raise DataError(
                f"{stem}[.gz] of {title} is in none of: {looked}. Put the file into one of them, pass its folder as "
                f"folder=..., or allow the download: load({name!r}, {split!r}, download=True)."
            )
    images, labels = read_idx(found[0], 3), read_idx(found[1], 1)
    try:
        return Split(name, split, images, labels.astype(np.int64), classes)
    except DataError as error:
        raise DataError(f"{found[0]} and {found[1].name} do not make a {title} split: {error}") from None


def _places(folder: Path, title: str) -> tuple[Path, ...]:
    return folder, folder / title / "raw", folder / "raw"


def _find(folder: Path, title: str, stem: str) -> Path | None:
    candidates = [place / (stem + end) for place in _places(folder, title) for end in ("", ".gz")]
    return next((path for path in candidates if path.is_file()), None)


def read_idx(path: str | Path, dimensions: int) -> np.ndarray:
    """The uint8 array in an IDX file, gzipped or not, with this many dimensions.

    The header is two zero bytes, the type (8: unsigned byte), the number of dimensions and each as a big-endian uint32. DataError
    if the header is another or the length does not fit it.
    """
    path = Path(path)
    again = "Delete it and fetch it again."
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is missing, or its gzip stream is damaged: {error}. {again}") from None
    header = 4 + 4 * dimensions
    if len(content) < header or content[:4] != bytes([0, 0, 8, dimensions]):
        raise DataError(
            f"{path} is not an IDX file of unsigned bytes with {dimensions} dimension(s): it starts with "
            f"{content[:4].hex(' ') or 'nothing'}, expected 00 00 08 0{dimensions}. {again}"
        )
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", dimensions, 4))
    expected = header + int(np.prod(shape, dtype=object))
    if len(content) != expected:
        raise DataError(
            f"{path} holds {len(content)} bytes, but its header {shape} calls for {expected}: it is cut off or altered. {again}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape).copy()
