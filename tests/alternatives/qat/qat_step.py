"""Right answers in other words to `qat_step`, lab 07a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
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
]
