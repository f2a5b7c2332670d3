"""Right answers in other words to `freeze_base`, lab 07d."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "all frozen first, an iterator",
        "def freeze_base(model):\n    model.requires_grad_(False).eval()\n    chosen = [p.requires_grad_() for n, p in model.named_parameters() if 'lora' in n]\n    return iter(chosen)\n",
    ),
    Right(
        "module by module, the other order",
        "def freeze_base(model):\n    for module in model.modules():\n        module.training = False\n    learn = []\n    for name, p in reversed(list(model.named_parameters())):\n        p.requires_grad = 'lora' in name\n        if p.requires_grad:\n            learn.append(p)\n    return tuple(learn)\n",
    ),
    Right(
        "a dict's values",
        "def freeze_base(model):\n    model.train(mode=False)\n    named = dict(model.named_parameters())\n    adapters = {n: p for n, p in named.items() if n.split('.')[-2].startswith('lora')}\n    for n in named:\n        named[n].requires_grad_(n in adapters)\n    return adapters.values()\n",
    ),
    Right(
        "batch norm in eval mode, dropout left at work",
        "def freeze_base(model):\n    for m in model.modules():\n        if isinstance(m, nn.BatchNorm2d):\n            m.eval()\n    for n, p in model.named_parameters():\n        p.requires_grad_('lora' in n)\n    return list(filter(lambda p: p.requires_grad, model.parameters()))\n",
    ),
]
