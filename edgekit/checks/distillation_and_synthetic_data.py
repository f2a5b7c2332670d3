"""Checks of lab 03c, distillation and synthetic data."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, close, number, require

# -------------------------------------------------------------------------------------------------------- distillation_loss


def _loss_inputs(rng: np.random.Generator) -> dict:
    cases = []
    for temperature, alpha in [(1.0, 1.0), (float(rng.uniform(3, 5)), 1.0), (float(rng.uniform(2, 8)), 0.0), (float(rng.uniform(3, 6)), float(rng.uniform(0.6, 0.9)))]:  # fmt: skip
        batch, classes = int(rng.integers(4, 9)), int(rng.integers(5, 12))
        cases.append(
            {
                "student": rng.normal(0, 2, (batch, classes)).astype(np.float32),
                "teacher": rng.normal(0, 4, (batch, classes)).astype(np.float32),
                "labels": rng.integers(0, classes, batch),
                "temperature": temperature,
                "alpha": alpha,
            }
        )
    return {"cases": cases}


def _loss_probe(answer, inputs: dict) -> dict:
    import torch

    values, gradients, teachers = [], [], []

    def run(student, teacher, labels, temperature, alpha):
        student.requires_grad_()
        teacher.requires_grad_()
        loss = answer(student, teacher, labels, temperature, alpha)
        if getattr(loss, "requires_grad", False) and loss.ndim == 0:
            loss.backward()
        return loss, student.grad, teacher.grad

    run.__name__ = "distillation_loss"
    for case in inputs["cases"]:
        tensors = [torch.from_numpy(case[key]) for key in ("student", "teacher", "labels")]
        loss, slope, into_teacher = call(run, *tensors, case["temperature"], case["alpha"])
        values.append(loss)
        gradients.append(slope)
        teachers.append(into_teacher is not None and bool(into_teacher.abs().max() > 0))
    return {"values": values, "gradients": gradients, "teachers": teachers}


def _parts(case: dict, of_student: float, of_teacher: float, turned: bool = False):
    """(KL divergence at these temperatures, mean over the batch; cross-entropy) by torch.distributions."""
    import torch
    from torch.distributions import Categorical, kl_divergence

    student, teacher = torch.from_numpy(case["student"]), torch.from_numpy(case["teacher"])
    a, b = Categorical(logits=teacher / of_teacher), Categorical(logits=student / of_student)
    far = kl_divergence(b, a) if turned else kl_divergence(a, b)
    hard = -Categorical(logits=student).log_prob(torch.from_numpy(case["labels"]))
    return float(far.mean()), float(hard.mean())


def _loss_judge(inputs: dict, outputs: dict) -> str:
    for case, value in zip(inputs["cases"], outputs["values"], strict=True):
        got, t, alpha = number(value, "the loss"), case["temperature"], case["alpha"]
        soft, hard = _parts(case, t, t)
        classes = case["student"].shape[1]

        def is_(weight, far, rest=1 - alpha, got=got, hard=hard):
            return close(got, weight * far + rest * hard, rtol=1e-3, atol=1e-5)

        if is_(alpha * t * t, soft):
            continue
        where = f"with temperature {t:.3g} and alpha {alpha:.3g} the loss is {got:.5g}, expected {alpha * t * t * soft + (1 - alpha) * hard:.5g}: "
        if t != 1:
            for weight in (t * t, t, 1.0):
                require(
                    not is_(alpha * weight, _parts(case, 1, t)[0]),
                    where
                    + "the temperature is on the teacher's side only. The student must be softened too, or it learns to be unsure.",
                    "temperature on one side",
                )
                require(
                    not is_(alpha * weight, _parts(case, t, 1)[0]),
                    where
                    + "the temperature is on the student's side only. The teacher's answer must be softened too: that is where the knowledge is.",
                    "temperature on one side",
                )
            require(
                not is_(alpha, soft),
                where
                + "the factor T squared is missing: the higher the temperature, the weaker the teacher would speak.",
                "T squared missing",
            )
            require(
                not is_(alpha * t, soft),
                where
                + "the soft part is multiplied by T once. The gradient shrinks with 1/T twice, so T squared makes up for it.",
                "T squared missing",
            )
            require(
                not is_(alpha / t / t, soft), where + "the soft part was divided by T squared.", "T squared missing"
            )
        require(
            not is_((1 - alpha) * t * t, soft, alpha) or alpha == 0.5,
            where + "alpha weighs the *soft* part, 1 - alpha the labels; yours are swapped.",
            "alpha swapped",
        )
        for factor in (t * t, 1.0):
            turned = _parts(case, t, t, turned=True)[0]
            require(
                not is_(alpha * factor, turned),
                where
                + "the divergence is the wrong way round: kl_div(input, target) wants the student's log-probabilities first and the teacher's probabilities second.",
                "KL turned round",
            )
            require(
                not is_(alpha * factor / classes, soft),
                where + "kl_div with reduction='mean' divides by the number of classes as well. Use 'batchmean'.",
                "reduction",
            )
            require(
                not is_(alpha * factor * len(case["labels"]), soft),
                where
                + "the soft part is summed over the batch; take the mean, so that the batch size does not matter.",
                "reduction",
            )
        require(
            not is_(t * t, soft, 1.0),
            where + "alpha is not used: the parts are weighed with alpha and 1 - alpha.",
            "alpha unused",
        )
        if alpha == 0:
            softened = -_log_softmax(case["student"] / t)[np.arange(len(case["labels"])), case["labels"]].mean()
            require(
                not close(got, softened, rtol=1e-3),
                where + "the labels' part must not know the temperature: cross-entropy of the plain logits.",
                "temperature in the labels' part",
            )
            raise CheckFailed(where + "with alpha = 0 only the cross-entropy with the labels is left.", "labels' part")
        raise CheckFailed(
            where
            + "kl_div takes *log*-probabilities as its first argument and probabilities as its second, both over dimension 1.",
            "wrong soft part",
        )
    for case, slope, into_teacher in zip(inputs["cases"], outputs["gradients"], outputs["teachers"], strict=True):
        require(
            slope is not None,
            "the value is right, but the student gets no gradient from it: was something detached or turned into a number?",
            "no gradient",
        )
        array(slope, "the gradient", case["student"].shape)
        require(not into_teacher, "the gradient also flows into the teacher's logits: a teacher inside the graph would be trained to agree with its student. Detach it.", "teacher trained")  # fmt: skip
    return "Both sides softened, T squared, mean over the batch, labels without temperature, and a gradient for the student only."


def _log_softmax(x: np.ndarray) -> np.ndarray:
    from scipy.special import log_softmax

    return log_softmax(x, axis=1)


distillation_loss = Exercise("distillation_loss", _loss_inputs, _loss_probe, _loss_judge)


# --------------------------------------------------------------------------------------------------------------- split_real
def _split_inputs(rng: np.random.Generator) -> dict:
    cases = []
    for share in (0.25, 0.5, float(rng.uniform(0.3, 0.7))):
        names = rng.choice(1000, size=int(rng.integers(20, 31)), replace=False) * 7 - 3000
        groups = rng.permutation(np.repeat(names, rng.integers(1, 12, len(names))))
        cases.append({"groups": groups.astype(np.int64), "share": share, "seeds": [3, 3, 4]})
    return {"cases": cases}


def _split_probe(answer, inputs: dict) -> dict:
    splits = []
    for case in inputs["cases"]:
        splits.append([call(answer, case["groups"], case["share"], seed) for seed in case["seeds"]])
    return {"splits": splits}


def _split_judge(inputs: dict, outputs: dict) -> str:
    for case, splits in zip(inputs["cases"], outputs["splits"], strict=True):
        groups, share = case["groups"], case["share"]
        parts = [_two_parts(split, len(groups)) for split in splits]
        tuning, held_out = parts[0]
        both = set(tuning.tolist()) & set(held_out.tolist())
        require(
            not both, f"{len(both)} pictures stand in both parts: what is tuned on would be measured on.", "overlap"
        )
        lost = len(groups) - len(tuning) - len(held_out)
        require(
            lost == 0,
            f"{abs(lost)} of {len(groups)} pictures are {'missing' if lost > 0 else 'there twice'}: each belongs to one part, once.",
            "not complete",
        )
        torn = set(groups[tuning].tolist()) & set(groups[held_out].tolist())
        require(not torn, f"{len(torn)} of {len(np.unique(groups))} groups are torn apart: their pictures stand on both sides, and the held-out part has leaked. Draw groups, not pictures.", "group torn apart")  # fmt: skip
        names = np.unique(groups)
        chosen, wanted = len(np.unique(groups[tuning])), share * len(names)
        require(
            abs(chosen - wanted) <= 1,
            f"{chosen} of {len(names)} groups are in the first part, expected {wanted:.1f}: share = {share:.2g} of the groups go to tuning, the rest is held out.",
            "share",
        )
        require(
            np.array_equal(np.sort(parts[0][0]), np.sort(parts[1][0])),
            "the same seed gave two different splits: draw from np.random.default_rng(seed), not from a global generator.",
            "seed not used",
        )
        require(not np.array_equal(np.sort(parts[0][0]), np.sort(parts[2][0])), "seeds 3 and 4 gave the same split: shuffle the groups with the seed. The first groups of a file are seldom like the last ones.", "not shuffled")  # fmt: skip
    return "Three splits: no picture lost, none twice, no group on both sides, and the seed decides."


def _two_parts(split, count: int) -> tuple[np.ndarray, np.ndarray]:
    require(
        isinstance(split, list) and len(split) == 2, "split_real should return two arrays of indices.", "wrong type"
    )
    parts = []
    for part, name in zip(split, ("tuning", "held_out"), strict=True):
        part = array(part, name)
        require(
            part.ndim == 1 and part.dtype.kind in "iu",
            f"{name} should be indices, int64 [K]; got {part.dtype} {list(part.shape)}. Of a mask, np.flatnonzero gives the indices.",
            "wrong type",
        )
        require(not len(part) or 0 <= part.min() <= part.max() < count, f"{name} holds {part.min()}..{part.max()}, but the pictures are 0..{count - 1}: return indices of pictures, not names of groups.", "not indices")  # fmt: skip
        parts.append(part)
    return parts[0], parts[1]


split_real = Exercise("split_real", _split_inputs, _split_probe, _split_judge)


# -------------------------------------------------------------------------------------------------------------------- shift
def _shift_inputs(rng: np.random.Generator) -> dict:
    """Pictures full of different grey levels up to the border, so that every shift leaves its own trace."""
    cases = []
    for most, count, height, width in [(1, 60, 9, 12), (2, 150, 12, 10)]:
        cases.append(
            {
                "most": most,
                "images": rng.uniform(0.1, 1, (count, 1, height, width)).astype(np.float32),
                "seed": int(rng.integers(2**31)),
            }
        )
    return {"cases": cases}


def _shift_probe(answer, inputs: dict) -> dict:
    results, intact = [], []
    for case in inputs["cases"]:
        images = case["images"].copy()

        def run(images, most, rng):
            result = np.array(answer(images, most, rng))
            return result, images

        run.__name__ = "shift"
        result, afterwards = call(run, images, case["most"], np.random.default_rng(case["seed"]))
        results.append(result)
        intact.append(bool(np.array_equal(afterwards, case["images"])))
    return {"results": results, "intact": intact}


def _moved(picture: np.ndarray, down: int, right: int) -> np.ndarray:
    from scipy.ndimage import shift as scipy_shift

    return scipy_shift(picture, (0, down, right), order=0, mode="constant", cval=0.0)


def _shift_judge(inputs: dict, outputs: dict) -> str:
    for case, result, intact in zip(inputs["cases"], outputs["results"], outputs["intact"], strict=True):
        images, most = case["images"], case["most"]
        result = array(result, "the result", images.shape)
        require(
            intact,
            "the pictures that were passed in have changed: work on a copy, they are the training data.",
            "changed in place",
        )
        reach = range(-most - 2, most + 3)
        moves = []
        for number_, (before, after) in enumerate(zip(images, result, strict=True)):
            found = [(d, r) for d in reach for r in reach if np.allclose(_moved(before, d, r), after, atol=1e-5)]
            if not found:
                _explain_shift(number_, before, after, most)
            moves.append(found[0])
        moves = np.array(moves)
        far = np.abs(moves).max()
        require(far <= most, f"a picture was moved by {far} pixels, asked were at most {most}.", "too far")
        require(
            len(np.unique(moves, axis=0)) > 1,
            f"all {len(images)} pictures were moved by the same {tuple(moves[0])}: draw a move for each picture.",
            "one move for all",
        )
        for axis, name in ((0, "down"), (1, "to the right")):
            seen = sorted(set(moves[:, axis].tolist()))
            expected = list(range(-most, most + 1))
            require(seen == expected, f"in {len(images)} pictures the moves {name} are {seen}, expected all of {expected}. The upper end of rng.integers is excluded, and both signs are needed.", "not all moves")  # fmt: skip
        same = float(np.mean(moves[:, 0] == moves[:, 1]))
        require(
            same < 0.9,
            "every picture moved as far down as to the right: draw the two independently.",
            "only along the diagonal",
        )
    return "Every picture is its original moved by its own amount, in all directions, with black coming in."


def _explain_shift(index: int, before: np.ndarray, after: np.ndarray, most: int) -> None:
    said = f"picture {index} is not its original moved by whole pixels with black coming in: "
    reach = range(-most - 1, most + 2)
    for down in reach:
        for right in reach:
            if np.allclose(np.roll(before, (down, right), axis=(1, 2)), after, atol=1e-5):
                raise CheckFailed(
                    said
                    + "what left it on one side came back on the other. np.roll wraps around; pad with zeros instead.",
                    "wraps around",
                )
            for turned in (before[:, :, ::-1], before[:, ::-1]):
                if np.allclose(_moved(turned, down, right), after, atol=1e-5):
                    raise CheckFailed(
                        said + "it is mirrored, and the mirror image of a digit is not that digit any more.",
                        "label not kept",
                    )
            edge = np.pad(before, ((0, 0), (most + 1, most + 1), (most + 1, most + 1)), mode="edge")
            y, x = most + 1 - down, most + 1 - right
            if (down or right) and np.allclose(
                edge[:, y : y + before.shape[1], x : x + before.shape[2]], after, atol=1e-5
            ):
                raise CheckFailed(
                    said + "its border was smeared. Background is black: pad with zeros.", "border repeated"
                )
    raise CheckFailed(said + "pad, and cut out a window of the old size.", "no shift")


shift = Exercise("shift", _shift_inputs, _shift_probe, _shift_judge)


# ------------------------------------------------------------------------------------------------------------ pseudo_labels
def _pseudo_inputs(rng: np.random.Generator) -> dict:
    cases = []
    for spread, threshold, offset in [(4.0, 0.9, -6.0), (2.0, 0.5, 0.0), (1.0, 0.7, 500.0)]:
        logits = rng.normal(0, spread, (60, 10)) + offset
        logits[np.arange(60), rng.integers(0, 10, 60)] += rng.uniform(0, 8, 60)
        cases.append({"logits": logits.astype(np.float32), "threshold": threshold})
    return {"cases": cases}


def _pseudo_probe(answer, inputs: dict) -> dict:
    return {"answers": [call(answer, case["logits"], case["threshold"]) for case in inputs["cases"]]}


def _pseudo_judge(inputs: dict, outputs: dict) -> str:
    from scipy.special import softmax

    for case, answer in zip(inputs["cases"], outputs["answers"], strict=True):
        logits, threshold = case["logits"], case["threshold"]
        require(
            isinstance(answer, list) and len(answer) == 2, "pseudo_labels should return (index, labels).", "wrong type"
        )
        index, labels = (
            array(part, name, finite=False) for part, name in zip(answer, ("index", "labels"), strict=True)
        )
        confidence = softmax(logits.astype(np.float64), axis=1).max(axis=1)
        clear = np.abs(confidence - threshold) > 1e-4  # float32 may decide the others either way
        expected = np.flatnonzero(confidence >= threshold)
        where = f"threshold {threshold}, logits from {logits.min():.0f} to {logits.max():.0f}: "
        require(
            index.ndim == 1 and index.dtype.kind in "iu",
            where
            + f"index should be int64 [K], got {index.dtype} {list(index.shape)}. Of a mask, np.flatnonzero gives the indices.",
            "wrong type",
        )
        kept = np.zeros(len(logits), bool)
        kept[index[(index >= 0) & (index < len(logits))]] = True
        wrong = np.flatnonzero(clear & (kept != (confidence >= threshold)))
        if len(wrong):
            i = int(wrong[0])
            said = (
                where
                + f"picture {i} has a largest probability of {confidence[i]:.3f} and was {'kept' if kept[i] else 'dropped'}: "
            )
            require(
                not kept[clear].all() or len(expected) == len(logits),
                said + "nothing was dropped.",
                "threshold not used",
            )
            require(
                not (kept[clear] == (confidence[clear] < threshold)).all(),
                said + "kept is what lies *below* the threshold; it should be the other way round.",
                "turned round",
            )
            require(
                not np.array_equal(kept, logits.max(axis=1) >= threshold),
                said + "compare probabilities with the threshold, not logits.",
                "logits instead of probabilities",
            )
            require(
                kept.any() or logits.max() < 80,
                said
                + "nothing was kept. exp of logits in the hundreds overflows: use torch.softmax, which subtracts the largest first.",
                "overflow",
            )
            raise CheckFailed(
                said
                + "the probabilities of one picture are the softmax over its own *row* of logits, and the largest of them decides.",
                "wrong probabilities",
            )
        require(
            len(index) == len(set(index.tolist())) and (np.diff(index) > 0).all(),
            where + "index should be ascending, each picture once.",
            "order",
        )
        require(labels.shape == index.shape, where + f"{len(index)} pictures were accepted, but there are {len(labels)} labels: return the labels of the accepted pictures only, in their order.", "labels of all pictures")  # fmt: skip
        off = np.flatnonzero(labels != logits[index].argmax(axis=1))
        require(not len(off), where + f"picture {index[off[0]] if len(off) else 0} got label {labels[off[0]] if len(off) else 0}: expected the class with the largest logit.", "wrong label")  # fmt: skip
    return "The confident pictures and their classes, three times, with logits around -6 and around 500 too."


pseudo_labels = Exercise("pseudo_labels", _pseudo_inputs, _pseudo_probe, _pseudo_judge)
