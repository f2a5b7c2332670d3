"""Wrong answers to `calibrate`, lab 07a."""

from tests.mistakes import Mistake

_CALIBRATE = """
def calibrate(model, splits, batch_size):
    {mode}
    with {grad}:
        for batch in {pictures}:
            model(batch)
"""


def _calibrate(mode="model.eval()", grad="torch.no_grad()", pictures='torch.from_numpy(splits["train"].x).split(batch_size)'):
    return _CALIBRATE.format(mode=mode, grad=grad, pictures=pictures)


MISTAKES = [
    Mistake("train mode", _calibrate(mode="pass"), says="train mode"),
    Mistake("test pictures", _calibrate(pictures='torch.from_numpy(splits["test"].x).split(batch_size)'), says="test pictures"),
    Mistake(
        "bytes",
        _calibrate(pictures='torch.from_numpy(splits["train"].images[:, None]).float().split(batch_size)'),
        says="255 times too wide",
    ),
    Mistake("only the first batch", _calibrate(pictures='[torch.from_numpy(splits["train"].x[:batch_size])]'), says="never shown"),
    Mistake(
        "last batch dropped",
        _calibrate(pictures='torch.from_numpy(splits["train"].x[: len(splits["train"]) // batch_size * batch_size]).split(batch_size)'),
        says="never shown",
    ),
    Mistake("all at once", _calibrate(pictures='[torch.from_numpy(splits["train"].x)]'), says="asked was a batch size"),
    Mistake("gradients recorded", _calibrate(grad="torch.enable_grad()"), says="no_grad"),
    Mistake("never run", "def calibrate(model, splits, batch_size):\n    model.eval()\n", says="never called"),
    Mistake("a copy is shown them", _calibrate(mode="model = copy.deepcopy(model).eval()"), says="A copy of it"),
    Mistake(
        "normalized pictures",
        _calibrate(pictures='((torch.from_numpy(splits["train"].x) - 0.5) / 0.5).split(batch_size)'),
        says="normalized",
    ),
    Mistake(
        "bytes as they are",
        _calibrate(pictures='torch.from_numpy(splits["train"].images[:, None]).split(batch_size)'),
        says="255 times too wide",
    ),
    Mistake("one picture at a time", _calibrate(pictures='torch.from_numpy(splits["train"].x).split(1)'), says="many small batches"),
    Mistake("gradients left off", _calibrate(mode="model.eval()\n    torch.set_grad_enabled(False)"), says="still switched off"),
    Mistake(
        "parameters frozen",
        _calibrate(mode="model.eval().requires_grad_(False)", grad="torch.enable_grad()"),
        says="leaves the parameters alone",
    ),
]
