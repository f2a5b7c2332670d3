"""Wrong answers to `lora_forward`, lab 07d."""

from tests.mistakes import Mistake


def _forward(extra: str) -> str:
    return (
        "def lora_forward(x, weight, bias, a, b, alpha):\n    r = a.shape[0]\n    base = nn.functional.linear(x, weight, bias)\n    return"
        f" {extra}\n"
    )


MISTAKES = [
    Mistake("scale missing", _forward("base + (x @ a.T) @ b.T"), says="scale is missing"),
    Mistake("not divided by the rank", _forward("base + alpha * (x @ a.T) @ b.T"), says="not divided by the rank"),
    Mistake("scale turned round", _forward("base + r / alpha * (x @ a.T) @ b.T"), says="alpha over r"),
    Mistake("rank from the wrong dimension", _forward("base + alpha / a.shape[1] * (x @ a.T) @ b.T"), says="that A and B share"),
    Mistake("base left out", _forward("alpha / r * (x @ a.T) @ b.T"), says="frozen layer computes too"),
    Mistake("bias left out", _forward("x @ weight.T + alpha / r * (x @ a.T) @ b.T"), says="bias is missing"),
    Mistake("scale on everything", _forward("alpha / r * (base + (x @ a.T) @ b.T)"), says="frozen layer too"),
    Mistake("adapter not transposed", _forward("base + alpha / r * (x @ a) @ b"), says="raised RuntimeError"),
    Mistake("adapter left out", _forward("base"), says="no effect"),
    Mistake("square root of the rank", _forward("base + alpha / r**0.5 * (x @ a.T) @ b.T"), says="expected alpha / r ="),
    Mistake("bias twice", _forward("base + bias + alpha / r * (x @ a.T) @ b.T"), says="with its bias"),
    Mistake("the second product not transposed", _forward("base + alpha / r * (x @ a.T) @ b"), says="to be transposed"),
]
