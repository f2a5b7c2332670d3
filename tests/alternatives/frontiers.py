from tests.alternatives import Right

RIGHT: dict[str, list[Right]] = {
    "round_to_fp8": [
        Right(
            "frexp and ldexp",
            """
def round_to_fp8(x):
    _, e = np.frexp(x)
    e = np.maximum(e - 1, -6) - 3
    y = np.ldexp(np.rint(np.ldexp(x, -e)), e)
    return np.clip(y, -448, 448)
""",
        ),
        Right(
            "a table of all numbers",
            """
def round_to_fp8(x):
    table = [0.0] + [m * 2.0**-9 for m in range(1, 8)] + [(1 + m / 8) * 2.0**e for e in range(-6, 9) for m in range(8)]
    table = np.array(table[:-1])
    size = np.abs(x).astype(np.float64)
    low = np.clip(np.searchsorted(table, size, side="right") - 1, 0, len(table) - 2)
    below, above = size - table[low], table[low + 1] - size
    up = (above < below) | ((above == below) & (low % 2 == 1))
    return (np.sign(x) * table[low + up]).astype(np.float32)
""",
        ),
        Right(
            "a magic number added and taken away, in float64",
            """
def round_to_fp8(x):
    y = np.clip(x.astype(np.float64), -448, 448)
    bits = np.abs(y).view(np.int64) >> 52
    power = np.ldexp(1.0, np.maximum(bits - 1023, -6) - 3)
    big = 1.5 * 2.0**52 * power
    return y + big - big
""",
        ),
        Right(
            "number by number, math",
            """
def _one(v):
    import math
    if v < 0:
        return -_one(-v)
    if v >= 448:
        return 448.0
    step = 2.0 ** -9
    while v > 16 * step:
        step *= 2
    return round(v / step) * step


def round_to_fp8(x):
    return np.vectorize(_one, otypes=[np.float32])(x)
""",
        ),
        Right(
            "bits of the float32, a tensor",
            """
def round_to_fp8(x):
    t = torch.from_numpy(x).clamp(-448, 448)
    i = t.abs().view(torch.int32)
    i = (i + 0x7FFFF + ((i >> 20) & 1)) & ~0xFFFFF
    small = (t.abs() * 512).round() / 512
    return torch.where(t.abs() < 2**-6, small, i.view(torch.float32)).copysign(t)
""",
        ),
    ],
    "int4_groupwise": [
        Right(
            "loops, integers from Python's round",
            """
def int4_groupwise(weight, group):
    out, columns = weight.shape
    q, s = np.zeros(weight.shape, np.int8), np.ones((out, columns // group), np.float32)
    for i in range(out):
        for j in range(columns // group):
            part = weight[i, j * group : (j + 1) * group]
            top = float(max(abs(part)))
            if top:
                s[i, j] = top / 7
                q[i, j * group : (j + 1) * group] = [round(float(v) * 7 / top) for v in part]
    return q, s
""",
        ),
        Right(
            "torch, amax, a floor under the scale, a list",
            """
def int4_groupwise(weight, group):
    w = torch.from_numpy(weight).unflatten(1, (-1, group))
    scale = (w.abs().amax(-1, keepdim=True) / 7).clamp_min(torch.finfo(torch.float32).tiny)
    q = torch.clamp(torch.round(w / scale), -7, 7).to(torch.int8)
    return [q.flatten(1), scale.squeeze(-1)]
""",
        ),
        Right(
            "reduceat and repeat, half away from zero, float64",
            """
def int4_groupwise(weight, group):
    w = weight.astype(float)
    top = np.maximum.reduceat(abs(w), np.arange(0, w.shape[1], group), axis=1)
    scales = np.where(top > 0, top, 7) / 7
    steps = w / np.repeat(scales, group, axis=1)
    return (np.sign(steps) * np.floor(np.abs(steps) + 0.5)).astype(np.int8), scales
""",
        ),
        Right(
            "np.divide with where, scales stay 0",
            """
def int4_groupwise(weight, group):
    rows = weight.reshape(-1, group)
    s = np.linalg.norm(rows, np.inf, axis=1, keepdims=True) / np.float32(7)
    q = np.divide(rows, s, out=np.zeros_like(rows), where=s > 0)
    np.rint(q, out=q)
    return q.astype("i1").reshape(weight.shape), s.reshape(len(weight), weight.shape[1] // group)
""",
        ),
    ],
    "lora_forward": [
        Right("two linears", "def lora_forward(x, weight, bias, a, b, alpha):\n    F = nn.functional\n    return F.linear(x, weight, bias) + F.linear(F.linear(x, a), b) * (alpha / len(a))\n"),
        Right("merged", "def lora_forward(x, weight, bias, a, b, alpha):\n    r = b.shape[1]\n    return torch.addmm(bias, x, (weight + alpha / r * b @ a).T)\n"),
        Right("einsum, NumPy, float64", "def lora_forward(x, weight, bias, a, b, alpha):\n    x, weight, bias, a, b = (t.numpy().astype(float) for t in (x, weight, bias, a, b))\n    return np.einsum('ni,oi->no', x, weight) + bias + alpha * np.einsum('ni,ri,or->no', x, a, b) / a.shape[0]\n"),
        Right("one wide product", "def lora_forward(x, weight, bias, a, b, alpha):\n    s = torch.tensor(alpha / a.size(0)).sqrt()\n    wide = torch.cat([x, s * x @ a.mT, torch.ones(len(x), 1)], 1)\n    return wide @ torch.cat([weight, s * b, bias[:, None]], 1).mT\n"),
    ],
    "lora_init": [
        Right("normal_ with a generator, parameters", "def lora_init(inputs, outputs, rank, generator):\n    a = nn.Parameter(torch.empty(rank, inputs).normal_(0, inputs**-0.5, generator=generator))\n    return a, nn.Parameter(torch.zeros(outputs, rank))\n"),
        Right("Kaiming's uniform, as in the reference code", "def lora_init(inputs, outputs, rank, generator):\n    import math\n    a, b = torch.empty((rank, inputs), requires_grad=True), torch.zeros((outputs, rank), requires_grad=True)\n    nn.init.kaiming_uniform_(a, a=math.sqrt(5), generator=generator)\n    return [a, b]\n"),
        Right("torch.normal, b from new_zeros", "def lora_init(inputs, outputs, rank, generator):\n    a = torch.normal(0.0, 1 / inputs**0.5, (rank, inputs), generator=generator, requires_grad=True)\n    b = a.detach().new_zeros(outputs, rank).requires_grad_(True)\n    return a, b\n"),
        Right("uniform, centred, no_grad", "def lora_init(inputs, outputs, rank, generator):\n    with torch.no_grad():\n        a = (torch.rand(rank, inputs, generator=generator) - 0.5) * (12 / inputs) ** 0.5\n        b = 0 * torch.empty(outputs, rank).fill_(1)\n    for t in (a, b):\n        t.requires_grad = True\n    return a, b\n"),
        Right("parameters of layers", "def lora_init(inputs, outputs, rank, generator):\n    down, up = nn.Linear(inputs, rank, bias=False), nn.Linear(rank, outputs, bias=False)\n    nn.init.normal_(down.weight, std=inputs**-0.5, generator=generator)\n    nn.init.zeros_(up.weight)\n    return down.weight, up.weight\n"),
    ],
    "freeze_base": [
        Right("all frozen first, an iterator", "def freeze_base(model):\n    model.requires_grad_(False).eval()\n    chosen = [p.requires_grad_() for n, p in model.named_parameters() if 'lora' in n]\n    return iter(chosen)\n"),
        Right("module by module, the other order", "def freeze_base(model):\n    for module in model.modules():\n        module.training = False\n    learn = []\n    for name, p in reversed(list(model.named_parameters())):\n        p.requires_grad = 'lora' in name\n        if p.requires_grad:\n            learn.append(p)\n    return tuple(learn)\n"),
        Right("a dict's values", "def freeze_base(model):\n    model.train(mode=False)\n    named = dict(model.named_parameters())\n    adapters = {n: p for n, p in named.items() if n.split('.')[-2].startswith('lora')}\n    for n in named:\n        named[n].requires_grad_(n in adapters)\n    return adapters.values()\n"),
        Right("batch norm in eval mode, dropout left at work", "def freeze_base(model):\n    for m in model.modules():\n        if isinstance(m, nn.BatchNorm2d):\n            m.eval()\n    for n, p in model.named_parameters():\n        p.requires_grad_('lora' in n)\n    return list(filter(lambda p: p.requires_grad, model.parameters()))\n"),
    ],
}  # fmt: skip
