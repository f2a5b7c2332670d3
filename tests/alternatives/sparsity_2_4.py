from tests.alternatives import Right

RIGHT: dict[str, list[Right]] = {
    "eligible": [
        Right("a NumPy truth value", "def eligible(shape):\n    return np.all(np.array(shape[:2]) % (8, 16) == 0)\n"),
        Right("not or", "eligible = lambda shape: not (shape[0] % 8 or shape[1] % 16)\n"),
        Right("early returns", "def eligible(shape):\n    out, inputs, *kernel = shape\n    if out & 7:\n        return False\n    return inputs // 16 * 16 == inputs\n"),
        Right("a tensor's truth value", "def eligible(shape):\n    s = torch.tensor(shape)\n    return (s[0] % 8 == 0) & (s[1] % 16 == 0)\n"),
        Right("greatest common divisors", "def eligible(shape):\n    import math\n    return (math.gcd(shape[0], 8), math.gcd(shape[1], 16)) == (8, 16)\n"),
    ],
    "sparsify_and_tune": [
        Right("a copy, the mode with its configuration", "def sparsify_and_tune(model, train):\n    sparse = mts.sparsify(copy.deepcopy(model), mode=[('sparse_magnitude', {})])\n    train(sparse)\n    sparse.eval()\n    return mts.export(sparse)\n"),
        Right("results dropped: both work in place", "def sparsify_and_tune(model, train):\n    mts.sparsify(model, 'sparse_magnitude')\n    train(model)\n    mts.export(model)\n    return model\n"),
        Right(
            "a mask by hand, as a parametrization",
            """
class _Masked(nn.Module):
    def __init__(self, mask):
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, weight):
        return weight * self.mask


def sparsify_and_tune(model, train):
    from torch.nn.utils import parametrize
    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear)) and m.weight.shape[0] % 8 == 0 and m.weight.shape[1] % 16 == 0]
    for layer in layers:
        rows = layer.weight.detach().movedim(1, -1)
        groups = rows.reshape(-1, 4)
        mask = torch.zeros_like(groups).scatter_(1, groups.abs().topk(2, dim=1).indices, 1.0).reshape(rows.shape).movedim(-1, 1)
        parametrize.register_parametrization(layer, "weight", _Masked(mask))
    train(model)
    for layer in layers:
        parametrize.remove_parametrizations(layer, "weight")
    return model
""",
        ),
        Right(
            "zeros by hand, gradients masked by hooks",
            """
def sparsify_and_tune(model, train):
    for module in model.modules():
        if not isinstance(module, (nn.Conv2d, nn.Linear)) or module.weight.shape[1] % 4:
            continue
        weight = module.weight
        magnitude = weight.detach().abs().moveaxis(1, -1).unflatten(-1, (-1, 4))
        rank = magnitude.argsort(-1).argsort(-1)
        mask = (rank >= 2).float().flatten(-2).moveaxis(-1, 1)
        weight.data *= mask
        weight.register_hook(lambda gradient, mask=mask: gradient * mask)
    train(model)
    return model
""",
        ),
        Right(
            "torch's own pruning with a mask",
            """
def sparsify_and_tune(model, train):
    from torch.nn.utils import prune
    chosen = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear) and m.weight.shape[1] % 16 == 0 and m.weight.shape[0] % 8 == 0]
    for m in chosen:
        w = np.moveaxis(np.abs(m.weight.detach().numpy()), 1, -1)
        g = w.reshape(*w.shape[:-1], -1, 4)
        keep = g >= np.sort(g, axis=-1)[..., 2:3]
        prune.custom_from_mask(m, "weight", torch.from_numpy(np.moveaxis(keep.reshape(w.shape), -1, 1).copy()))
    train(model)
    for m in chosen:
        prune.remove(m, "weight")
    return model
""",
        ),
    ],
    "sparse_weights": [
        Right(
            "the package's share",
            """
def sparse_weights(path):
    from edgekit.compression.pruning import two_of_four_share
    graph = onnx.load(path).graph
    tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    found = {}
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm", "MatMul"):
            by_row = node.op_type == "Conv" or {a.name: a.i for a in node.attribute}.get("transB", 0)
            found[node.input[1]] = two_of_four_share(tensors[node.input[1]], 1 if by_row else 0) == 1
    return found
""",
        ),
        Right(
            "loops",
            """
def sparse_weights(path):
    model = onnx.load(str(path))
    found = {}
    for node in model.graph.node:
        if node.op_type not in {"Conv", "Gemm", "MatMul"}:
            continue
        name = node.input[1]
        weight = next(numpy_helper.to_array(t) for t in model.graph.initializer if t.name == name)
        transB = [onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == "transB"] == [1]
        if node.op_type != "Conv" and not transB:
            weight = weight.T
        ok = weight.shape[1] % 4 == 0
        for start in range(0, weight.shape[1] - 3, 4):
            zeros = sum((weight[:, start + i] == 0).astype(int) for i in range(4))
            ok = ok and zeros.min() >= 2
        found[name] = np.bool_(ok)
    return found
""",
        ),
        Right(
            "the third largest magnitude is 0, torch",
            """
def sparse_weights(path):
    graph = onnx.load(path).graph
    weights = {t.name: torch.tensor(numpy_helper.to_array(t)) for t in graph.initializer}
    answers = {}
    for node in graph.node:
        if node.op_type == "Conv":
            axis = 1
        elif node.op_type == "Gemm":
            axis = int(any(a.name == "transB" and a.i for a in node.attribute))
        elif node.op_type == "MatMul":
            axis = 0
        else:
            continue
        w = weights[node.input[1]]
        answers[node.input[1]] = w.shape[axis] % 4 == 0 and (w.abs().unflatten(axis, (-1, 4)).movedim(axis + 1, 0).sort(dim=0).values[1] == 0).all()
    return answers
""",
        ),
        Right(
            "sums with reduceat",
            """
def sparse_weights(path):
    graph = onnx.load(path).graph
    tensors = {t.name: t for t in graph.initializer}
    def one(node):
        weight = numpy_helper.to_array(tensors[node.input[1]])
        rows = {"Conv": True, "MatMul": False}.get(node.op_type, bool(sum(a.i for a in node.attribute if a.name == "transB")))
        n = weight.shape[rows]
        return n % 4 == 0 and bool(np.add.reduceat(weight != 0, np.arange(0, n, 4), axis=int(rows), dtype=int).max() < 3)
    return {n.input[1]: one(n) for n in graph.node if n.op_type in ("Conv", "Gemm", "MatMul")}
""",
        ),
    ],
    "pack_2_4": [
        Right(
            "loops",
            """
def pack_2_4(weight):
    rows, columns = weight.shape
    values, indices = np.zeros((rows, columns // 2), np.float32), np.zeros((rows, columns // 2), np.uint8)
    for r in range(rows):
        for g in range(columns // 4):
            group = weight[r, 4 * g : 4 * g + 4]
            places = [i for i in range(4) if group[i] != 0]
            places = sorted((places + [i for i in range(4) if i not in places])[:2])
            values[r, 2 * g : 2 * g + 2] = group[places]
            indices[r, 2 * g : 2 * g + 2] = places
    return values, indices
""",
        ),
        Right(
            "topk in torch, a list of tensors",
            """
def pack_2_4(weight):
    groups = torch.from_numpy(weight).unflatten(1, (-1, 4))
    order = groups.abs().topk(2, dim=2).indices.sort(dim=2).values
    return [groups.gather(2, order).flatten(1), order.flatten(1).to(torch.uint8)]
""",
        ),
        Right(
            "the two largest magnitudes, argpartition, a named tuple",
            """
from collections import namedtuple
Packed = namedtuple("Packed", "values indices")

def pack_2_4(weight):
    g = weight.reshape(-1, 4)
    where = np.sort(np.argpartition(np.abs(g), 1, axis=1)[:, 2:], axis=1)
    half = (weight.shape[0], weight.shape[1] // 2)
    return Packed(g[np.arange(len(g))[:, None], where].reshape(half), where.astype("u1").reshape(half))
""",
        ),
        Right(
            "a choice of six pairs",
            """
def pack_2_4(weight):
    import itertools
    pairs = np.array(list(itertools.combinations(range(4), 2)), np.uint8)
    groups = weight.reshape(len(weight), -1, 4)
    covers = np.stack([(groups != 0).sum(2) == (groups[..., p] != 0).sum(2) for p in pairs], 2)
    indices = pairs[covers.argmax(2)]
    return np.take_along_axis(groups, indices.astype(int), 2).reshape(len(weight), -1), indices.reshape(len(weight), -1)
""",
        ),
    ],
}  # fmt: skip
