"""The check of `pseudo_labels`, lab 03c."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, no_slip, require, several


def inputs(rng: np.random.Generator) -> dict:
    cases = []
    for spread, threshold, offset in [(4.0, 0.9, -6.0), (2.0, 0.5, 0.0), (1.0, 0.7, 500.0)]:
        logits = rng.normal(0, spread, (60, 10)) + offset
        logits[np.arange(60), rng.integers(0, 10, 60)] += rng.uniform(0, 8, 60)
        cases.append({"logits": logits.astype(np.float32), "threshold": threshold})
    torn, certain = (rng.normal(0, 0.5, (60, 10)).astype(np.float32) for _ in range(2))
    torn[rng.random(60) < 0.3, rng.integers(0, 10)] += 6
    torn[:20, 2], torn[:20, 7] = 9, 9.3  # two likely classes: 43% and 57%
    certain[rng.random(60) < 0.4, rng.integers(0, 10)] += 300  # a probability of exactly 1
    cases += [{"logits": rng.permutation(torn), "threshold": 0.3}, {"logits": rng.permutation(certain), "threshold": 1.0}]
    return {"cases": cases}


def probe(answer, inputs: dict) -> dict:
    return {"answers": [call(answer, case["logits"], case["threshold"]) for case in inputs["cases"]]}


def judge(inputs: dict, outputs: dict) -> str:
    for case, answer in zip(inputs["cases"], outputs["answers"], strict=True):
        logits = case["logits"]
        said = f"threshold {case['threshold']}, logits from {logits.min():.0f} to {logits.max():.0f}: "
        index, labels = _pair(answer)
        require(
            index.ndim == 1 and index.dtype.kind in "iu",
            f"{said}index should be int64 [K], got {index.dtype} {list(index.shape)}. Of a mask, np.flatnonzero gives the indices.",
            "wrong type",
        )
        _are_the_confident_ones(index, labels, case, said)
        _is_a_plain_index(index, said)
        _are_their_classes(labels, index, logits, said)
    return (
        "The confident pictures and their classes, five times: with logits around -6 and around 500 too, with two likely classes, and with"
        " certainty."
    )


def _pair(answer) -> tuple[np.ndarray, np.ndarray]:
    answer = list(answer) if isinstance(answer, np.ndarray) and answer.ndim == 2 else answer
    several(answer, 2, "pseudo_labels should return two arrays, (index, labels):")
    index, labels = (array(part, name, finite=False) for part, name in zip(answer, ("index", "labels"), strict=True))
    return index if index.size else np.empty(0, dtype=np.int64), labels  # an empty list has no type


def _are_the_confident_ones(index: np.ndarray, labels: np.ndarray, case: dict, said: str) -> None:
    from scipy.special import softmax

    logits, threshold = case["logits"], case["threshold"]
    confidence = softmax(logits.astype(np.float64), axis=1).max(axis=1)
    # float32 may decide either way beside the threshold, but not on it
    clear = (np.abs(confidence - threshold) > 1e-4) | (confidence == threshold)
    wanted = confidence >= threshold
    kept = np.zeros(len(logits), bool)
    kept[index[(index >= 0) & (index < len(logits))]] = True
    wrong = np.flatnonzero(clear & (kept != wanted))
    if not len(wrong):
        return
    i = int(wrong[0])
    said += f"picture {i} has a largest probability of {confidence[i]:.3f} and was {'kept' if kept[i] else 'dropped'}: "
    slips = [
        (kept[clear].all() and not wanted.all(), "nothing was dropped.", "threshold not used"),
        (
            (kept[clear] == ~wanted[clear]).all(),
            "kept is what lies *below* the threshold; it should be the other way round.",
            "turned round",
        ),
        (
            not kept[i] and confidence[i] == threshold,
            "the threshold is the smallest probability that is still accepted: compare with >=.",
            "threshold excluded",
        ),
        (
            np.array_equal(np.sort(labels), np.flatnonzero(wanted)),
            "the labels look like the pictures: return (index, labels), in this order.",
            "swapped",
        ),
        (
            np.array_equal(kept, logits.max(axis=1) >= threshold),
            "compare probabilities with the threshold, not logits.",
            "logits instead of probabilities",
        ),
        (
            not kept.any() and logits.max() >= 80,
            "nothing was kept. exp of logits in the hundreds overflows: use torch.softmax, which subtracts the largest first.",
            "overflow",
        ),
        (
            True,
            "the probabilities of one picture are the softmax over its own *row* of logits, and the largest of them decides.",
            "wrong probabilities",
        ),
    ]
    no_slip(slips, said)


def _is_a_plain_index(index: np.ndarray, said: str) -> None:
    twice = len(index) - len(set(index.tolist()))
    require(
        not twice,
        f"{said}{twice} pictures stand in the index twice: more than one class of theirs reaches the threshold. Only the most likely class"
        " of a picture counts.",
        "picture twice",
    )
    require((np.diff(index) > 0).all(), said + "index should be ascending.", "order")


def _are_their_classes(labels: np.ndarray, index: np.ndarray, logits: np.ndarray, said: str) -> None:
    require(
        labels.shape == index.shape,
        f"{said}{len(index)} pictures were accepted, but there are {len(labels)} labels: return the labels of the accepted pictures only,"
        " in their order.",
        "labels of all pictures",
    )
    off = np.flatnonzero(labels != logits[index].argmax(axis=1))
    if len(off):
        raise CheckFailed(
            f"{said}picture {index[off[0]]} got label {labels[off[0]]}: expected the class with the largest logit.", "wrong label"
        )


pseudo_labels = Exercise("pseudo_labels", inputs, probe, judge)
