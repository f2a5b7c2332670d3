"""Right answers in other words to `choose_targets`, lab 06a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "two loops, lists",
        """
def choose_targets(fleet, available):
    targets, left_out = [], []
    for capability in available:
        if capability in fleet:
            targets.append(capability)
    for capability in fleet:
        if capability not in available and capability not in left_out:
            left_out.append(capability)
    return [targets, left_out]
""",
    ),
    Right(
        "sets, sorted by place",
        """\
def choose_targets(fleet, available):
    return sorted(set(fleet) & set(available), key=available.index), list(set(fleet).difference(available))
""",
    ),
    Right(
        "tuples",
        """\
def choose_targets(fleet, available):
    kinds = dict.fromkeys(fleet)
    return tuple(c for c in available if c in kinds), tuple(c for c in kinds if c not in available)
""",
    ),
    Right(
        "NumPy",
        """\
def choose_targets(fleet, available):
    have, wanted = np.array(available), np.unique(fleet)
    return list(have[np.isin(have, wanted)]), np.setdiff1d(wanted, have).tolist()
""",
    ),
    Right(
        "Counter",
        """\
def choose_targets(fleet, available):
    count = Counter(fleet)
    return [c for c in available if count[c]], [*(count.keys() - {*available})]
""",
    ),
]
