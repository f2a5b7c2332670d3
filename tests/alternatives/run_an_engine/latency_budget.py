"""Right answers in other words to `latency_budget`, lab 06b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "statistics, call by call",
        """
def latency_budget(calls):
    from statistics import median
    totals = [max(end for _, end in call.values()) - min(start for start, _ in call.values()) for call in calls]
    busy = [sum(end - start for start, end in call.values()) for call in calls]
    budget = {name: median(call[name][1] - call[name][0] for call in calls) for name in ("d2h", "compute", "h2d")}
    return budget | {"total": median(totals), "wait": median(t - b for t, b in zip(totals, busy))}
""",
    ),
    Right(
        "one array, the gaps",
        """
def latency_budget(calls):
    names = ("h2d", "compute", "d2h")
    t = np.array([[call[name] for name in names] for call in calls])
    budget = dict(zip(names, np.median(t[..., 1] - t[..., 0], axis=0)))
    return {**budget, "wait": np.median((t[:, 1:, 0] - t[:, :-1, 1]).sum(1)), "total": np.median(t[:, 2, 1] - t[:, 0, 0])}
""",
    ),
    Right(
        "torch in double precision, with another key",
        """
def latency_budget(calls):
    import torch
    names = ("h2d", "compute", "d2h")
    t = torch.tensor([[call[name] for name in names] for call in calls], dtype=torch.float64)
    spans, total = t[..., 1] - t[..., 0], t[:, 2, 1] - t[:, 0, 0]
    budget = {name: spans[:, i].median() for i, name in enumerate(names)}
    return budget | {"total": total.median(), "wait": (total - spans.sum(1)).median(), "calls": len(calls)}
""",
    ),
    Right(
        "float32, from the start of each call",
        """
def latency_budget(calls):
    names = ("h2d", "compute", "d2h")
    t = np.array([[call[name] for name in names] for call in calls])
    t = (t - t[:, :1, :1]).astype(np.float32)
    spans = t[..., 1] - t[..., 0]
    return {**dict(zip(names, np.median(spans, 0))), "total": np.median(t[:, 2, 1]), "wait": np.median(t[:, 2, 1] - spans.sum(1))}
""",
    ),
]
