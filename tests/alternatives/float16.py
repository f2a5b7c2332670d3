from tests.alternatives import Right

RIGHT = {
    "round_trip": [
        Right(
            "torch",
            """
def round_trip(values):
    import torch
    v = torch.from_numpy(values)
    back = v.half().float()
    over, gone = back.isinf(), back == 0
    rest = ~over & ~gone
    error = ((back - v).abs() / v.abs())[rest]
    return {"overflowed": over.sum(), "vanished": gone.sum(), "worst": error.max() if len(error) else 0.0}
""",
        ),
        Right(
            "one by one, struct",
            """
def round_trip(values):
    import struct
    found = dict(overflowed=0, vanished=0, worst=0.0)
    for value in map(float, values.flat):
        try:
            back = struct.unpack("e", struct.pack("e", value))[0]
        except OverflowError:
            found["overflowed"] += 1
            continue
        if back == 0:
            found["vanished"] += 1
        else:
            found["worst"] = max(found["worst"], abs(back / value - 1))
    return found
""",
        ),
        Right(
            "by the limits, in float64",
            """
def round_trip(values):
    v = np.abs(np.ravel(values)).astype(np.float64)
    too_large, too_small = v >= 65520, v <= 2.0**-25
    v = v[~too_large & ~too_small]
    errors = np.abs(np.float64(np.float16(v)) - v) / v
    return {"worst": np.max(errors, initial=0), "overflowed": np.count_nonzero(too_large), "vanished": np.count_nonzero(too_small), "left": v.size}
""",
        ),
        Right(
            "masked array",
            """
def round_trip(values):
    with np.errstate(all="ignore"):
        back = np.asarray(values, np.float16).astype(np.float32)
        relative = np.ma.masked_where(~np.isfinite(back) | (back == 0), np.abs((values - back) / values))
    return {
        "overflowed": float((~np.isfinite(back)).sum()),
        "vanished": np.sum(np.where(back, 0, 1)),
        "worst": relative.filled(0).max(),
    }
""",
        ),
    ],
    "to_float16": [
        Right(
            "by paths, without shape inference",
            """
def to_float16(path_in, path_out, keep_io):
    model = float16.convert_float_to_float16_model_path(str(path_in), keep_io_types=keep_io)
    with open(path_out, "wb") as file:
        file.write(model.SerializeToString())
""",
        ),
        Right(
            "ONNX Runtime's converter",
            """
def to_float16(path_in, path_out, keep_io):
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel
    model = OnnxModel(convert_float_to_float16(onnx.load_model(path_in), keep_io_types=keep_io))
    model.topological_sort()
    model.save_model_to_file(str(path_out))
""",
        ),
        Right(
            "by hand: weights, types, casts",
            """
def to_float16(path_in, path_out, keep_io):
    model = onnx.load(path_in)
    graph = model.graph
    for tensor in graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    if not keep_io:
        for value in (*graph.input, *graph.output):
            value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    else:
        (given,), (asked,) = graph.input, graph.output
        for node in graph.node:
            node.input[:] = ["x16" if name == given.name else name for name in node.input]
            node.output[:] = ["y16" if name == asked.name else name for name in node.output]
        graph.node.insert(0, onnx.helper.make_node("Cast", [given.name], ["x16"], to=onnx.TensorProto.FLOAT16))
        graph.node.append(onnx.helper.make_node("Cast", ["y16"], [asked.name], to=onnx.TensorProto.FLOAT))
    del graph.value_info[:]
    onnx.save(model, path_out)
""",
        ),
    ],
    "first_overflow": [
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
    ],
    "nodes_to_keep": [
        Right(
            "a loop over the wires",
            """
def nodes_to_keep(ranges, nodes, limit):
    kept = []
    for name, inputs, outputs in nodes:
        for tensor in list(inputs) + list(outputs):
            if tensor in ranges and ranges[tensor] > limit:
                kept.append(name)
                break
    return kept
""",
        ),
        Right("the largest at either end, a tuple", "def nodes_to_keep(ranges, nodes, limit):\n    return tuple(n[0] for n in nodes if max(ranges.get(t, 0.0) for t in [*n[1], *n[2]]) > limit)\n"),
        Right(
            "tensor by tensor, a set",
            """
def nodes_to_keep(ranges, nodes, limit):
    kept = set()
    for tensor, largest in ranges.items():
        if not largest <= limit:
            kept.update(name for name, inputs, outputs in nodes if tensor in inputs or tensor in outputs)
    return kept
""",
        ),
        Right(
            "NumPy, the nodes from behind",
            """
def nodes_to_keep(ranges, nodes, limit):
    names = np.array([name for name, _, _ in nodes])
    high = np.array([np.any(np.array([ranges.get(t, -1) for ends in node[1:] for t in ends]) > limit) for node in nodes])
    return names[high][::-1].tolist()
""",
        ),
    ],
}  # fmt: skip
