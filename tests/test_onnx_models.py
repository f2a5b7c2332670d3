"""The test models that the onnx package brings along: a Runner and the compiler agree with ONNX Runtime, or refuse by name."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, version_converter

from edgekit import compiler, export, runtimes
from edgekit.runtimes import InputError, RunnerError
from edgekit.runtimes.ort.session import cpu_session

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
MODELS = sorted(DATA.glob("[!l]*/*/model.onnx"))  # without "light", whose eight nets are large


def feed_of(path) -> dict[str, np.ndarray] | None:
    """The inputs that stand beside a model; None where they are no tensors."""
    model, feed = onnx.load(path), {}
    weights = {tensor.name for tensor in model.graph.initializer}
    for number, value in enumerate(v for v in model.graph.input if v.name not in weights):
        tensor = onnx.TensorProto()
        tensor.ParseFromString((path.parent / "test_data_set_0" / f"input_{number}.pb").read_bytes())
        if value.type.WhichOneof("value") != "tensor_type":
            return None
        feed[value.name] = numpy_helper.to_array(tensor)
    return feed


def answers(run) -> list | str:
    try:
        found = run()
    except (InputError, RunnerError, compiler.CompileError) as error:
        assert str(error) and "\n" not in str(error).strip()
        return "refused"
    return list(found.values()) if isinstance(found, dict) else [found]


def compiled(path, feed, folder):
    """In today's opset: most of these models have one of 2017."""
    try:
        onnx.save(version_converter.convert_version(onnx.load(path), 13), folder / "m.onnx")
    except Exception:
        raise compiler.CompileError("the onnx package does not convert it") from None
    graph = compiler.read(folder / "m.onnx")
    if {name: array.shape for name, array in feed.items()} != graph.inputs:
        raise compiler.CompileError("the test's own input has another batch")
    np.testing.assert_equal(len(graph.outputs), len(compiler.interpret(graph, feed)))
    return compiler.build(graph, compiler.Rules(order=lambda nodes, available: nodes))(feed)


@pytest.mark.parametrize("room", ["runner", "compiler"])
def test_equal_or_refused(room, tmp_path):
    assert len(MODELS) > 100
    agreed = refused = 0
    for path in MODELS:
        feed = feed_of(path)
        if feed is None:
            continue
        try:
            want = cpu_session(path).run(None, feed)
        except Exception:
            want = "refused"
        if room == "runner":
            assert export.report(path).nodes
            got = answers(lambda path=path, feed=feed: runtimes.load(path, threads=1)(feed))
            assert (got == "refused") == (want == "refused"), path.parent.name
        else:
            got = answers(lambda path=path, feed=feed: compiled(path, feed, tmp_path))
        if isinstance(got, str) or isinstance(want, str):
            refused += 1
            continue
        agreed += 1
        for a, b in zip(got, want, strict=True):
            text = np.asarray(b).dtype.kind in "OU"
            same = np.testing.assert_array_equal if text else partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-4)
            same(a, b, err_msg=path.parent.name)
    print(f"{room}: {agreed} equal, {refused} refused by name")
    assert agreed >= (100 if room == "runner" else 20)
