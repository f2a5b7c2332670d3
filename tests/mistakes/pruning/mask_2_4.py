"""Wrong answers to `mask_2_4`, lab 03b."""

from tests.mistakes import Mistake

_TWO_FOUR = """
def mask_2_4(weight):
    last = {key}.movedim({axis}, -1)
    groups = last.reshape(-1, 4)
    keep = torch.zeros_like(groups, dtype=torch.bool).scatter(1, {chosen}, True)
    return keep.reshape(last.shape).movedim(-1, {axis})
"""


_CHOSEN = "groups.topk(2, dim=1).indices"


def _two_four(key="weight.abs()", axis="1", chosen=_CHOSEN):
    return _TWO_FOUR.format(key=key, axis=axis, chosen=chosen)


MISTAKES = [
    Mistake("along the outputs", _two_four(axis="0"), says="dimension 0"),
    Mistake(
        "along the flattened kernel",
        _two_four(axis="-1").replace("last = weight.abs().movedim(-1, -1)", "last = weight.abs()"),
        says="flattened kernel",
    ),
    Mistake("signed values", _two_four(key="weight"), says="Compare abs()"),
    Mistake("keeps the two smallest", _two_four(chosen="groups.topk(2, dim=1, largest=False).indices"), says="largest magnitude"),
    Mistake("50% by one threshold", "def mask_2_4(weight):\n    return weight.abs() > weight.abs().median()\n", says="not the pattern"),
    Mistake(
        "one choice for a whole kernel",
        """\
def mask_2_4(weight):
    size = weight.abs().flatten(2).sum(2) if weight.ndim == 4 else weight.abs()
    groups = size.reshape(-1, 4)
    keep = torch.zeros_like(groups, dtype=torch.bool).scatter(1, groups.topk(2, dim=1).indices, True).reshape(size.shape)
    return keep[:, :, None, None].expand(weight.shape) if weight.ndim == 4 else keep
""",
        says="kernel position counts by itself",
    ),
    Mistake(
        "not moved back", _two_four().replace("keep.reshape(last.shape).movedim(-1, 1)", "keep.reshape(weight.shape)"), says="move it back"
    ),
    Mistake("one of four", _two_four(chosen="groups.topk(1, dim=1).indices"), says="exactly 2"),
    Mistake("always the first two", _two_four(chosen="torch.tensor([[0, 1]]).expand(len(groups), 2)"), says="largest magnitude"),
    Mistake(
        "threshold within the group",
        """\
def mask_2_4(weight):
    last = weight.abs().movedim(1, -1)
    g = last.reshape(-1, 4)
    keep = g >= g.topk(2, 1).values[:, 1:]
    return keep.reshape(last.shape).movedim(-1, 1)
""",
        says="magnitudes are equal",
    ),
]
