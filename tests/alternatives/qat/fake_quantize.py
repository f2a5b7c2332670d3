"""Right answers in other words to `fake_quantize`, lab 07a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
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
]
