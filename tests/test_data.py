"""The shipped digits, the checks that guard them, and the readers for MNIST-like files."""

from __future__ import annotations

import gzip
import importlib.util
import itertools
import json
import shutil
import struct

import numpy as np
import pytest

from edgekit import paths
from edgekit.files import sha256
from edgekit.zoo import data
from edgekit.zoo.data import DataError

COUNTS = {"train": 12000, "val": 2000, "test": 6000, "real": 1797}


@pytest.fixture(scope="module")
def splits():
    return {name: data.load("digits", name) for name in COUNTS}


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("make_digits", paths.data() / "make_digits.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- the shipped digits ---


@pytest.mark.parametrize("name", COUNTS)
def test_sizes_types_and_balance(splits, name):
    split = splits[name]
    assert len(split) == COUNTS[name] and split.images.dtype == np.uint8 and split.classes == tuple("0123456789")
    assert split.x.dtype == np.float32 and split.x.shape == (COUNTS[name], 1, 28, 28)
    assert split.x.min() == 0 and 0.99 < split.x.max() <= 1
    counts = np.bincount(split.y, minlength=10)
    if name == "real":
        assert counts.min() >= 170
    else:
        assert set(counts) == {COUNTS[name] // 10}


def test_it_is_small():
    assert sum(path.stat().st_size for path in (paths.data() / "digits").iterdir()) < 8e6


def test_no_picture_stands_in_two_splits(splits):
    seen = {name: {image.tobytes() for image in split.images} for name, split in splits.items()}
    for a, b in itertools.combinations(seen, 2):
        assert not seen[a] & seen[b], f"{a} and {b} share pictures"
    assert len(seen["test"]) == COUNTS["test"], "the test split holds a picture twice"


def test_one_typeface_is_held_out_for_test(splits):
    held_out = data.STYLES.index("new typeface")
    assert 400 < (splits["test"].styles == held_out).sum() < 800
    assert not any((splits[name].styles == held_out).any() for name in ("train", "val", "real"))


def test_real_and_rendered_digits_agree_in_size_and_place(splits):
    """Otherwise the gap between the domains would be one of framing."""
    height, centre = {}, {}
    for name in ("train", "real"):
        ink = splits[name].images[:1500].astype(float)
        ink[ink < 100] = 0  # leaves out noise and most clutter
        rows = ink.sum(2) > 0
        height[name] = np.mean(28 - rows[:, ::-1].argmax(1) - rows.argmax(1))
        centre[name] = (ink.sum(2) * np.arange(28)).sum(1).mean() / ink.sum((1, 2)).mean()
    assert abs(height["train"] - height["real"]) < 2
    assert abs(centre["train"] - 13.5) < 0.7 and abs(centre["real"] - 13.5) < 0.7


def test_labels_mean_the_same_in_both_domains(splits):
    """The mean picture of each class, from train alone, is nearer to its own class in "real" than to the others."""
    train, real = splits["train"], splits["real"]

    def unit(x):
        x = x.reshape(len(x), -1) - x.reshape(len(x), -1).mean(1, keepdims=True)
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    means = unit(np.stack([train.x[train.y == k].mean(0) for k in range(10)]))
    guess = (unit(real.x) @ means.T).argmax(1)
    assert (guess == real.y).mean() > 0.5
    assert all(np.bincount(real.y[guess == k], minlength=10).argmax() == k for k in range(10))


@pytest.mark.parametrize("name", ["train", "val", "test"])
def test_the_script_draws_what_is_shipped(splits, maker, name):
    made = maker.rendered(name, 40)
    for key in ("images", "labels", "styles"):
        np.testing.assert_array_equal(made[key], getattr(splits[name], key)[:40])
    image, label, _ = maker.draw(name, 1234)  # any picture can be remade alone
    np.testing.assert_array_equal(image, splits[name].images[1234])
    assert label == splits[name].y[1234]


def test_the_script_enlarges_the_uci_digits_to_what_is_shipped(splits, maker):
    pytest.importorskip("sklearn", reason="scikit-learn holds the UCI digits that the 'real' split is made from")
    np.testing.assert_array_equal(maker.real()["images"], splits["real"].images)
    np.testing.assert_array_equal(maker.real()["labels"], splits["real"].labels)


def test_every_font_and_every_digit_draws_ink(maker):
    for font, digit in itertools.product((*maker.SEEN_FONTS, *maker.NEW_FONTS), range(10)):
        ink = maker.typed(font, digit, np.random.default_rng(0), np.array([13.5, 13.5]), 1.0)
        assert 0.05 < ink.mean() < 0.5, f"{digit} in {font}"
    assert not set(maker.SEEN_FONTS) & set(maker.NEW_FONTS)


# --- damage ---


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(paths.data() / "digits", tmp_path / "digits")
    return tmp_path / "digits"


def test_a_copy_loads(copy):
    assert len(data.load("digits", "val", copy)) == COUNTS["val"]


def test_missing_file(copy):
    (copy / "val.npz").unlink()
    with pytest.raises(DataError, match=r"val\.npz is missing.*git checkout -- data/digits.*make_digits\.py"):
        data.load("digits", "val", copy)


def test_truncated_file(copy):
    path = copy / "val.npz"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"val\.npz was altered or cut off: 1000 bytes.*git checkout"):
        data.load("digits", "val", copy)


def test_one_altered_byte_is_seen_even_after_a_good_load(copy):
    path = copy / "val.npz"
    data.load("digits", "val", copy)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="altered"):
        data.load("digits", "val", copy)


def test_missing_or_broken_checksums(copy):
    (copy / "CHECKSUMS.json").write_text("{")
    with pytest.raises(DataError, match=r"CHECKSUMS\.json is missing or has no checksum for val\.npz"):
        data.load("digits", "val", copy)


def _with_arrays(folder, **arrays):
    """A val.npz with these arrays whose checksum is right, so that only its content is wrong."""
    np.savez_compressed(folder / "val.npz", **arrays)
    digest = sha256((folder / "val.npz").read_bytes())
    (folder / "CHECKSUMS.json").write_text(json.dumps({"val.npz": {"file": digest}}))


GOOD = {"images": np.zeros((4, 28, 28), np.uint8), "labels": np.arange(4), "styles": np.zeros(4, np.uint8)}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"images": np.zeros((4, 32, 32), np.uint8)}, r"images must be uint8 \[N, 28, 28\], got uint8 \[4, 32, 32\]"),
        ({"images": np.zeros((4, 28, 28), np.float32)}, "got float32"),
        ({"labels": np.arange(5)}, r"labels must be int64 \[4\]"),
        ({"labels": np.array([0, 1, 2, 10])}, r"labels must lie in 0\.\.9, but run from 0 to 10"),
        ({"styles": np.zeros(3, np.uint8)}, "styles must have the shape of labels"),
        ({"labels": np.array([{}, {}, {}, {}])}, "cannot be read"),  # a pickle: never unpacked
    ],
)
def test_wrong_content(tmp_path, change, says):
    _with_arrays(tmp_path, **GOOD)
    assert len(data.load("digits", "val", tmp_path)) == 4
    _with_arrays(tmp_path, **{**GOOD, **change})
    with pytest.raises(DataError, match=says) as error:
        data.load("digits", "val", tmp_path)
    assert "val.npz" in str(error.value)


def test_missing_array(tmp_path):
    _with_arrays(tmp_path, images=GOOD["images"])
    with pytest.raises(DataError, match=r"val\.npz cannot be read.*labels"):
        data.load("digits", "val", tmp_path)


def test_unknown_names():
    with pytest.raises(ValueError, match="no data set 'cifar'; there are digits, mnist, fashion_mnist"):
        data.load("cifar")
    with pytest.raises(ValueError, match="mnist has no split 'val'; it has train, test"):
        data.load("mnist", "val")


# --- Split ---


def test_subset_is_stratified_seeded_and_without_repeats(splits):
    small = splits["real"].subset(500, seed=3)
    shares = np.bincount(splits["real"].y) / COUNTS["real"] * 500
    assert np.abs(np.bincount(small.y) - shares).max() <= 1
    assert len({image.tobytes() for image in small.images}) > 495
    np.testing.assert_array_equal(small.images, splits["real"].subset(500, seed=3).images)
    assert (small.images != splits["real"].subset(500, seed=4).images).any()
    assert len(splits["val"].subset(7)) == 7 and len(set(splits["val"].subset(7).y)) == 7
    with pytest.raises(ValueError, match=r"1\.\.2000"):
        splits["val"].subset(2001)


def test_loader_keeps_pairs_and_follows_the_seed(splits):
    val = splits["val"]
    x, y = next(iter(val.loader(64, shuffle=True, seed=1)))
    assert tuple(x.shape) == (64, 1, 28, 28) and str(x.dtype) == "torch.float32" and str(y.dtype) == "torch.int64"
    where = {image.tobytes(): label for image, label in zip(val.x, val.y, strict=True)}
    assert [where[image.numpy().tobytes()] for image in x] == y.tolist()
    assert next(iter(val.loader(64, shuffle=True, seed=1)))[1].tolist() == y.tolist()
    assert next(iter(val.loader(64, shuffle=True, seed=2)))[1].tolist() != y.tolist()
    assert next(iter(val.loader(64)))[1].tolist() == val.y[:64].tolist()


# --- IDX files ---


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (30, 28, 28), dtype=np.uint8), np.arange(30, dtype=np.uint8) % 10


@pytest.mark.parametrize("place", [".", "MNIST/raw", "raw"])
@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(("split", "prefix"), [("train", "train"), ("test", "t10k")])
def test_idx_files_are_found_and_read(tmp_path, pictures, place, zipped, split, prefix):
    folder = tmp_path / place
    folder.mkdir(parents=True, exist_ok=True)
    for array, stem in zip(pictures, ("images-idx3-ubyte", "labels-idx1-ubyte"), strict=True):
        content = idx(array)
        (folder / f"{prefix}-{stem}{'.gz' if zipped else ''}").write_bytes(gzip.compress(content) if zipped else content)
    loaded = data.load("mnist", split, tmp_path)
    np.testing.assert_array_equal(loaded.images, pictures[0])
    np.testing.assert_array_equal(loaded.labels, pictures[1])


def _write_train(folder, images: bytes, labels: bytes, end=""):
    (folder / f"train-images-idx3-ubyte{end}").write_bytes(images)
    (folder / f"train-labels-idx1-ubyte{end}").write_bytes(labels)


def test_fashion_has_its_own_classes_and_folder(tmp_path, pictures):
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    _write_train(folder, idx(pictures[0]), idx(pictures[1]))
    assert data.load("fashion_mnist", "train", tmp_path).classes[9] == "Ankle boot"
    with pytest.raises(DataError, match="in none of"):
        data.load("mnist", "train", tmp_path)


def test_absent_files_say_where_it_looked_and_what_to_do(tmp_path):
    with pytest.raises(DataError) as error:
        data.load("mnist", "test", tmp_path)
    for part in ("t10k-images-idx3-ubyte", str(tmp_path / "MNIST" / "raw"), "download=True", "folder="):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda images, labels: (images[:-100], labels), "is cut off or altered"),
        (lambda images, labels: (images + b"x", labels), "is cut off or altered"),
        (lambda images, labels: (b"<html>404</html>" * 40, labels), "starts with 3c 68 74 6d, expected 00 00 08 03"),
        (lambda images, labels: (b"", labels), "starts with nothing"),
        (lambda images, labels: (images[:9], labels), "not an IDX file"),
        (lambda images, labels: (labels, images), "expected 00 00 08 03"),
        (lambda images, labels: (gzip.compress(images)[:-200], labels), "gzip stream is damaged"),
        (lambda images, labels: (b"\x1f\x8bnonsense", labels), "gzip stream is damaged"),
        (lambda images, labels: (images, idx(np.arange(29, dtype=np.uint8) % 10)), r"labels must be int64 \[30\]"),
        (lambda images, labels: (images, idx(np.full(30, 10, np.uint8))), r"labels must lie in 0\.\.9"),
        (lambda images, labels: (idx(np.zeros((30, 14, 56), np.uint8)), labels), r"got uint8 \[30, 14, 56\]"),
    ],
)
@pytest.mark.parametrize("end", ["", ".gz"])
def test_damaged_idx_files(tmp_path, pictures, damage, says, end):
    _write_train(tmp_path, *damage(idx(pictures[0]), idx(pictures[1])), end)
    with pytest.raises(DataError, match=says) as error:
        data.load("mnist", "train", tmp_path)
    assert "train-images-idx3-ubyte" in str(error.value)


def test_a_failed_download_is_explained(tmp_path, monkeypatch):
    import torchvision

    # Addresses that cannot be reached, on any machine: the real torchvision tries them and gives up.
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(DataError, match="(?s)could not download MNIST.*Without a network"):
        data.load("mnist", "test", tmp_path, download=True)


# --- the datasheet ---


def test_the_datasheet_says_what_the_files_hold(splits):
    text = (paths.data() / "README.md").read_text()
    sums = json.loads((paths.data() / "digits" / "CHECKSUMS.json").read_text())
    for name, split in splits.items():
        counts = " | ".join(map(str, np.bincount(split.styles, minlength=4)))
        assert f"| {name} | {len(split)} | {counts} | `{sums[name + '.npz']['file'][:12]}` |" in text
        for key in ("images", "labels"):
            digest = sha256(getattr(split, key).tobytes())
            assert digest == sums[f"{name}.npz"][key], f"{key} of {name}"
