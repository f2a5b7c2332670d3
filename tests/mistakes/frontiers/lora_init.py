"""Wrong answers to `lora_init`, lab 07d."""

from tests.mistakes import Mistake


def _init(
    a="torch.randn(rank, inputs, generator=generator) / inputs**0.5",
    b="torch.zeros(outputs, rank)",
    result="a.requires_grad_(), b.requires_grad_()",
):
    return f"def lora_init(inputs, outputs, rank, generator):\n    a = {a}\n    b = {b}\n    return {result}\n"


MISTAKES = [
    Mistake("both zero", _init(a="torch.zeros(rank, inputs)"), says="for ever"),
    Mistake("both random", _init(b="torch.randn(outputs, rank, generator=generator)"), says="Start b at zero"),
    Mistake(
        "a zero instead of b",
        _init(a="torch.zeros(rank, inputs)", b="torch.randn(outputs, rank, generator=generator) / inputs**0.5"),
        says="convention",
    ),
    Mistake("shapes swapped", _init(a="torch.randn(inputs, rank, generator=generator) / inputs**0.5"), says="has shape"),
    Mistake("not scaled", _init(a="torch.randn(rank, inputs, generator=generator)"), says="1 / sqrt(inputs)"),
    Mistake("uniform from 0", _init(a="torch.rand(rank, inputs, generator=generator) * 2 / inputs**0.5"), says="centred"),
    Mistake("generator not used", _init(a="torch.randn(rank, inputs) / inputs**0.5"), says="generator=generator"),
    Mistake("no gradient", _init(result="a, b"), says="require a gradient"),
    Mistake(
        "gradient required too early",
        _init(a="torch.randn(rank, inputs, generator=generator, requires_grad=True) / inputs**0.5", result="a, b.requires_grad_()"),
        says="requires_grad_() comes last",
    ),
    Mistake(
        "float64", _init(a="torch.randn(rank, inputs, generator=generator, dtype=torch.float64) / inputs**0.5"), says="expected float32"
    ),
    Mistake("scaled by the rank", _init(a="torch.randn(rank, inputs, generator=generator) / rank"), says="1 / sqrt(inputs)"),
]
