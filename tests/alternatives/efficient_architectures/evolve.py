"""Right answers in other words to `evolve`, lab 03d."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "one queue, rng.choice of indices",
        """
def evolve(start, mutate, score, latency, budget, keep, count, rng):
    scored, queue = {}, list(start)
    while len(scored) < count:
        if queue:
            network = queue.pop(0)
        else:
            best = sorted(scored.items(), key=lambda pair: -pair[1])[:keep]
            network = mutate(best[rng.choice(len(best))][0])
        if network in scored or latency(network) > budget:
            continue
        scored[network] = score(network)
    return scored
""",
    ),
    Right(
        "latency remembered, heapq",
        """
def evolve(start, mutate, score, latency, budget, keep, count, rng):
    import heapq
    times, done = {}, {}
    def fits(n):
        if n not in times:
            times[n] = latency(n)
        return times[n] <= budget
    for n in dict.fromkeys(start):
        if fits(n):
            done[n] = score(n)
    while len(done) != count:
        elite = heapq.nlargest(keep, done, key=done.__getitem__)
        child = mutate(elite[int(rng.random() * len(elite))])
        if child not in done and fits(child):
            done[child] = score(child)
    return done
""",
    ),
    Right(
        "two lists",
        """
def evolve(start, mutate, score, latency, budget, keep, count, rng):
    networks = [n for n in start if not latency(n) > budget]
    scores = [score(n) for n in networks]
    while len(networks) < count:
        order = np.argsort(scores)[::-1][:keep]
        child = mutate(networks[rng.permutation(order)[0]])
        if latency(child) <= budget and child not in networks:
            networks.append(child)
            scores.append(score(child))
    return dict(zip(networks, scores))
""",
    ),
]
