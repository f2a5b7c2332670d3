"""Right answers in other words to `int4_groupwise`, lab 07d."""

from tests.alternatives import Right

RIGHT: list[Right] = [
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
]
