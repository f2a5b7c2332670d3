"""Wrong answers to `remove_filters`, lab 03b."""

from tests.mistakes import Mistake

_FILTERS = """
def remove_filters(conv1, bn, conv2, keep):
    conv1, bn, conv2 = copy.deepcopy((conv1, bn, conv2))
    conv1.weight = nn.Parameter({first})
    if conv1.bias is not None:
        conv1.bias = nn.Parameter({bias})
    for name in {vectors}:
        tensor = getattr(bn, name).detach()[keep]
        setattr(bn, name, nn.Parameter(tensor) if name in ("weight", "bias") else tensor)
    conv2.weight = nn.Parameter({second})
    {attributes}
    return conv1, bn, conv2
"""


def _filters(
    first="conv1.weight.detach()[keep]",
    bias="conv1.bias.detach()[keep]",
    vectors='("weight", "bias", "running_mean", "running_var")',
    second="conv2.weight.detach()[:, keep]",
    attributes="conv1.out_channels = bn.num_features = conv2.in_channels = len(keep)",
):
    return _FILTERS.format(first=first, bias=bias, vectors=vectors, second=second, attributes=attributes)


MISTAKES = [
    Mistake(
        "zeroed, not removed",
        "def remove_filters(conv1, bn, conv2, keep):\n    gone = torch.ones(conv1.out_channels, dtype=torch.bool)\n    gone[keep] = False\n"
        "    with torch.no_grad():\n        conv1.weight[gone] = 0\n    return conv1, bn, conv2\n",
        says="Build a smaller layer",
    ),
    Mistake("input channels of conv1", _filters(first="conv1.weight.detach()[:, :2]"), says="dimension 0"),
    Mistake("next layer not narrowed", _filters(second="conv2.weight.detach()"), says="*input* channels"),
    Mistake("next layer's outputs removed", _filters(second="conv2.weight.detach()[keep[keep < conv2.out_channels]]"), says="dimension 1"),
    Mistake("batch norm forgotten", _filters(vectors="()"), says="bn.running_mean"),
    Mistake(
        "running statistics fresh",
        _filters(
            vectors='("weight", "bias")', attributes="bn.running_mean = torch.zeros(len(keep)); bn.running_var = torch.ones(len(keep))"
        ),
        says="running_mean and running_var",
    ),
    Mistake("the first n channels of conv2", _filters(second="conv2.weight.detach()[:, :len(keep)]"), says="*same* channels"),
    Mistake("attributes not updated", _filters(attributes="pass"), says="read these attributes"),
    Mistake("stride lost", _filters(attributes="conv1.stride = (1, 1)"), says="stride"),
    Mistake(
        "stride of the next layer lost",
        _filters(attributes="conv2.stride = (1, 1); conv1.out_channels = bn.num_features = conv2.in_channels = len(keep)"),
        says="conv2.stride is [1, 1]",
    ),
    Mistake(
        "padding of the next layer lost",
        _filters(attributes="conv2.padding = (0, 0); conv1.out_channels = bn.num_features = conv2.in_channels = len(keep)"),
        says="conv2.padding is [0, 0]",
    ),
    Mistake(
        "epsilon of the batch norm lost",
        _filters(attributes="bn.eps = 1e-5; conv1.out_channels = bn.num_features = conv2.in_channels = len(keep)"),
        says="bn.eps is",
    ),
    Mistake("bias not narrowed", _filters(bias="conv1.bias.detach()"), says="narrowed like them"),
    Mistake(
        "one after the other in a Sequential",
        _filters().replace("return conv1, bn, conv2", "return nn.Sequential(conv1, bn, conv2)"),
        says="It returned Sequential",
    ),
    Mistake("bias dropped", _filters(bias="conv1.bias.detach()[keep]) if False else (None"), says="bias"),
]
