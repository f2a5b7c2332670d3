"""What the stand-ins for NVIDIA's libraries share (fake_gpu, fake_tensorrt)."""

from __future__ import annotations


class StandIn:
    """An object of a library that is not here. What it lacks, it says in words.

    Its ``with`` is from TensorRT's old times, and does nothing: the objects live as long as Python needs them.
    """

    _library = "every TensorRT from 10.3 on"

    def __getattr__(self, name):
        raise AttributeError(f"{self!r}.{name} is not in {self._library}, or not needed here")

    def __repr__(self):
        return type(self).__name__

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def bound(cls: type, **known) -> type:
    """The class as a module of the stand-in gives it away: its objects know what only the check knows, as attributes of these names."""
    return type(cls.__name__, (cls,), known)
