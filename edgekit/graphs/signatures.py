"""What the inputs and outputs of a model are: their types, their sizes, which of them are free, and which one counts the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

FREE = "?"  # a dimension that may have any size, and whose name says nothing


def described(dtype: str, shape: tuple | None) -> str:
    """float32 [batch, 3, 224, 224]; [...] where the number of dimensions is free, and nothing where there is no tensor."""
    if shape is None and "(" in dtype:
        return dtype
    return f"{dtype} [{'...' if shape is None else ', '.join(map(str, shape))}]"


def signature(value) -> tuple[str, tuple | None]:
    """(dtype, shape) of an ``onnx.ValueInfoProto``.

    shape holds an int for a fixed dimension, a str for a free one (its name, or `FREE`), and is None where even the number of
    dimensions is free. What is no tensor has its ONNX type as dtype ("sequence(map(int64, float32))", "optional(float32)").
    """
    kind = value.type.WhichOneof("value")
    if kind not in ("tensor_type", "sparse_tensor_type"):
        return _type_name(value.type), None
    tensor = getattr(value.type, kind)
    shape = tuple(map(dimension, tensor.shape.dim)) if tensor.HasField("shape") else None
    return dtype_name(tensor.elem_type), shape


def dimension(d) -> int | str:
    """An int, or a str for a free dimension. The one place that decides: older converters write a free dimension as -1, as "?", as
    "None", or without any name."""
    if d.HasField("dim_value"):
        return d.dim_value if d.dim_value >= 0 else FREE
    name = d.dim_param.strip()
    return FREE if name in ("", "?", "None", "none") or name.lstrip("-").isdigit() else name


def _batch(shapes: dict[str, tuple | None]) -> tuple[Callable[[int, int | str], bool], set[str]]:
    """(whether a dimension at a place is the batch, the names that are dimensions of their own) of a model's inputs.

    The batch is a free first dimension, and every dimension of the same name ([2, n, 4] beside [n, 3]), and what is called so. A first
    dimension whose name stands behind the batch of another input is none: positions [seq] beside ids [batch, seq].
    """
    known = [shape for shape in shapes.values() if shape]
    named = {d for shape in known for d in shape if isinstance(d, str) and "batch" in d.lower()}
    leading = [s for s in known if isinstance(s[0], str) and (s[0] in named or not named.intersection(s))]
    behind = {d for s in leading for d in s[1:] if isinstance(d, str) and d != s[0]} - named - {FREE}
    first = {s[0] for s in leading} - behind
    return lambda i, d: d in named or (d in first and (i == 0 or d != FREE)), behind


def with_batch(shapes: dict[str, tuple], batch: int) -> dict[str, tuple]:
    """The shapes of a model's inputs with ``batch`` where a free dimension is the batch; other free dimensions stay as they are."""
    is_batch, _ = _batch(shapes)
    return {n: tuple(batch if isinstance(d, str) and is_batch(i, d) else d for i, d in enumerate(s)) for n, s in shapes.items()}


def row_axes(shapes: dict[str, tuple | None], arrays: Mapping) -> dict[str, int | None]:
    """Which axis of each array counts the rows: the one that is the batch (see `with_batch`); else the only free one, without a name of its
    own, that is as long as the batch of the others; else none. Where no input has a batch it is the first of all."""
    import numpy as np

    is_batch, own = _batch(shapes)
    have = {name: np.shape(arrays[name]) for name in shapes if name in arrays}
    places = {n: [i for i, d in enumerate(shapes[n] or ()) if isinstance(d, str) and is_batch(i, d)] for n in have}
    rows = {have[name][found[0]] for name, found in places.items() if found and found[0] < len(have[name])}
    axes: dict[str, int | None] = {}
    for name, sizes in have.items():
        shape, found = shapes[name], places[name]
        if shape is None or not any(places.values()):
            axes[name] = 0 if sizes else None
            continue
        if not found and len(sizes) == len(shape):
            alike = [i for i, d in enumerate(shape) if isinstance(d, str) and d not in own and sizes[i] in rows]
            found = alike if len(alike) == 1 else []
        axes[name] = found[0] if found else None
    return {name: axis for name, axis in axes.items() if axis is None or axis < len(have[name])}


def _type_name(kind) -> str:
    which = kind.WhichOneof("value")
    if which == "sequence_type":
        return f"sequence({_type_name(kind.sequence_type.elem_type)})"
    if which == "optional_type":
        return f"optional({_type_name(kind.optional_type.elem_type)})"
    if which == "map_type":
        return f"map({dtype_name(kind.map_type.key_type)}, {_type_name(kind.map_type.value_type)})"
    return dtype_name(getattr(kind, which).elem_type) if which else "unknown"


def dtype_name(data_type: int) -> str:
    """NumPy's name for an ONNX element type ("float32", "int8"), or ONNX's in lower case where NumPy has none."""
    import onnx

    name = onnx.TensorProto.DataType.Name(data_type).lower()
    return {"float": "float32", "double": "float64", "string": "str"}.get(name, name)


def bits(data_type: int) -> int:
    """Of one element of an ONNX type; 0 for a string."""
    name = dtype_name(data_type)
    if name.startswith("float8"):
        return 8
    digits = "".join(c for c in name if c.isdigit())
    if name.startswith(("float4", "int4", "uint4", "int2", "uint2")):
        return int(digits[0])
    return int(digits) if digits and name != "complex64" else {"bool": 8, "complex64": 64, "str": 0}.get(name, 8)
