"""Right answers in other words to `stream_step`, lab 03g."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "torch.conv1d on the little that is needed",
        """
def stream_step(x, state, weight, bias, dilation):
    seen = torch.cat([torch.from_numpy(state), torch.from_numpy(x)[:, None]], 1)
    y = torch.nn.functional.conv1d(seen[None], torch.from_numpy(weight), torch.from_numpy(bias), dilation=dilation)
    return y[0, :, 0].numpy(), seen[:, 1:].numpy()
""",
    ),
    Right(
        "loops",
        """
def stream_step(x, state, weight, bias, dilation):
    y = bias.copy()
    kernel = weight.shape[2]
    for k in range(kernel):
        column = x if k == kernel - 1 else state[:, k * dilation]
        y += weight[:, :, k] @ column
    new = np.roll(state, -1, axis=1)
    new[:, -1] = x
    return [y, new]
""",
    ),
    Right(
        "tensordot, the state changed in place",
        """
def stream_step(x, state, weight, bias, dilation):
    seen = np.column_stack([state, x])
    out = np.tensordot(weight, seen[:, ::dilation], axes=2)
    state[:, :-1] = state[:, 1:].copy()
    state[:, -1] = x
    return out + bias, state
""",
    ),
]
