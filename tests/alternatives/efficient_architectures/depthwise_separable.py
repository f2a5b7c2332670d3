"""Right answers in other words to `depthwise_separable`, lab 03d."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "nested, from a helper",
        """
def depthwise_separable(channels_in, channels_out, stride=1):
    def step(a, b, **more):
        return nn.Sequential(nn.Conv2d(a, b, bias=False, **more), nn.BatchNorm2d(b), nn.ReLU(inplace=True))
    spatial = step(channels_in, channels_in, kernel_size=(3, 3), stride=(stride, stride), padding=(1, 1), groups=channels_in)
    return nn.Sequential(spatial, step(channels_in, channels_out, kernel_size=1))
""",
    ),
    Right(
        "torchvision's block",
        """
def depthwise_separable(channels_in, channels_out, stride=1):
    from torchvision.ops import Conv2dNormActivation
    return nn.Sequential(Conv2dNormActivation(channels_in, channels_in, 3, stride, groups=channels_in),
        Conv2dNormActivation(channels_in, channels_out, 1))
""",
    ),
    Right(
        "a module of its own",
        """
class Block(nn.Module):
    def __init__(self, a, b, stride):
        super().__init__()
        self.first = nn.Conv2d(a, a, 3, stride=stride, padding=1, groups=a, bias=False)
        self.second = nn.Conv2d(a, b, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(a), nn.BatchNorm2d(b)])
        self.acts = nn.ModuleList([nn.ReLU(), nn.ReLU()])

    def forward(self, x):
        x = self.acts[0](self.norms[0](self.first(x)))
        return self.acts[1](self.norms[1](self.second(x)))

def depthwise_separable(channels_in, channels_out, stride=1):
    return Block(channels_in, channels_out, stride)
""",
    ),
]
