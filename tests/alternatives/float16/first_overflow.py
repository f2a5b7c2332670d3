"""Right answers in other words to `first_overflow`, lab 05c."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "ONNX's reference evaluator",
        """
def first_overflow(path, x):
    from onnx.reference import ReferenceEvaluator
    model = onnx.load(path)
    names = [name for node in model.graph.node for name in node.output]
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    with np.errstate(all="ignore"):
        values = ReferenceEvaluator(model).run(None, {"input": x})
    for name, value in zip(names, values):
        if np.isnan(value).any() or np.isinf(value).any():
            return name
""",
    ),
    Right(
        "one session per tensor",
        """
def first_overflow(path, x):
    model = onnx.load(path)
    for node in model.graph.node:
        for name in node.output:
            single = onnx.ModelProto()
            single.CopyFrom(model)
            del single.graph.output[:]
            single.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT16, None))
            value, = ort.InferenceSession(single.SerializeToString(), providers=["CPUExecutionProvider"]).run([name], {"input": x})
            if not np.all(abs(value) < np.inf):
                return name
    return None
""",
    ),
    Right(
        "types by shape inference, unoptimized",
        """
def first_overflow(path, x):
    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    model.graph.output.extend(model.graph.value_info)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found = {o.name: np.isfinite(v.astype(np.float32)).all() for o, v in zip(session.get_outputs(), session.run(None, {"input": x}))}
    broken = [name for node in model.graph.node for name in node.output if not found[name]]
    return broken[0] if broken else None
""",
    ),
]
