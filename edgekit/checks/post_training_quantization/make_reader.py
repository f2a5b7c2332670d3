"""The check of `make_reader`, lab 05b."""

from __future__ import annotations

import numpy as np

from edgekit.checks import AnswerRaised, Exercise, array, call, mapping, require

SPLITS = ("train", "val", "test")


SIZE = 60  # pictures in each of the given splits


def inputs(rng: np.random.Generator) -> dict:
    batch = int(rng.integers(6, 10))
    return {
        "name": str(rng.choice(["image", "pixels", "x0"])),
        "count": 2 * batch + int(rng.integers(1, batch)),  # the last batch is not full
        "batch_size": batch,
        "seed": int(rng.integers(2**31)),
    }


def _marked_splits(seed: int) -> dict:
    """Three splits of random pictures, each of which says in its first pixels where it comes from."""
    from edgekit.zoo.data import DIGITS, Split

    rng, splits = np.random.default_rng(seed), {}
    for number_, split in enumerate(SPLITS):
        images = rng.integers(0, 256, (SIZE, 28, 28)).astype(np.uint8)
        images[:, 0, 0], images[:, 0, 1], images[:, 0, 2] = 100 + number_, np.arange(SIZE), 255
        splits[split] = Split("marked", split, images, np.arange(SIZE, dtype=np.int64) % 10, DIGITS)
    return splits


def probe(answer, inputs: dict) -> dict:
    reader = call(answer, _marked_splits(inputs["seed"]), inputs["name"], inputs["count"], inputs["batch_size"])
    if isinstance(reader, type) or not callable(getattr(reader, "get_next", None)):
        return {"type": f"the class {reader.__name__}" if isinstance(reader, type) else f"a {type(reader).__name__}"}
    limit, batches = inputs["count"] + 3, []
    try:
        while len(batches) < limit and (batch := call(reader.get_next)) is not None:
            batches.append(batch)
        ended = len(batches) < limit
        after = ended and call(reader.get_next) is None
    except AnswerRaised as error:
        if not isinstance(error.__cause__, StopIteration):
            raise
        return {"stopped": len(batches)}
    tensors = [v for batch in batches if isinstance(batch, dict) for v in batch.values() if hasattr(v, "detach")]
    return {"batches": batches[:40], "ended": ended, "after": after, "torch": bool(tensors)}


def judge(inputs: dict, outputs: dict) -> str:
    count, size = inputs["count"], inputs["batch_size"]
    _reads_to_an_end(outputs, count)
    pictures = [_pictures(batch, inputs["name"], size, outputs["torch"]) for batch in outputs["batches"]]
    _come_from_the_right_split(np.concatenate(pictures), count)
    return f"{count} different pictures in batches of at most {size}, in the range that the model knows, then None."


def _reads_to_an_end(outputs: dict, count: int) -> None:
    require(
        "type" not in outputs,
        f"make_reader returned {outputs.get('type')}, expected an object with a method get_next(): the quantizer calls reader.get_next()"
        " until it gets None. Make an object of a class that has it, and return that.",
        "no get_next",
    )
    require(
        "stopped" not in outputs,
        f"get_next() raised StopIteration after {outputs.get('stopped')} batches: that is the end of an iterator. The quantizer waits for"
        " None: next(ITERATOR, None) gives it.",
        "StopIteration for None",
    )
    batches = outputs["batches"]
    require(
        batches,
        "the first get_next() returned None: the quantizer takes that for an empty calibration set. Return a batch first, and None only "
        "when all of them have been read.",
        "None first",
    )
    require(
        outputs["ended"],
        f"get_next() still returned a batch after {len(batches)} calls for {count} pictures: calibration would never end. Return None when"
        " the pictures have been read, and do not start again.",
        "never ends",
    )
    require(outputs["after"], "after None, get_next() returned a batch again: it should go on returning None.", "starts again")


def _pictures(batch, name: str, size: int, torch: bool) -> np.ndarray:
    """The pictures of a batch, in the form that the model takes. Raises CheckFailed for any other form."""
    batch = mapping(batch, "a batch")
    require(
        set(batch) == {name},
        f"a batch has the inputs {sorted(batch)}, expected {name!r}: the key must be the model's input name, which is passed in.",
        "input name",
    )
    x = array(batch[name], "the pictures of a batch")
    if isinstance(batch[name], list):  # ONNX Runtime makes float32 of lists, but not of other arrays
        x = x.astype(np.float32)
    require(
        x.ndim == 4 and x.shape[1:] == (1, 28, 28),
        f"a batch has the shape {list(x.shape)}, expected [at most {size}, 1, 28, 28].",
        "wrong shape",
    )
    require(len(x), "a batch holds no picture at all: when the pictures have been read, return None.", "empty batch")
    require(len(x) <= size, f"a batch holds {len(x)} pictures, at most {size} are asked for.", "batch too large")
    _run_from_0_to_1(x)
    require(not torch, "a batch holds a torch tensor: ONNX Runtime takes NumPy arrays, and split.x is one.", "torch tensor")
    require(x.dtype == np.float32, f"a batch is {x.dtype}, the model takes float32: ONNX Runtime converts nothing.", "wrong dtype")
    return x


def _run_from_0_to_1(x: np.ndarray) -> None:
    said = f"the values run from {x.min():.3g} to {x.max():.3g}, the model was trained on 0 to 1: "
    require(
        x.max() < 10,
        said + "every activation range would come out 255 times too large, and nothing would complain. Take split.x, not split.images.",
        "wrong range",
    )
    require(
        x.min() >= 0 and 0.9 < x.max() < 1.01,  # every picture has a white pixel
        said + "split.x is in that range already. Leave it as it is.",
        "scaled again",
    )


def _come_from_the_right_split(pictures: np.ndarray, count: int) -> None:
    pixels = np.round(pictures[:, 0, 0, :3] * 255).astype(int)
    known = (abs(pixels[:, 0] - 101) <= 1) & (pixels[:, 1] < SIZE) & (pixels[:, 2] == 255)
    from_split = {SPLITS[code - 100] for code in pixels[known, 0]}
    require(
        "test" not in from_split,
        "these are pictures of the test split. Ranges that are fitted to the test pictures make the accuracy on them look better than it"
        " will be elsewhere: calibrate on the training split.",
        "calibrated on test data",
    )
    require(
        known.all(),
        f"{(~known).sum()} of {len(known)} pictures are none of the given splits: calibrate on what is passed in, without a change.",
        "other pictures",
    )
    require(
        len(pixels) == count,
        f"{len(pixels)} pictures came out, asked for were {count}. Is the last batch, which is not full, left out, or do you read the"
        " entire split?",
        "wrong number of pictures",
    )
    different = len(np.unique(pixels[:, :2], axis=0))
    require(
        different == count, f"only {different} of the {count} pictures are different: every picture is needed once.", "pictures repeated"
    )


make_reader = Exercise("make_reader", inputs, probe, judge)
