"""Right answers to lab 03e, written in other ways."""

from tests.alternatives import Right

RIGHT = {
    "topological_order": [
        Right(
            "graphlib",
            """
def topological_order(nodes, available):
    from graphlib import TopologicalSorter
    maker = {node.output: node for node in nodes}
    if any(name not in maker and name not in available for node in nodes for name in node.inputs):
        raise ValueError("an input that nobody makes")
    before = {node.output: [name for name in node.inputs if name in maker] for node in nodes}
    return [maker[name] for name in TopologicalSorter(before).static_order()]
""",
        ),
        Right(
            "depth first, recursive",
            """
def topological_order(nodes, available):
    maker, state, order = {n.output: n for n in nodes}, {}, []
    def visit(name):
        if name in available or state.get(name) == "done":
            return
        if name not in maker or state.get(name) == "open":
            raise ValueError(f"no order: {name}")
        state[name] = "open"
        for source in maker[name].inputs:
            visit(source)
        state[name] = "done"
        order.append(maker[name])
    for node in nodes:
        visit(node.output)
    return order
""",
        ),
        Right(
            "Kahn's queue, a tuple",
            """
def topological_order(nodes, available):
    from collections import defaultdict, deque
    readers, missing = defaultdict(list), {}
    for i, node in enumerate(nodes):
        needs = set(node.inputs) - available
        missing[i] = len(needs)
        for name in needs:
            readers[name].append(i)
    queue, order = deque(i for i, n in missing.items() if n == 0), []
    while queue:
        node = nodes[queue.popleft()]
        order.append(node)
        for i in readers[node.output]:
            missing[i] -= 1
            if missing[i] == 0:
                queue.append(i)
    if len(order) < len(nodes):
        raise ValueError("cycle")
    return tuple(order)
""",
        ),
        Right(
            "one node after the other, whoever waits for nobody",
            """
def topological_order(nodes, available):
    waiting, order, have = list(nodes), [], set(available)
    while waiting:
        for node in waiting:
            if all(name in have or any(name == other.output for other in order) for name in node.inputs) and not any(
                other is not node and other.output in node.inputs for other in waiting
            ):
                order.append(node)
                waiting.remove(node)
                break
        else:
            raise ValueError("no order")
    return order
""",
        ),
        Right(
            "from the end, a deque",
            """
def topological_order(nodes, available):
    from collections import deque
    known = set(available) | {n.output for n in nodes}
    if not all(known.issuperset(n.inputs) for n in nodes):
        raise ValueError("an input is missing")
    left, order = list(nodes), deque()
    while left:
        read = {name for node in left for name in node.inputs}
        last = [node for node in left if node.output not in read]
        if not last:
            raise ValueError("cycle")
        order.extendleft(last)
        left = [node for node in left if node.output in read]
    return order
""",
        ),
    ],
    "fold_batch_norm": [
        Right(
            "torch's own",
            """
def fold_batch_norm(weight, bias, gamma, beta, mean, variance, epsilon):
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_weights
    w, b, g, s, m, v = map(torch.from_numpy, (weight, bias, gamma, beta, mean, variance))
    return fuse_conv_bn_weights(w, b, m, v, epsilon, g, s)
""",
        ),
        Right(
            "a loop over the channels, on copies",
            """
def fold_batch_norm(weight, bias, gamma, beta, mean, variance, epsilon):
    weight, bias = weight.copy(), bias.copy()
    for c in range(len(weight)):
        factor = gamma[c] / (variance[c] + epsilon) ** 0.5
        weight[c] *= factor
        bias[c] = beta[c] + factor * (bias[c] - mean[c])
    return [weight, bias]
""",
        ),
        Right(
            "einsum, float64",
            """
def fold_batch_norm(weight, bias, gamma, beta, mean, variance, epsilon):
    factor = gamma.astype(np.float64) * np.power(variance.astype(np.float64) + epsilon, -0.5)
    return np.einsum("oirc,o->oirc", weight, factor), beta - mean * factor + bias * factor
""",
        ),
        Right(
            "a diagonal matrix",
            """
def fold_batch_norm(weight, bias, gamma, beta, mean, variance, epsilon):
    d = np.diag(gamma / np.sqrt(variance + epsilon))
    return (d @ weight.reshape(len(weight), -1)).reshape(weight.shape), d @ (bias - mean) + beta
""",
        ),
    ],
    "may_fuse": [
        Right("readers counted by hand", "def may_fuse(graph, first, second):\n    uses = sum(node.inputs.count(first.output) for node in graph.nodes) + list(graph.outputs).count(first.output)\n    return uses == 1\n"),
        Right("by identity", "def may_fuse(graph, first, second):\n    if first.output in graph.outputs:\n        return False\n    return all(reader is second for reader in graph.readers(first.output))\n"),
        Right("nobody else", "def may_fuse(graph, first, second):\n    others = [n for n in graph.nodes if n != second and first.output in n.inputs]\n    return not others and not {first.output}.intersection(graph.outputs)\n"),
        Right("NumPy's truth", "def may_fuse(graph, first, second):\n    return np.logical_and(graph.readers(first.output) == [second], first.output not in graph.outputs)\n"),
        Right("lambda", "may_fuse = lambda g, a, b: [r.output for r in g.readers(a.output)] + [o for o in g.outputs if o == a.output] == [b.output]\n"),
    ],
    "pick_tactic": [
        Right("statistics, a loop", "def pick_tactic(tactics, tolerance, limit):\n    from statistics import median\n    best = None\n    for name, t in tactics.items():\n        if not t['error'] <= tolerance or t['scratch'] > limit:\n            continue\n        if best is None or median(t['times']) < median(tactics[best]['times']):\n            best = name\n    return best\n"),
        Right("sorted by the middle", "def pick_tactic(tactics, tolerance, limit):\n    middle = lambda t: sorted(t['times'])[len(t['times']) // 2]\n    for name in sorted(tactics, key=lambda n: middle(tactics[n])):\n        if tactics[name]['scratch'] <= limit and tactics[name]['error'] <= tolerance:\n            return name\n"),
        Right("infinity for what is not allowed, argmin", "def pick_tactic(tactics, tolerance, limit):\n    names = np.array(list(tactics))\n    t = [np.quantile(v['times'], 0.5) if v['error'] <= tolerance and v['scratch'] <= limit else np.inf for v in tactics.values()]\n    return names[np.argmin(t)]\n"),
        Right("mean without the ends", "def pick_tactic(tactics, tolerance, limit):\n    import math\n    ok = {n: t for n, t in tactics.items() if not math.isnan(t['error']) and t['error'] <= tolerance and t['scratch'] <= limit}\n    return min(ok, key=lambda n: np.mean(np.sort(ok[n]['times'])[2:-2]))\n"),
    ],
    "plan_memory": [
        Right(
            "candidates: 0 and the ends of the others",
            """
def plan_memory(tensors):
    plan, placed = {}, []
    for t in sorted(tensors, key=lambda t: t["size"], reverse=True):
        taken = [(plan[o["name"]], plan[o["name"]] + o["size"]) for o in placed if not (o["last"] < t["first"] or t["last"] < o["first"])]
        free = lambda at: all(at + t["size"] <= a or b <= at for a, b in taken)
        plan[t["name"]] = min(at for at in [0, *(b for _, b in taken)] if free(at))
        placed.append(t)
    return plan
""",
        ),
        Right(
            "equal sizes from the end, sets of steps, NumPy's integers",
            """
def plan_memory(tensors):
    steps = {t["name"]: set(range(t["first"], t["last"] + 1)) for t in tensors}
    size, plan = {t["name"]: t["size"] for t in tensors}, {}
    for name in sorted(reversed(list(size)), key=size.get, reverse=True):
        at = np.int64(0)
        for other in sorted((o for o in plan if steps[o] & steps[name]), key=plan.get):
            if plan[other] - at >= size[name]:
                break
            at = max(at, plan[other] + size[other])
        plan[name] = at
    return plan
""",
        ),
        Right(
            "equal sizes by lifetime, longest first",
            """
def plan_memory(tensors):
    plan, placed = {}, []
    for t in sorted(tensors, key=lambda t: (-t["size"], t["first"] - t["last"], t["first"])):
        near = sorted((plan[o["name"]], o["size"]) for o in placed if max(o["first"], t["first"]) <= min(o["last"], t["last"]))
        at = 0
        while any(a < at + t["size"] and at < a + s for a, s in near):
            at = min(a + s for a, s in near if a < at + t["size"] and at < a + s)
        plan[t["name"]] = float(at)
        placed.append(t)
    return plan
""",
        ),
        Right(
            "recursive, largest last to come out",
            """
def plan_memory(tensors):
    if not tensors:
        return {}
    t = min(tensors, key=lambda t: (t["size"], t["last"]))
    rest = [o for o in tensors if o is not t]
    plan = plan_memory(rest)
    at = 0
    for a, b in sorted((plan[o["name"]], plan[o["name"]] + o["size"]) for o in rest if o["first"] <= t["last"] and o["last"] >= t["first"]):
        if a - at >= t["size"]:
            break
        at = max(at, b)
    return plan | {t["name"]: at}
""",
        ),
    ],
}  # fmt: skip
