"""Wrong answers to `int4_groupwise`, lab 07d."""

from tests.mistakes import Mistake

_INT4 = """
def int4_groupwise(weight, group):
    groups = {groups}
    scales = {scales}
    integers = {integers}
    return integers.reshape(weight.shape){cast}, scales.astype(np.float32)
"""


def _int4(
    groups="weight.reshape(len(weight), -1, group)",
    scales="np.abs(groups).max(axis=2) / 7",
    integers="np.round(groups / np.where(scales == 0, 1, scales)[..., None])",
    cast=".astype(np.int8)",
):
    return _INT4.format(groups=groups, scales=scales, integers=integers, cast=cast)


MISTAKES = [
    Mistake(
        "one scale per row",
        _int4(scales="np.repeat(np.abs(groups).max(axis=(1, 2))[:, None], groups.shape[1], axis=1) / 7"),
        says="own maximum",
    ),
    Mistake(
        "groups along the outputs",
        """\
def int4_groupwise(weight, group):
    groups = weight.T.reshape(weight.shape[1], -1, 1)
    scales = np.abs(groups).max(axis=2) / 7
    return np.round(weight).astype(np.int8), scales.astype(np.float32)
""",
        says="neighbouring *inputs*",
    ),
    Mistake("strided groups", _int4(groups="weight.reshape(len(weight), group, -1).transpose(0, 2, 1)"), says="neighbours in the row"),
    Mistake("largest value instead of magnitude", _int4(scales="np.abs(groups.max(axis=2)) / 7"), says="magnitudes"),
    Mistake("divided by 8", _int4(scales="np.abs(groups).max(axis=2) / 8"), says="expected over 7"),
    Mistake("divided by 15", _int4(scales="np.abs(groups).max(axis=2) / 15"), says="expected over 7"),
    Mistake("cast instead of rounding", _int4(integers="groups / np.where(scales == 0, 1, scales)[..., None]"), says="cuts off"),
    Mistake("floats returned", _int4(cast=""), says="expected int8"),
    Mistake("group of zeros divided", _int4(integers="np.round(groups / scales[..., None])", cast=""), says="0 / 0"),
    Mistake("zero point added", _int4(integers="np.round(groups / np.where(scales == 0, 1, scales)[..., None]) + 8"), says="no zero point"),
    Mistake(
        "scale turned round",
        _int4(scales="7 / np.maximum(np.abs(groups).max(axis=2), 1e-9)", integers="np.round(groups * scales[..., None])"),
        says="turned round",
    ),
    Mistake(
        "integers from the row's scale",
        _int4(integers="np.round(groups / (np.abs(groups).max(axis=(1, 2), keepdims=True) / 7))"),
        says="other scales",
    ),
    Mistake("0 / 0 cast to an integer", _int4(integers="np.round(groups / scales[..., None])"), says="by luck"),
]
