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
    name, count, size = inputs["name"], inputs["count"], inputs["batch_size"]
    require(
        "type" not in outputs,
        f"make_reader returned {outputs.get('type')}, expected an object with a method get_next(): the quantizer calls reader.get_next() until it "
        "gets None. Make an object of a class that has it, and return that.",
        "no get_next",
    )
    require(
        "stopped" not in outputs,
        f"get_next() raised StopIteration after {outputs.get('stopped')} batches: that is the end of an iterator. The quantizer waits for None: "
        "next(ITERATOR, None) gives it.",
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
        f"get_next() still returned a batch after {len(batches)} calls for {count} pictures: calibration would never end. Return None when the "
        "pictures have been read, and do not start again.",
        "never ends",
    )
    require(outputs["after"], "after None, get_next() returned a batch again: it should go on returning None.", "starts again")  # fmt: skip
    pictures = []
    for batch in batches:
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
        require(
            len(x), "a batch holds no picture at all: when the pictures have been read, return None.", "empty batch"
        )
        require(len(x) <= size, f"a batch holds {len(x)} pictures, at most {size} are asked for.", "batch too large")
        require(
            x.max() < 10,
            f"the values run from {x.min():.3g} to {x.max():.3g}, the model was trained on 0 to 1: every activation range would come out 255 times too large, "
            "and nothing would complain. Take split.x, not split.images.",
            "wrong range",
        )
        require(
            x.min() >= 0 and 0.9 < x.max() < 1.01,  # every picture has a white pixel
            f"the values run from {x.min():.3g} to {x.max():.3g}, the model was trained on 0 to 1: split.x is in that range already. Leave it as it is.",
            "scaled again",
        )
        require(
            not outputs["torch"],
            "a batch holds a torch tensor: ONNX Runtime takes NumPy arrays, and split.x is one.",
            "torch tensor",
        )
        require(
            x.dtype == np.float32,
            f"a batch is {x.dtype}, the model takes float32: ONNX Runtime converts nothing.",
            "wrong dtype",
        )
        pictures.append(x)
    pixels = np.round(np.concatenate(pictures)[:, 0, 0, :3] * 255).astype(int)
    known = (abs(pixels[:, 0] - 101) <= 1) & (pixels[:, 1] < SIZE) & (pixels[:, 2] == 255)
    from_split = {SPLITS[code - 100] for code in pixels[known, 0]}
    require(
        "test" not in from_split,
        "these are pictures of the test split. Ranges that are fitted to the test pictures make the accuracy on them look better than it will be "
        "elsewhere: calibrate on the training split.",
        "calibrated on test data",
    )
    require(
        known.all(),
        f"{(~known).sum()} of {len(known)} pictures are none of the given splits: calibrate on what is passed in, without a change.",
        "other pictures",
    )
    require(
        len(pixels) == count,
        f"{len(pixels)} pictures came out, asked for were {count}. Is the last batch, which is not full, left out, or do you read the entire split?",
        "wrong number of pictures",
    )
    require(
        len(np.unique(pixels[:, :2], axis=0)) == count,
        f"only {len(np.unique(pixels[:, :2], axis=0))} of the {count} pictures are different: every picture is needed once.",
        "pictures repeated",
    )
    return f"{count} different pictures in batches of at most {size}, in the range that the model knows, then None."


make_reader = Exercise("make_reader", inputs, probe, judge)
