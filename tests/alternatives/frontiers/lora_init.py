"""Right answers in other words to `lora_init`, lab 07d."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "normal_ with a generator, parameters",
        "def lora_init(inputs, outputs, rank, generator):\n    a = nn.Parameter(torch.empty(rank, inputs).normal_(0, inputs**-0.5, generator=generator))\n    return a, nn.Parameter(torch.zeros(outputs, rank))\n",
    ),
    Right(
        "Kaiming's uniform, as in the reference code",
        "def lora_init(inputs, outputs, rank, generator):\n    import math\n    a, b = torch.empty((rank, inputs), requires_grad=True), torch.zeros((outputs, rank), requires_grad=True)\n    nn.init.kaiming_uniform_(a, a=math.sqrt(5), generator=generator)\n    return [a, b]\n",
    ),
    Right(
        "torch.normal, b from new_zeros",
        "def lora_init(inputs, outputs, rank, generator):\n    a = torch.normal(0.0, 1 / inputs**0.5, (rank, inputs), generator=generator, requires_grad=True)\n    b = a.detach().new_zeros(outputs, rank).requires_grad_(True)\n    return a, b\n",
    ),
    Right(
        "uniform, centred, no_grad",
        "def lora_init(inputs, outputs, rank, generator):\n    with torch.no_grad():\n        a = (torch.rand(rank, inputs, generator=generator) - 0.5) * (12 / inputs) ** 0.5\n        b = 0 * torch.empty(outputs, rank).fill_(1)\n    for t in (a, b):\n        t.requires_grad = True\n    return a, b\n",
    ),
    Right(
        "parameters of layers",
        "def lora_init(inputs, outputs, rank, generator):\n    down, up = nn.Linear(inputs, rank, bias=False), nn.Linear(rank, outputs, bias=False)\n    nn.init.normal_(down.weight, std=inputs**-0.5, generator=generator)\n    nn.init.zeros_(up.weight)\n    return down.weight, up.weight\n",
    ),
]
