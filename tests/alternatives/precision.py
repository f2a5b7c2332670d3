from tests.alternatives import Right

RIGHT = {
    "round_mantissa": [
        Right(
            "bits of the float32",
            """
def round_mantissa(x, bits):
    drop = 23 - bits
    i = x.view(np.int32).astype(np.int64)
    i += (1 << (drop - 1)) - 1 + ((i >> drop) & 1)
    return (i & ~((1 << drop) - 1)).astype(np.int32).view(np.float32)
""",
        ),
        Right(
            "math.frexp in a loop",
            """
def round_mantissa(x, bits):
    import math
    out = np.zeros_like(x)
    for i, value in np.ndenumerate(x):
        mantissa, exponent = math.frexp(value)
        out[i] = math.ldexp(round(mantissa * 2 ** (bits + 1)), exponent - bits - 1)
    return out
""",
        ),
        Right(
            "logarithm in float64, zeros left out",
            """
def round_mantissa(x, bits):
    safe = np.where(x == 0, 1, np.abs(x.astype(np.float64)))
    step = 2.0 ** (np.floor(np.log2(safe)) - bits)
    return np.round(x / step) * step
""",
        ),
        Right(
            "torch.frexp",
            """
def round_mantissa(x, bits):
    import torch
    mantissa, exponent = torch.frexp(torch.from_numpy(x))
    return torch.ldexp(torch.round(mantissa * 2 ** (bits + 1)) / 2 ** (bits + 1), exponent)
""",
        ),
        Right(
            "a large number added and taken away, a list",
            """
def round_mantissa(x, bits):
    x = x.astype(np.float64)
    large = np.ldexp(1.5, np.frexp(x)[1] - 1 - bits + 52)
    return ((x + large) - large).tolist()
""",
        ),
    ],
    "fp8_quantize": [
        Right(
            "torch's float8, tensors",
            """
def fp8_quantize(x):
    import torch
    t = torch.from_numpy(x)
    scale = t.abs().max() / 448
    if scale == 0:
        return t, torch.tensor(1.0)
    return (t / scale).to(torch.float8_e4m3fn).float() * scale, scale
""",
        ),
        Right(
            "ml_dtypes, one early return",
            """
def fp8_quantize(x):
    import ml_dtypes
    if not x.any():
        return x.copy(), np.float32(2**-9)
    scale = np.abs(x).max() / np.float32(448)
    return (x / scale).astype(ml_dtypes.float8_e4m3fn).astype(np.float32) * scale, scale
""",
        ),
        Right(
            "nearest of all 127 numbers, float64",
            """
def fp8_quantize(x):
    grid = np.array([m * 2.0**-9 for m in range(8)] + [(1 + m / 8) * 2.0**e for e in range(-6, 9) for m in range(8)])
    grid = grid[grid <= 448]
    scale = max(abs(float(v)) for v in x.ravel()) / 448 or 1e-6
    nearest = grid[np.abs(np.abs(x.astype(np.float64))[..., None] / scale - grid).argmin(-1)]
    return [np.sign(x) * nearest * scale, scale]
""",
        ),
        Right(
            "a step by the logarithm",
            """
def fp8_quantize(x):
    scale = np.maximum(np.abs(x).max() / 448, np.finfo(np.float32).tiny)
    divided = x / scale
    with np.errstate(divide="ignore"):
        step = 2.0 ** (np.clip(np.floor(np.log2(np.abs(divided))), -6, 8) - 3)
    return np.round(divided / step) * step * scale, scale
""",
        ),
        Right(
            "ONNX Runtime",
            """
def fp8_quantize(x):
    import onnxruntime as ort
    from onnx import TensorProto, helper
    scale = float(np.abs(x).max()) / 448 or 1.0
    nodes = [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]), helper.make_node("DequantizeLinear", ["q", "s"], ["y"])]
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, None)] for name in "xy"]
    constants = [helper.make_tensor("s", TensorProto.FLOAT, [], [scale]), helper.make_tensor("z", TensorProto.FLOAT8E4M3FN, [], [0.0])]
    model = helper.make_model(helper.make_graph(nodes, "fp8", *ends, constants), opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    return ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0], scale
""",
        ),
    ],
    "layer_precisions": [
        Right(
            "a set of names, a table of cases",
            """
def layer_precisions(path):
    nodes = onnx.load(str(path)).graph.node
    made = {name for node in nodes if node.op_type == "DequantizeLinear" for name in node.output}
    said = {(True, True): "int8", (False, True): "weights only"}
    return {n.name: said.get((n.input[0] in made, n.input[1] in made), "float") for n in nodes if n.op_type in {"Conv", "Gemm", "MatMul"}}
""",
        ),
        Right(
            "in one pass, as nodes are in order",
            """
def layer_precisions(path):
    table, dequantized = {}, []
    for node in onnx.load(path).graph.node:
        if node.op_type == "DequantizeLinear":
            dequantized += node.output
        elif node.op_type in ("MatMul", "Gemm", "Conv"):
            data, weight, *_ = node.input
            if weight not in dequantized:
                table[node.name] = "float"
            else:
                table[node.name] = "int8" if data in dequantized else "weights only"
    return table
""",
        ),
        Right(
            "a search for each input",
            """
def layer_precisions(path):
    nodes = list(onnx.load_model(path).graph.node)
    def from_dq(name):
        return next((node.op_type for node in nodes if name in node.output), None) == "DequantizeLinear"
    words = ["float", "float", "weights only", "int8"]
    return {node.name: words[from_dq(node.input[0]) + 2 * from_dq(node.input[1])] for node in nodes if node.op_type in ("Conv", "Gemm", "MatMul")}
""",
        ),
    ],
    "choose_precision": [
        Right(
            "the best so far",
            """
def choose_precision(rows, max_drop):
    name, best = "fp32", 1.0
    for row in rows:
        if row["speed"] is None or row["drop"][1] > max_drop:
            continue
        if row["speed"][0] > best:
            name, best = row["name"], row["speed"][0]
    return name
""",
        ),
        Right(
            "sorted",
            """
def choose_precision(rows, max_drop):
    safe = sorted((r["speed"][0], r["name"]) for r in rows if r["speed"] and r["speed"][0] > 1 and r["drop"][1] <= max_drop)
    return safe[-1][1] if safe else "fp32"
""",
        ),
        Right(
            "fp32 as a candidate",
            """
def choose_precision(rows, max_drop):
    def gain(row):
        (_, loss), speed = row["drop"], row["speed"]
        return speed[0] if speed and loss <= max_drop else float("-inf")
    return max([{"name": "fp32", "drop": (0, 0), "speed": (1, 1)}, *rows], key=gain)["name"]
""",
        ),
        Right(
            "NumPy, its own string",
            """
def choose_precision(rows, max_drop):
    if not rows:
        return "fp32"
    gain = np.array([row["speed"] or (0, 0) for row in rows])[:, 0]
    gain[np.array([row["drop"] for row in rows])[:, 1] > max_drop] = 0
    return np.array([row["name"] for row in rows])[gain.argmax()] if gain.max() > 1 else "fp32"
""",
        ),
    ],
}  # fmt: skip
