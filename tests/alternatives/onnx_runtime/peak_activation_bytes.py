"""Right answers in other words to `peak_activation_bytes`, lab 05a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "readers counted down",
        """
def peak_activation_bytes(nodes, sizes, inputs, outputs):
    from collections import Counter
    readers = Counter(name for reads, _ in nodes for name in reads)
    alive = {name: sizes[name] for name in inputs}
    peak = sum(alive.values())
    for reads, writes in nodes:
        for name in writes:
            alive[name] = sizes[name]
        peak = max(peak, sum(alive.values()))
        for name in reads:
            readers[name] -= 1
        for name in [*reads, *writes]:
            if readers[name] == 0 and name not in outputs:
                alive.pop(name, None)
    return peak
""",
    ),
    Right(
        "from birth to death, NumPy",
        """
def peak_activation_bytes(nodes, sizes, inputs, outputs):
    memory = np.zeros(len(nodes), dtype=np.int64)
    for name, size in sizes.items():
        made = [i for i, (_, writes) in enumerate(nodes) if name in writes]
        read = [i for i, (reads, _) in enumerate(nodes) if name in reads]
        begin = 0 if name in inputs else made[0]
        end = len(nodes) if name in outputs else max(read + made)
        memory[begin : end + 1] += size
    return memory.max()
""",
    ),
    Right(
        "looks ahead in every step",
        """
def peak_activation_bytes(nodes, sizes, inputs, outputs):
    moments, alive = [], list(inputs)
    for step, (reads, writes) in enumerate(nodes):
        alive += [name for name in writes if name not in alive]
        moments.append(sum(map(sizes.get, alive)))
        needed = {name for later, _ in nodes[step + 1 :] for name in later} | set(outputs)
        alive = [name for name in alive if name in needed]
    return max(moments)
""",
    ),
    Right(
        "all that is read must be known",
        """
def peak_activation_bytes(nodes, sizes, inputs, outputs):
    last = {}
    for step, (reads, writes) in enumerate(nodes):
        last.update({name: step for name in (*reads, *writes)})
    now = highest = sum(sizes[name] for name in inputs)
    for step, (reads, writes) in enumerate(nodes):
        now += sum(sizes[name] for name in writes)
        highest = max(highest, now)
        now -= sum(sizes[name] for name in {*reads, *writes} if last[name] == step and name not in outputs)
    return float(highest)
""",
    ),
]
