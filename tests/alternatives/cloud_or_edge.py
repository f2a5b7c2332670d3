"""Right answers to lab 01 that are written in another way than the solution."""

from tests.alternatives import Right

RIGHT = {
    "missed_share": [
        Right(
            "a loop with counters",
            """
def missed_share(latencies, period):
    missed = periods = 0
    for seconds in latencies:
        n = max(math.ceil(seconds / period), 1)
        periods += n
        if n > 1:
            missed += n
    return missed / periods
""",
        ),
        Right(
            "the loop played through on a clock",
            """
def missed_share(latencies, period):
    k, served = 0, 0
    for seconds in latencies:
        k += 1
        left = seconds - period
        if left <= 0:
            served += 1
        while left > 0:
            k, left = k + 1, left - period
    return 1 - served / k
""",
        ),
        Right(
            "floor division, a NumPy scalar",
            """
def missed_share(latencies, period):
    n = -(-np.array(latencies) // period)
    return np.sum(n[n > 1]) / np.sum(n)
""",
        ),
    ],
    "decide": [
        Right(
            "edge first, a deadline in the state, a list",
            """
def decide(picture, cloud, edge, state, now, retry):
    if now < state.get("until", float("-inf")):
        return [edge(picture), "edge"]
    try:
        label = cloud(picture)
    except (TimeoutError, ConnectionError, OSError):
        state["until"] = now + retry
        return [edge(picture), "edge"]
    return [label, "cloud"]
""",
        ),
        Right(
            "any Exception, else, the state cleared by success",
            """
def decide(picture, cloud, edge, state, now, retry):
    broken = state.get("since")
    if broken is None or now - broken > retry:
        try:
            answer = cloud(picture)
        except Exception:
            state["since"] = now
        else:
            state.pop("since", None)
            return answer, "cloud"
    return edge(picture), "edge"
""",
        ),
        Right(
            "setdefault and finally one exit",
            """
def decide(picture, cloud, edge, state, now, retry):
    state.setdefault("failures", [])
    result = None
    if not state["failures"] or now >= state["failures"][-1] + retry:
        try:
            result = (cloud(picture), "cloud")
        except OSError:
            state["failures"].append(now)
    return result if result is not None else (edge(picture), "edge")
""",
        ),
    ],
    "air_time": [
        Right(
            "seconds on the air over seconds allowed",
            """
def air_time(size, per_day, link):
    n = math.ceil(size / link["payload"])
    seconds = (size * 8 + n * link["header"] * 8) / link["rate"]
    return per_day * seconds / (24 * 60 * 60 * link["duty"])
""",
        ),
        Right(
            "divmod",
            """
def air_time(size, per_day, link):
    full, rest = divmod(size, link["payload"])
    total = full * (link["payload"] + link["header"]) + (rest + link["header"] if rest else 0)
    return (per_day * total) / (link["duty"] * link["rate"] / 8 * 86400)
""",
        ),
        Right(
            "message by message",
            """
def air_time(size, per_day, link):
    bits = 0
    while size > 0:
        bits += 8 * (min(size, link["payload"]) + link["header"])
        size -= link["payload"]
    return np.float64(bits) * per_day / link["rate"] / 86400.0 / link["duty"]
""",
        ),
    ],
    "saving": [
        Right(
            "sorted quantiles, a list",
            """
def saving(price, device, upkeep, engineering, requests, fleet, years):
    gain = fleet * (365 * years * requests * price - device - years * upkeep) - engineering
    return [(gain > 0).sum() / len(gain), *np.quantile(gain, [0.05, 0.5, 0.95])]
""",
        ),
        Right(
            "draw by draw, an array",
            """
def saving(price, device, upkeep, engineering, requests, fleet, years):
    gains = []
    for p, d, u, e in zip(price, device, upkeep, engineering):
        gains.append(p * requests * 365 * years * fleet - d * fleet - u * fleet * years - e)
    wins = sum(g > 0 for g in gains) / len(gains)
    return np.array([wins, np.percentile(gains, 5), np.median(gains), np.percentile(gains, 95)])
""",
        ),
        Right(
            "yearly accounts",
            """
def saving(price, device, upkeep, engineering, requests, fleet, years):
    yearly = price * requests * 365 - upkeep
    gain = (yearly * years - device) * fleet - engineering
    low, high = np.percentile(gain, 5), np.percentile(gain, 95)
    return float((gain > 0).mean()), low, np.percentile(gain, 50), high
""",
        ),
    ],
    "admissible": [
        Right(
            "a dict of conditions, another order",
            """
def admissible(case):
    far = case["distance_km"] / 100 + case["server_ms"]
    free = not (case["private"] or case["offline"])
    ok = {
        "edge": case["device_ms"] is not None and case["deadline_ms"] >= case["device_ms"],
        "on-premise": case["deadline_ms"] - case["lan_ms"] >= case["server_ms"],
        "cloud": free and far <= case["deadline_ms"] and case["upload"] <= 1,
    }
    return [place for place in ok if ok[place]]
""",
        ),
        Right(
            "infinite latencies for what is forbidden, a tuple",
            """
def admissible(case):
    shut = case["private"] or case["offline"] or case["upload"] > 1
    latency = {
        "cloud": math.inf if shut else case["distance_km"] / 200 * 2 + case["server_ms"],
        "on-premise": case["lan_ms"] + case["server_ms"],
        "edge": math.inf if case["device_ms"] is None else case["device_ms"],
    }
    return tuple(sorted(place for place, ms in latency.items() if ms <= case["deadline_ms"]))
""",
        ),
        Right(
            "removing from all",
            """
def admissible(case):
    places = ["cloud", "on-premise", "edge"]
    if case["private"] or case["offline"] or case["upload"] > 1:
        places.remove("cloud")
    elif 2 * case["distance_km"] / 200 + case["server_ms"] > case["deadline_ms"]:
        places.remove("cloud")
    if case["lan_ms"] + case["server_ms"] > case["deadline_ms"]:
        places.remove("on-premise")
    if not case["device_ms"] or case["device_ms"] > case["deadline_ms"]:
        places.remove("edge")
    return places
""",
        ),
    ],
}
