"""Wrong answers to `pseudo_labels`, lab 03c."""

from tests.mistakes import Mistake

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


MISTAKES = [
    Mistake("threshold on logits", _pseudo(index="np.flatnonzero(logits.max(axis=1) >= threshold)"), says="not logits"),
    Mistake("above the threshold only", _pseudo(index="np.flatnonzero(probability.max(axis=1) > threshold)"), says="compare with >="),
    Mistake(
        "every class that reaches it",
        "def pseudo_labels(logits, threshold):\n    return np.where(torch.softmax(torch.from_numpy(logits), dim=1).numpy() >= threshold)\n",
        says="most likely class of a picture",
    ),
    Mistake(
        "labels first",
        _pseudo().replace("return index, probability[index].argmax(axis=1)", "return probability[index].argmax(axis=1), index"),
        says="in this order",
    ),
    Mistake(
        "exp overflows, in a loop",
        """\
def pseudo_labels(logits, threshold):
    index = [i for i, row in enumerate(logits) if (np.exp(row) / np.exp(row).sum()).max() >= threshold]
    return index, [int(logits[i].argmax()) for i in index]
""",
        says="overflows",
    ),
    Mistake("softmax over the pictures", _pseudo(probability="torch.softmax(torch.from_numpy(logits), dim=0).numpy()"), says="*row*"),
    Mistake("below the threshold", _pseudo(index="np.flatnonzero(probability.max(axis=1) < threshold)"), says="other way round"),
    Mistake("labels of all pictures", _pseudo(labels="probability.argmax(axis=1)"), says="accepted pictures only"),
    Mistake("exp overflows", _pseudo(probability="np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)"), says="overflows"),
    Mistake("threshold forgotten", _pseudo(index="np.arange(len(logits))"), says="nothing was dropped"),
    Mistake("a mask instead of indices", _pseudo(index="probability.max(axis=1) >= threshold"), says="np.flatnonzero"),
    Mistake("sigmoid", _pseudo(probability="torch.sigmoid(torch.from_numpy(logits)).numpy()"), says="softmax over its own"),
    Mistake(
        "sorted by confidence",
        _pseudo(index="np.array([i for i in np.argsort(-probability.max(axis=1)) if probability[i].max() >= threshold])"),
        says="ascending",
    ),
    Mistake(
        "an array asked for its truth",
        """\
def pseudo_labels(logits, threshold):
    kept = [i for i, row in enumerate(logits) if row >= threshold]
    return kept, logits[kept].argmax(1)
""",
        says=".any()",
    ),
]
