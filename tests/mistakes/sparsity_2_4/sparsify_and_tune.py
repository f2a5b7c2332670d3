"""Wrong answers to `sparsify_and_tune`, lab 07c."""

from tests.mistakes import Mistake

_TUNE = "def sparsify_and_tune(model, train):\n    {}\n"


def _tune(*lines):
    return _TUNE.format("\n    ".join(lines))


_SPARSIFY = 'model = mts.sparsify(model, mode="sparse_magnitude")'


_BY_HAND = (
    "def cut(largest):",
    "    for p in model.parameters():",
    "        if p.ndim > 1 and p.shape[1] % 16 == 0:",
    "            rows = p.data.movedim(1, -1).contiguous()",
    "            rows.view(-1, 4).scatter_(1, rows.view(-1, 4).abs().topk(2, 1, largest).indices, 0)",
    "            p.data = rows.movedim(-1, 1).contiguous()",
)


MISTAKES = [
    Mistake("exported, then trained", _tune(_SPARSIFY, "model = mts.export(model)", "train(model)", "return model"), says="Export last"),
    Mistake("never exported", _tune(_SPARSIFY, "train(model)", "return model"), says="ordinary model"),
    Mistake("trained first", _tune("train(model)", _SPARSIFY, "return mts.export(model)"), says="sparsify first"),
    Mistake("not trained", _tune(_SPARSIFY, "return mts.export(model)"), says="never called"),
    Mistake("trains a copy", _tune(_SPARSIFY, "train(copy.deepcopy(model))", "return mts.export(model)"), says="on a copy"),
    Mistake("result dropped", _tune(_SPARSIFY, "train(model)", "mts.export(model)"), says="return the model"),
    Mistake(
        "SparseGPT without data",
        _tune('model = mts.sparsify(model, mode="sparsegpt")', "train(model)", "return mts.export(model)"),
        says="forward_loop",
    ),
    Mistake(
        "half of the weights zeroed",
        _tune("for p in model.parameters():", "    if p.ndim > 1: p.data[p.abs() < p.abs().median()] = 0", "train(model)", "return model"),
        says="2:4 is more than half",
    ),
    Mistake("zeros by hand, no mask", _tune(*_BY_HAND, "cut(largest=False)", "train(model)", "return model"), says="mask was gone"),
    Mistake(
        "zeros by hand, before and after",
        _tune(*_BY_HAND, "cut(largest=False)", "train(model)", "cut(largest=False)", "return model"),
        says="at the end of training",
    ),
    Mistake("largest removed", _tune(*_BY_HAND, "cut(largest=True)", "train(model)", "return model"), says="two largest magnitudes"),
    Mistake(
        "takes what train returns",
        _tune(_SPARSIFY, "model = train(model)", "return mts.export(model)"),
        says="works in place and returns nothing",
    ),
    Mistake(
        "exported twice", _tune(_SPARSIFY, "train(model)", "mts.export(model)", "return mts.export(model)"), says="was exported before"
    ),
]
