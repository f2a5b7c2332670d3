"""Wrong answers to lab 03c."""

from tests.mistakes import Mistake

SETUP = """
import numpy as np
import torch
from torch import nn
"""

_LOSS = """
def distillation_loss(student, teacher, labels, temperature, alpha):
    soft = nn.functional.kl_div({student}, {teacher}, reduction={reduction})
    hard = nn.functional.cross_entropy({logits}, labels)
    return {result}
"""


def _loss(
    student="torch.log_softmax(student / temperature, dim=1)",
    teacher="torch.softmax(teacher.detach() / temperature, dim=1)",
    reduction='"batchmean"',
    logits="student",
    result="alpha * temperature**2 * soft + (1 - alpha) * hard",
):
    return _LOSS.format(student=student, teacher=teacher, reduction=reduction, logits=logits, result=result)


_SPLIT = """
def split_real(groups, share, seed):
    rng = {rng}
    names = {names}
    chosen = np.isin(groups, names[: round(share * len(names))])
    return {result}
"""


def _split(rng="np.random.default_rng(seed)", names="rng.permutation(np.unique(groups))", result="np.flatnonzero(chosen), np.flatnonzero(~chosen)"):  # fmt: skip
    return _SPLIT.format(rng=rng, names=names, result=result)


_SHIFT = """
def shift(images, most, rng):
    height, width = images.shape[-2:]
    padded = np.pad(images, ((0, 0), (0, 0), (most, most), (most, most)){mode})
    corners = {corners}
    return np.stack([picture[:, y : y + height, x : x + width]{turn} for picture, (y, x) in zip(padded, corners)])
"""


def _shift(mode="", corners="rng.integers(0, 2 * most + 1, size=(len(images), 2))", turn=""):
    return _SHIFT.format(mode=mode, corners=corners, turn=turn)


_PSEUDO = """
def pseudo_labels(logits, threshold):
    probability = {probability}
    index = {index}
    return index, {labels}
"""


def _pseudo(
    probability="torch.softmax(torch.from_numpy(logits), dim=1).numpy()",
    index="np.flatnonzero(probability.max(axis=1) >= threshold)",
    labels="probability[index].argmax(axis=1)",
):
    return _PSEUDO.format(probability=probability, index=index, labels=labels)


MISTAKES = {
    "distillation_loss": [
        Mistake("temperature on the teacher only", _loss(student="torch.log_softmax(student, dim=1)"), says="teacher's side only"),
        Mistake("temperature on the student only", _loss(teacher="torch.softmax(teacher.detach(), dim=1)"), says="student's side only"),
        Mistake("T squared missing", _loss(result="alpha * soft + (1 - alpha) * hard"), says="T squared is missing"),
        Mistake("T instead of T squared", _loss(result="alpha * temperature * soft + (1 - alpha) * hard"), says="multiplied by T once"),
        Mistake("one side only and no T squared", _loss(student="torch.log_softmax(student, dim=1)", result="alpha * soft + (1 - alpha) * hard"), says="teacher's side only"),
        Mistake("reduction mean", _loss(reduction='"mean"'), says="batchmean"),
        Mistake("summed over the batch", _loss(reduction='"sum"'), says="batch size does not matter"),
        Mistake("logarithms on both sides", _loss(teacher="torch.log_softmax(teacher.detach() / temperature, dim=1)"), says="log_target=True"),
        Mistake("arguments exchanged", _loss(student="torch.softmax(teacher.detach() / temperature, dim=1)", teacher="torch.log_softmax(student / temperature, dim=1)"), says="arguments exchanged"),
        Mistake("cross-entropy with soft targets", _loss(result="alpha * temperature**2 * nn.functional.cross_entropy(student / temperature, torch.softmax(teacher.detach() / temperature, dim=1)) + (1 - alpha) * hard"), says="teacher's own entropy"),
        Mistake("logits multiplied by the temperature", _loss(student="torch.log_softmax(student * temperature, dim=1)", teacher="torch.softmax(teacher.detach() * temperature, dim=1)"), says="*Dividing* by it"),
        Mistake("T squared on both parts", _loss(result="temperature**2 * (alpha * soft + (1 - alpha) * hard)"), says="soft part only"),
        Mistake("softmax before the cross-entropy", _loss(logits="student.softmax(dim=1)"), says="softmax inside"),
        Mistake("soft part without gradient", "def distillation_loss(student, teacher, labels, temperature, alpha):\n    with torch.no_grad():\n        soft = nn.functional.kl_div(torch.log_softmax(student / temperature, 1), torch.softmax(teacher / temperature, 1), reduction='batchmean')\n"
                "    return alpha * temperature**2 * soft + (1 - alpha) * nn.functional.cross_entropy(student, labels)\n", says="no gradient comes from the soft part"),
        Mistake("probabilities where logs belong", _loss(student="torch.softmax(student / temperature, dim=1)"), says="*log*-probabilities"),
        Mistake("divergence turned round", _loss(student="torch.log_softmax(teacher.detach() / temperature, dim=1)", teacher="torch.softmax(student / temperature, dim=1)"), says="wrong way round"),
        Mistake("softmax over the batch", _loss(student="torch.log_softmax(student / temperature, dim=0)", teacher="torch.softmax(teacher.detach() / temperature, dim=0)"), says="over dimension 1"),
        Mistake("alpha swapped", _loss(result="(1 - alpha) * temperature**2 * soft + alpha * hard"), says="swapped"),
        Mistake("alpha unused", _loss(result="temperature**2 * soft + hard"), says="expected"),
        Mistake("labels softened too", _loss(logits="student / temperature"), says="must not know the temperature"),
        Mistake("teacher not detached", _loss(teacher="torch.softmax(teacher / temperature, dim=1)"), says="Detach it"),
        Mistake("a number instead of a tensor", _loss(result="float(alpha * temperature**2 * soft + (1 - alpha) * hard)"), says="turned into a number"),
    ],
    "split_real": [
        Mistake("pictures drawn instead of groups", "def split_real(groups, share, seed):\n    order = np.random.default_rng(seed).permutation(len(groups))\n    k = round(share * len(groups))\n    return order[:k], order[k:]\n", says="torn apart"),
        Mistake("first groups, not shuffled", _split(names="np.unique(groups)"), says="shuffle the groups"),
        Mistake("global generator", _split(rng="np.random"), says="default_rng(seed)"),
        Mistake("held-out part is everything", _split(result="np.flatnonzero(chosen), np.arange(len(groups))"), says="both parts"),
        Mistake("parts swapped", _split(result="np.flatnonzero(~chosen), np.flatnonzero(chosen)"), says="the rest is held out"),
        Mistake("groups with more pictures drawn more often", _split(names="rng.permutation(groups)"), says="groups are in the first part"),
        Mistake("each group by its own coin", _split().replace("names[: round(share * len(names))]", "names[rng.random(len(names)) < share]"), says="exactly so many"),
        Mistake("groups drawn with replacement", _split(names="rng.choice(np.unique(groups), len(np.unique(groups)))"), says="each once"),
        Mistake("groups taken for 0, 1, 2 ...", _split(names="rng.permutation(groups.max() + 1)"), says="whatever their names are"),
        Mistake("until the share of the pictures is there", "def split_real(groups, share, seed):\n    tuning = []\n    for g in np.random.default_rng(seed).permutation(np.unique(groups)):\n        if len(tuning) < share * len(groups):\n"
                "            tuning += np.flatnonzero(groups == g).tolist()\n    return np.array(tuning), np.setdiff1d(np.arange(len(groups)), tuning)\n", says="however many pictures"),
        Mistake("masks instead of indices", _split(result="chosen, ~chosen"), says="np.flatnonzero"),
        Mistake("names of groups returned", _split(result="names[: round(share * len(names))], names[round(share * len(names)) :]"), says="not names of groups"),
    ],
    "shift": [
        Mistake("np.roll", "def shift(images, most, rng):\n    moves = rng.integers(-most, most + 1, (len(images), 2))\n    return np.stack([np.roll(p, tuple(m), axis=(1, 2)) for p, m in zip(images, moves)])\n", says="wraps around"),
        Mistake("one move for all", _shift(corners="np.repeat(rng.integers(0, 2 * most + 1, size=(1, 2)), len(images), axis=0)"), says="draw a move for each picture"),
        Mistake("upper end left out", _shift(corners="rng.integers(0, 2 * most, size=(len(images), 2))"), says="upper end"),
        Mistake("one direction only", _shift(corners="rng.integers(0, most + 1, size=(len(images), 2))"), says="both signs"),
        Mistake("generator of its own", _shift(corners="np.random.randint(0, 2 * most + 1, size=(len(images), 2))"), says="same seed gave two"),
        Mistake("seed built in", _shift(corners="np.random.default_rng(0).integers(0, 2 * most + 1, size=(len(images), 2))"), says="same way in each epoch"),
        Mistake("to the side only", _shift(corners="np.stack([np.full(len(images), most), rng.integers(0, 2 * most + 1, size=len(images))], axis=1)"), says="no picture was moved down"),
        Mistake("nothing returned", "def shift(images, most, rng):\n    images = np.roll(images, tuple(rng.integers(-most, most + 1, 2)), axis=(2, 3))\n", says="forget `return`"),
        Mistake("border smeared", _shift(mode=', mode="edge"'), says="pad with zeros"),
        Mistake("mirrored", _shift(turn="[:, :, ::-1]"), says="mirror"),
        Mistake("diagonal only", _shift(corners="np.repeat(rng.integers(0, 2 * most + 1, size=(len(images), 1)), 2, axis=1)"), says="independently"),
        Mistake("in place", "def shift(images, most, rng):\n    padded = np.pad(images, ((0, 0), (0, 0), (most, most), (most, most)))\n    h, w = images.shape[-2:]\n    for i, (y, x) in enumerate(rng.integers(0, 2 * most + 1, (len(images), 2))):\n        images[i] = padded[i, :, y : y + h, x : x + w]\n    return images\n", says="work on a copy"),
        Mistake("nothing cut off", "def shift(images, most, rng):\n    return np.pad(images, ((0, 0), (0, 0), (most, most), (most, most)))\n", says="has shape"),
    ],
    "pseudo_labels": [
        Mistake("threshold on logits", _pseudo(index="np.flatnonzero(logits.max(axis=1) >= threshold)"), says="not logits"),
        Mistake("above the threshold only", _pseudo(index="np.flatnonzero(probability.max(axis=1) > threshold)"), says="compare with >="),
        Mistake("every class that reaches it", "def pseudo_labels(logits, threshold):\n    return np.where(torch.softmax(torch.from_numpy(logits), dim=1).numpy() >= threshold)\n", says="most likely class of a picture"),
        Mistake("labels first", _pseudo().replace("return index, probability[index].argmax(axis=1)", "return probability[index].argmax(axis=1), index"), says="in this order"),
        Mistake("exp overflows, in a loop", "def pseudo_labels(logits, threshold):\n    index = [i for i, row in enumerate(logits) if (np.exp(row) / np.exp(row).sum()).max() >= threshold]\n    return index, [int(logits[i].argmax()) for i in index]\n", says="overflows"),
        Mistake("softmax over the pictures", _pseudo(probability="torch.softmax(torch.from_numpy(logits), dim=0).numpy()"), says="*row*"),
        Mistake("below the threshold", _pseudo(index="np.flatnonzero(probability.max(axis=1) < threshold)"), says="other way round"),
        Mistake("labels of all pictures", _pseudo(labels="probability.argmax(axis=1)"), says="accepted pictures only"),
        Mistake("exp overflows", _pseudo(probability="np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)"), says="overflows"),
        Mistake("threshold forgotten", _pseudo(index="np.arange(len(logits))"), says="nothing was dropped"),
        Mistake("a mask instead of indices", _pseudo(index="probability.max(axis=1) >= threshold"), says="np.flatnonzero"),
        Mistake("sigmoid", _pseudo(probability="torch.sigmoid(torch.from_numpy(logits)).numpy()"), says="softmax over its own"),
        Mistake("sorted by confidence", _pseudo(index="np.array([i for i in np.argsort(-probability.max(axis=1)) if probability[i].max() >= threshold])"), says="ascending"),
    ],
}  # fmt: skip
