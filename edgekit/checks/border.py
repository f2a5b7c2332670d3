"""What may cross between the code a student wrote and the judge: plain data, and nothing else.

In a notebook both sides are one process and only :func:`plain` is used. The grader puts a process border between them and
sends the data through files: JSON for structure, ``.npz`` without pickle for arrays, ``.onnx`` for models. Whatever is read
back is treated as hostile: sizes are limited, nothing is unpickled, and an unknown marker is an error.
"""

from __future__ import annotations

import io
import json
import math
import types
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.files import BROKEN_ZIP

MAX_BYTES = 64 * 2**20  # of one item's outputs, all files together
MAX_VALUES = 200_000  # JSON values of one item
MAX_DEPTH = 16
_NUMERIC = "biuf"
# list() makes a list of these. Another iterable may have state or be endless.
_LISTABLE = (range, set, frozenset, map, zip, filter, type({}.keys()), type({}.values()), type({}.items()))


class BorderError(ValueError):
    """Data that may not cross: an object that is not plain, or a file that is too large or damaged."""


class OnnxFile(bytes):
    """The bytes of an ONNX file. A probe returns it where the answer is a model."""

    @classmethod
    def read(cls, path: str | Path) -> OnnxFile:
        """Read a file that an answer has written.

        Raises:
            BorderError: when it is missing or larger than ``MAX_BYTES``.
        """
        path = Path(path)
        if not path.is_file():
            raise BorderError(f"no file was written to {path.name}: write the model to exactly the path that was passed in")
        if path.stat().st_size > MAX_BYTES:
            raise BorderError(f"{path.name} has {path.stat().st_size:,} bytes, at most {MAX_BYTES:,} are accepted")
        return cls(path.read_bytes())


def plain(value: Any, depth: int = 0) -> Any:
    """Turn ``value`` into plain data: None, bool, int, float, str, list, dict with str keys, numeric arrays, :class:`OnnxFile`.

    NumPy scalars become Python numbers, tuples become lists, torch tensors become arrays. A single truth value becomes a bool
    also where it came as an array or a tensor without dimensions: a comparison of tensors gives one.

    Raises:
        BorderError: for anything else, naming the type and, where one is known, the likely slip.
    """
    if depth > MAX_DEPTH:
        raise BorderError(f"what came back is nested deeper than {MAX_DEPTH} levels")
    if value is None or isinstance(value, bool | OnnxFile):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_key(key): plain(item, depth + 1) for key, item in value.items()}
    if type(value).__module__.startswith("torch") and hasattr(value, "detach"):
        try:
            value = value.detach().cpu().numpy()
        except (TypeError, RuntimeError):  # bfloat16, float8, sparse, quantized, on the meta device
            raise BorderError(f"a tensor of {value.dtype}, {value.layout}, on {value.device} came back, which NumPy cannot hold") from None
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        return value.tolist()
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in _NUMERIC:
            raise BorderError(f"an array of dtype {value.dtype} came back, expected numbers")
        return bool(value) if value.dtype == bool and value.ndim == 0 else np.array(value, subok=False)
    raise BorderError(_not_plain(value))


def _not_plain(value: Any) -> str:
    """What came instead of data, and the likely slip."""
    kind = type(value).__name__
    came = f"a{'n' if kind[:1].lower() in 'aeiou' else ''} {kind} came back"
    if isinstance(value, types.GeneratorType):
        return f"{came}: use `return` with a list instead of `yield`, or [...] instead of (...)"
    if isinstance(value, types.CoroutineType | types.AsyncGeneratorType):
        return f"{came}: define the function with `def`, without `async`"
    if isinstance(value, type):
        return f"the class {value.__name__} came back, expected a result: call it, {value.__name__}(...)"
    if isinstance(value, types.FunctionType | types.BuiltinFunctionType | types.MethodType):
        return f"the function {value.__name__} came back, expected its result: call it, {value.__name__}(...)"
    hint = ": list(...) makes a list of it" if isinstance(value, _LISTABLE) else ""
    return f"{came}, expected numbers, strings, lists, dicts or arrays{hint}"


def _key(key: Any) -> str:
    if isinstance(key, str | int | np.integer) and not isinstance(key, bool):
        return str(key)
    raise BorderError(f"a dict with a key of type {type(key).__name__} came back, expected str or int")


def dump(value: Any, folder: Path) -> None:
    """Write plain data into ``folder``: ``data.json``, ``arrays.npz`` and one ``modelN.onnx`` for each :class:`OnnxFile`."""
    arrays: dict[str, np.ndarray] = {}
    models: list[bytes] = []

    def encode(item: Any) -> Any:
        if isinstance(item, OnnxFile):
            models.append(item)
            return {"$onnx": len(models) - 1}
        if isinstance(item, np.ndarray):
            arrays[f"a{len(arrays)}"] = item
            return {"$array": f"a{len(arrays) - 1}"}
        if isinstance(item, list):
            return [encode(part) for part in item]
        if isinstance(item, dict):
            return {("$" + key if key.startswith("$") else key): encode(part) for key, part in item.items()}
        return item

    text = json.dumps(encode(plain(value)))
    folder.mkdir(parents=True, exist_ok=True)
    if arrays:
        np.savez_compressed(folder / "arrays.npz", **arrays)
    for index, blob in enumerate(models):
        (folder / f"model{index}.onnx").write_bytes(blob)
    # Last, and in one step: its presence says that the item is complete.
    (folder / "data.json.part").write_text(text, encoding="utf-8")
    (folder / "data.json.part").replace(folder / "data.json")


def load(folder: Path, max_bytes: int = MAX_BYTES) -> Any:
    """Read what :func:`dump` wrote, trusting nothing.

    Raises:
        BorderError: when a file is missing, a link, too large, damaged, or holds anything but plain data.
    """
    files = _regular_files(folder, max_bytes)
    if "data.json" not in files:
        raise BorderError("the answer's check did not run to its end")
    try:
        tree = json.loads(files["data.json"].decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BorderError(f"data.json is damaged: {error}") from None
    arrays = _arrays(files.get("arrays.npz"), max_bytes)
    budget = [MAX_VALUES]

    def decode(item: Any, depth: int) -> Any:
        budget[0] -= 1
        if budget[0] < 0 or depth > MAX_DEPTH:
            raise BorderError(f"more than {MAX_VALUES:,} values or {MAX_DEPTH} levels")
        if isinstance(item, list):
            return [decode(part, depth + 1) for part in item]
        if not isinstance(item, dict):
            return item
        if set(item) == {"$array"}:
            return _known(arrays, item["$array"])
        if set(item) == {"$onnx"}:
            return OnnxFile(_known(files, f"model{item['$onnx']}.onnx"))
        return {key[1:] if key.startswith("$$") else key: decode(part, depth + 1) for key, part in item.items()}

    return decode(tree, 0)


def _known(table: dict, name: Any) -> Any:
    if not isinstance(name, str) or name not in table:
        raise BorderError(f"the data refer to {name!r}, which is not there")
    return table[name]


def _regular_files(folder: Path, max_bytes: int) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return files
    for path in entries[:64]:
        if path.is_symlink() or not path.is_file():
            continue
        total += path.stat().st_size
        if total > max_bytes:
            raise BorderError(f"more than {max_bytes:,} bytes of output")
        files[path.name] = path.read_bytes()
    return files


def _arrays(blob: bytes | None, max_bytes: int) -> dict[str, np.ndarray]:
    """Unpack an .npz after checking every member's declared size: a small zip can hold a very large array."""
    if blob is None:
        return {}
    out: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            if sum(member.file_size for member in archive.infolist()) > max_bytes:
                raise BorderError(f"arrays.npz unpacks to more than {max_bytes:,} bytes")
            for member in archive.infolist():
                with archive.open(member) as handle:
                    out[member.filename.removesuffix(".npy")] = _array(handle, max_bytes)
    except (OSError, TypeError, *BROKEN_ZIP) as error:
        if isinstance(error, BorderError):
            raise
        raise BorderError(f"arrays.npz is damaged: {error}") from None
    return out


def _array(handle, max_bytes: int) -> np.ndarray:
    version = np.lib.format.read_magic(handle)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = header(handle)
    if dtype.kind not in _NUMERIC:
        raise BorderError(f"an array of dtype {dtype}, expected numbers")
    size = math.prod(shape) * dtype.itemsize
    if size > max_bytes:
        raise BorderError(f"an array of {size:,} bytes")
    data = handle.read(size)
    return np.frombuffer(data, dtype=dtype).reshape(shape, order="F" if fortran else "C").copy()
