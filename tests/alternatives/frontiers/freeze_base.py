"""Right answers in other words to `freeze_base`, lab 07d."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "all frozen first, an iterator",
        """\
def freeze_base(model):
    model.requires_grad_(False).eval()
    chosen = [p.requires_grad_() for n, p in model.named_parameters() if 'lora' in n]
    return iter(chosen)
""",
    ),
    Right(
        "module by module, the other order",
        """\
def freeze_base(model):
    for module in model.modules():
        module.training = False
    learn = []
    for name, p in reversed(list(model.named_parameters())):
        p.requires_grad = 'lora' in name
        if p.requires_grad:
            learn.append(p)
    return tuple(learn)
""",
    ),
    Right(
        "a dict's values",
        """\
def freeze_base(model):
    model.train(mode=False)
    named = dict(model.named_parameters())
    adapters = {n: p for n, p in named.items() if n.split('.')[-2].startswith('lora')}
    for n in named:
        named[n].requires_grad_(n in adapters)
    return adapters.values()
""",
    ),
    Right(
        "batch norm in eval mode, dropout left at work",
        """\
def freeze_base(model):
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.eval()
    for n, p in model.named_parameters():
        p.requires_grad_('lora' in n)
    return list(filter(lambda p: p.requires_grad, model.parameters()))
""",
    ),
]
