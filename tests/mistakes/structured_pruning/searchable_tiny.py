"""Wrong answers to `searchable_tiny`, lab 07b."""

from tests.mistakes import Mistake


def _tiny(*modules):
    return f"def searchable_tiny(width):\n    return nn.Sequential(nn.Conv2d(1, width, 3, 1, 1), nn.ReLU(), {', '.join(modules)})\n"


MISTAKES = [
    Mistake(
        "flatten and linear, as in TinyCNN",
        _tiny("nn.Flatten(1)", "nn.Linear(784 * width, 10)"),
        says="Linear behind the convolution".replace("Linear behind", "nn.Linear behind"),
    ),
    Mistake(
        "pooling and linear", _tiny("nn.AdaptiveAvgPool2d(1)", "nn.Flatten(1)", "nn.Linear(width, 10)"), says="with or without pooling"
    ),
    Mistake("not flattened", _tiny("nn.AdaptiveAvgPool2d(1)", "nn.Conv2d(width, 10, 1)"), says="flatten it *behind*"),
    Mistake(
        "width ignored",
        _tiny("nn.AdaptiveAvgPool2d(1)", "nn.Conv2d(width, 10, 1)", "nn.Flatten(1)").replace("return", "width = 64\n    return"),
        says="`width` channels",
    ),
    Mistake(
        "squeezed",
        """\
class Tiny(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, width, 3, 1, 1), nn.Conv2d(width, 10, 1)
    def forward(self, x):
        return self.fc(self.conv(x).relu().mean((2, 3), keepdim=True)).squeeze()
def searchable_tiny(width):
    return Tiny(width)
""",
        says="takes away a batch of 1",
    ),
    Mistake(
        "ReLU left out",
        _tiny("nn.AdaptiveAvgPool2d(1)", "nn.Conv2d(width, 10, 1)", "nn.Flatten(1)").replace("nn.ReLU(), ", ""),
        says="no ReLU",
    ),
    Mistake(
        "no padding",
        _tiny("nn.AdaptiveAvgPool2d(1)", "nn.Conv2d(width, 10, 1)", "nn.Flatten(1)").replace("3, 1, 1", "3"),
        says="padding of 1",
    ),
    Mistake("softmax", _tiny("nn.AdaptiveAvgPool2d(1)", "nn.Conv2d(width, 10, 1)", "nn.Flatten(1)", "nn.Softmax(1)"), says="probabilities"),
    Mistake(
        "inputs of the classifier do not fit",
        _tiny("nn.AdaptiveAvgPool2d(1)", "nn.Conv2d(8, 10, 1)", "nn.Flatten(1)"),
        says="the network of searchable_tiny(16) raised",
    ),
    Mistake("no pooling", _tiny("nn.Conv2d(width, 10, 1)", "nn.Flatten(1)"), says="expected [3, 10]"),
    Mistake("class instead of a module", "def searchable_tiny(width):\n    return nn.Sequential\n", says="return a torch module"),
]
