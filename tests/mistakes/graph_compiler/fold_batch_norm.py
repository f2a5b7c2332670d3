"""Wrong answers to `fold_batch_norm`, lab 03e."""

from tests.mistakes import Mistake

_FOLD = """
def fold_batch_norm(weight, bias, gamma, beta, mean, variance, epsilon):
    scale = {scale}
    return {weight}, {bias}
"""


def _fold(scale="gamma / np.sqrt(variance + epsilon)", weight="weight * scale.reshape(-1, 1, 1, 1)", bias="(bias - mean) * scale + beta"):
    return _FOLD.format(scale=scale, weight=weight, bias=bias)


MISTAKES = [
    Mistake("scale along the input channels", _fold(weight="weight * scale.reshape(1, -1, 1, 1)"), says="axis 0 of the weight"),
    Mistake("scale along the last axis", _fold(weight="weight * scale[:3]"), says="axis 0 of the weight"),
    Mistake("variance without a root", _fold(scale="gamma / (variance + epsilon)"), says="sqrt(variance + epsilon)"),
    Mistake("epsilon outside of the root", _fold(scale="gamma / (np.sqrt(variance) + epsilon)"), says="inside of the square root"),
    Mistake("epsilon forgotten", _fold(scale="gamma / np.sqrt(variance)"), says="inside of the square root"),
    Mistake("mean added", _fold(bias="(bias + mean) * scale + beta"), says="check signs and order"),
    Mistake("mean not scaled", _fold(bias="bias * scale - mean + beta"), says="check signs and order"),
    Mistake("beta scaled", _fold(bias="(bias - mean + beta) * scale"), says="check signs and order"),
    Mistake("bias not scaled", _fold(bias="bias - mean * scale + beta"), says="scaled like the weight"),
    Mistake("bias forgotten", _fold(bias="beta - mean * scale"), says="scaled like the weight"),
    Mistake("absolute scale", _fold(scale="np.abs(gamma) / np.sqrt(variance + epsilon)"), says="negative"),
    Mistake(
        "weight only", "def fold_batch_norm(weight, bias, gamma, beta, mean, variance, epsilon):\n    return weight\n", says="two arrays"
    ),
    Mistake("scale not reshaped", _fold(weight="weight * scale"), says="axes of length 1"),
    Mistake("scale with one axis only", _fold(weight="weight * scale[:, None]"), says="axes of length 1"),
]
