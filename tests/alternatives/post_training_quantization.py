from tests.alternatives import Right

RIGHT = {
    "make_reader": [
        Right(
            "a CalibrationDataReader with a generator, rewound",
            """
def make_reader(splits, input_name, count, batch_size):
    from onnxruntime.quantization import CalibrationDataReader
    class Pictures(CalibrationDataReader):
        def __init__(self, x):
            self.x = x
            self.rewind()
        def rewind(self):
            self.feed = ({input_name: self.x[i : i + batch_size]} for i in range(0, len(self.x), batch_size))
        def get_next(self):
            return next(self.feed, None)
    return Pictures(splits["train"].subset(count).x)
""",
        ),
        Right(
            "one by one, validation pictures, drawn at random",
            """
def make_reader(splits, input_name, count, batch_size):
    x = splits["val"].x
    left = [x[i : i + 1] for i in np.random.default_rng().choice(len(x), count, replace=False)]
    class Reader:
        def get_next(self):
            return {input_name: left.pop()} if left else None
    return Reader()
""",
        ),
        Right(
            "a namespace, array_split",
            """
def make_reader(splits, input_name, count, batch_size):
    from functools import partial
    from types import SimpleNamespace
    parts = np.array_split(splits["train"].x[:count], -(-count // batch_size))
    return SimpleNamespace(get_next=partial(next, map(lambda part: {input_name: part}, parts), None))
""",
        ),
        Right(
            "a position, pictures scaled by hand, a key more than the method",
            """
class Reader:
    def __init__(self, images, name, size):
        self.images, self.name, self.size, self.at = images, name, size, 0
    def __len__(self):
        return len(self.images)
    def get_next(self):
        if self.at >= len(self):
            return None
        rows = self.images[self.at : self.at + self.size, None] / np.float32(255)
        self.at += self.size
        return {self.name: rows.astype("float32")}

def make_reader(splits, input_name, count, batch_size):
    return Reader(splits["train"].images[-count:], input_name, batch_size)
""",
        ),
    ],
    "quantize_model": [
        Right(
            "by a configuration",
            """
def quantize_model(path_in, path_out, reader):
    from onnxruntime.quantization import StaticQuantConfig, quantize
    prepared = Path(path_in).with_suffix(".inferred.onnx")
    quant_pre_process(input_model=str(path_in), output_model_path=str(prepared), auto_merge=True)
    quantize(str(prepared), str(path_out), StaticQuantConfig(
        reader, calibrate_method=CalibrationMethod.MinMax, quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8, per_channel=True, reduce_range=False))
""",
        ),
        Right(
            "a temporary folder, models in memory",
            """
def quantize_model(path_in, path_out, reader):
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(onnx.load(path_in), prepared, skip_symbolic_shape=True)
        quantize_static(model_input=onnx.load(prepared), model_output=Path(path_out), calibration_data_reader=reader,
                        activation_type=QuantType.QUInt8, per_channel=True)
""",
        ),
        Right(
            "float biases, symmetric, pairs of their own",
            """
def quantize_model(path_in, path_out, reader):
    prepared = Path(path_in).parent / "p.onnx"
    quant_pre_process(path_in, prepared)
    quantize_static(prepared, path_out, reader, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, per_channel=True,
                    extra_options={"QuantizeBias": False, "ActivationSymmetric": True, "DedicatedQDQPair": True})
    prepared.unlink()
""",
        ),
        Right(
            "quantized elsewhere, then copied",
            """
def quantize_model(path_in, path_out, reader):
    import shutil
    from functools import partial
    u8s8 = partial(quantize_static, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, per_channel=True)
    quant_pre_process(str(path_in), str(path_in) + "_1")
    u8s8(str(path_in) + "_1", str(path_in) + "_2", reader)
    shutil.copy(str(path_in) + "_2", path_out)
""",
        ),
    ],
    "sensitivity": [
        Right(
            "ONNX Runtime's own measure, lists",
            """
def sensitivity(path, layers, make_calibration, x):
    from onnxruntime.quantization.qdq_loss_debug import compute_signal_to_quantization_noice_ratio as sqnr
    rows, before = [], run(path, x)
    for layer in layers:
        file = work / f"{layer}.onnx"
        quantization.quantize(path, file, make_calibration(), only=[layer])
        rows.append([layer, sqnr(before, run(file, x))])
    rows.sort(key=lambda row: row[1])
    return rows
""",
        ),
        Right(
            "lengths in torch, pairs turned round to sort",
            """
def sensitivity(path, layers, make_calibration, x):
    import torch
    clean = torch.from_numpy(run(path, x))
    def decibels(layer):
        quantization.quantize(path, work / "t.onnx", make_calibration(), only=(layer,))
        return 20 * torch.log10(clean.norm() / (torch.from_numpy(run(work / "t.onnx", x)) - clean).norm())
    return [(layer, value) for value, layer in sorted((decibels(layer), layer) for layer in layers)]
""",
        ),
        Right(
            "means, a dict, in batches",
            """
def sensitivity(path, layers, make_calibration, x):
    def outputs(file):
        return np.concatenate([run(file, part) for part in np.array_split(x, 3)]).astype(np.float64)
    reference, found = outputs(path), {}
    for layer in layers:
        quantization.quantize(path, work / "d.onnx", make_calibration(), only=[layer])
        found[layer] = -10 * np.log10(np.mean((outputs(work / "d.onnx") - reference) ** 2) / np.mean(reference**2))
    return tuple(sorted(found.items(), key=lambda item: item[1]))
""",
        ),
    ],
    "tensorrt_problems": [
        Right(
            "a set of names, a helper",
            """
def tensorrt_problems(path):
    model = onnx.load(str(path))
    weights = {w.name: w for w in model.graph.initializer}
    def refused(node):
        if node.op_type == "DequantizeLinear" and node.input[0] in weights and weights[node.input[0]].data_type == onnx.TensorProto.INT32:
            return True
        return len(node.input) == 3 and np.count_nonzero(onnx.numpy_helper.to_array(weights[node.input[2]])) > 0
    return {node.name for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear") and refused(node)}
""",
        ),
        Right(
            "two passes, some names twice",
            """
def tensorrt_problems(path):
    graph = onnx.load(path).graph
    zero, int32 = {"": True}, set()
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        zero[tensor.name] = not np.any(values)
        if values.dtype == "int32":
            int32.add(tensor.name)
    nodes = [n for n in graph.node if n.op_type in {"QuantizeLinear", "DequantizeLinear"}]
    shifted = [n.name for n in nodes if not zero[(list(n.input) + [""])[2]]]
    biases = [n.name for n in nodes if n.op_type[0] == "D" and n.input[0] in int32]
    return shifted + biases
""",
        ),
        Right(
            "every entry in a loop, a tuple",
            """
def tensorrt_problems(path):
    graph = onnx.load(path).graph
    arrays = dict(zip((t.name for t in graph.initializer), map(onnx.numpy_helper.to_array, graph.initializer)))
    bad = ()
    for node in reversed(graph.node):
        if "QuantizeLinear" != node.op_type != "DequantizeLinear":
            continue
        first, _, *rest = node.input
        points = [int(p) for name in rest if name for p in np.atleast_1d(arrays[name])]
        is_bias = node.op_type == "DequantizeLinear" and getattr(arrays.get(first), "dtype", None) == np.int32
        if is_bias or any(p != 0 for p in points):
            bad += (node.name,)
    return bad
""",
        ),
    ],
    "conclude": [
        Right(
            "a table of rules, a list",
            """
def conclude(row, max_drop):
    old, new = row["fp32"], row["int8"]
    rules = {
        "not comparable": old["threads"] != new["threads"],
        "too inaccurate": min(row["change"]) < -max_drop,
        "slower": max(row["speedup"]) < 1,
        "faster": min(row["speedup"]) > 1,
        "smaller only": True,
    }
    ratio = np.divide(old["file"] + old["external"], new["file"] + new["external"])
    return [next(name for name, holds in rules.items() if holds), ratio]
""",
        ),
        Right(
            "match, two decimals",
            """
def conclude(row, max_drop):
    size = lambda kind: sum(row[kind][part] for part in ("file", "external"))
    smaller = round(size("fp32") / size("int8"), 2)
    low, high = (np.sign(edge - 1) for edge in row["speedup"])
    match (row["fp32"]["threads"] == row["int8"]["threads"], max_drop + row["change"][0] >= 0, low, high):
        case (False, _, _, _):
            verdict = "not comparable"
        case (_, False, _, _):
            verdict = "too inaccurate"
        case (_, _, -1, -1):
            verdict = "slower"
        case (_, _, 1, 1):
            verdict = "faster"
        case _:
            verdict = "smaller only"
    return verdict, smaller
""",
        ),
        Right(
            "nested functions, a fraction",
            """
def conclude(row, max_drop):
    from fractions import Fraction
    def verdict():
        if len({row[kind]["threads"] for kind in ("fp32", "int8")}) > 1:
            return "not comparable"
        largest_loss = -row["change"][0]
        if largest_loss > max_drop:
            return "too inaccurate"
        if 1 < row["speedup"][0]:
            return "faster"
        return "slower" if row["speedup"][1] < 1 else "smaller only"
    a, b = (row["fp32"]["file"] + row["fp32"]["external"]), (row["int8"]["file"] + row["int8"]["external"])
    return verdict(), float(Fraction(a, b))
""",
        ),
    ],
}  # fmt: skip
