"""Right answers in other words to `buffer_bytes`, lab 06b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "NumPy's nbytes",
        """\
def buffer_bytes(specs, batch):
    return {n: np.empty([batch if d == 'batch' else d for d in shape], dtype).nbytes for n, (dtype, shape) in specs.items()}
""",
    ),
    Right(
        "np.prod, a float for a scalar",
        """\
def buffer_bytes(specs, batch):
    out = {}
    for name in specs:
        dtype, shape = specs[name]
        out[name] = np.prod([batch if isinstance(d, str) else d for d in shape]) * np.dtype(dtype).itemsize
    return out
""",
    ),
    Right(
        "torch's nbytes",
        """\
def buffer_bytes(specs, batch):
    import torch
    size = lambda shape: [batch if d == 'batch' else d for d in shape]
    return {n: torch.empty(size(shape), dtype=getattr(torch, dtype)).nbytes for n, (dtype, shape) in specs.items()}
""",
    ),
    Right(
        "bits from the name, a loop, an OrderedDict",
        """
def buffer_bytes(specs, batch):
    import re
    from collections import OrderedDict
    sizes = OrderedDict()
    for name, (dtype, shape) in specs.items():
        bits = 8 if dtype == "bool" else int(re.search(r"[0-9]+", dtype).group())
        for d in shape:
            bits *= {"batch": batch}.get(d, d)
        sizes[name] = bits / 8
    return sizes
""",
    ),
]
