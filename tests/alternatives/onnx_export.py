from tests.alternatives import Right

RIGHT = {
    "export_model": [
        Right(
            "the tracing exporter, in train mode, example of one",
            """
def export_model(model, path):
    torch.onnx.export(model, torch.zeros(1, 1, 28, 28), str(path), dynamo=False, opset_version=17, input_names=["input"],
                      output_names=["logits"], dynamic_axes={"input": [0], "logits": [0]})
""",
        ),
        Right(
            "torch.export first, saved by the program, Dim objects",
            """
def export_model(model, path):
    batch = torch.export.Dim("n", min=1, max=256)
    program = torch.export.export(copy.deepcopy(model).eval(), (torch.randn(3, 1, 28, 28),), dynamic_shapes=({0: batch},))
    torch.onnx.export(program, input_names=["input"], output_names=["logits"], verbose=False).save(path, external_data=False)
""",
        ),
        Right(
            "keyword example, nothing but the batch left to the exporter, default Dim",
            """
def export_model(model, path):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        torch.onnx.export(model, kwargs={"x": torch.rand(4, 1, 28, 28)}, f=path, input_names=["input"], output_names=["logits"],
                          dynamic_shapes={"x": {0: torch.export.Dim.DYNAMIC}}, external_data=False, verbose=False)
    model.train(was_training)
""",
        ),
        Right(
            "through memory, names set in the proto",
            """
def export_model(model, path):
    import io
    buffer = io.BytesIO()
    torch.onnx.export(model.eval(), (torch.rand(2, 1, 28, 28),), buffer, dynamo=False, input_names=["x"], output_names=["y"], dynamic_axes={"x": [0]})
    proto = onnx.load_from_string(buffer.getvalue())
    wires = {"x": "input", "y": "logits"}
    for value in (*proto.graph.input, *proto.graph.output):
        value.name = wires[value.name]
    for node in proto.graph.node:
        node.input[:], node.output[:] = ([wires.get(name, name) for name in ends] for ends in (node.input, node.output))
    Path(path).write_bytes(proto.SerializeToString())
""",
        ),
        Right(
            "external data elsewhere, then one file",
            """
def export_model(model, path):
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "draft.onnx"
        torch.onnx.export(model.eval(), (torch.rand(2, 1, 28, 28),), draft, input_names=["input"], output_names=["logits"],
                          dynamic_axes={"input": {0: "batch"}}, verbose=False)
        onnx.save(onnx.load(draft), path)
""",
        ),
    ],
    "describe": [
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
    ],
    "parity": [
        Right(
            "torch, ONNX Runtime's own exceptions",
            """
def parity(model, path, batches):
    from onnxruntime.capi import onnxruntime_pybind11_state as state
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    model.eval()
    errors = {}
    for n in batches:
        x = np.random.default_rng(n).random((n, 1, 28, 28), dtype=np.float32)
        try:
            got = session.run(["logits"], {session.get_inputs()[0].name: x})[0]
        except (state.Fail, state.InvalidArgument, state.RuntimeException):
            errors[n] = torch.tensor(torch.inf)
            continue
        with torch.no_grad():
            errors[n] = (torch.from_numpy(got) - model(torch.from_numpy(x))).abs().max()
    return errors
""",
        ),
        Right(
            "a copy, a norm, infinity first",
            """
def parity(model, path, batches):
    import math
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    twin = copy.deepcopy(model).train(False)
    errors = dict.fromkeys(batches, math.inf)
    for n in batches:
        x = np.random.default_rng(n).random((n, 1, 28, 28), dtype=np.float32)
        try:
            got, = session.run(None, {"input": x})
        except Exception:
            continue
        want = twin(torch.tensor(x)).detach().numpy()
        errors[n] = np.linalg.norm((got.astype(np.float64) - want).ravel(), ord=np.inf)
    return errors
""",
        ),
        Right(
            "in float64, a comprehension, other pictures",
            """
def parity(model, path, batches):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    exact = copy.deepcopy(model).eval().double()
    def error(n):
        x = torch.randn(n, 1, 28, 28)
        try:
            got = session.run(None, {"input": x.numpy()})[0]
        except Exception:
            return float("inf")
        difference = got - exact(x.double()).detach().numpy()
        return max(difference.max(), -difference.min())
    return {np.int64(n): error(n) for n in batches}
""",
        ),
        Right(
            "image by image in a loop, numpy inf",
            """
def parity(model, path, batches):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    errors = {}
    for n in batches:
        x = np.random.default_rng(n).random((n, 1, 28, 28), dtype=np.float32)
        model.eval()
        try:
            rows = session.run(None, {"input": x})[0]
            worst = 0.0
            for image, row in zip(x, rows, strict=True):
                for a, b in zip(model(torch.from_numpy(image[None]))[0].tolist(), row.tolist()):
                    worst = max(worst, abs(a - b))
            errors[n] = worst
        except Exception:
            errors[n] = np.float32("inf")
    return errors
""",
        ),
    ],
    "mixes_images": [
        Right(
            "other neighbours, same batch size",
            """
def mixes_images(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng()
    image, dark, bright = rng.random((1, 1, 28, 28)), rng.random((3, 1, 28, 28)) * 0.1, rng.random((3, 1, 28, 28)) * 9
    a, b = (session.run(None, {"input": np.concatenate([image, rest]).astype(np.float32)})[0][0] for rest in (dark, bright))
    return np.abs(a - b).max() > 1e-3 * np.abs(a).max()
""",
        ),
        Right(
            "relative norm, a pair",
            """
def mixes_images(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    def run(x):
        return session.run(None, {"input": x})[0].astype(np.float64)
    pair = np.stack([np.zeros((1, 28, 28), np.float32), np.ones((1, 28, 28), np.float32)])
    together, alone = run(pair), np.concatenate([run(pair[:1]), run(pair[1:])])
    return np.linalg.norm(together - alone) / np.linalg.norm(alone) > 1e-4
""",
        ),
        Right(
            "torch.testing, plain noise",
            """
def mixes_images(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = torch.randn(8, 1, 28, 28)
    together = torch.from_numpy(session.run(None, {"input": x.numpy()})[0])
    for i, image in enumerate(x.split(1)):
        alone = torch.from_numpy(session.run(None, {"input": image.numpy()})[0])
        try:
            torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-3, atol=1e-4 * float(alone.abs().max()))
        except AssertionError:
            return True
    return False
""",
        ),
        Right(
            "one bright stranger, early return",
            """
def mixes_images(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(1).random((5, 1, 28, 28), dtype=np.float32)
    before = session.run(None, {"input": x})[0]
    x[-1] += 100
    after = session.run(None, {"input": x})[0]
    tolerance = 1e-3 * np.ptp(before)
    for one, other in zip(before[:-1], after[:-1]):
        if (abs(one - other) > tolerance).any():
            return True
    return False
""",
        ),
        Right(
            "percent of the standard deviation, a truth value of torch",
            """
def mixes_images(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = (np.random.default_rng(2).random((3, 1, 28, 28)) * np.array([0.2, 1, 5]).reshape(3, 1, 1, 1)).astype(np.float32)
    y = session.run(None, {"input": x})[0]
    z = np.vstack([session.run(None, {"input": one[None]})[0] for one in x])
    return torch.tensor(np.abs(y - z).max() > 0.01 * z.std())
""",
        ),
    ],
    "gate": [
        Right("arithmetic", "def gate(x, bright, dark):\n    m = (x.flatten(1).mean(1) > 0.5).float().view(-1, 1, 1, 1)\n    return m * bright(x) + (1 - m) * dark(x)\n"),
        Right("lerp", "def gate(x, bright, dark):\n    weight = (torch.nn.functional.adaptive_avg_pool2d(x, 1) > 0.5).to(x.dtype)\n    return torch.lerp(dark(x), bright(x), weight)\n"),
        Right("gather from a stack", "def gate(x, bright, dark):\n    both = torch.stack([dark(x), bright(x)])\n    index = (x.mean(dim=[-3, -2, -1]) > 0.5).long().reshape(1, -1, 1, 1, 1).expand_as(both[:1])\n    return both.gather(0, index)[0]\n"),
        Right("sum, the other way round, Tensor.where", "def gate(x, bright, dark):\n    is_dark = x.sum(dim=(1, 2, 3))[:, None, None, None] <= 0.5 * x[0].numel()\n    return dark(x).where(is_dark, bright(x))\n"),
        Right("written into the dark answer", "def gate(x, bright, dark):\n    out = dark(x)\n    mask = (x.mean((1, 2, 3), keepdim=True) > 0.5).expand_as(x)\n    out[mask] = bright(x)[mask]\n    return out\n"),
        Right("vmap over the images", "def gate(x, bright, dark):\n    def one(image):\n        image = image[None]\n        return torch.where(image.mean() > 0.5, bright(image), dark(image))[0]\n    return torch.vmap(one)(x)\n"),
        Right("a callable object", "class Gate(nn.Module):\n    def forward(self, x, bright, dark):\n        mean = torch.einsum('nchw->n', x) / (x.shape[1] * x.shape[2] * x.shape[3])\n        return torch.where((mean > 0.5).reshape(x.shape[0], 1, 1, 1), bright(x), dark(x))\n\ngate = Gate()\n"),
    ],
}  # fmt: skip
