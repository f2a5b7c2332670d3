"""Checks of lab 03e, a graph compiler."""

from __future__ import annotations

import numpy as np

from edgekit.checks import (
    Exercise,
    array,
    call,
    close,
    in_order,
    integer,
    mapping,
    require,
    shuffled,
    text,
)


def _node(op, inputs, output, **attrs):
    from edgekit.compiler import Node

    return Node(op, tuple(inputs), output, attrs, f"{op}_{output}")


# -------------------------------------------------------------------------------------------------------- topological_order
READS = 20_000  # of Node.inputs by one answer; a loop that goes on for ever passes it in a moment


def _random_graph(rng: np.random.Generator, count: int) -> dict:
    """Nodes in a shuffled order; some read one tensor twice, some only constants, and some are read by nobody."""
    names = [f"t{i}" for i in rng.permutation(count)]
    nodes = []
    for i, output in enumerate(names):
        sources = ["x", "w", *names[max(0, i - 4) : i]]
        reads = [str(s) for s in rng.choice(sources, size=2)] if i % 5 else ["w"]
        if i and i % 5:
            reads[0] = names[i - 1] if i % 5 > 1 else names[max(0, i - 3)]
        nodes.append([reads, output])
    return {"nodes": [nodes[i] for i in rng.permutation(count)], "available": ["x", "w"]}


def _order_inputs(rng: np.random.Generator) -> dict:
    chain = [[[f"c{i}"], f"c{i + 1}"] for i in range(5)]
    fork = [[["x"], "a"], [["a"], "b"], [["b"], "c"], [["c"], "d"], [["a", "d"], "e"]]
    return {
        "graphs": {
            "a chain, last node first": {"nodes": chain[::-1], "available": ["c0"]},
            "a fork whose long way is listed last": {"nodes": [fork[0], fork[4], *fork[3:0:-1]], "available": ["x"]},
            "a random graph": _random_graph(rng, 14),
            "a larger random graph": _random_graph(rng, 40),
        },
        "impossible": {
            "a cycle": {"nodes": [[["x", "b"], "a"], [["a"], "b"], [["x"], "c"]], "available": ["x"]},
            "an input that nobody makes": {"nodes": [[["x"], "a"], [["a", "lost"], "b"]], "available": ["x"]},
        },
    }


class _TooOften(Exception):
    pass


def _watched(nodes: list):
    from edgekit.compiler import Node

    reads = [0]

    class Watched(Node):
        def __getattribute__(self, name):
            if name == "inputs":
                reads[0] += 1
                if reads[0] > READS:
                    raise _TooOften(f"read Node.inputs more than {READS} times: does the loop ever end?")
            return super().__getattribute__(name)

        def __deepcopy__(self, memo):
            return self

    return [Watched("Add", tuple(inputs), output, {}, f"node_{output}") for inputs, output in nodes]


def _order_probe(answer, inputs: dict) -> dict:
    found: dict = {"orders": {}, "impossible": {}}
    for kind, graph in inputs["graphs"].items():
        result = call(answer, _watched(graph["nodes"]), set(graph["available"]))
        found["orders"][kind] = [getattr(node, "output", type(node).__name__) for node in result or []]
    for kind, graph in inputs["impossible"].items():
        try:
            answer(_watched(graph["nodes"]), set(graph["available"]))
            found["impossible"][kind] = "returned"
        except Exception as error:
            found["impossible"][kind] = type(error).__name__
    return found


def _order_judge(inputs: dict, outputs: dict) -> str:
    for kind, graph in inputs["graphs"].items():
        order, reads = outputs["orders"][kind], {output: needs for needs, output in graph["nodes"]}
        require(
            len(order) == len(set(order)),
            f"{kind}: {next((o for o in order if order.count(o) > 1), '')!r} comes more than once. A node that is ready must be taken only once.",
            "node twice",
        )
        lost = sorted(set(reads) - set(order))
        require(not lost, f"{kind}: {len(lost)} of {len(reads)} nodes are lost, for example the one that makes {lost[:1]}. Nodes that nobody reads, "
                "or that read only constants, are to be ordered, too.", "nodes lost")  # fmt: skip
        require(set(order) == set(reads), f"{kind}: {sorted(set(order) - set(reads))[:1]} is not the output of a node that was given. Return Node objects.", "wrong type")  # fmt: skip
        have = set(graph["available"])
        for step, output in enumerate(order):
            missing = [name for name in reads[output] if name not in have]
            require(not missing, f"{kind}: step {step} makes {output!r} from {reads[output]}, but {missing[:1]} is not there yet. A node may run when "
                    "*all* of its inputs are available, not when one of them is.", "runs too early")  # fmt: skip
            have.add(output)
    for kind in inputs["impossible"]:
        got = outputs["impossible"][kind]
        require(got != "_TooOften", f"{kind}: the loop never ends. When nodes are left and none of them is ready, there is no order: raise ValueError.", "endless loop")  # fmt: skip
        require(got == "ValueError", f"{kind}: expected a ValueError, because there is no order; it {'returned an order' if got == 'returned' else 'raised ' + got}.", "cycle not reported")  # fmt: skip
    return (
        "Chains, forks and random graphs come out in an order that runs, each node once; what has no order is refused."
    )


topological_order = Exercise("topological_order", _order_inputs, _order_probe, _order_judge)


# ---------------------------------------------------------------------------------------------------------- fold_batch_norm
def _fold_inputs(rng: np.random.Generator) -> dict:
    """Cases that differ from the first in one thing each, so that the first that fails says what is wrong."""

    def case(says, out=4, inp=4, group=1, bias=False, shift=False, small=False, negative=False):
        gamma = rng.uniform(0.5, 2.0, out)
        return {
            "_says": says,
            "_group": group,
            "weight": rng.normal(0, 1, (out, inp, 3, 3)).astype(np.float32),
            "bias": (rng.normal(0, 1, out) if bias else np.zeros(out)).astype(np.float32),
            "gamma": (np.where(np.arange(out) % 2, -gamma, gamma) if negative else gamma).astype(np.float32),
            "beta": (rng.uniform(1, 2, out) if shift else np.zeros(out)).astype(np.float32),
            "mean": (rng.uniform(1, 2, out) if shift else np.zeros(out)).astype(np.float32),
            "variance": (rng.uniform(0.5, 1.0, out) * 1e-3 if small else rng.uniform(1.5, 5.0, out)).astype(np.float32),
            "epsilon": 1e-2 if small else 1e-5,
        }

    return {"cases": [case(says, **options) for says, options in _FOLD_CASES]}


# What is wrong where this case fails | cause.
_FOLD_CASES = [
    ("only gamma and variance differ from 1 here. Each *output* channel, axis 0 of the weight, is multiplied by gamma / sqrt(variance + epsilon)|scale of the weight", {}),
    ("mean and beta are not 0 here. The mean is subtracted before the scaling, beta is added after it: check signs and order|mean or beta", {"shift": True}),
    ("the convolution has a bias here. The bias is part of what the convolution puts out, so it is scaled like the weight|bias", {"shift": True, "bias": True}),
    ("the variance is about 0.001 and epsilon 0.01 here: epsilon is added to the variance, inside of the square root|epsilon", {"shift": True, "small": True}),
    ("this is a depthwise convolution: its weight is [channels, 1, 3, 3], and axis 0 is still the output channel|depthwise", {"inp": 1, "group": 4, "shift": True}),
    ("some gammas are negative here, which is allowed|negative gamma", {"shift": True, "bias": True, "negative": True}),
]  # fmt: skip


_FOLD_ARGUMENTS = ("weight", "bias", "gamma", "beta", "mean", "variance", "epsilon")


def _fold_probe(answer, inputs: dict) -> dict:
    found = []
    for case in inputs["cases"]:
        result = call(answer, *(case[name] for name in _FOLD_ARGUMENTS))
        found.append(list(result) if isinstance(result, tuple | list) else result)
    return {"folded": found}


def _fold_judge(inputs: dict, outputs: dict) -> str:
    import torch
    from torch.nn import functional as F

    tensor = lambda a: torch.from_numpy(np.asarray(a, dtype=np.float32))
    for case, result in zip(inputs["cases"], outputs["folded"], strict=True):
        require(
            isinstance(result, list) and len(result) == 2,
            "fold_batch_norm should return two arrays, (weight, bias).",
            "wrong type",
        )
        weight = array(result[0], "the new weight", shape=case["weight"].shape)
        bias = array(result[1], "the new bias", shape=case["bias"].shape)
        x = torch.rand(2, case["weight"].shape[1] * case["_group"], 6, 6, generator=torch.Generator().manual_seed(0))
        conv = F.conv2d(x, tensor(case["weight"]), tensor(case["bias"]), groups=case["_group"])
        expected = F.batch_norm(
            conv, *(tensor(case[k]) for k in ("mean", "variance", "gamma", "beta")), eps=case["epsilon"]
        )
        got = F.conv2d(x, tensor(weight), tensor(bias), groups=case["_group"])
        scale = float(expected.abs().max())
        says, cause = case["_says"].split("|")
        require(
            close(got, expected, rtol=1e-3, atol=1e-4 * scale),
            f"the folded convolution differs from torch's convolution and batch norm by up to {float((got - expected).abs().max()) / scale:.2g} of the "
            f"largest output: {says}.",
            cause,
        )
    return "Six convolutions, one of them depthwise, equal to torch's convolution followed by its batch norm."


fold_batch_norm = Exercise("fold_batch_norm", _fold_inputs, _fold_probe, _fold_judge)


# ----------------------------------------------------------------------------------------------------------------- may_fuse
# kind: (nodes as (op, inputs, output), outputs of the graph, expected, why, cause). The pair in question is always the nodes that make "f" and "s".
_FUSE = {
    "a Conv that only a ReLU reads": ([("Conv", ["x"], "f"), ("Relu", ["f"], "s"), ("Conv", ["s"], "y")], ["y"], True, "nobody else sees the value between the two", "too strict"),
    "a ReLU whose result is read twice": ([("Conv", ["x"], "f"), ("Relu", ["f"], "s"), ("Conv", ["s"], "a"), ("Add", ["a", "s"], "y")], ["y"], True, "who reads the ReLU's result does not matter: it stays as it is", "too strict"),
    "a ReLU at the end of the graph": ([("Conv", ["x"], "f"), ("Relu", ["f"], "s")], ["s"], True, "the output of the graph is the ReLU's result, which stays", "too strict"),
    "an Add before a ReLU": ([("Relu", ["x"], "r"), ("Add", ["r", "x"], "f"), ("Relu", ["f"], "s")], ["s"], True, "an Add may take over a ReLU just like a Conv", "too strict"),
    "a Conv that an Add reads, too": ([("Conv", ["x"], "f"), ("Relu", ["f"], "s"), ("Add", ["f", "s"], "y")], ["y"], False, "an Add also reads the Conv's result, and needs it without the ReLU", "second reader"),
    "a Conv with two ReLUs": ([("Conv", ["x"], "f"), ("Relu", ["f"], "s"), ("Relu", ["f"], "t"), ("Add", ["s", "t"], "y")], ["y"], False, "another node reads the Conv's result, too, and would find it gone", "second reader"),
    "a Conv whose result is an output of the graph": ([("Conv", ["x"], "f"), ("Relu", ["f"], "s"), ("Conv", ["s"], "y")], ["y", "f"], False, "the Conv's own result is an output of the graph: the caller wants it without the ReLU, and no node shows that", "graph output"),
}  # fmt: skip


def _fuse_inputs(rng: np.random.Generator) -> dict:
    """The kinds in a random order, with random names."""
    cases = []
    for kind in (list(_FUSE)[i] for i in rng.permutation(len(_FUSE))):
        nodes, ends, *_ = _FUSE[kind]
        names = {old: f"{old}{int(rng.integers(1000))}" for old in "xfstyar"}
        renamed = [[op, [names[i] for i in inputs], names[output]] for op, inputs, output in nodes]
        cases.append(
            {
                "_kind": kind,
                "nodes": renamed,
                "outputs": [names[e] for e in ends],
                "pair": [names["f"], names["s"]],
                "input": names["x"],
            }
        )
    return {"cases": cases}  # fmt: skip


def _fuse_probe(answer, inputs: dict) -> dict:
    from edgekit.compiler import Graph

    found = []
    for case in inputs["cases"]:
        graph = Graph([_node(*node) for node in case["nodes"]], {}, {case["input"]: (1, 4, 8, 8)}, case["outputs"])
        found.append(call(answer, graph, *(graph.maker(name) for name in case["pair"])))
    return {"answers": found}


def _fuse_judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["answers"], strict=True):
        require(isinstance(got, bool), f"may_fuse should return True or False, got {got!r:.60}.", "wrong type")
        _, _, expected, why, cause = _FUSE[case["_kind"]]
        require(got == expected, f"may_fuse said {got} for {case['_kind']}, expected {expected}: {why}.", cause)
    return "Seven graphs: fused where nobody else needs the value in between, and only there."


may_fuse = Exercise("may_fuse", _fuse_inputs, _fuse_probe, _fuse_judge)


# -------------------------------------------------------------------------------------------------------------- pick_tactic
def _tactic(rng, median: float, error: float = 1e-6, scratch: int = 1000, first: float = 1.0) -> dict:
    times = median * rng.uniform(0.98, 1.02, 9)
    times[int(rng.integers(9))] *= first
    return {"times": times.tolist(), "error": error, "scratch": scratch}


def _pick_inputs(rng: np.random.Generator) -> dict:
    t = float(rng.uniform(50e-6, 200e-6))
    cases = [
        ("direct", {"direct": _tactic(rng, t), "im2col": _tactic(rng, 1.5 * t), "fft": _tactic(rng, 2 * t)}, "it is the fastest|not the fastest"),
        ("fft", {"im2col": _tactic(rng, 1.2 * t), "fft": _tactic(rng, t, first=20)}, "it is the fastest, but for one call that something interrupted: the mean follows such a call, the median does not|mean for median"),
        ("im2col", {"im2col": _tactic(rng, t), "direct": _tactic(rng, 1.3 * t, first=0.5)}, "it is usually the fastest; one lucky call of the other does not count: take the median, not the minimum|minimum for median"),
        ("im2col", {"winograd": _tactic(rng, 0.5 * t, error=0.02), "im2col": _tactic(rng, t)}, "the error of the faster one is above the tolerance: a fast wrong answer is no tactic|error ignored"),
        ("direct", {"winograd": _tactic(rng, 0.5 * t, error=float("nan")), "direct": _tactic(rng, t)}, "the error of the faster one is NaN, which no comparison finds too large: ask whether it is small enough|NaN let through"),
        ("direct", {"im2col": _tactic(rng, 0.7 * t, scratch=10**6), "direct": _tactic(rng, t)}, "the faster one needs more scratch memory than the limit|scratch ignored"),
        ("im2col", {"im2col": _tactic(rng, 0.7 * t, scratch=50_000, error=1e-3), "direct": _tactic(rng, t)}, "its scratch and its error are exactly at what is allowed, not above|limit excluded"),
    ]  # fmt: skip
    return {
        "cases": shuffled([{"_expected": e, "tactics": c, "_why": why} for e, c, why in cases], rng),
        "tolerance": 1e-3,
        "limit": 50_000,
    }


def _pick_probe(answer, inputs: dict) -> dict:
    return {"picked": [call(answer, case["tactics"], inputs["tolerance"], inputs["limit"]) for case in inputs["cases"]]}


def _pick_judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["picked"]):
        got = text(got, "the tactic", among=list(case["tactics"]))
        why, cause = case["_why"].split("|")
        shown = "; ".join(
            f"{name} median {np.median(t['times']) * 1e6:.0f} µs, error {t['error']:.2g}, scratch {t['scratch']:,}" for name, t in case["tactics"].items()
        )  # fmt: skip
        require(
            got == case["_expected"],
            f"from ({shown}; tolerance {inputs['tolerance']:g}, limit {inputs['limit']:,}) you picked {got!r}, expected {case['_expected']!r}: {why}.",
            cause,
        )
    return "Seven layers: the fastest by its median, among those that are right and fit into the memory."


pick_tactic = Exercise("pick_tactic", _pick_inputs, _pick_probe, _pick_judge)


# -------------------------------------------------------------------------------------------------------------- plan_memory
# Rows of (expansion, channels, repeats, stride): MobileNetV2 as in table 2 of Sandler et al. (2018), and a shorter one.
_ROWS = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
_SHORT = [(1, 16, 1, 1), (4, 24, 2, 2), (4, 48, 2, 2), (4, 96, 2, 2)]


def _network(rng: np.random.Generator, rows: list) -> list[dict]:
    """Activations of such a network for a random picture size and width: input, expanded, filtered, projected, added to the shortcut."""
    side, width = 16 * int(rng.integers(3, 9)), 8 * int(rng.integers(1, 5))
    tensors: list[dict] = []

    def make(channels: int, *reads: int) -> int:
        step = len(tensors)
        for index in reads:
            tensors[index]["last"] = step
        tensors.append({"name": f"t{step}", "size": 4 * channels * side * side, "first": step, "last": step})
        return step

    at = make(width)
    for expansion, channels, repeats, stride in rows:
        for number in range(repeats):
            inner, before = expansion * width, at
            wide = make(inner, at)
            side = max(1, side // stride) if number == 0 else side
            at = make(inner, wide)
            width = channels
            at = make(width, at)
            if number:
                at = make(width, at, before)
    return tensors


# Small tensors that live long come first, and cut the space in pieces for those who do not look ahead.
_LONG = [(1, 0, 3), (1, 0, 6), (1, 1, 9), (6, 2, 4), (7, 4, 5), (8, 6, 7), (9, 8, 9), (2, 3, 9)]


def _plan_inputs(rng: np.random.Generator) -> dict:
    unit = 64 * int(rng.integers(1, 9))
    touching = [{"name": n, "size": unit, "first": f, "last": f + 1} for n, f in (("a", 0), ("b", 1), ("c", 2))]
    long = [{"name": f"t{i}", "size": n * unit, "first": f, "last": e} for i, (n, f, e) in enumerate(_LONG)]
    wider = [{"name": f"t{i}", "size": (i + 4) * unit, "first": i, "last": i + 1} for i in range(6)]
    cases = {"three tensors in a chain": touching, "small tensors that live long": long, "a chain that widens": wider}
    cases |= {"a small network": _network(rng, _SHORT), "MobileNetV2": _network(rng, _ROWS)}
    return {"cases": cases}


def _plan_probe(answer, inputs: dict) -> dict:
    return {"plans": {kind: call(answer, tensors) for kind, tensors in inputs["cases"].items()}}


def _plan_judge(inputs: dict, outputs: dict) -> str:
    from edgekit.compiler import lower_bound, peak
    from edgekit.compiler.planning import clash

    worst = 0.0
    for kind, tensors in inputs["cases"].items():
        plan = mapping(outputs["plans"][kind], f"the plan for {kind}")
        missing = [t["name"] for t in tensors if t["name"] not in plan]
        require(not missing, f"{kind}: {missing[:3]} have no place: the plan needs one offset for every tensor.", "tensor without a place")  # fmt: skip
        plan = {name: integer(offset, f"the offset of {name!r}") for name, offset in plan.items()}
        require(min(plan.values()) >= 0, f"{kind}: an offset is {min(plan.values())}: memory starts at 0.", "negative offset")  # fmt: skip
        both = clash(tensors, plan)
        if both:
            a, b = (next(t for t in tensors if t["name"] == name) for name in both)
            touch = a["last"] == b["first"] or b["last"] == a["first"]
            show = lambda t, plan=plan: (
                f"{t['name']} (steps {t['first']} to {t['last']}, bytes {plan[t['name']]} to {plan[t['name']] + t['size']})"
            )
            require(
                False,
                f"{kind}: {show(a)} and {show(b)} share bytes while both are needed. "
                + ("In the step where one ends, the other is being written from it: first and last are both included." if touch else "Compare with *every* tensor that was placed before and lives at the same time."),
                "last step not included" if touch else "overlap",
            )  # fmt: skip
        bound, got, total = lower_bound(tensors), peak(tensors, plan), sum(t["size"] for t in tensors)
        worst = max(worst, got / bound)
        require(got < total or got == bound, f"{kind}: the plan takes {got:,} bytes, as much as all tensors together: nothing is used twice. A tensor may lie where another one was that is not needed any more, also in a gap below others.", "no reuse")  # fmt: skip
        require(
            got <= 1.1 * bound,
            f"{kind}: the plan is valid and takes {got:,} bytes, {got / bound:.2f} times the lower bound. Place the *largest* tensor first, and each one at the "
            "lowest offset where it fits, also into a gap between two others.",
            "not tight",
        )
    return f"Five valid plans, the loosest {worst:.2f} times its lower bound."


plan_memory = Exercise("plan_memory", _plan_inputs, _plan_probe, _plan_judge)
