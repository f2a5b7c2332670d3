from tests.alternatives import Right

RIGHT = {
    "buffer_bytes": [
        Right("NumPy's nbytes", "def buffer_bytes(specs, batch):\n    return {n: np.empty([batch if d == 'batch' else d for d in shape], dtype).nbytes for n, (dtype, shape) in specs.items()}\n"),
        Right("np.prod, a float for a scalar", "def buffer_bytes(specs, batch):\n    out = {}\n    for name in specs:\n        dtype, shape = specs[name]\n        out[name] = np.prod([batch if isinstance(d, str) else d for d in shape]) * np.dtype(dtype).itemsize\n    return out\n"),
        Right("torch's nbytes", "def buffer_bytes(specs, batch):\n    import torch\n    return {n: torch.empty([batch if d == 'batch' else d for d in shape], dtype=getattr(torch, dtype)).nbytes for n, (dtype, shape) in specs.items()}\n"),
        Right(
            "bits from the name, a loop, an OrderedDict",
            """
def buffer_bytes(specs, batch):
    import re
    from collections import OrderedDict
    sizes = OrderedDict()
    for name, (dtype, shape) in specs.items():
        bits = 8 if dtype == "bool" else int(re.search(r"[0-9]+", dtype).group())
        for d in shape:
            bits *= {"batch": batch}.get(d, d)
        sizes[name] = bits / 8
    return sizes
""",
        ),
    ],
    "latency_budget": [
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
    ],
    "makespan": [
        Right(
            "recursion",
            """
def makespan(times):
    from functools import cache
    @cache
    def end(i, j):
        return 0 if i < 0 or j < 0 else max(end(i - 1, j), end(i, j - 1)) + times[i][j]
    return end(len(times) - 1, len(times[0]) - 1)
""",
        ),
        Right("three variables", "def makespan(times):\n    a = b = c = 0\n    for copy_in, compute, copy_out in times:\n        a += copy_in\n        b = max(a, b) + compute\n        c = max(b, c) + copy_out\n    return c\n"),
        Right(
            "unit by unit, torch in float32",
            """
def makespan(times):
    import torch
    t = torch.tensor(times)
    ready = torch.zeros(len(t))
    for phase in t.T:
        free = torch.zeros(())
        for i, duration in enumerate(phase):
            free = ready[i] = torch.maximum(free, ready[i]) + duration
    return ready[-1]
""",
        ),
        Right(
            "longest path",
            """
def makespan(times):
    t = np.array(times)
    n = len(t)
    return max(t[: i + 1, 0].sum() + t[i : j + 1, 1].sum() + t[j:, 2].sum() for i in range(n) for j in range(i, n))
""",
        ),
        Right(
            "a simulation with events",
            """
def makespan(times):
    import heapq
    now, waiting, busy, events = 0.0, [list(range(len(times))), [], []], [False] * 3, []
    while True:
        for unit in range(3):
            if not busy[unit] and waiting[unit]:
                image = waiting[unit].pop(0)
                busy[unit] = True
                heapq.heappush(events, (now + times[image][unit], unit, image))
        if not events:
            return now
        now, unit, image = heapq.heappop(events)
        busy[unit] = False
        if unit < 2:
            waiting[unit + 1].append(image)
""",
        ),
    ],
    "pick_contexts": [
        Right(
            "sorted, both ends",
            """
def pick_contexts(table, latency, memory):
    fits = sorted((r for r in table if not (r["p90"] > latency or r["memory"] > memory)), key=lambda r: r["contexts"])
    best = max(fits, key=lambda r: r["low"], default=None)
    for row in fits:
        if row["high"] >= best["low"] and row["low"] <= best["high"]:
            return row["contexts"]
    return 0
""",
        ),
        Right(
            "intervals that only touch do not overlap",
            """
def pick_contexts(table, latency, memory):
    fits = [r for r in table if r["p90"] <= latency and r["memory"] <= memory]
    target = max((r["low"] for r in fits), default=0)
    return min((r["contexts"] for r in fits if r["high"] > target), default=0)
""",
        ),
        Right(
            "NumPy, a float",
            """
def pick_contexts(table, latency, memory):
    n, low, high, p90, mb = np.array([[r[k] for k in ("contexts", "low", "high", "p90", "memory")] for r in table]).T
    allowed = (p90 <= latency) & (mb <= memory)
    return n[allowed & (high >= low[allowed].max())].min() if allowed.any() else 0
""",
        ),
        Right(
            "every pair compared",
            """
def pick_contexts(table, latency, memory):
    rows = [r for r in table if r["p90"] <= latency and r["memory"] <= memory]
    as_good = {r["contexts"] for r in rows if all(r["high"] >= other["low"] for other in rows)}
    return sorted(as_good or {0})[0]
""",
        ),
    ],
}  # fmt: skip
