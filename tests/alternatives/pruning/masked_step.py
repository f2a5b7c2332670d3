"""Right answers in other words to `masked_step`, lab 03b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "torch.where, copied",
        "def masked_step(model, optimizer, loss, masks):\n    model.zero_grad()\n    loss.backward()\n    optimizer.step()\n    with torch.no_grad():\n        for name, p in model.named_parameters():\n            if name in masks:\n                p.copy_(torch.where(masks[name], p, 0.0))\n",
    ),
    Right(
        "data, gradients too",
        "def masked_step(model, optimizer, loss, masks):\n    optimizer.zero_grad(set_to_none=False)\n    loss.backward()\n    parameters = dict(model.named_parameters())\n    for name, mask in masks.items():\n        parameters[name].grad *= mask\n    optimizer.step()\n    for name, mask in masks.items():\n        parameters[name].data = parameters[name].data * mask\n",
    ),
    Right(
        "autograd.grad, masked_fill_",
        "def masked_step(model, optimizer, loss, masks):\n    every = list(model.parameters())\n    for p, g in zip(every, torch.autograd.grad(loss, every)):\n        p.grad = g\n    optimizer.step()\n    for name, keep in masks.items():\n        model.get_parameter(name).detach().masked_fill_(~keep, 0)\n",
    ),
    Right(
        "by index, clears afterwards as well",
        "def masked_step(model, optimizer, loss, masks):\n    optimizer.zero_grad()\n    loss.backward()\n    optimizer.step()\n    optimizer.zero_grad()\n    state = model.state_dict()\n    for name in masks:\n        state[name][masks[name].logical_not()] = 0\n",
    ),
]
