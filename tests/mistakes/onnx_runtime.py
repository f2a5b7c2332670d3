"""Wrong answers to lab 05a."""

from tests.mistakes import Mistake

SETUP = """
from pathlib import Path
import numpy as np
import onnx
import onnxruntime as ort
"""

_SESSION = """
def make_session(path, providers, threads, level):
    options = ort.SessionOptions()
    {threads}
    {level}
    session = ort.InferenceSession(path, {options}providers={providers})
    missing = [name for name in providers if name not in session.get_providers()]
    {check}
    return {result}
"""


def _session(
    threads="options.intra_op_num_threads = threads",
    level="options.graph_optimization_level = level",
    options="options, ",
    providers="providers",
    check="if missing: raise ValueError(str(missing))",
    result="session",
):
    return _SESSION.format(
        threads=threads, level=level, options=options, providers=providers, check=check, result=result
    )


_FAKE = """
def make_session(path, providers, threads, level):
    missing = [name for name in providers if name not in ort.get_available_providers()]
    if missing:
        raise ValueError(str(missing))
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = level
    class Session(ort.InferenceSession):
        def __init__(self):
            pass
        def get_session_options(self):
            return options
        def get_providers(self):
            return providers
    return Session()
"""
_ANOTHER = """if missing: raise ValueError(str(missing))
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 4]) for name in ("t0", "y"))
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["t0"], ["y"])], "g", [x], [y])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    session = ort.InferenceSession(model.SerializeToString(), options, providers=providers)"""

_CHANGES = """
from collections import Counter
def op_changes(before, after):
    a, b = (Counter({key} for n in {nodes}) for path in (before, after))
    return {result}
"""


def _changes(
    key='f"{n.domain}:{n.op_type}" if n.domain else n.op_type',
    nodes="onnx.load(path).graph.node",
    result="{op: b[op] - a[op] for op in {*a, *b} if a[op] != b[op]}",
):
    return _CHANGES.format(key=key, nodes=nodes, result=result)


_BUSIEST = """
def busiest_nodes(events, top):
    spent = {{}}
    for event in events:
        if {condition}:
            name = {name}
            spent[name] = {add}
    whole = {whole}
    return [(name, {share}) for name in sorted(spent, key=spent.get, reverse={reverse})[:top]]
"""


def _busiest(
    condition='event["cat"] == "Node" and event["name"].endswith("_kernel_time")',
    name='event["name"].removesuffix("_kernel_time")',
    add='spent.get(name, 0) + event["dur"]',
    whole="sum(spent.values())",
    share="spent[name] / whole",
    reverse="True",
):
    return _BUSIEST.format(condition=condition, name=name, add=add, whole=whole, share=share, reverse=reverse)


_PEAK = """
def peak_activation_bytes(nodes, sizes, inputs, outputs):
    last = {{}}
    for step, (reads, writes) in enumerate(nodes):
        for name in {uses}:
            {note}
    {keep}
    alive, peak = {start}, 0
    for step, (reads, writes) in enumerate(nodes):
        {body}
    return {result}
"""
_BODY = """alive |= set(writes)
        peak = max(peak, sum(sizes[name] for name in alive))
        alive = {name for name in alive if last.get(name, -1) > step}"""


def _peak(
    uses="[*reads, *writes]",
    note="last[name] = step",
    keep="last.update(dict.fromkeys(outputs, len(nodes)))",
    start="set(inputs)",
    body=_BODY,
    result="peak",
):
    return _PEAK.format(uses=uses, note=note, keep=keep, start=start, body=body, result=result)


MISTAKES = {
    "make_session": [
        Mistake("silent fallback", _session(check="pass"), says="silently fell back"),
        Mistake("only the first provider asked for", _session(check="if providers[0] not in session.get_providers(): raise ValueError(str(missing))"), says="silently fell back"),
        Mistake("error returned, not raised", _session(check="if missing: return ValueError(str(missing))"), says="not returned"),
        Mistake("a print for an error", _session(check="if missing: print('warning:', missing)"), says="silently fell back"),
        Mistake("asks only for what is there", _session(providers="[p for p in providers if p in ort.get_available_providers()] or None", check="pass"), says="silently fell back"),
        Mistake("options not passed", _session(options=""), says="passed to the session"),
        Mistake("inter for intra", _session(threads="options.inter_op_num_threads = threads"), says="intra_op"),
        Mistake("threads ignored", _session(threads="pass"), says="passed to the session"),
        Mistake("level ignored", _session(level="pass"), says="optimizes at"),
        Mistake("always all optimizations", _session(level="options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL"), says="optimizes at"),
        Mistake("assert for ValueError", _session(check="assert not missing, missing"), says="expected a ValueError"),
        Mistake("error without the name", _session(check="if missing: raise ValueError('not available')"), says="name the provider"),
        Mistake("forgets to return", _session(result="None"), says="NoneType"),
        Mistake("a subclass that says what is wanted", _FAKE, says="nothing derived from it"),
        Mistake("the inside replaced", _session(options="", check="session._sess = type('C', (), {'session_options': options})(); session._providers = providers"), says="put in its place"),
        Mistake("attributes set on the session", _session(options="", check="if missing: raise ValueError(str(missing))\n    session._sess_options = options"), says="passed to the session"),
        Mistake("methods set on the session", _session(options="", check="if missing: raise ValueError(str(missing))\n    session.get_session_options = lambda: options"), says="passed to the session"),
        Mistake("another model", _session(check=_ANOTHER), says="the model at path"),
    ],
    "op_changes": [
        Mistake("domain ignored", _changes(key="n.op_type"), says="domain"),
        Mistake("kinds counted, not nodes", _changes(result="{op: (op in b) - (op in a) for op in {*a, *b} if (op in b) != (op in a)}"), says="Count every node"),
        Mistake("signs swapped", _changes(result="{op: a[op] - b[op] for op in {*a, *b} if a[op] != b[op]}"), says="upside down"),
        Mistake("Counter subtraction drops negatives", _changes(result="dict(b - a)"), says="one direction"),
        Mistake("operators of the first file only", _changes(result="{op: b[op] - a[op] for op in a if a[op] != b[op]}"), says="Count over the operators of both files"),
        Mistake("distances without a sign", _changes(result="{op: abs(b[op] - a[op]) for op in {*a, *b} if a[op] != b[op]}"), says="signs are lost"),
        Mistake("domain behind the operator", _changes(key='f"{n.op_type}:{n.domain}" if n.domain else n.op_type'), says="in front of it"),
        Mistake("zeros kept", _changes(result="{op: b[op] - a[op] for op in {*a, *b}}"), says="did not change"),
        Mistake("colon for every domain", _changes(key='f"{n.domain}:{n.op_type}"'), says="expected"),
    ],
    "busiest_nodes": [
        Mistake("session events counted", _busiest(condition="True"), says="Session"),
        Mistake("fences counted", _busiest(condition='event["cat"] == "Node"'), says="_kernel_time"),
        Mistake("last run only", _busiest(add='event["dur"]'), says="all runs"),
        Mistake("slowest call", _busiest(add='max(spent.get(name, 0), event["dur"])'), says="all runs together"),
        Mistake("in the order of the file", _busiest().replace("sorted(spent, key=spent.get, reverse=True)", "list(spent)"), says="expected"),
        Mistake("mean over the runs", _busiest(whole="5 * sum(spent.values())"), says="in all runs together"),
        Mistake("suffix kept", _busiest(name='event["name"]'), says="suffix"),
        Mistake("characters stripped, not a suffix", _busiest(name='event["name"].rstrip("_kernel_time")'), says="only the suffix"),
        Mistake("ascending", _busiest(reverse="False"), says="busiest comes first"),
        Mistake("times for shares", _busiest(share='spent[name]'), says="between 0 and 1"),
        Mistake("percent for shares", _busiest(share='100 * spent[name] / whole'), says="between 0 and 1"),
        Mistake("share of the listed nodes", _busiest(whole="sum(sorted(spent.values())[-top:])"), says="add up to 1"),
        Mistake("share of everything in the file", _busiest(whole='sum(event["dur"] for event in events)'), says="no part of it"),
        Mistake("every event a row", "def busiest_nodes(events, top):\n    rows = [(e['name'].removesuffix('_kernel_time'), e['dur']) for e in events if e['name'].endswith('_kernel_time')]\n    whole = sum(d for _, d in rows)\n    return sorted([(n, d / whole) for n, d in rows], key=lambda r: -r[1])[:top]\n", says="add its times up"),
    ],
    "batch_for_budget": [
        Mistake("largest batch within the budget", "def batch_for_budget(latency, budget):\n    return max((b for b in latency if latency[b] <= budget), default=None)\n", says="most images per second"),
        Mistake("lowest latency", "def batch_for_budget(latency, budget):\n    best = min(latency, key=latency.get)\n    return best if latency[best] <= budget else None\n", says="most images per second"),
        Mistake("budget ignored", "def batch_for_budget(latency, budget):\n    return max(latency, key=lambda b: b / latency[b])\n", says="longer than this budget"),
        Mistake("strictly below the budget", "def batch_for_budget(latency, budget):\n    return max((b for b in latency if latency[b] < budget), key=lambda b: b / latency[b], default=None)\n", says="includes it"),
        Mistake("budget for one image, not for the batch", "def batch_for_budget(latency, budget):\n    return max((b for b in latency if latency[b] / b <= budget), key=lambda b: b / latency[b], default=None)\n", says="longer than this budget"),
        Mistake("first when nothing fits", "def batch_for_budget(latency, budget):\n    return max((b for b in latency if latency[b] <= budget), key=lambda b: b / latency[b], default=1)\n", says="None"),
        Mistake("breaks when nothing fits", "def batch_for_budget(latency, budget):\n    return max((b for b in latency if latency[b] <= budget), key=lambda b: b / latency[b])\n", says="raised ValueError"),
        Mistake("stops at the first dent", "def batch_for_budget(latency, budget):\n    best = None\n    for b in sorted(latency):\n        if latency[b] > budget or (best and b / latency[b] < best / latency[best]):\n            break\n        best = b\n    return best\n", says="all along the curve"),
        Mistake("stops at the first that is too slow", "def batch_for_budget(latency, budget):\n    best = None\n    for b in latency:\n        if latency[b] > budget:\n            break\n        if best is None or b / latency[b] > best / latency[best]:\n            best = b\n    return best\n", says="look at all of them"),
        Mistake("returns the latency", "def batch_for_budget(latency, budget):\n    fits = [b for b in latency if latency[b] <= budget]\n    return latency[max(fits, key=lambda b: b / latency[b])] if fits else None\n", says="not its latency"),
        Mistake("throughput upside down", "def batch_for_budget(latency, budget):\n    return max((b for b in latency if latency[b] <= budget), key=lambda b: latency[b] / b, default=None)\n", says="most images per second"),
        Mistake("returns the throughput", "def batch_for_budget(latency, budget):\n    return max((b / latency[b] for b in latency if latency[b] <= budget), default=None)\n", says="whole number"),
    ],
    "peak_activation_bytes": [
        Mistake("sum of all tensors", _peak(result="sum(sizes.values())"), says="sum of all tensors"),
        Mistake("largest tensor", _peak(result="max(sizes.values())"), says="largest single tensor"),
        Mistake("freed before the peak is taken", _peak(body="alive = {n for n in alive if last.get(n, -1) > step} | set(writes)\n        peak = max(peak, sum(sizes[n] for n in alive))"), says="alive together"),
        Mistake("first reader frees", _peak(uses="reads", note="last.setdefault(name, step)"), says="shortcut"),
        Mistake("outputs freed", _peak(keep="pass"), says="never freed"),
        Mistake("inputs forgotten", _peak(start="set()"), says="too early, or never counted"),
        Mistake("inputs alive only when read", _peak(start="set()", body="alive |= set(writes) | {name for name in reads if name in inputs}\n        peak = max(peak, sum(sizes[name] for name in alive))\n        alive = {name for name in alive if last.get(name, -1) > step}"), says="alive from the start"),
        Mistake("nothing is ever freed", _peak(body="alive |= set(writes)\n        peak = max(peak, sum(sizes[name] for name in alive))"), says="sum of all tensors"),
        Mistake("unread results not counted", _peak(uses="reads", body="alive |= {name for name in writes if name in last}\n        peak = max(peak, sum(sizes[name] for name in alive))\n        alive = {name for name in alive if last.get(name, -1) > step}"), says="nobody reads"),
        Mistake("unread results never freed", _peak(uses="reads", body="alive |= set(writes)\n        peak = max(peak, sum(sizes[name] for name in alive))\n        alive = {name for name in alive if last.get(name, len(nodes)) > step}"), says="nobody reads"),
        Mistake("only the two ends of each node", _peak(body="peak = max(peak, sum(sizes[n] for n in [*reads, *writes] if n in sizes))"), says="shortcut"),
    ],
}  # fmt: skip
