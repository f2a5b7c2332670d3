"""Checks of lab 05a, ONNX Runtime."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import (
    AnswerRaised,
    CheckFailed,
    Exercise,
    OnnxFile,
    call,
    close,
    in_order,
    integer,
    mapping,
    number,
    require,
    shuffled,
)

CPU = "CPUExecutionProvider"
# Providers that no single build has all of: at least one of them is missing everywhere.
RARE = ["QNNExecutionProvider", "ROCMExecutionProvider", "NnapiExecutionProvider", "CoreMLExecutionProvider"]


def _file(ops: list[tuple[str, str]], rng: np.random.Generator) -> OnnxFile:
    """A chain of one-input operators given as (domain, op_type), in a random order, with an initializer that is no node."""
    from onnx import TensorProto, helper, numpy_helper

    order = [ops[i] for i in rng.permutation(len(ops))]
    nodes = [
        helper.make_node(op, [f"t{i}"], [f"t{i + 1}"], name=f"node{i}", domain=domain)
        for i, (domain, op) in enumerate(order)
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 4]) for n in ("t0", f"t{len(order)}")]
    unused = numpy_helper.from_array(np.ones(3, np.float32), "unused")
    graph = helper.make_graph(nodes, "g", [ends[0]], [ends[1]], [unused])
    domains = sorted({domain for domain, _ in order} | {""})
    imports = [helper.make_opsetid(domain, 1 if domain else 17) for domain in domains]
    return OnnxFile(helper.make_model(graph, opset_imports=imports, ir_version=8).SerializeToString())


def _write(folder: str, name: str, blob: bytes) -> Path:
    path = Path(folder) / name
    path.write_bytes(blob)
    return path


# ------------------------------------------------------------------------------------------------------------- make_session
_MATHS = {
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Neg": np.negative,
    "Tanh": np.tanh,
}  # never all zeros, in any order
_LEVELS = {"ORT_DISABLE_ALL": 0, "ORT_ENABLE_BASIC": 1, "ORT_ENABLE_EXTENDED": 2}


def _session_inputs(rng: np.random.Generator) -> dict:
    threads = [int(t) for t in rng.permutation([1, 2, 3])]
    levels = [str(name) for name in rng.permutation(list(_LEVELS))]
    return {
        "model": _file([("", op) for op in _MATHS], rng),
        "x": rng.normal(0, 2, (3, 4)).astype(np.float32),
        "cases": [{"threads": t, "level": level} for t, level in zip(threads, levels, strict=True)],
    }


def _session_probe(answer, inputs: dict) -> dict:
    import warnings

    import onnxruntime as ort

    ort.set_default_logger_severity(4)
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = _write(folder, "model.onnx", inputs["model"])
            made = [
                _seen(
                    call(answer, path, [CPU], case["threads"], getattr(ort.GraphOptimizationLevel, case["level"])),
                    inputs["x"],
                )
                for case in inputs["cases"]
            ]
            absent = next(name for name in RARE if name not in ort.get_available_providers())
            level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
            refused = {
                name: _refusal(answer, path, names, level, inputs["x"])
                for name, names in (("first", [absent, CPU]), ("only", [absent]))
            }
    finally:
        ort.set_default_logger_severity(2)
    return {"made": made, "absent": absent, "refused": refused}


def _seen(session, x: np.ndarray) -> dict:
    """What a session says about itself and makes of ``x``; never the session. ``{"other": its type}`` for anything else.

    A subclass could say what it likes, and so could methods and attributes set on the object: what is asked is the compiled
    session inside.
    """
    import onnxruntime as ort
    from onnxruntime.capi.onnxruntime_pybind11_state import InferenceSession as Wrapped

    genuine = ort.InferenceSession
    if type(session) is not genuine or type(getattr(session, "_sess", None)) is not Wrapped:
        return {"other": type(session).__name__}
    options = session._sess.session_options
    return {
        "intra": options.intra_op_num_threads,
        "inter": options.inter_op_num_threads,
        "level": options.graph_optimization_level.name,
        "providers": session._sess.get_providers(),
        "y": genuine.run(session, None, {"t0": x})[0],
    }


def _refusal(answer, path: Path, names: list[str], level, x: np.ndarray) -> dict:
    import contextlib
    import io

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return {"raised": "", "session": _seen(call(answer, path, names, 1, level), x)}
    except AnswerRaised as error:
        if isinstance(error.__cause__, NotImplementedError):
            raise
        return {"raised": type(error.__cause__).__name__, "message": str(error.__cause__)}


def _result(inputs: dict) -> np.ndarray:
    """What the model makes of ``x``, by NumPy."""
    import onnx

    y = inputs["x"].astype(np.float64)
    for node in onnx.load_from_string(bytes(inputs["model"])).graph.node:
        y = _MATHS[node.op_type](y)
    return y


def _session_judge(inputs: dict, outputs: dict) -> str:
    for case, seen in zip(inputs["cases"], outputs["made"], strict=True):
        asked = f"make_session(path, ['{CPU}'], threads={case['threads']}, level={case['level']})"
        require(
            "other" not in seen,
            f"{asked} returned a {seen.get('other')}, expected the session: an ort.InferenceSession, nothing derived from it or put in its place.",
            "no session",
        )
        require(
            seen["intra"] == case["threads"] or seen["inter"] != case["threads"],
            f"{asked}: {seen['inter']} threads were given to operators side by side (inter_op), which a sequential session never uses. Threads inside an operator are intra_op.",
            "inter for intra",
        )
        require(
            seen["intra"] == case["threads"],
            f"{asked}: the session has intra_op_num_threads={seen['intra']} (0 means all cores). Is the SessionOptions object set, and passed to the session?",
            "threads not set",
        )
        require(
            seen["level"] == case["level"],
            f"{asked}: the session optimizes at {seen['level']}. Set graph_optimization_level on the options, to the level that was passed in.",
            "level not set",
        )
        require(
            seen["providers"] == [CPU],
            f"{asked}: the session has the providers {seen['providers']}. Pass on what was asked for.",
            "other providers",
        )
        require(
            close(seen["y"], _result(inputs), rtol=1e-3, atol=1e-5),
            f"{asked}: the session computes something else than the model at path does.",
            "another model",
        )
    absent = outputs["absent"]
    for refused in outputs["refused"].values():
        require(
            refused["raised"],
            f"{absent} was asked for and is not in this ONNX Runtime, but there was no error: the session silently fell back to "
            f"{refused.get('session', {}).get('providers', '?')}. Compare what you asked for with session.get_providers(), and raise.",
            "silent fallback",
        )
        require(
            refused["raised"] == "ValueError",
            f"{absent} is not here: that raised a {refused['raised']} ({refused.get('message', '')[:150]}), expected a ValueError, as the docstring says.",
            "other exception",
        )
        require(
            absent in refused["message"],
            f"the ValueError says {refused['message'][:150]!r}: it should name the provider that is missing, {absent}.",
            "provider not named",
        )
    return f"Threads, level and providers are as asked for, and {absent}, which is not here, is refused by name."


make_session = Exercise("make_session", _session_inputs, _session_probe, _session_judge)

# --------------------------------------------------------------------------------------------------------------- op_changes
_OPS = [("", "Relu"), ("", "Neg"), ("", "Abs"), ("", "Identity"), ("", "Sigmoid"), ("com.microsoft", "Gelu"), ("com.microsoft.nchwc", "Abs")]  # fmt: skip


def _key(domain: str, op: str) -> str:
    return f"{domain}:{op}" if domain else op


def _changes_inputs(rng: np.random.Generator) -> dict:
    """The change of every operator is drawn first, and the two files are made to have it."""
    cases = []
    for kind in ("random", "moved to another domain", "same"):
        change = {op: int(rng.integers(-4, 5)) for op in _OPS}
        if kind == "moved to another domain":
            change = {("", "Abs"): -3, ("com.microsoft.nchwc", "Abs"): 3, ("", "Identity"): -2}
        if kind == "same":
            change = {}
        common = {op: int(rng.integers(1, 4)) for op in _OPS[:3]}
        before = [op for op, n in change.items() for _ in range(max(-n, 0))]
        after = [op for op, n in change.items() for _ in range(max(n, 0))]
        both = [op for op, n in common.items() for _ in range(n)]
        cases.append(
            {
                "_kind": kind,
                "before": _file(before + both, rng),
                "after": _file(after + both, rng),
                "_expected": {_key(*op): n for op, n in change.items() if n},
            }
        )
    return {"cases": cases}


def _changes_probe(answer, inputs: dict) -> dict:
    found = []
    for case in inputs["cases"]:
        with tempfile.TemporaryDirectory() as folder:
            before, after = (_write(folder, f"{name}.onnx", case[name]) for name in ("before", "after"))
            found.append(call(answer, before, after))
    return {"found": found}


def _changes_judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["found"], strict=True):
        got, expected = mapping(got, "the result"), case["_expected"]
        got = {key: integer(value, f"the change of {key}") for key, value in got.items()}
        if got == expected:
            continue
        shown = f"op_changes gave {got}, expected {expected}"
        nonzero = {key: value for key, value in got.items() if value}
        require(nonzero != expected, f"{shown}: leave out what did not change (zeros).", "zeros kept")
        require(
            got != {key: -value for key, value in expected.items()},
            f"{shown}: upside down. Positive is what the second file has *more*.",
            "signs swapped",
        )
        bare: dict[str, int] = {}
        for key, value in expected.items():
            bare[key.rpartition(":")[2]] = bare.get(key.rpartition(":")[2], 0) + value
        require(
            nonzero != {key: value for key, value in bare.items() if value},
            f"{shown}: an operator is identified by its domain, too. A Conv of com.microsoft.nchwc is another one than Conv: put the domain in front where it is not empty.",
            "domain ignored",
        )
        require(
            nonzero not in ({k: v for k, v in expected.items() if v > 0}, {k: v for k, v in expected.items() if v < 0}),
            f"{shown}: one direction is missing. Count over the operators of both files; the difference of two Counters drops what is negative.",
            "one direction only",
        )
        require(
            any(":" in key for key in got) or not any(":" in key for key in expected),
            f"{shown}: operators outside of the default domain get a key with their domain, such as 'com.microsoft:Gelu'.",
            "domain ignored",
        )
        raise CheckFailed(f"{shown}. Count every node, not every kind of node, in both files.", "wrong count")
    return "What came and what went, with operators of other domains kept apart, and nothing where nothing changed."


op_changes = Exercise("op_changes", _changes_inputs, _changes_probe, _changes_judge)


# ------------------------------------------------------------------------------------------------------------ busiest_nodes
def _events_inputs(rng: np.random.Generator) -> dict:
    """Three nodes of known shares over several runs, in the form of ONNX Runtime's profile."""
    runs, names = 5, ["/conv1/Conv", "relu_kernel", "/fc/Gemm", "Add_7"]
    shares = rng.permutation([0.46, 0.29, 0.17, 0.08])
    whole = 40_000  # microseconds in kernels, all runs together
    events = [{"cat": "Session", "name": "session_initialization", "dur": 90_000, "ts": 0, "ph": "X", "args": {}}]
    parts = {name: _split(int(round(share * whole)), runs, rng) for name, share in zip(names, shares, strict=True)}
    # The node that is third over all runs is the slowest of the first run, and has the longest single call.
    third = sorted(names, key=lambda name: -sum(parts[name]))[2]
    parts[third] = [sum(parts[third]) - 4 * (runs - 1), *[4] * (runs - 1)]
    for run in range(runs):
        for name in names:
            args = {"op_name": "Op", "provider": CPU}
            before = {"cat": "Node", "name": f"{name}_fence_before", "dur": 3000, "ts": 1, "ph": "X", "args": args}
            events += [before, {**before, "name": f"{name}_kernel_time", "dur": parts[name][run]}]
        events.append({"cat": "Session", "name": "model_run", "dur": 30_000, "ts": 1, "ph": "X", "args": {}})
    order = sorted(names, key=lambda name: -sum(parts[name]))
    total = sum(map(sum, parts.values()))
    return {
        "events": events,
        "top": 3,
        "_expected": [[name, sum(parts[name]) / total] for name in order],
    }


def _split(total: int, runs: int, rng: np.random.Generator) -> list[int]:
    weights = rng.uniform(0.8, 1.2, runs)
    part = [int(v) for v in total * weights / weights.sum()]
    return [total - sum(part[1:]), *part[1:]]


def _events_probe(answer, inputs: dict) -> dict:
    return {"busiest": call(answer, inputs["events"], inputs["top"]), "all": call(answer, inputs["events"], 100)}


def _events_judge(inputs: dict, outputs: dict) -> str:
    _judge_busiest(outputs["busiest"], inputs["_expected"], inputs["top"])
    _judge_busiest(outputs["all"], inputs["_expected"], 100)
    return "Added up over the runs, without session and fence events, as shares of all kernels, also when all nodes are asked for."


def _judge_busiest(got, expected: list, top: int) -> None:
    asked = f"busiest_nodes(events, top={top})"
    require(
        isinstance(got, list)
        and all(isinstance(row, list) and len(row) == 2 and isinstance(row[0], str) for row in got),
        f"{asked} should return a list of (name, share).",
        "wrong type",
    )
    names, wanted = [row[0] for row in got], [row[0] for row in expected[:top]]
    shares = [number(row[1], f"the share of {row[0]}") for row in got]
    shown = f"{asked} gave {[(n, round(s, 3)) for n, s in zip(names, shares, strict=True)][:6]}, expected {[(n, round(s, 3)) for n, s in expected[:top]]}"
    require(
        not any("session" in name or "model_run" in name for name in names),
        f"{shown}. Events with cat 'Session' cover loading and whole runs: leave them out, they contain the nodes.",
        "session events counted",
    )
    require(
        not any("fence" in name for name in names),
        f"{shown}. Only names that end with '_kernel_time' are time in a kernel.",
        "fences counted",
    )
    require(not any(name.endswith("_kernel_time") for name in names), f"{shown}. Take the suffix '_kernel_time' off the name.", "suffix kept")  # fmt: skip
    require(
        len(set(names)) == len(names),
        f"{shown}. A node occurs once for every run: add its times up, over all runs.",
        "runs not added up",
    )
    require(len(got) == len(wanted), f"{shown}. That are {len(got)} nodes, expected {len(wanted)}.", "wrong number")
    require(set(names) <= {name for name, _ in expected}, f"{shown}. Take off only the suffix, at the end of the name.", "name damaged")  # fmt: skip
    require(shares[0] >= shares[-1], f"{shown}. The busiest comes first.", "ascending")
    require(
        names == wanted,
        f"{shown}. Sort by the time of all runs together: the slowest single call or the first run can belong to another node.",
        "wrong order",
    )
    require(
        abs(sum(shares) - 1) > 1e-6 or len(wanted) == len(expected),
        f"{shown}. The shares of the listed nodes add up to 1: the whole is the time of *all* kernels, also of those not listed.",
        "share of the listed",
    )
    require(
        all(share <= 1 for share in shares),
        f"{shown}. A share lies between 0 and 1: divide by the time of all kernels.",
        "time for share",
    )
    require(
        all(abs(share - true) < 1e-3 for share, (_, true) in zip(shares, expected, strict=False)),
        f"{shown}. The whole is the time of all kernels: session events and fences are no part of it.",
        "wrong whole",
    )


busiest_nodes = Exercise("busiest_nodes", _events_inputs, _events_probe, _events_judge)


# --------------------------------------------------------------------------------------------------------- batch_for_budget
def _budget_inputs(rng: np.random.Generator) -> dict:
    """A curve whose throughput is best at 4, 8 or 16 and worse beyond it; 1 has the lowest latency. Given out of order."""
    unit, best = float(rng.uniform(0.5, 2.0)) * 1e-3, int(rng.choice([4, 8, 16]))
    half = best // 2
    latency = {b: unit * min(b, best) ** 0.7 * max(b / best, 1) ** 1.25 for b in (1, 2, 4, 8, 16, 32)}
    cases = [
        {"budget": 1000 * unit, "_expected": best, "_why": f"no batch is over this budget, and {best} makes the most images per second: larger batches got slower per image", "_cause": "not the most images per second"},
        {"budget": (latency[half] + latency[best]) / 2, "_expected": half, "_why": f"{best} takes longer than this budget; of those within it, {half} makes the most images per second", "_cause": "over the budget"},
        {"budget": latency[half], "_expected": half, "_why": f"{half} takes exactly as long as the budget, and 'at most' includes it", "_cause": "budget itself refused"},
        {"budget": 1.2 * unit, "_expected": 1, "_why": "only 1 is within this budget", "_cause": "over the budget"},
        {"budget": 0.5 * unit, "_expected": None, "_why": "nothing is within this budget, so there is no answer: None", "_cause": "answer where nothing fits"},
    ]  # fmt: skip
    order = [int(b) for b in rng.permutation(list(latency))]
    return {"batches": order, "seconds": [latency[b] for b in order], "cases": shuffled(cases, rng)}


def _budget_probe(answer, inputs: dict) -> dict:
    latency = dict(zip(inputs["batches"], inputs["seconds"], strict=True))
    return {"batch": [call(answer, latency, case["budget"]) for case in inputs["cases"]]}


def _budget_judge(inputs: dict, outputs: dict) -> str:
    latency = {b: f"{1e3 * s:.3g} ms" for b, s in sorted(zip(inputs["batches"], inputs["seconds"], strict=True))}
    for case, got in in_order(inputs["cases"], outputs["batch"]):
        shown = f"latencies {latency}, budget {1e3 * case['budget']:.3g} ms: your answer is {got!r}, expected {case['_expected']!r}"
        if got is not None and case["_expected"] is not None:
            got = integer(got, "the batch size")
        require(
            (got is None) == (case["_expected"] is None) and got == case["_expected"],
            f"{shown}: {case['_why']}.",
            case["_cause"],
        )
    return "The most images per second within the budget: not the largest batch, not the fastest one, and None where nothing fits."


batch_for_budget = Exercise("batch_for_budget", _budget_inputs, _budget_probe, _budget_judge)


# ---------------------------------------------------------------------------------------------------- peak_activation_bytes
def _peak_inputs(rng: np.random.Generator) -> dict:
    """Graphs small enough to count by hand; the peak of each is written down as a sum of sizes."""
    a, b, c, d = (int(v) for v in rng.integers(100, 1000, 4))
    chain = [int(v) for v in rng.integers(100, 1000, 6)]
    big = int(rng.integers(3000, 5000))
    names = [f"t{i}" for i in range(6)]
    return {
        "cases": [
            {
                "_kind": "a chain, where two neighbours are alive at a time",
                "nodes": [[[names[i], f"w{i}"], [names[i + 1]]] for i in range(5)],
                "sizes": dict(zip(names, chain, strict=True)),
                "inputs": ["t0"],
                "outputs": ["t5"],
                "_expected": max(p + q for p, q in zip(chain, chain[1:], strict=False)),
            },
            {
                "_kind": "a large input, which is alive from the start and while the first node runs",
                "nodes": [[["x"], ["p"]], [["p"], ["y"]]],
                "sizes": {"x": big, "p": a, "y": b},
                "inputs": ["x"],
                "outputs": ["y"],
                "_expected": max(big + a, a + b),
            },
            {
                "_kind": "a shortcut, which stays alive until the addition has read it",
                "nodes": [[["x"], ["s"]], [["s"], ["p"]], [["p"], ["q"]], [["q", "s"], ["y"]]],
                "sizes": {"x": 10, "s": big, "p": a, "q": b, "y": 7},
                "inputs": ["x"],
                "outputs": ["y"],
                "_expected": max(10 + big, big + a, big + a + b, big + b + 7),
            },
            {
                "_kind": "an output in the middle of the graph, which is never freed",
                "nodes": [[["x"], ["early"]], [["early"], ["p"]], [["p"], ["q"]], [["q"], ["y"]]],
                "sizes": {"x": 10, "early": big, "p": a, "q": b, "y": c},
                "inputs": ["x"],
                "outputs": ["early", "y"],
                "_expected": max(10 + big, big + a, big + a + b, big + b + c),
            },
            {
                "_kind": "a node with two results, of which nobody reads one: it is freed after that node",
                "nodes": [[["x"], ["p", "unread"]], [["p"], ["q"]], [["q"], ["y"]]],
                "sizes": {"x": 10, "p": a, "unread": 50, "q": big, "y": d},
                "inputs": ["x"],
                "outputs": ["y"],
                "_expected": max(10 + a + 50, a + big, big + d),
            },
            {
                "_kind": "a second input that is first read late: inputs are alive from the start",
                "nodes": [[["x"], ["p"]], [["p"], ["q"]], [["q", "late"], ["y"]]],
                "sizes": {"x": 10, "late": a, "p": big, "q": big, "y": b},
                "inputs": ["x", "late"],
                "outputs": ["y"],
                "_expected": max(a + 2 * big, 10 + big + a, big + a + b),
            },
        ]
    }


def _peak_probe(answer, inputs: dict) -> dict:
    found = []
    for case in inputs["cases"]:
        nodes = [tuple(node) for node in case["nodes"]]
        found.append(call(answer, nodes, case["sizes"], case["inputs"], case["outputs"]))
    return {"peaks": found}


def _peak_judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["peaks"], strict=True):
        got, expected, sizes = integer(got, "the peak"), case["_expected"], case["sizes"]
        if got == expected:
            continue
        shown = f"{case['_kind']}: your peak is {got:,} bytes, expected {expected:,} (sizes {sizes})"
        require(got != sum(sizes.values()), f"{shown}. That is the sum of all tensors: they are not all alive at once.", "sum of all")  # fmt: skip
        require(got != max(sizes.values()), f"{shown}. That is the largest single tensor: a node's inputs and outputs are alive together.", "largest tensor")  # fmt: skip
        more = (
            "Something is freed too late, or never"
            if got > expected
            else "Something is freed too early, or never counted"
        )
        raise CheckFailed(
            f"{shown}. {more}: what a node reads and what it writes are alive while it runs, and freed after their last reader.",
            "freed too late" if got > expected else "freed too early",
        )
    return "Chains, shortcuts, early outputs, results that nobody reads, and inputs that wait: all counted right."


peak_activation_bytes = Exercise("peak_activation_bytes", _peak_inputs, _peak_probe, _peak_judge)
