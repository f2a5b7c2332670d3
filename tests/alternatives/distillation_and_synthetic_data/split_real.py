"""Right answers in other words to `split_real`, lab 03c."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "scikit-learn",
        """
def split_real(groups, share, seed):
    from sklearn.model_selection import GroupShuffleSplit
    return next(GroupShuffleSplit(1, train_size=share, random_state=seed).split(groups, groups=groups))
""",
    ),
    Right(
        "Python's random, lists",
        """
def split_real(groups, share, seed):
    import random
    names = sorted(set(groups.tolist()))
    first = set(random.Random(seed).sample(names, round(share * len(names))))
    parts = [], []
    for i, group in enumerate(groups.tolist()):
        parts[group not in first].append(i)
    return parts
""",
    ),
    Right(
        "rounded up, pictures in the order of their groups, a list of arrays",
        """
def split_real(groups, share, seed):
    names, index = np.unique(groups, return_inverse=True)
    order = np.random.RandomState(seed).permutation(len(names))
    count = int(np.ceil(share * len(names)))
    return [np.concatenate([np.where(index == g)[0] for g in part]) for part in (order[:count], order[count:])]
""",
    ),
    Right(
        "torch, rounded down",
        """
def split_real(groups, share, seed):
    g = torch.from_numpy(groups)
    names = g.unique()
    chosen = names[torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))[: int(share * len(names))]]
    inside = torch.isin(g, chosen)
    return inside.nonzero().flatten(), (~inside).nonzero().flatten()
""",
    ),
    Right(
        "choice without replacement, the global generator seeded",
        """
def split_real(groups, share, seed):
    np.random.seed(seed)
    names = np.unique(groups)
    tuning = np.isin(groups, np.random.choice(names, int(share * len(names) + 0.5), replace=False)).nonzero()[0]
    return tuning, np.setdiff1d(np.arange(len(groups)), tuning)
""",
    ),
]
