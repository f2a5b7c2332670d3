"""Wrong answers to `pack_2_4`, lab 07c."""

from tests.mistakes import Mistake

_PACK = """
def pack_2_4(weight):
    groups = weight.reshape(len(weight), -1, 4)
    order = np.argsort({key}, axis=2, kind="stable")[..., :2]
    {sort}
    values = np.take_along_axis({of}, order, axis=2)
    return values.reshape(len(weight), -1), {indices}
"""


def _pack(key="groups == 0", sort="order.sort(axis=2)", of="groups", indices="order.reshape(len(weight), -1).astype(np.uint8)"):
    return _PACK.format(key=key, sort=sort, of=of, indices=indices)


MISTAKES = [
    Mistake("largest first", _pack(key="-np.abs(groups)", sort="pass"), says="smaller one first"),
    Mistake(
        "weights only, ragged",
        """\
def pack_2_4(weight):
    v = weight[weight != 0]
    i = np.nonzero(weight)[1] % 4
    return v.reshape(len(weight), -1), i.reshape(len(weight), -1).astype(np.uint8)
""",
        says="raised ValueError",
    ),
    Mistake(
        "column instead of position in the group",
        _pack(indices="(order + 4 * np.arange(groups.shape[1])[None, :, None]).reshape(len(weight), -1).astype(np.uint8)"),
        says="within its group",
    ),
    Mistake("nothing returned", _pack().replace("return values", "values"), says="Did you forget `return`"),
    Mistake("magnitudes stored", _pack(of="np.abs(groups)"), says="signs stay"),
    Mistake("always the first two", _pack(key="groups * 0"), says="not give back"),
    Mistake("wide indices", _pack(indices="order.reshape(len(weight), -1)"), says="uint8"),
    Mistake(
        "both indices of a thin group equal",
        """\
def pack_2_4(weight):
    g = weight.reshape(len(weight), -1, 4)
    first = (g != 0).argmax(2)
    last = 3 - (g != 0)[..., ::-1].argmax(2)
    o = np.stack([first, np.where((g != 0).any(2), last, 0)], 2)
    return np.take_along_axis(g, o, 2).reshape(len(weight), -1), o.reshape(len(weight), -1).astype(np.uint8)
""",
        says="must differ",
    ),
    Mistake(
        "indices first",
        _pack().replace(
            "return values.reshape(len(weight), -1), order.reshape(len(weight), -1).astype(np.uint8)",
            "return order.reshape(len(weight), -1).astype(np.uint8), values.reshape(len(weight), -1)",
        ),
        says="values are uint8",
    ),
]
