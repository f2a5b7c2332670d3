"""Wrong answers to `buffer_bytes`, lab 06b."""

from tests.mistakes import Mistake

_BYTES = """
def buffer_bytes(specs, batch):
    return {{name: {size} for name, (dtype, shape) in specs.items()}}
"""


_ELEMENTS = 'math.prod(batch if d == "batch" else d for d in shape)'


_ITEM = "np.dtype(dtype).itemsize"


MISTAKES = [
    Mistake("elements, not bytes", _BYTES.format(size=_ELEMENTS), says="number of elements"),
    Mistake("four bytes for everything", _BYTES.format(size=f"4 * {_ELEMENTS}"), says="not every tensor is float32"),
    Mistake("batch of one", _BYTES.format(size=f'math.prod(1 if d == "batch" else d for d in shape) * {_ITEM}'), says="largest batch"),
    Mistake(
        "first dimension is always the batch",
        _BYTES.format(size=f"batch * math.prod(shape[1:]) * {_ITEM}").replace("shape[1:]", 'd for d in shape[1:] if d != "batch"'),
        says="expected",
    ),
    Mistake(
        "batch multiplied into everything",
        _BYTES.format(size=f'batch * math.prod(d for d in shape if d != "batch") * {_ITEM}'),
        says="no batch dimension",
    ),
    Mistake("one number for all", "def buffer_bytes(specs, batch):\n    return 4 * batch\n", says="should be a dict"),
    Mistake(
        "only the first dimension can be the batch",
        """\
def buffer_bytes(specs, batch):
    replaced = lambda shape: (batch, *shape[1:]) if shape[:1] == ('batch',) else shape
    return {name: math.prod(replaced(shape)) * np.dtype(dtype).itemsize for name, (dtype, shape) in specs.items()}
""",
        says="still among the dimensions",
    ),
    Mistake(
        "batch counted once",
        _BYTES.format(size=f'math.prod(d for d in shape if d != "batch") * (batch if "batch" in shape else 1) * {_ITEM}'),
        says="counts twice",
    ),
    Mistake("bits", _BYTES.format(size=f"8 * {_ELEMENTS} * {_ITEM}"), says="bytes of one element"),
]
