from tests.alternatives import Right

RIGHT = {
    "rank_alike": [
        Right(
            "tuples as keys, a copy with one unit",
            """
def rank_alike(figures):
    known = [f for f in figures if f["value"] is not None]
    for key in ["sparsity", "engine", "precision"]:
        if any(f[key] != known[0][key] for f in known[1:]):
            raise ValueError("cannot rank: " + key + " differs")
    pairs = [(f["value"] * {"TOPS": 1000, "GOPS": 1}[f["unit"]], f["device"]) for f in known]
    return tuple(name for _, name in sorted(pairs, key=lambda p: -p[0]))
""",
        ),
        Right(
            "its own kind of ValueError, all differences named",
            """
class Unlike(ValueError):
    pass

def rank_alike(figures):
    found = list(filter(lambda f: f["value"] is not None, figures))
    differ = [k for k in ("precision", "sparsity", "engine") if len({f[k] for f in found}) != 1]
    if differ:
        raise Unlike(f"figures differ in {', '.join(differ)}")
    found.sort(key=lambda f: f["value"] if f["unit"] == "TOPS" else f["value"] / 1e3)
    return [f["device"] for f in found[::-1]]
""",
        ),
    ],
    "macs_and_weights": [
        Right(
            "group and transB by their attributes",
            """
import numpy as np

def macs_and_weights(path):
    model = onnx.shape_inference.infer_shapes(onnx.load(str(path)))
    dims = {v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim)
            for v in [*model.graph.input, *model.graph.value_info, *model.graph.output]}
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    total = 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            out, kernel = dims[node.output[0]], tensors[node.input[1]].shape
            group = next((a.i for a in node.attribute if a.name == "group"), 1)
            total += out[2] * out[3] * out[1] * (dims[node.input[0]][1] // group) * kernel[2] * kernel[3]
        elif node.op_type == "Gemm":
            total += tensors[node.input[1]].size
    return total, sum(a.size for a in tensors.values())
""",
        ),
        Right(
            "NumPy integers, a list",
            """
import numpy as np

def macs_and_weights(path):
    g = onnx.shape_inference.infer_shapes(onnx.load(path)).graph
    out = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in list(g.value_info) + list(g.output)}
    w = {t.name: np.array(t.dims) for t in g.initializer}
    layers = [n for n in g.node if n.op_type in {"Conv", "Gemm"}]
    return [np.sum([np.prod(out[n.output[0]][2:]) * np.prod(w[n.input[1]]) for n in layers]), sum(v.prod() for v in w.values())]
""",
        ),
    ],
    "least_seconds": [
        Right(
            "by intensity and attainable rate",
            """
def least_seconds(macs, traffic, tops, gbps):
    operations, rate = 2 * macs, tops * 1e12
    if gbps is not None:
        rate = min(rate, operations / traffic * gbps * 1e9)
    return operations / rate
""",
        ),
        Right(
            "a list of times",
            """
import numpy as np

def least_seconds(macs, traffic, tops, gbps):
    times = [macs / tops * 2e-12]
    times += [traffic / gbps * 1e-9] if gbps else []
    return np.max(times)
""",
        ),
    ],
    "fit_problems": [
        Right(
            "three ifs, another order",
            """
def fit_problems(model, device, deadline):
    problems = []
    if model["seconds"] > deadline:
        problems.append("deadline")
    ram = model["activations"]
    if not device["in_place"]:
        ram += model["weights"]
    if device["ram"] is None or ram > device["ram"]:
        problems.append("ram")
    if device["flash"] is None or model["weights"] > device["flash"]:
        problems.append("flash")
    return problems
""",
        ),
        Right(
            "unknown is -1, as a tuple",
            """
def fit_problems(model, device, deadline):
    known = lambda key: -1 if device[key] is None else device[key]
    checks = {
        "flash": known("flash") >= model["weights"],
        "ram": known("ram") >= model["activations"] + (not device["in_place"]) * model["weights"],
        "deadline": model["seconds"] <= deadline,
    }
    return tuple(word for word, good in checks.items() if not good)
""",
        ),
    ],
    "shortlist": [
        Right(
            "the last broken need, the last dominator",
            """
def shortlist(devices, needs):
    def broken(d):
        bad = [n for n in needs if d[n] is None]
        bad += [n for n, sign in (("coldest", 1), ("seconds", 1), ("hottest", -1), ("until", -1))
                if d[n] is not None and sign * d[n] > sign * needs[n]]
        return bad
    able = [d for d in devices if not broken(d)]
    result = {}
    for d in devices:
        mine = (d["price"], d["watts"], d["seconds"])
        winners = [o["name"] for o in able
                   if o["price"] <= mine[0] and o["watts"] <= mine[1] and o["seconds"] <= mine[2]
                   and (o["price"], o["watts"], o["seconds"]) != mine]
        result[d["name"]] = broken(d)[-1] if broken(d) else winners[-1] if winners else "keep"
    return result
""",
        ),
        Right(
            "a dominator before a broken need",
            """
def shortlist(devices, needs):
    inf = float("inf")
    pick = lambda value, worst: worst if value is None else value
    bad = {}
    for d in devices:
        words = {"coldest": pick(d["coldest"], inf) > needs["coldest"], "hottest": pick(d["hottest"], -inf) < needs["hottest"],
                 "until": pick(d["until"], 0) < needs["until"], "seconds": pick(d["seconds"], inf) > needs["seconds"]}
        bad[d["name"]] = [w for w in words if words[w]]
    answer = {}
    for d in devices:
        answer[d["name"]] = (bad[d["name"]] + ["keep"])[0]
        for o in devices:
            a, b = ([x[k] for k in ("price", "watts", "seconds")] for x in (o, d))
            if not bad[o["name"]] and a != b and all(p <= q for p, q in zip(a, b)):
                answer[d["name"]] = o["name"]
    return answer
""",
        ),
    ],
}
