"""Wrong answers to `squeeze_excite`, lab 03d."""

from tests.mistakes import Mistake


def _answer(pooled="x.mean((2, 3))", gate="F.hardsigmoid(expand(F.relu(reduce(pooled))))", out="x * gate[:, :, None, None]"):
    return f"def squeeze_excite(x, reduce, expand):\n    pooled = {pooled}\n    gate = {gate}\n    return {out}\n"


MISTAKES = [
    Mistake("maximum", _answer(pooled="x.amax((2, 3))"), says="*mean*"),
    Mistake("sum", _answer(pooled="x.sum((2, 3))"), says="grows with the picture"),
    Mistake("mean over the channels", _answer(pooled="x.mean(1).flatten(1)"), says="raised"),
    Mistake("mean over the batch too", _answer(pooled="x.mean((0, 2, 3))[None]"), says="its own gates"),
    Mistake("mean over the width only", _answer(pooled="x.mean(3)[:, :, 0]"), says="mean over height and width"),
    Mistake("sigmoid", _answer(gate="torch.sigmoid(expand(F.relu(reduce(pooled))))"), says="no exponential"),
    Mistake("softmax", _answer(gate="expand(F.relu(reduce(pooled))).softmax(1)"), says="softmax"),
    Mistake("no sigmoid", _answer(gate="expand(F.relu(reduce(pooled)))"), says="0..1"),
    Mistake("no ReLU", _answer(gate="F.hardsigmoid(expand(reduce(pooled)))"), says="two linear layers are one"),
    Mistake("added", _answer(out="x + gate[:, :, None, None]"), says="multiplies"),
    Mistake("residual", _answer(out="x + x * gate[:, :, None, None]"), says="once more"),
    Mistake("the gates returned", _answer(out="gate"), says="two more dimensions"),
    Mistake("layers swapped", _answer(gate="F.hardsigmoid(reduce(F.relu(expand(pooled))))"), says="raised"),
    Mistake("gates on the wrong axis", _answer(out="x * gate.mean(1)[:, None, None, None]"), says="reduce, ReLU, expand"),
]
