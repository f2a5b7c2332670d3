"""What every engine has in common: named and typed inputs that are checked before the engine sees them."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np


class RunnerError(RuntimeError):
    """An engine, provider or model that does not work here; the message names the fix."""


class InputError(ValueError):
    """An input with the wrong name, shape or dtype; the message says what was expected and what came."""


@dataclass(frozen=True)
class Spec:
    """A tensor's dtype (NumPy's name) and shape: an int per fixed dimension, a str per dynamic one; None if unknown."""

    dtype: str
    shape: tuple[int | str, ...] | None

    def __str__(self) -> str:
        return f"{self.dtype} [{'...' if self.shape is None else ', '.join(map(str, self.shape))}]"


def default_threads() -> int:
    """Physical cores this process may use: two hyperthreads of one core do not speed up dense arithmetic."""
    import psutil

    logical = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(logical, psutil.cpu_count(logical=False) or logical)


class Runner:
    """A loaded model. Call it with one array, or a dict of arrays by input name.

    Attributes: engine ("onnxruntime"), device ("cpu", "cuda:0"), precision ("fp32", "int8-qdq"), name (for tables),
    inputs and outputs (dict name -> Spec), threads (or None where it means nothing).
    """

    engine: str
    device = "cpu"
    precision = "fp32"
    threads: int | None = None

    def __init__(self, name: str, inputs: dict[str, Spec], outputs: dict[str, Spec]):
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.closed = False
        self._accepted: set[tuple] = set()

    def __call__(self, x: np.ndarray | dict[str, np.ndarray]):
        """Run once. Returns an array for a model with one output, else a dict name -> array, always in host memory.

        Raises InputError for inputs that do not fit, RunnerError when the runner is closed.
        """
        feed = x if isinstance(x, dict) else {next(iter(self.inputs)): x}
        try:
            key = tuple((name, array.dtype.char, array.shape) for name, array in feed.items())
        except (AttributeError, TypeError):
            key = None  # something that is no array: the check says so
        # The check costs microseconds, which is much beside a model of some tens: the same kind of input is checked once.
        if key not in self._accepted:
            self._check(feed, bare=not isinstance(x, dict))
            self._accepted.add(key)
        if self.closed:
            raise RunnerError(f"{self.name} is closed. Fix: load the model again, or call it inside the with block.")
        results = self._run(feed)
        return results[0] if len(results) == 1 else dict(zip(self.outputs, results, strict=True))

    def _run(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Run on checked inputs; one array per output, in order."""
        raise NotImplementedError

    def _check(self, feed: dict, bare: bool) -> None:
        if bare and len(self.inputs) != 1:
            raise InputError(f"{self.name} has {len(self.inputs)} inputs: pass a dict with {self._expected()}.")
        if set(feed) != set(self.inputs):
            raise InputError(
                f"{self.name}: expected inputs {self._expected()}; got {', '.join(map(repr, feed)) or 'none'}."
            )
        dynamic: dict[str, tuple[int, str]] = {}
        for name, array in feed.items():
            spec = self.inputs[name]
            if not isinstance(array, np.ndarray):
                raise InputError(f"input '{name}': expected a NumPy array, {spec}; got {_kind(array)}.")
            if array.dtype != np.dtype(_numpy(spec.dtype)):
                raise InputError(
                    f"input '{name}': expected {spec}; got {array.dtype} {list(array.shape)}. "
                    f"Fix: x.astype(np.{spec.dtype}) if the values fit."
                )
            self._check_shape(name, spec, array.shape, dynamic)

    def _check_shape(self, name: str, spec: Spec, shape: tuple, dynamic: dict) -> None:
        if spec.shape is None:
            return
        got = f"expected {spec}; got shape {list(shape)}"
        if len(shape) != len(spec.shape):
            missing = " Is the batch or the channel dimension missing?" if len(shape) < len(spec.shape) else ""
            raise InputError(f"input '{name}': {got}: {len(shape)} dimensions instead of {len(spec.shape)}.{missing}")
        for i, (want, have) in enumerate(zip(spec.shape, shape, strict=True)):
            if isinstance(want, int) and want != have:
                batch = " The batch size is fixed in this model: export it with a dynamic batch." if i == 0 else ""
                raise InputError(f"input '{name}': {got}: dimension {i} must be {want}.{batch}")
            if isinstance(want, str) and have == 0:
                raise InputError(f"input '{name}': {got}: dimension {i} ({want}) is empty.")
            if isinstance(want, str) and dynamic.setdefault(want, (have, name))[0] != have:
                other = dynamic[want]
                raise InputError(f"input '{name}': '{want}' is {have} here and {other[0]} in '{other[1]}'.")

    def _expected(self) -> str:
        return ", ".join(f"'{name}' ({spec})" for name, spec in self.inputs.items())

    def example(self, batch: int = 1, seed: int = 0) -> dict[str, np.ndarray]:
        """Random inputs that fit: floats uniform in [0, 1), integers 0 or 1; the first dynamic dimension is the batch, others 1."""
        rng, feed = np.random.default_rng(seed), {}
        for name, spec in self.inputs.items():
            if spec.shape is None:
                raise RunnerError(
                    f"{self.name}: the shape of '{name}' is unknown. Fix: load it with example=, or pass x."
                )
            shape = tuple(d if isinstance(d, int) else (batch if i == 0 else 1) for i, d in enumerate(spec.shape))
            values = rng.random(shape) if "float" in spec.dtype else rng.integers(0, 2, shape)
            feed[name] = np.asarray(values).astype(_numpy(spec.dtype))
        return feed

    def synchronize(self) -> None:
        """Wait until the device has finished. A call returns host memory, so after it there is nothing left to wait for."""

    def describe(self) -> dict:
        """Provenance of a measurement made with this runner: plain data."""
        return {
            "name": self.name,
            "engine": self.engine,
            "device": self.device,
            "precision": self.precision,
            "threads": self.threads,
            "clock": "compute" if self.device == "cpu" else "compute and copies between host and device",
            "inputs": {n: str(s) for n, s in self.inputs.items()},
            "outputs": {n: str(s) for n, s in self.outputs.items()},
        }

    def close(self) -> None:
        """Free the model. Calling it twice is fine."""
        self.closed = True

    def __enter__(self):
        return self

    def __exit__(self, *exc) -> None:
        self.close()

    def __repr__(self) -> str:
        state = ", closed" if self.closed else ""
        return f"<{self.name}: {self.engine} on {self.device}, {self.precision}, {self._expected()}{state}>"


def _kind(value) -> str:
    kind = f"{type(value).__module__}.{type(value).__name__}".removeprefix("builtins.")
    fix = " (Fix: x.detach().cpu().numpy())" if kind.startswith("torch.") else " (Fix: np.asarray(x, dtype=...))"
    return kind + fix


def _numpy(dtype: str):
    """NumPy's dtype for a Spec's name; bfloat16 and the small floats live in ml_dtypes."""
    if dtype == "str":
        return np.dtype(object)
    try:
        return np.dtype(dtype)
    except TypeError:
        import ml_dtypes

        return np.dtype(getattr(ml_dtypes, dtype))
