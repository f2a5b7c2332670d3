"""What every engine has in common: named and typed inputs that are checked before the engine sees them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np


class RunnerError(RuntimeError):
    """An engine, provider or model that does not work here; the message names the fix."""


class InputError(ValueError):
    """An input with the wrong name, shape or dtype; the message says what was expected and what came."""


@dataclass(frozen=True)
class Spec:
    """A tensor's dtype (NumPy's name) and shape: an int per fixed dimension, a str per free one; None where the number of dimensions
    is free, or for what is no tensor (its dtype is then ONNX's type, "sequence(float32)")."""

    dtype: str
    shape: tuple[int | str, ...] | None

    @property
    def is_tensor(self) -> bool:
        return "(" not in self.dtype

    def __str__(self) -> str:
        if not self.is_tensor:
            return self.dtype
        return f"{self.dtype} [{'...' if self.shape is None else ', '.join(map(str, self.shape))}]"


def read_bytes(path: Path, engine: str) -> bytes:
    """The bytes of a model file. RunnerError names the engine and the file."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise RunnerError(f"{engine} cannot read {path}: {error.strerror}.") from error


def named(one: str, specs: list[Spec]) -> dict[str, Spec]:
    """Names for tensors whose file has none that last: "input" for one, input0, input1, ... for several."""
    return {one: specs[0]} if len(specs) == 1 else {f"{one}{i}": spec for i, spec in enumerate(specs)}


def default_threads() -> int:
    """Physical cores this process may use: two hyperthreads of one core do not speed up dense arithmetic."""
    import psutil

    logical = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(logical, psutil.cpu_count(logical=False) or logical)


class Runner:
    """A loaded model. Call it with one array, or a dict of arrays by input name.

    Attributes: engine ("onnxruntime"), device ("cpu", "cuda:0"), precision ("fp32", "int8-qdq"), name (for tables),
    inputs and outputs (dict name -> Spec), optional (inputs that have a default and may be left out), threads (or None where it
    means nothing).
    """

    engine: str
    device = "cpu"
    precision = "fp32"
    threads: int | None = None

    def __init__(self, name: str, inputs: dict[str, Spec], outputs: dict[str, Spec]):
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.optional: dict[str, Spec] = {}
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
        if any(spec.dtype == "str" for spec in self.inputs.values()):  # engines take strings as Python objects
            feed = {n: a.astype(object) if getattr(a, "dtype", None) is not None and a.dtype.kind == "U" else a for n, a in feed.items()}
        try:
            results = self._run(feed)
        except (InputError, RunnerError) as error:
            if said := self._unequal(feed):
                raise InputError(f"{error}{said}") from error
            raise
        return results[0] if len(results) == 1 else dict(zip(self.outputs, results, strict=True))

    def _run(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Run on checked inputs; one array per output, in order."""
        raise NotImplementedError

    def _check(self, feed: dict, bare: bool) -> None:
        if bare and len(self.inputs) != 1:
            raise InputError(f"{self.name} has {len(self.inputs)} inputs: pass a dict with {self._expected()}.")
        if not self.inputs.keys() <= feed.keys() <= self.inputs.keys() | self.optional.keys():
            raise InputError(f"{self.name}: expected inputs {self._expected()}; got {', '.join(map(repr, feed)) or 'none'}.")
        for name, array in feed.items():
            spec = self.inputs.get(name) or self.optional[name]
            if not spec.is_tensor:
                continue  # a sequence, a map or an optional: the engine knows what fits
            if not isinstance(array, np.ndarray):
                raise InputError(f"input '{name}': expected a NumPy array, {spec}; got {_kind(array)}.")
            fits = array.dtype.kind in "OU" if spec.dtype == "str" else array.dtype == np.dtype(_numpy(spec.dtype))
            if not fits:
                wanted = "str" if spec.dtype == "str" else f"np.{spec.dtype}" if hasattr(np, spec.dtype) else repr(spec.dtype)
                raise InputError(
                    f"input '{name}': expected {spec}; got {array.dtype} {list(array.shape)}. Fix: x.astype({wanted}) if the values fit."
                )
            self._check_shape(name, spec, array.shape)

    def _check_shape(self, name: str, spec: Spec, shape: tuple) -> None:
        """Number of dimensions and fixed sizes. A free dimension takes any size, unless it is the first of several: that takes no 0.

        A size of 0 elsewhere is an empty cache, or a list without entries."""
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
            if have == 0 and i == 0 and want != 0 and len(shape) > 1:
                raise InputError(f"input '{name}': {got}: dimension 0 ({want}) is empty.")

    def _unequal(self, feed: dict) -> str:
        """After the engine refused: the free dimensions of one name that came with two sizes. A name is only a hint, so this is no
        reason to refuse by ourselves."""
        sizes: dict[str, dict[int, str]] = {}
        for name, array in feed.items():
            for want, have in zip(self.inputs.get(name, Spec("", ())).shape or (), getattr(array, "shape", ()), strict=False):
                if isinstance(want, str) and want != "?":
                    sizes.setdefault(want, {}).setdefault(have, name)
        said = [
            f"'{want}' is " + " and ".join(f"{size} in '{name}'" for size, name in found.items())
            for want, found in sizes.items()
            if len(found) > 1
        ]
        return f" The sizes differ: {'; '.join(said)}." if said else ""

    def _expected(self) -> str:
        expected = ", ".join(f"'{name}' ({spec})" for name, spec in self.inputs.items())
        optional = ", ".join(f"'{name}' ({spec})" for name, spec in self.optional.items())
        return f"{expected}, and may get {optional}" if optional else expected

    def example(self, batch: int = 1, seed: int = 0, shapes: dict[str, tuple] | None = None) -> dict[str, np.ndarray]:
        """Random inputs that fit: floats uniform in [0, 1), integers 0 or 1, strings "a".

        shapes: the sizes of inputs by name. Where none is given, a free dimension that is the first one, or whose name says batch, is
        `batch`. RunnerError for any other free dimension: its size decides how long a call takes, so it is not made up.
        """
        rng, feed = np.random.default_rng(seed), {}
        for name, spec in self.inputs.items():
            shape = (shapes or {}).get(name) or self._sized(name, spec, batch)
            if spec.dtype == "str":
                feed[name] = np.full(shape, "a", dtype=object)
                continue
            values = rng.random(shape) if "float" in spec.dtype else rng.integers(0, 2, shape)
            feed[name] = np.asarray(values).astype(_numpy(spec.dtype))
        if shapes:
            self._check(feed, bare=False)
        return feed

    def _sized(self, name: str, spec: Spec, batch: int) -> tuple[int, ...]:
        if not spec.is_tensor or spec.shape is None:
            if spec.is_tensor:
                what, how = ("has an unknown shape", f"say it, on the command line --shape {name}=..., else shapes= or example=")
            else:
                what, how = f"is a {spec}, which cannot be made up", "load it with example="
            raise RunnerError(f"{self.name}: the input '{name}' {what}. Fix: {how}; or pass x.")
        is_batch = lambda i, d: i == 0 or "batch" in d.lower() or d.lower() in ("n", "b")
        open_sizes = [i for i, d in enumerate(spec.shape) if isinstance(d, str) and not is_batch(i, d)]
        if open_sizes:
            shown = ", ".join(map(str, spec.shape))
            raise RunnerError(
                f"{self.name}: the input '{name}' is {spec.dtype} [{shown}], and the size of "
                f"{', '.join(f'dimension {i} ({spec.shape[i]})' for i in open_sizes)} is free: a call on a made-up size would say "
                f"nothing. Fix: say it, shapes={{'{name}': (...)}}, on the command line --shape {name}=...; or pass x."
            )
        return tuple(d if isinstance(d, int) else batch for d in spec.shape)

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
