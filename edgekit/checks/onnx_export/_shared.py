"""What several checks of lab 04 use."""

from __future__ import annotations


def _dims(value) -> list:
    """The dimensions of a graph input or output: an int, a name, or None where neither is given."""
    shape = value.type.tensor_type.shape
    return [d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in shape.dim]
