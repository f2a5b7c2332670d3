from tests.alternatives import Right

RIGHT = {
    "make_session": [
        Right(
            "keyword arguments, sets, sequential by hand",
            """
def make_session(path, providers, threads, level):
    settings = ort.SessionOptions()
    settings.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    settings.inter_op_num_threads = 1
    settings.intra_op_num_threads = threads
    settings.graph_optimization_level = level
    session = ort.InferenceSession(path_or_bytes=str(path), providers=list(providers), sess_options=settings)
    if not set(providers) <= set(session.get_providers()):
        raise ValueError(f"not available: {set(providers) - set(session.get_providers())}")
    return session
""",
        ),
        Right(
            "from bytes, the first that is missing, asked twice",
            """
def make_session(path, providers, threads, level):
    for name in providers:
        if name not in ort.get_available_providers():
            raise ValueError(name + " is not compiled in")
    options = ort.SessionOptions()
    options.graph_optimization_level, options.intra_op_num_threads = level, threads
    session = ort.InferenceSession(Path(path).read_bytes(), options, providers)
    for name in providers:
        if name not in session.get_providers():
            raise ValueError(name + " is not in use")
    return session
""",
        ),
        Right(
            "fallback off, its own kind of ValueError",
            """
class ProviderError(ValueError):
    pass

def make_session(path, providers, threads, level):
    options = ort.SessionOptions()
    options.intra_op_num_threads = int(threads)
    options.graph_optimization_level = level
    options.log_severity_level = 3
    session = ort.InferenceSession(path, sess_options=options, providers=[(name, {}) for name in providers])
    session.disable_fallback()
    used = iter(session.get_providers())
    try:
        assert all(name in used for name in providers)
    except AssertionError:
        raise ProviderError("asked for %s, got %s" % (providers, session.get_providers())) from None
    return session
""",
        ),
        Right(
            "ONNX Runtime's warning made an error",
            """
def make_session(path, providers, threads, level):
    import warnings
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = level
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            session = ort.InferenceSession(path, options, providers=providers)
        except UserWarning as warning:
            raise ValueError(str(warning)) from warning
    missing = sorted(set(providers).difference(session.get_providers()))
    if missing:
        raise ValueError(missing)
    return session
""",
        ),
    ],
    "op_changes": [
        Right(
            "Counter.subtract",
            """
def op_changes(before, after):
    from collections import Counter
    def count(path):
        return Counter(":".join(filter(None, (n.domain, n.op_type))) for n in onnx.load(str(path)).graph.node)
    change = count(after)
    change.subtract(count(before))
    return Counter({op: n for op, n in change.items() if n != 0})
""",
        ),
        Right(
            "NumPy, over the union of both",
            """
def op_changes(before, after):
    names = [np.array([f"{n.domain}:{n.op_type}".lstrip(":") for n in onnx.load(p).graph.node]) for p in (before, after)]
    found = {}
    for op in np.union1d(*names):
        difference = (names[1] == op).sum() - (names[0] == op).sum()
        if difference:
            found[str(op)] = difference
    return found
""",
        ),
        Right(
            "pairs as keys, floats, sorted",
            """
def op_changes(before, after):
    pairs = [[(n.domain, n.op_type) for n in onnx.load(p, load_external_data=False).graph.node] for p in (before, after)]
    changes = {}
    for domain, op in sorted(set(pairs[0]) | set(pairs[1])):
        difference = float(pairs[1].count((domain, op)) - pairs[0].count((domain, op)))
        key = op if domain == "" else domain + ":" + op
        changes |= {key: difference} if difference else {}
    return changes
""",
        ),
    ],
    "busiest_nodes": [
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
    kernels = sorted(((e["name"].rpartition("_kernel_time")[0], e["dur"] / 1e6) for e in events if e["cat"] == "Node" and e["name"].endswith("_kernel_time")))
    spent = {name: sum(dur for _, dur in group) for name, group in groupby(kernels, key=lambda row: row[0])}
    whole = sum(dur for _, dur in kernels)
    return heapq.nlargest(top, ((name, seconds / whole) for name, seconds in spent.items()), key=lambda row: row[1])
""",
        ),
    ],
    "batch_for_budget": [
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
    ],
    "peak_activation_bytes": [
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
    ],
}  # fmt: skip
