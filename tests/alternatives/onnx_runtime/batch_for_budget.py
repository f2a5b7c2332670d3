"""Right answers in other words to `batch_for_budget`, lab 05a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "a loop",
        """
def batch_for_budget(latency, budget):
    best, rate = None, 0.0
    for batch, seconds in latency.items():
        if seconds > budget:
            continue
        if batch / seconds > rate:
            best, rate = batch, batch / seconds
    return best
""",
    ),
    Right(
        "time per image, sorted",
        """
def batch_for_budget(latency, budget):
    fits = sorted((seconds / batch, batch) for batch, seconds in latency.items() if not seconds > budget)
    return fits[0][1] if fits else None
""",
    ),
    Right(
        "NumPy",
        """
def batch_for_budget(latency, budget):
    batches, seconds = np.array(list(latency)), np.array(list(latency.values()))
    throughput = np.where(seconds <= budget, batches / seconds, -np.inf)
    if np.isneginf(throughput).all():
        return None
    return batches[throughput.argmax()]
""",
    ),
    Right(
        "recursion",
        """
def batch_for_budget(latency, budget):
    if not latency:
        return None
    (batch, seconds), *rest = latency.items()
    other = batch_for_budget(dict(rest), budget)
    if seconds > budget or (other is not None and other / latency[other] >= batch / seconds):
        return other
    return batch
""",
    ),
]
