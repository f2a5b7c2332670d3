"""Wrong answers to `score`, lab 07b."""

from tests.mistakes import Mistake

_SCORE = """
def score(model, images, labels):
    {mode}
    with {grad}:
        logits = model(images)
        return {value}
"""


def _score(mode="model.eval()", grad="torch.inference_mode()", value="(logits.argmax(1) == labels).float().mean().item()"):
    return _SCORE.format(mode=mode, grad=grad, value=value)


MISTAKES = [
    Mistake("the loss", _score(value="nn.functional.cross_entropy(logits, labels).item()"), says="*maximizes*"),
    Mistake("error rate", _score(value="(logits.argmax(1) != labels).float().mean().item()"), says="*wrong* answers"),
    Mistake("a count", _score(value="float((logits.argmax(1) == labels).sum())"), says="number of right answers"),
    Mistake("percent", _score(value="100 * (logits.argmax(1) == labels).float().mean().item()"), says="in percent"),
    Mistake("train mode", _score(mode="pass"), says="train mode"),
    Mistake("gradients recorded", _score(grad="torch.enable_grad()"), says="gradients"),
    Mistake("a tensor", _score(value="(logits.argmax(1) == labels).float().mean()"), says=".item()"),
    Mistake(
        "argmax over the batch", _score(value="(logits.argmax(0)[:1] == labels).float().mean().item()"), says="class of the largest logit"
    ),
]
