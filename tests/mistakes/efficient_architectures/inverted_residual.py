"""Wrong answers to `inverted_residual`, lab 03d."""

from tests.mistakes import Mistake


def _answer(wide="F.relu6(expand(x))", middle="F.relu6(depthwise(wide))", out="project(middle)", end=None):
    end = end or "out + x if out.shape == x.shape else out"
    return (
        f"def inverted_residual(x, expand, depthwise, project):\n    wide = {wide}\n    middle = {middle}\n    out = {out}\n    return"
        f" {end}\n"
    )


MISTAKES = [
    Mistake("no shortcut", _answer(end="out"), says="input is not added"),
    Mistake("always a shortcut", _answer(end="out + x"), says="raised"),
    Mistake("shortcut where only the channels fit", _answer(end="out + x if out.shape[1] == x.shape[1] else out"), says="raised"),
    Mistake("ReLU6 behind the projection", _answer(out="F.relu6(project(middle))"), says="linear bottleneck"),
    Mistake("ReLU behind the sum", _answer(end="F.relu(out + x if out.shape == x.shape else out)"), says="as in a ResNet"),
    Mistake("ReLU6 behind the sum", _answer(end="F.relu6(out + x) if out.shape == x.shape else out"), says="behind the sum"),
    Mistake("ReLU", _answer(wide="F.relu(expand(x))", middle="F.relu(depthwise(wide))"), says="use ReLU6"),
    Mistake("no activation in the middle", _answer(middle="depthwise(wide)"), says="no ReLU6 behind the depthwise"),
    Mistake("no activation at first", _answer(wide="expand(x)"), says="no ReLU6 behind the expansion"),
    Mistake("no activations", _answer(wide="expand(x)", middle="depthwise(wide)"), says="one linear layer"),
    Mistake("the wide tensor returned", _answer(end="middle"), says="shape"),
    Mistake(
        "shortcut from the wide tensor", _answer(end="project(middle + wide) if out.shape == x.shape else out"), says="block's *input*"
    ),
]
