"""Right answers in other words to `sparsify_and_tune`, lab 07c."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "a copy, the mode with its configuration",
        """\
def sparsify_and_tune(model, train):
    sparse = mts.sparsify(copy.deepcopy(model), mode=[('sparse_magnitude', {})])
    train(sparse)
    sparse.eval()
    return mts.export(sparse)
""",
    ),
    Right(
        "results dropped: both work in place",
        """\
def sparsify_and_tune(model, train):
    mts.sparsify(model, 'sparse_magnitude')
    train(model)
    mts.export(model)
    return model
""",
    ),
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
    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear)) and m.weight.shape[0] % 8 == 0
        and m.weight.shape[1] % 16 == 0]
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
    chosen = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear) and m.weight.shape[1] % 16 == 0
        and m.weight.shape[0] % 8 == 0]
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
]
