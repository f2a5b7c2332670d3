"""Wrong answers to `split_real`, lab 03c."""

from tests.mistakes import Mistake

_SPLIT = """
def split_real(groups, share, seed):
    rng = {rng}
    names = {names}
    chosen = np.isin(groups, names[: round(share * len(names))])
    return {result}
"""


def _split(
    rng="np.random.default_rng(seed)", names="rng.permutation(np.unique(groups))", result="np.flatnonzero(chosen), np.flatnonzero(~chosen)"
):
    return _SPLIT.format(rng=rng, names=names, result=result)


MISTAKES = [
    Mistake(
        "pictures drawn instead of groups",
        """\
def split_real(groups, share, seed):
    order = np.random.default_rng(seed).permutation(len(groups))
    k = round(share * len(groups))
    return order[:k], order[k:]
""",
        says="torn apart",
    ),
    Mistake("first groups, not shuffled", _split(names="np.unique(groups)"), says="shuffle the groups"),
    Mistake("global generator", _split(rng="np.random"), says="default_rng(seed)"),
    Mistake("held-out part is everything", _split(result="np.flatnonzero(chosen), np.arange(len(groups))"), says="both parts"),
    Mistake("parts swapped", _split(result="np.flatnonzero(~chosen), np.flatnonzero(chosen)"), says="the rest is held out"),
    Mistake("groups with more pictures drawn more often", _split(names="rng.permutation(groups)"), says="groups are in the first part"),
    Mistake(
        "each group by its own coin",
        _split().replace("names[: round(share * len(names))]", "names[rng.random(len(names)) < share]"),
        says="exactly so many",
    ),
    Mistake("groups drawn with replacement", _split(names="rng.choice(np.unique(groups), len(np.unique(groups)))"), says="each once"),
    Mistake("groups taken for 0, 1, 2 ...", _split(names="rng.permutation(groups.max() + 1)"), says="whatever their names are"),
    Mistake(
        "until the share of the pictures is there",
        """\
def split_real(groups, share, seed):
    tuning = []
    for g in np.random.default_rng(seed).permutation(np.unique(groups)):
        if len(tuning) < share * len(groups):
            tuning += np.flatnonzero(groups == g).tolist()
    return np.array(tuning), np.setdiff1d(np.arange(len(groups)), tuning)
""",
        says="however many pictures",
    ),
    Mistake("masks instead of indices", _split(result="chosen, ~chosen"), says="np.flatnonzero"),
    Mistake(
        "names of groups returned",
        _split(result="names[: round(share * len(names))], names[round(share * len(names)) :]"),
        says="not names of groups",
    ),
]
