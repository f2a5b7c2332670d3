"""Right answers in other words to `lora_init`, lab 07d."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "normal_ with a generator, parameters",
        """\
def lora_init(inputs, outputs, rank, generator):
    a = nn.Parameter(torch.empty(rank, inputs).normal_(0, inputs**-0.5, generator=generator))
    return a, nn.Parameter(torch.zeros(outputs, rank))
""",
    ),
    Right(
        "Kaiming's uniform, as in the reference code",
        """\
def lora_init(inputs, outputs, rank, generator):
    import math
    a, b = torch.empty((rank, inputs), requires_grad=True), torch.zeros((outputs, rank), requires_grad=True)
    nn.init.kaiming_uniform_(a, a=math.sqrt(5), generator=generator)
    return [a, b]
""",
    ),
    Right(
        "torch.normal, b from new_zeros",
        """\
def lora_init(inputs, outputs, rank, generator):
    a = torch.normal(0.0, 1 / inputs**0.5, (rank, inputs), generator=generator, requires_grad=True)
    b = a.detach().new_zeros(outputs, rank).requires_grad_(True)
    return a, b
""",
    ),
    Right(
        "uniform, centred, no_grad",
        """\
def lora_init(inputs, outputs, rank, generator):
    with torch.no_grad():
        a = (torch.rand(rank, inputs, generator=generator) - 0.5) * (12 / inputs) ** 0.5
        b = 0 * torch.empty(outputs, rank).fill_(1)
    for t in (a, b):
        t.requires_grad = True
    return a, b
""",
    ),
    Right(
        "parameters of layers",
        """\
def lora_init(inputs, outputs, rank, generator):
    down, up = nn.Linear(inputs, rank, bias=False), nn.Linear(rank, outputs, bias=False)
    nn.init.normal_(down.weight, std=inputs**-0.5, generator=generator)
    nn.init.zeros_(up.weight)
    return down.weight, up.weight
""",
    ),
]
