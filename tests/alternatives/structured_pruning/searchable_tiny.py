"""Right answers in other words to `searchable_tiny`, lab 07b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "a class, its layers in another order, a mean",
        """
class Tiny(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.classify = nn.Conv2d(width, 10, 1)
        self.conv = nn.Conv2d(1, width, 3, padding=1)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        return self.classify(x.mean((2, 3), keepdim=True))[:, :, 0, 0]

def searchable_tiny(width):
    return Tiny(width)
""",
    ),
    Right(
        "classified, then pooled",
        """\
def searchable_tiny(width):
    return nn.Sequential(nn.Conv2d(1, width, 3, padding='same'), nn.ReLU(inplace=True),
                         nn.Conv2d(width, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
""",
    ),
    Right(
        "a kernel as large as the picture",
        """\
def searchable_tiny(width):
    return nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 10, 28), nn.Flatten())
""",
    ),
    Right(
        "batch norm, named parts, in training mode",
        """
def searchable_tiny(width):
    net = nn.Sequential()
    net.add_module("conv", nn.Conv2d(1, width, kernel_size=(3, 3), padding=(1, 1), bias=False))
    net.add_module("norm", nn.BatchNorm2d(width))
    net.add_module("relu", nn.ReLU())
    net.add_module("pool", nn.AvgPool2d(28))
    net.add_module("fc", nn.Conv2d(width, 10, 1))
    net.add_module("flat", nn.Flatten())
    return net.train()
""",
    ),
    Right(
        "a second convolution, whose width stays, and then a linear layer",
        """\
def searchable_tiny(width):
    return nn.Sequential(nn.Conv2d(1, width, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(width, 16, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))
""",
    ),
]
