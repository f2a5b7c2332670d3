"""Right answers in other words to `busiest_nodes`, lab 05a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "Counter.most_common, lists",
        """
def busiest_nodes(events, top):
    from collections import Counter
    suffix, spent = "_kernel_time", Counter()
    for e in events:
        if e.get("cat") == "Node" and e["name"][-len(suffix):] == suffix:
            spent.update({e["name"][: -len(suffix)]: e["dur"]})
    return [[name, time / spent.total()] for name, time in spent.most_common(top)]
""",
    ),
    Right(
        "NumPy",
        """
def busiest_nodes(events, top):
    import re
    rows = [(m[1], e["dur"]) for e in events if e["cat"] == "Node" and (m := re.fullmatch("(.*)_kernel_time", e["name"]))]
    names, index = np.unique([name for name, _ in rows], return_inverse=True)
    times = np.bincount(index, weights=[dur for _, dur in rows])
    order = np.argsort(-times)[:top]
    return list(zip(names[order], (times / times.sum()).astype(np.float32)[order]))
""",
    ),
    Right(
        "groupby, a heap, seconds",
        """
def busiest_nodes(events, top):
    import heapq
    from itertools import groupby
    kernels = sorted(((e["name"].rpartition("_kernel_time")[0], e["dur"] / 1e6) for e in events if e["cat"] == "Node"
        and e["name"].endswith("_kernel_time")))
    spent = {name: sum(dur for _, dur in group) for name, group in groupby(kernels, key=lambda row: row[0])}
    whole = sum(dur for _, dur in kernels)
    return heapq.nlargest(top, ((name, seconds / whole) for name, seconds in spent.items()), key=lambda row: row[1])
""",
    ),
]
