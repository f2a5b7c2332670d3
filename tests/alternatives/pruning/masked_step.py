"""Right answers in other words to `masked_step`, lab 03b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "torch.where, copied",
        """\
def masked_step(model, optimizer, loss, masks):
    model.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name in masks:
                p.copy_(torch.where(masks[name], p, 0.0))
""",
    ),
    Right(
        "data, gradients too",
        """\
def masked_step(model, optimizer, loss, masks):
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    parameters = dict(model.named_parameters())
    for name, mask in masks.items():
        parameters[name].grad *= mask
    optimizer.step()
    for name, mask in masks.items():
        parameters[name].data = parameters[name].data * mask
""",
    ),
    Right(
        "autograd.grad, masked_fill_",
        """\
def masked_step(model, optimizer, loss, masks):
    every = list(model.parameters())
    for p, g in zip(every, torch.autograd.grad(loss, every)):
        p.grad = g
    optimizer.step()
    for name, keep in masks.items():
        model.get_parameter(name).detach().masked_fill_(~keep, 0)
""",
    ),
    Right(
        "by index, clears afterwards as well",
        """\
def masked_step(model, optimizer, loss, masks):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    state = model.state_dict()
    for name in masks:
        state[name][masks[name].logical_not()] = 0
""",
    ),
]
