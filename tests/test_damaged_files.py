"""Every reader of zip files (an .npz file is one) says in its own words what is wrong, whichever byte was damaged."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgekit import compiler
from edgekit.checks import border
from edgekit.compiler.building import Built
from edgekit.compiler.graph import Graph, Node
from edgekit.compression.tuning import given
from edgekit.course import lineup
from edgekit.instructor.submissions import reading
from edgekit.runtimes import InputError
from edgekit.zoo import data

SIZES = {"savez": np.savez, "savez_compressed": np.savez_compressed}


def packed(save: str, **arrays) -> bytes:
    made = io.BytesIO()
    SIZES[save](made, **arrays)
    return made.getvalue()


def damaged(blob: bytes):
    """The file with one byte changed, at one place after the other; and cut off."""
    for place in range(0, len(blob), 1 if len(blob) < 1500 else 3):
        for change in (0x01, 0x20, 0xFF):
            yield blob[:place] + bytes([blob[place] ^ change]) + blob[place + 1 :]
    yield from (blob[:length] for length in range(0, len(blob), 50))


def refusals(blob: bytes, read, own: type[Exception]) -> list[str]:
    """What a reader says of the damaged files that it refuses; another error than its own is raised."""
    said = []
    read(blob)
    for one in damaged(blob):
        try:
            read(one)
        except own as error:
            said.append(str(error))
    return said


@pytest.mark.parametrize("save", SIZES)
def test_data_for_tuning(tmp_path, save):
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [value("x")], [value("y")])
    onnx.save(helper.make_model(graph), tmp_path / "m.onnx")

    def read(blob: bytes) -> None:
        (tmp_path / "rows.npz").write_bytes(blob)
        given.read(tmp_path / "m.onnx", tmp_path / "rows.npz")

    said = refusals(packed(save, x=np.ones((6, 3), np.float32)), read, given.TuneError)
    assert any("or damaged" in one for one in said) and all("rows.npz" in one for one in said)


@pytest.mark.parametrize("save", SIZES)
def test_inputs_for_bench(tmp_path, save):
    origins = [("m", SimpleNamespace(inputs={"a": None, "b": None}, optional={}))]

    def read(blob: bytes) -> None:
        (tmp_path / "in.npz").write_bytes(blob)
        lineup.arrays_from(tmp_path / "in.npz", origins)

    said = refusals(packed(save, a=np.ones(5), b=np.ones(4, np.int8)), read, InputError)
    assert any("not an .npz file" in one for one in said) and all("in.npz" in one for one in said)


def test_a_compiled_plan(tmp_path):
    graph = Graph([Node("Add", ("x", "w"), "y", {}, "add")], {"w": np.ones(3, np.float32)}, {"x": (1, 3)}, ["y"])
    tensors = {"x": ((1, 3), 12), "y": ((1, 3), 12)}
    path = Built(graph, tensors, {"x": 0, "y": 12}, 24).save(tmp_path / "x.plan.npz")

    def read(blob: bytes) -> None:
        path.write_bytes(blob)
        compiler.load_plan(path)

    said = refusals(path.read_bytes(), read, compiler.CompileError)
    assert said and all("x.plan.npz" in one and "Fix: compile" in one for one in said)


@pytest.mark.parametrize("save", SIZES)
def test_the_shipped_digits(tmp_path, save):
    path = tmp_path / "val.npz"

    def read(blob: bytes) -> None:
        path.write_bytes(blob)
        sums = {path.name: {"file": hashlib.sha256(blob).hexdigest()}}
        (tmp_path / "CHECKSUMS.json").write_text(json.dumps(sums))
        data.load("digits", "val", tmp_path)

    arrays = {"images": np.zeros((1, 28, 28), np.uint8), "labels": np.arange(1), "styles": np.zeros(1, np.uint8)}
    said = refusals(packed(save, **arrays), read, data.DataError)
    assert said and all("val.npz cannot be read" in one for one in said)


@pytest.mark.parametrize("save", SIZES)
def test_what_crosses_the_border(tmp_path, save):
    (tmp_path / "data.json").write_text('{"$array": "a0"}')

    def read(blob: bytes) -> None:
        (tmp_path / "arrays.npz").write_bytes(blob)
        border.load(tmp_path)

    said = refusals(packed(save, a0=np.arange(20.0)), read, border.BorderError)
    assert any("arrays.npz is damaged" in one for one in said)


def test_a_submission(tmp_path):
    made, path = io.BytesIO(), tmp_path / "alice.zip"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lab.ipynb", b'{"cells": []}' * 20)

    def read(blob: bytes) -> None:
        path.unlink(missing_ok=True)
        path.write_bytes(blob)
        _, problem = reading.take(path, "lab.ipynb")
        if problem:
            raise InputError(problem)

    said = refusals(made.getvalue(), read, InputError)
    assert any("cannot be unpacked" in one for one in said)
