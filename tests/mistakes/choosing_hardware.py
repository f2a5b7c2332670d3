"""Wrong answers to lab 02."""

from tests.mistakes import Mistake

SETUP = """
from math import prod
import onnx
"""

_RANK = """
def rank_alike(figures):
    found = {found}
    for name in {names}:
        kinds = {{f[name] for f in found}}
        if len(kinds) > 1:
            {refuse}
    {value}
    return {result}
"""


def _rank(
    found='[f for f in figures if f["value"] is not None]',
    names='("precision", "sparsity", "engine")',
    refuse='raise ValueError(f"they differ in {name}: {kinds}")',
    value='tops = lambda f: f["value"] / (1000 if f["unit"] == "GOPS" else 1)',
    result='[f["device"] for f in sorted(found, key=tops, reverse=True)]',
):
    return _RANK.format(found=found, names=names, refuse=refuse, value=value, result=result)


_COUNT = """
def macs_and_weights(path):
    graph = onnx.shape_inference.infer_shapes(onnx.load(path)).graph
    values = [*graph.input, *graph.value_info, *graph.output]
    shapes = {{v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}}
    weights = {{t.name: list(t.dims) for t in graph.initializer}}
    macs = 0
    for node in graph.node:
        if node.op_type in {ops}:
            shape = shapes[{where}]
            macs += {macs}
    return {result}
"""


def _count(
    ops='("Conv", "Gemm")',
    where="node.output[0]",
    macs="prod(shape) * prod(weights[node.input[1]]) // shape[1]",
    result="macs, sum(prod(dims) for dims in weights.values())",
):
    return _COUNT.format(ops=ops, where=where, macs=macs, result=result)


def _least(result, before=""):
    return f"""
def least_seconds(macs, traffic, tops, gbps):
    {before or "pass"}
    arithmetic = 2 * macs / (tops * 1e12)
    memory = traffic / (gbps * 1e9) if gbps else 0.0
    return {result}
"""


_FIT = """
def fit_problems(model, device, deadline):
    need = {{"flash": {flash}, "ram": {ram}}}
    problems = [name for name in need if {condition}]
    if {late}:
        problems.append("deadline")
    return {result}
"""


def _fit(
    flash='model["weights"]',
    ram='model["activations"] + (0 if device["in_place"] else model["weights"])',
    condition="device[name] is None or device[name] < need[name]",
    late='model["seconds"] > deadline',
    result="problems",
):
    return _FIT.format(flash=flash, ram=ram, condition=condition, late=late, result=result)


_SHORT = """
def shortlist(devices, needs):
    def broken(d):
        keeps = {{
            "coldest": lambda v: v {cold} needs["coldest"],
            "hottest": lambda v: v {hot} needs["hottest"],
            "until": lambda v: v >= needs["until"],
            "seconds": lambda v: v {slow} needs["seconds"],
        }}
        return [n for n in keeps if {unknown}]
    cost = lambda d: [d[c] for c in {costs}]
    beats = lambda a, b: {beats}
    able = {able}
    words = {{}}
    for d in devices:
        dominators = [a["name"] for a in able if beats(a, d)]
        words[d["name"]] = {word}
    return words
"""


def _short(
    cold="<=",
    hot=">=",
    slow="<=",
    unknown="d[n] is None or not keeps[n](d[n])",
    costs='("price", "watts", "seconds")',
    beats="cost(a) != cost(b) and all(x <= y for x, y in zip(cost(a), cost(b)))",
    able="[d for d in devices if not broken(d)]",
    word='(broken(d) or dominators or ["keep"])[0]',
):
    return _SHORT.format(cold=cold, hot=hot, slow=slow, unknown=unknown, costs=costs, beats=beats, able=able, word=word)


MISTAKES = {
    "rank_alike": [
        Mistake("ranks sparse with dense", _rank(names='("precision", "engine")'), "sparse"),
        Mistake("ranks INT4 with INT8", _rank(names='("sparsity", "engine")'), "INT4"),
        Mistake("ranks a sum of engines with one engine", _rank(names='("precision", "sparsity")'), "engine"),
        Mistake(
            "what is not stated counts as dense",
            _rank(value="tops = lambda f: f['value'] / (1000 if f['unit'] == 'GOPS' else 1)").replace(
                "kinds = {f[name] for f in found}", "kinds = {f[name].replace('not stated', 'dense') for f in found}"
            ),
            "not stated",
        ),
        Mistake("units mixed", _rank(value='tops = lambda f: f["value"]'), "1000 GOPS"),
        Mistake("not found is zero", _rank(found='[{**f, "value": f["value"] or 0} for f in figures]'), "not found"),
        Mistake("ascending", _rank(result='[f["device"] for f in sorted(found, key=tops)]'), "highest comes first"),
        Mistake("prints and returns None instead of raising", _rank(refuse="return None"), "Raise ValueError"),
        Mistake("an error without a reason", _rank(refuse='raise ValueError("unlike")'), "name"),
        Mistake("assert instead of ValueError", _rank(refuse="assert False, name"), "Raise ValueError yourself"),
        Mistake("returns the figures", _rank(result="sorted(found, key=tops, reverse=True)"), "list of device names"),
    ],
    "macs_and_weights": [
        Mistake("operations for MACs", _count(macs="2 * prod(shape) * prod(weights[node.input[1]]) // shape[1]"), "twice"),
        Mistake("no Gemm", _count(ops='("Conv",)'), "Gemm"),
        Mistake("groups ignored", _count(macs="prod(shape) * (shapes[node.input[0]][1] * prod(weights[node.input[1]][2:]))"), "depthwise"),
        Mistake("the input's size", _count(macs="prod(weights[node.input[1]]) * prod(shapes[node.input[0]][2:])"), "stride"),
        Mistake("places ignored", _count(macs="prod(weights[node.input[1]])"), "every place"),
        Mistake("bytes for values", _count(result="macs, 4 * sum(prod(d) for d in weights.values())"), "not their bytes"),
        Mistake("biases forgotten", _count(result="macs, sum(prod(d) for d in weights.values() if len(d) > 1)"), "biases"),
        Mistake("MACs only", _count(result="macs"), "(MACs, weights)"),
    ],
    "least_seconds": [
        Mistake("upside down", _least("1 / max(arithmetic, memory)"), "upside down"),
        Mistake("the sign turned", _least("-max(arithmetic, memory)"), "the sign is the other way"),
        Mistake("None divided", _least("max(arithmetic, traffic / 1e9 / gbps)"), "Something is None"),
        Mistake("MAC counted once", _least("max(arithmetic / 2, memory)"), "two operations"),
        Mistake("sum of both", _least("arithmetic + memory"), "overlap"),
        Mistake("the shorter time", _least("min(arithmetic, memory)"), "slower of the two"),
        Mistake("bits for bytes", _least("max(arithmetic, 8 * memory)"), "factor 8"),
        Mistake("milliseconds", _least("1e3 * max(arithmetic, memory)"), "in seconds"),
        Mistake("no bandwidth", _least("arithmetic"), "bandwidth counts too"),
        Mistake("fails without a bandwidth", _least("max(arithmetic, traffic / (gbps * 1e9))"), "raised TypeError"),
        Mistake("no return", _least("None"), "return"),
    ],
    "fit_problems": [
        Mistake("None compared", _fit(condition="device[name] < need[name]"), "Something is None"),
        Mistake("weights never in RAM", _fit(ram='model["activations"]'), "beside the activations"),
        Mistake("weights always in RAM", _fit(ram='model["activations"] + model["weights"]'), "in place"),
        Mistake("unknown fits", _fit(condition="device[name] is not None and device[name] < need[name]"), "cannot be promised"),
        Mistake("exactly enough is refused", _fit(condition="device[name] is None or device[name] <= need[name]"), "exactly"),
        Mistake("no deadline", _fit(late="False"), "longer than the deadline"),
        Mistake("only the first problem", _fit(result="problems[:1]"), "every problem"),
        Mistake("a bool", _fit(result="not problems"), "list of words"),
        Mistake("flash ignored", _fit(flash="0"), "stored in the flash"),
    ],
    "shortlist": [
        Mistake("None compared", _short(unknown="not keeps[n](d[n])"), "Something is None"),
        Mistake("unknown passes", _short(unknown="d[n] is not None and not keeps[n](d[n])"), "nobody knows"),
        Mistake("beaten by a device that breaks a need", _short(able="devices"), "cannot push anyone out"),
        Mistake("a tie beats", _short(beats="a is not b and all(x <= y for x, y in zip(cost(a), cost(b)))"), "tie"),
        Mistake("dominated ones kept", _short(word='(broken(d) or ["keep"])[0]'), "dominated"),
        Mistake("needs ignored", _short(word='(dominators or ["keep"])[0]', able="devices[:0]"), "breaks the need"),
        Mistake("the limit itself is refused", _short(cold="<", hot=">"), "exactly at the limit"),
        Mistake("price only", _short(costs='("price",)'), "not as good in all"),
        Mistake(
            "only the kept", _short().replace("return words", "return {n: w for n, w in words.items() if w == 'keep'}"), "every device"
        ),
        Mistake("a list", _short().replace("return words", "return list(words)"), "dict"),
    ],
}
