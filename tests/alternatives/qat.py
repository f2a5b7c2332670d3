from tests.alternatives import Right

RIGHT: dict[str, list[Right]] = {
    "fake_quantize": [
        Right(
            "an autograd function that remembers a mask",
            """
class _FakeQuantize(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale, low, high):
        steps = x / scale
        ctx.save_for_backward((steps >= low) & (steps <= high))
        return torch.clamp(torch.round(steps), low, high) * scale

    @staticmethod
    def backward(ctx, gradient):
        (inside,) = ctx.saved_tensors
        return gradient * inside, None, None, None


def fake_quantize(x, scale, low, high):
    return _FakeQuantize.apply(x, scale, low, high)
""",
        ),
        Right(
            "a factor 0 or 1 beside a constant",
            """
def fake_quantize(x, scale, low, high):
    with torch.no_grad():
        q = torch.round(x / scale)
        slope = ((q >= low) & (q <= high)).to(x.dtype)
        value = torch.clip(q, low, high) * scale
        constant = value - slope * x
    return slope * x + constant
""",
        ),
        Right(
            "hardtanh on real values, rounding error added",
            """
def fake_quantize(x, scale, low, high):
    clipped = nn.functional.hardtanh(x, low * scale, high * scale)
    with torch.no_grad():
        error = (clipped / scale).round() * scale - clipped
    return clipped + error
""",
        ),
        Right(
            "where, in float64, times the reciprocal",
            """
def fake_quantize(x, scale, low, high):
    steps = x.double() * (1.0 / scale)
    steps = torch.where(steps > high, torch.full_like(steps, high), steps)
    steps = torch.where(steps < low, torch.full_like(steps, low), steps)
    whole = torch.from_numpy(np.rint(steps.detach().numpy()))
    return ((steps - steps.detach() + whole) * scale).float()
""",
        ),
        Right(
            "a class with __call__",
            """
class Fake:
    def __call__(self, x, scale, low, high):
        y = torch.minimum(torch.maximum(x / scale, torch.tensor(float(low))), torch.tensor(float(high)))
        return scale * (y.round().detach() + y - y.detach())

fake_quantize = Fake()
""",
        ),
    ],
    "calibrate": [
        Right(
            "a shuffling DataLoader, the decorator",
            """
@torch.no_grad()
def calibrate(model, splits, batch_size):
    from torch.utils.data import DataLoader, TensorDataset
    model.train(False)
    for (x,) in DataLoader(TensorDataset(torch.from_numpy(splits["train"].x)), batch_size, shuffle=True):
        model(x)
""",
        ),
        Right(
            "the split's own loader, inference mode",
            """
def calibrate(model, splits, batch_size):
    model.eval()
    with torch.inference_mode():
        for x, _ in splits["train"].loader(batch_size):
            model(x)
""",
        ),
        Right(
            "slices, the mode put back, a result returned",
            """
def calibrate(model, splits, batch_size):
    x, was, i = splits["train"].x, model.training, 0
    model.eval()
    with torch.no_grad():
        while i < len(x):
            model(torch.tensor(x[i : i + batch_size]))
            i += batch_size
    model.train(was)
    return model
""",
        ),
        Right(
            "scaled bytes, even batches, gradients switched off and on",
            """
def calibrate(model, splits, batch_size):
    images = splits["train"].images
    batches = np.array_split(images, -(-len(images) // batch_size))
    model.eval()
    before = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    try:
        for batch in batches:
            model(torch.from_numpy(batch).unsqueeze(1).float().div(255))
    finally:
        torch.set_grad_enabled(before)
""",
        ),
    ],
    "qat_step": [
        Right(
            "linear algebra in NumPy",
            """
def qat_step(weight, x, target, scale, bits, lr):
    w, x, target = weight.numpy(), x.numpy(), target.numpy()
    t = 2 ** (bits - 1) - 1
    q = np.clip(np.round(w / scale), -t, t) * scale
    slope = 2 / target.size * (x @ q.T - target).T @ x
    slope[np.abs(w / scale) > t] = 0
    return w - lr * slope
""",
        ),
        Right(
            "SGD on a parameter, exercise 1's trick",
            """
def qat_step(weight, x, target, scale, bits, lr):
    w = nn.Parameter(weight.clone())
    t = 2 ** (bits - 1) - 1
    optimizer = torch.optim.SGD([w], lr=lr)
    inside = (w / scale).clamp(-t, t)
    used = (inside + (inside.round() - inside).detach()) * scale
    loss = ((nn.functional.linear(x, used) - target) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return w
""",
        ),
        Right(
            "torch.func.grad, a lambda",
            """
qat_step = lambda weight, x, target, scale, bits, lr: weight - lr * torch.func.grad(
    lambda w: (x @ torch.fake_quantize_per_tensor_affine(w, scale, 0, 1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1).T - target).square().mean()
)(weight)
""",
        ),
        Right(
            "autograd.grad with respect to the rounded weight, then a mask",
            """
def qat_step(weight, x, target, scale, bits, lr):
    t = 2 ** (bits - 1) - 1
    levels = (weight.double() / scale).round()
    used = (levels.clamp(-t, t) * scale).requires_grad_()
    (slope,) = torch.autograd.grad(nn.MSELoss()(x.double() @ used.t(), target.double()), used)
    return (weight.double() - lr * slope * (levels.abs() <= t)).float().tolist()
""",
        ),
        Right(
            "a layer with a parametrization",
            """
class _Round(nn.Module):
    def __init__(self, scale, top):
        super().__init__()
        self.scale, self.top = scale, top

    def forward(self, w):
        return torch.fake_quantize_per_tensor_affine(w, torch.tensor(self.scale), torch.tensor(0, dtype=torch.int32), -self.top, self.top)


def qat_step(weight, x, target, scale, bits, lr):
    from torch.nn.utils import parametrize
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight.data.copy_(weight)
    parametrize.register_parametrization(layer, "weight", _Round(scale, 2 ** (bits - 1) - 1), unsafe=True)
    nn.functional.mse_loss(layer(x), target).backward()
    original = layer.parametrizations.weight.original
    with torch.no_grad():
        original -= lr * original.grad
    return original
""",
        ),
    ],
    "export_qdq": [
        Right(
            "from memory, axes as lists, one picture",
            """
def export_qdq(model, path):
    import io
    buffer = io.BytesIO()
    with torch.no_grad():
        torch.onnx.export(model.eval(), torch.zeros(1, 1, 28, 28), buffer, dynamo=False, opset_version=17, input_names=["input"], output_names=["logits"], dynamic_axes={"input": [0], "logits": [0]})
    path.write_bytes(buffer.getvalue())
""",
        ),
        Right(
            "a copy, the path as text, only the input's axis",
            """
def export_qdq(model, path):
    model = copy.deepcopy(model)
    model.train(False)
    torch.onnx.export(model, args=(torch.randn(4, 1, 28, 28),), f=str(path), dynamo=False, input_names=["input"], output_names=["logits"], dynamic_axes={"input": {0: "N"}})
""",
        ),
        Right(
            "the mode left to the exporter and put back",
            """
def export_qdq(model, path):
    was = model.training
    torch.onnx.export(model, (torch.rand(2, 1, 28, 28),), path, dynamo=False, training=torch.onnx.TrainingMode.EVAL, do_constant_folding=True,
                      input_names=["input"], output_names=["logits"], dynamic_axes={name: {0: "batch"} for name in ("input", "logits")})
    model.train(was)
""",
        ),
        Right(
            "the package's export, weights stored as integers",
            """
def export_qdq(model, path):
    from edgekit import export
    draft = path.with_name("draft.onnx")
    export.to_onnx(model, draft, dynamo=False)
    qdq.store_int8(draft, path)
""",
        ),
    ],
    "weight_levels": [
        Right(
            "ONNX Runtime's integers",
            """
def weight_levels(path):
    integers = qdq.quantized_weights(path)
    nodes = {n.output[0]: n for n in onnx.load(path).graph.node}
    return {nodes[name].input[0]: np.unique(values).size for name, values in integers.items()}
""",
        ),
        Right(
            "slice by slice, a set",
            """
def weight_levels(path):
    known = qdq.constants(path)
    levels = {}
    for node in onnx.load(path).graph.node:
        if node.op_type == "QuantizeLinear" and node.input[0] in known:
            weight, scale = known[node.input[0]], np.atleast_1d(known[node.input[1]])
            axis = {a.name: a.i for a in node.attribute}.get("axis", 1)
            if len(scale) == 1:
                parts = [weight]
            else:
                parts = [np.take(weight, i, axis) for i in range(weight.shape[axis])]
            seen = set()
            for part, step in zip(parts, scale):
                for value in part.ravel().tolist():
                    seen.add(max(-128, min(127, round(value / float(step)))))
            levels[node.input[0]] = len(seen)
    return levels
""",
        ),
        Right(
            "torch's fake quantization, moveaxis",
            """
def weight_levels(path):
    known, levels = qdq.constants(path), dict()
    for node in onnx.load(str(path)).graph.node:
        if node.op_type != "QuantizeLinear":
            continue
        if (weight := known.get(node.input[0])) is None:
            continue
        scale = torch.tensor(known[node.input[1]]).flatten()
        axis = [onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == "axis"] or [1]
        rows = torch.tensor(weight).movedim(axis[0], 0).flatten(1)
        integers = torch.round(rows / scale[:, None]).clamp(-128, 127).to(torch.int8)
        levels[str(node.input[0])] = torch.tensor(len(integers.unique()))
    return levels
""",
        ),
        Right(
            "the zero point counted in, broadcast from the right",
            """
def weight_levels(path):
    known = qdq.constants(path)
    counts = {}
    for node in onnx.load(path).graph.node:
        if node.op_type != "QuantizeLinear" or node.input[0] not in known:
            continue
        weight, scale, zero = (known[name].astype(np.float64) for name in node.input)
        axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
        integers = np.rint(np.moveaxis(np.moveaxis(weight, axis, -1) / scale, -1, axis)) + zero.max()
        counts[node.input[0]] = np.count_nonzero(np.bincount(np.clip(integers, -128, 127).astype(int).ravel() + 128))
    return counts
""",
        ),
    ],
}  # fmt: skip
