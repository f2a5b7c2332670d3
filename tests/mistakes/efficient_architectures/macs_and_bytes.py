"""Wrong answers to `macs_and_bytes`, lab 03d."""

from tests.mistakes import Mistake


def _answer(macs="y.numel() * layer.weight[0].numel()", size="4 * (x.numel() + layer.weight.numel() + y.numel())"):
    return f"def macs_and_bytes(layer, shape):\n    x = torch.zeros(1, *shape)\n    y = layer(x)\n    return {macs}, {size}\n"


MISTAKES = [
    Mistake(
        "groups ignored",
        _answer(macs="y.numel() * layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1]"),
        says="reads one channel",
    ),
    Mistake("FLOPs", _answer(macs="2 * y.numel() * layer.weight[0].numel()"), says="FLOPs"),
    Mistake("input pixels instead of output pixels", _answer(macs="x[0, 0].numel() * layer.weight.numel()"), says="every one of"),
    Mistake("weights counted once", _answer(macs="layer.weight.numel()"), says="every one of"),
    Mistake("values, not bytes", _answer(size="x.numel() + layer.weight.numel() + y.numel()"), says="4 bytes each"),
    Mistake("outputs forgotten", _answer(size="4 * (x.numel() + layer.weight.numel())"), says="the outputs are missing"),
    Mistake("inputs forgotten", _answer(size="4 * (y.numel() + layer.weight.numel())"), says="the inputs are missing"),
    Mistake("weights forgotten", _answer(size="4 * (x.numel() + y.numel())"), says="the weights are missing"),
    Mistake(
        "input read once for every filter",
        _answer(size="4 * (x.numel() * layer.out_channels + layer.weight.numel() + y.numel())"),
        says="bytes, expected",
    ),
    Mistake("the ratio only", "def macs_and_bytes(layer, shape):\n    return 1.0\n", says="two numbers"),
]
