"""The check of `to_float16`, lab 05c."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import CheckFailed, Exercise, OnnxFile, call, first_line, onnx_path, require
from edgekit.checks.onnx_files import onnx_file
from edgekit.runtimes.ort.session import cpu_run


def _small_net(seed: int) -> OnnxFile:
    from onnx import helper

    rng = np.random.default_rng(seed)
    weights = {
        "w1": rng.normal(0, 0.3, (16, 1, 3, 3)),
        "b1": rng.normal(0, 0.1, 16),
        "w2": rng.normal(0, 0.3, (10, 16)),
        "w0": rng.normal(0, 0.1, (64, 16)),
    }
    weights["w3"] = rng.normal(0, 0.1, (16, 64))
    nodes = [
        helper.make_node("Conv", ["input", "w1", "b1"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["f"], name="flatten"),
        helper.make_node("Gemm", ["f", "w0"], ["g"], name="wide", transB=1),
        helper.make_node("Gemm", ["g", "w3"], ["h"], name="narrow", transB=1),
        helper.make_node("Gemm", ["h", "w2"], ["logits"], name="last", transB=1),
    ]
    return onnx_file(nodes, weights)


def inputs(rng: np.random.Generator) -> dict:
    return {"model": _small_net(int(rng.integers(2**31))), "_x": rng.random((4, 1, 28, 28), dtype=np.float32)}


def probe(answer, inputs: dict) -> dict:
    models = {}
    for keep in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "model.onnx", Path(folder) / "half.onnx"
            source.write_bytes(inputs["model"])
            call(answer, source, target, keep)
            models[str(keep)] = OnnxFile.read(target)
    return models


def judge(inputs: dict, outputs: dict) -> str:
    import onnx

    expected = cpu_run(inputs["model"], inputs["_x"])
    for keep in (True, False):
        with onnx_path(outputs[str(keep)]) as path:
            graph = onnx.load(path).graph
            kinds = {t.data_type for t in graph.initializer if t.data_type in (1, 10, 11, 16)}
            require(
                not kinds & {11, 16},
                f"the file holds weights in {'float64' if 11 in kinds else 'bfloat16'}, expected float16 (IEEE 754 binary16).",
                "other type",
            )
            require(
                kinds == {10},
                "the file still holds float32 weights: was the converted model saved, or the one that was loaded? convert_float_to_float16"
                " returns the converted one.",
                "not converted",
            )
            types = [value.type.tensor_type.elem_type for value in (graph.input[0], graph.output[0])]
            names = [
                onnx.TensorProto.DataType.Name(kind).lower().replace("float", "float32").replace("float3216", "float16") for kind in types
            ]
            wanted = "float32" if keep else "float16"
            require(
                names == [wanted, wanted],
                f"with keep_io={keep} the input is {names[0]} and the output {names[1]}, expected {wanted} for both: pass keep_io on as"
                " keep_io_types.",
                "keep_io ignored",
            )
            x = inputs["_x"] if keep else inputs["_x"].astype(np.float16)
            try:
                got = cpu_run(outputs[str(keep)], x).astype(np.float32)
            except Exception as error:
                raise CheckFailed(
                    f"with keep_io={keep} ONNX Runtime does not run the file: {first_line(error)}. An operator takes all its inputs in one"
                    " type: where the weights become halves, so must the tensors between the nodes, with casts at the ends. The converter"
                    " does all of it.",
                    "types mixed",
                ) from None
            require(
                np.allclose(got, expected, rtol=0.02, atol=0.02 * np.abs(expected).max()),
                f"with keep_io={keep} the outputs differ from the float32 model's by up to {np.abs(got - expected).max():.3g}: is it the"
                " model that was passed in?",
                "other model",
            )
    size = len(outputs["True"]) / len(inputs["model"])
    return f"All weights in float16, {size:.2f} of the size, inputs and outputs as asked."


to_float16 = Exercise("to_float16", inputs, probe, judge)
