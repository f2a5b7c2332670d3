"""Right answers in other words to `describe`, lab 04."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "Counter, tuples, one more key",
        """
def describe(path):
    from collections import Counter
    model = onnx.load(str(path), load_external_data=False)
    domains = {o.domain: o.version for o in model.opset_import}
    def dim(d):
        kind = d.WhichOneof("value")
        return getattr(d, kind) if kind else None
    return {
        "opset": domains[""],
        "ops": Counter(n.op_type for n in model.graph.node),
        "inputs": {i.name: tuple(map(dim, i.type.tensor_type.shape.dim)) for i in model.graph.input},
        "ir": model.ir_version,
    }
""",
    ),
    Right(
        "shapes from ONNX Runtime",
        """
def describe(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    model = onnx.load(path)
    names, counts = np.unique([n.op_type for n in model.graph.node], return_counts=True)
    opset = [o.version for o in model.opset_import if not o.domain][0]
    return {"opset": opset, "ops": dict(zip(names, counts)), "inputs": {i.name: i.shape for i in session.get_inputs()}}
""",
    ),
    Right(
        "by JSON",
        """
def describe(path):
    from google.protobuf.json_format import MessageToDict
    model = MessageToDict(onnx.load(path))
    report = {"inputs": {}, "ops": {}, "opset": None}
    for entry in model["opsetImport"]:
        if not entry.get("domain"):
            report["opset"] = int(entry["version"])
    for node in model["graph"]["node"]:
        report["ops"].setdefault(node["opType"], 0)
        report["ops"][node["opType"]] += 1
    for value in model["graph"]["input"]:
        dims = value["type"]["tensorType"]["shape"]["dim"]
        report["inputs"][value["name"]] = [int(d["dimValue"]) if "dimValue" in d else d.get("dimParam") for d in dims]
    return report
""",
    ),
    Right(
        "named dimension first, defaultdict",
        """
def describe(path):
    from collections import defaultdict
    graph = (model := onnx.load(path)).graph
    ops = defaultdict(int)
    for node in graph.node:
        ops[node.op_type] += 1
    inputs = {v.name: [d.dim_param or d.dim_value or None for d in v.type.tensor_type.shape.dim] for v in graph.input}
    return dict(opset=np.int64(next(filter(lambda o: o.domain == "", model.opset_import)).version), ops=ops, inputs=inputs)
""",
    ),
]
