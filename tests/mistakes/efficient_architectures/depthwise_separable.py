"""Wrong answers to `depthwise_separable`, lab 03d."""

from tests.mistakes import Mistake

_FIRST = "nn.Conv2d(channels_in, channels_in, 3, stride, 1, groups=channels_in, bias=False)"
_SECOND = "nn.Conv2d(channels_in, channels_out, 1, bias=False)"


def _block(first=_FIRST, second=_SECOND, between="nn.BatchNorm2d(channels_in), nn.ReLU(), ", after=None):
    after = "nn.BatchNorm2d(channels_out), nn.ReLU()" if after is None else after
    return f"def depthwise_separable(channels_in, channels_out, stride=1):\n    return nn.Sequential({first}, {between}{second}, {after})\n"


MISTAKES = [
    Mistake("groups forgotten", _block(first=_FIRST.replace("groups=channels_in, ", "")), says="groups=1"),
    Mistake(
        "pointwise first",
        """\
def depthwise_separable(channels_in, channels_out, stride=1):
    return nn.Sequential(nn.Conv2d(channels_in, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out), nn.ReLU(),
        nn.Conv2d(channels_out, channels_out, 3, stride, 1, groups=channels_out, bias=False), nn.BatchNorm2d(channels_out), nn.ReLU())
""",
        says="comes first",
    ),
    Mistake(
        "stride in the pointwise layer",
        _block(first=_FIRST.replace("3, stride", "3, 1"), second="nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)"),
        says="nobody has looked at",
    ),
    Mistake("stride ignored", _block(first=_FIRST.replace("3, stride", "3, 1")), says="expected 2 in the depthwise"),
    Mistake("no padding", _block(first=_FIRST.replace("stride, 1,", "stride, 0,")), says="paddings"),
    Mistake("biases left on", _block(first=_FIRST.replace(", bias=False", "")), says="bias=False"),
    Mistake("one batch norm only", _block(between="nn.ReLU(), "), says="BatchNorm2d right behind"),
    Mistake("no ReLU between", _block(between="nn.BatchNorm2d(channels_in), "), says="only one"),
    Mistake(
        "both ReLUs at the end",
        _block(between="nn.BatchNorm2d(channels_in), ", after="nn.BatchNorm2d(channels_out), nn.ReLU(), nn.ReLU()"),
        says="behind both batch norms",
    ),
    Mistake("no ReLU at the end", _block(after="nn.BatchNorm2d(channels_out)"), says="end in a ReLU"),
    Mistake("3x3 twice", _block(second="nn.Conv2d(channels_in, channels_out, 3, 1, 1, bias=False)"), says="expected 1x1"),
    Mistake(
        "depthwise makes the output channels",
        _block(first=_FIRST.replace("channels_in, channels_in, 3", "channels_in, channels_out, 3")),
        says="raised",
    ),
    Mistake(
        "one plain convolution",
        """\
def depthwise_separable(channels_in, channels_out, stride=1):
    return nn.Sequential(nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False), nn.BatchNorm2d(channels_out), nn.ReLU())
""",
        says="expected two",
    ),
    Mistake("built and not returned", _block().replace("return nn.Seq", "block = nn.Seq"), says="forget `return`"),
]
