"""Wrong answers to `cost`, lab 03b."""

from tests.mistakes import Mistake

_COST = """
def cost(layer, input_shape):
    outputs = layer(torch.zeros(1, *input_shape))[0]
    conv = isinstance(layer, nn.Conv2d)
    parameters = {parameters}
    return parameters, {macs}
"""


_PARAMETERS = "sum(p.numel() for p in layer.parameters())"


_PER_OUTPUT = "layer.weight[0].numel()"


def _cost(parameters=_PARAMETERS, macs=f"outputs.numel() * {_PER_OUTPUT}"):
    return _COST.format(parameters=parameters, macs=macs)


MISTAKES = [
    Mistake("FLOPs for MACs", _cost(macs=f"2 * outputs.numel() * {_PER_OUTPUT}"), says="number of FLOPs"),
    Mistake(
        "input size",
        _cost(macs=f"(input_shape[1] * input_shape[2] * layer.out_channels if conv else layer.out_features) * {_PER_OUTPUT}"),
        says="*output*",
    ),
    Mistake(
        "groups ignored",
        _cost(macs="outputs.numel() * (layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1] if conv else layer.in_features)"),
        says="groups",
    ),
    Mistake("bias forgotten", _cost(parameters="layer.weight.numel()"), says="bias is missing"),
    Mistake(
        "one side of the kernel squared",
        _cost(macs="outputs.numel() * (layer.weight.shape[1] * layer.kernel_size[0] ** 2 if conv else layer.in_features)"),
        says="one MAC per weight",
    ),
    Mistake("one per parameter", _cost(macs=_PARAMETERS), says="per parameter"),
    Mistake(
        "MACs only",
        "def cost(layer, input_shape):\n    return layer(torch.zeros(1, *input_shape))[0].numel() * layer.weight[0].numel()\n",
        says="two numbers",
    ),
    Mistake(
        "groups taken for depthwise",
        _cost(
            macs=(
                "outputs.numel() * (layer.kernel_size[0] * layer.kernel_size[1] * (1 if layer.groups > 1 else layer.in_channels) if conv"
                " else layer.in_features)"
            )
        ),
        says="groups = 2",
    ),
    Mistake(
        "the two numbers swapped",
        _cost(parameters=f"outputs.numel() * {_PER_OUTPUT}", macs=_PARAMETERS),
        says="wanted are (parameters, MACs)",
    ),
    Mistake("bias counted as MAC", _cost(macs=f"outputs.numel() * ({_PER_OUTPUT} + (layer.bias is not None))"), says="additions only"),
]
