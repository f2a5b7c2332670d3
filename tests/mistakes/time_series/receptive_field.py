"""Wrong answers to `receptive_field`, lab 03g."""

from tests.mistakes import Mistake


def _answer(start="1", reach="(kernel - 1) * dilation * step", grow="step *= stride", end="total"):
    return (
        f"def receptive_field(layers):\n    total, step = {start}, 1\n    for kernel, dilation, stride in layers:\n"
        f"        total += {reach}\n        {grow}\n    return {end}\n"
    )


MISTAKES = [
    Mistake("kernel times dilation", _answer(reach="kernel * dilation * step"), says="K - 1 gaps"),
    Mistake("dilation forgotten", _answer(reach="(kernel - 1) * step"), says="without dilation"),
    Mistake("its own sample forgotten", _answer(start="0"), says="sees its own sample"),
    Mistake("a whole layer's reach added", _answer(start="0", reach="((kernel - 1) * dilation + 1) * step"), says="counts once"),
    Mistake("stride forgotten", _answer(grow="pass"), says="without strides"),
    Mistake(
        "stretched by its own stride",
        "def receptive_field(layers):\n    total, step = 1, 1\n    for kernel, dilation, stride in layers:\n        step *= stride\n"
        "        total += (kernel - 1) * dilation * step\n    return total\n",
        says="its own stride",
    ),
    Mistake("strides added", _answer(grow="step += stride - 1"), says="steps multiply"),
    Mistake(
        "only the widest layer",
        "def receptive_field(layers):\n    return 1 + max((kernel - 1) * dilation for kernel, dilation, stride in layers)\n",
        says="add up",
    ),
    Mistake("in seconds", _answer(end="total / 4000"), says="whole number"),
    Mistake("printed", _answer(end="print(total)"), says="forget `return`"),
]
