"""Right answers in other words to `makespan`, lab 06b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
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
    Right(
        "three variables",
        """\
def makespan(times):
    a = b = c = 0
    for copy_in, compute, copy_out in times:
        a += copy_in
        b = max(a, b) + compute
        c = max(b, c) + copy_out
    return c
""",
    ),
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
]
