"""Wrong answers to `fake_quantize`, lab 07a."""

from tests.mistakes import Mistake


def _fake(body: str) -> str:
    return "def fake_quantize(x, scale, low, high):\n    " + body.replace("\n", "\n    ")


MISTAKES = [
    Mistake("plain round, no gradient", _fake("return (x / scale).clamp(low, high).round() * scale"), says="straight through"),
    Mistake(
        "gradient passes beyond the range",
        _fake("y = (x / scale).round().clamp(low, high) * scale\nreturn x + (y - x).detach()"),
        says="beyond the grid",
    ),
    Mistake("everything detached", _fake("return ((x / scale).clamp(low, high).round() * scale).detach()"), says="no longer depends on x"),
    Mistake("no clip", _fake("y = x / scale\nreturn (y + (y.round() - y).detach()) * scale"), says="clipped to its end"),
    Mistake(
        "integers returned", _fake("y = (x / scale).clamp(low, high)\nreturn y + (y.round() - y).detach()"), says="Multiply by the scale"
    ),
    Mistake(
        "truncates", _fake("y = (x / scale).clamp(low, high)\nreturn (y + (y.floor() - y).detach()) * scale"), says="round to the nearest"
    ),
    Mistake(
        "scale detached with the error",
        _fake("y = (x / scale).clamp(low, high)\nreturn y + (y.round() * scale - y).detach()"),
        says="cancel in the backward pass",
    ),
    Mistake(
        "half away from zero",
        _fake("y = (x / scale).clamp(low, high)\nreturn (y + (y.sign() * (y.abs() + 0.5).floor() - y).detach()) * scale"),
        says="The even one wins",
    ),
    Mistake(
        "torch's own", _fake("return torch.fake_quantize_per_tensor_affine(x, scale, 0, low, high)"), says="is what this exercise builds"
    ),
    Mistake(
        "printed, not returned",
        _fake("y = (x / scale).clamp(low, high)\nprint((y + (y.round() - y).detach()) * scale)"),
        says="Did you forget `return`",
    ),
]
