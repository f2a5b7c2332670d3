"""The check of `instead_of_lp_pool`, lab 06a."""

from __future__ import annotations

import math

import numpy as np

from edgekit.checks import Exercise, OnnxFile, call, came, onnx_path, require
from edgekit.checks.onnx_files import onnx_file
from edgekit.formatting import one_line
from edgekit.runtimes.ort.session import cpu_run

CHANNELS, SIDE = 3, 14


def _pool(rng: np.random.Generator, name: str, source: str, target: str, p: int | None, padded: bool):
    from onnx import helper

    kernel = [int(n) for n in rng.permutation([2, 3])]
    options = {"kernel_shape": kernel, "strides": [1, 1] if padded else [int(n) for n in rng.integers(1, 3, 2)]}
    options |= {"pads": [1, 1, 1, 1]} if padded else {}
    options |= {} if p is None else {"p": p}
    return helper.make_node("LpPool", [source], [target], name, **options)


def inputs(rng: np.random.Generator) -> dict:
    """Networks with one LpPool (odd p; with a border; p left out, which means 2), and one with two of them. Some have no node names."""
    from onnx import helper

    ends = ({"input": ["batch", CHANNELS, SIDE, SIDE]}, {"logits": ["batch", CHANNELS, "height", "width"]})
    odd, other = (int(n) for n in rng.permutation([3, 5]))
    single = [(odd, False), (other, True), (None, False)]
    models = [onnx_file([_pool(rng, "", "input", "logits", p, padded)], {}, *ends) for p, padded in single]
    shift = helper.make_node("Sub", ["pooled", "middle"], ["shifted"])
    both = [_pool(rng, "", "input", "pooled", 3, False), shift, _pool(rng, "", "shifted", "logits", 4, False)]
    models.append(onnx_file(both, {"middle": np.array(2.0)}, *ends))
    return {"models": models, "_x": rng.normal(0, 2, (2, CHANNELS, SIDE, SIDE)).astype(np.float32)}


def probe(answer, inputs: dict) -> dict:
    """Each network with what the answer gives in place of its LpPool nodes; {"model"} or {"problem"}."""
    return {"found": [_replaced(answer, model) for model in inputs["models"]]}


def _replaced(answer, model: OnnxFile) -> dict:
    import onnx

    whole = onnx.load_from_string(bytes(model))
    nodes, constants = [], list(whole.graph.initializer)
    for node in whole.graph.node:
        if node.op_type != "LpPool":
            nodes.append(node)
            continue
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        found = call(answer, copy)
        if not (isinstance(found, tuple | list) and len(found) == 2):
            return {"problem": f"expected two lists, the nodes and their constants, got {came(found)}"}
        for what, kind, got, into in zip(
            ("nodes", "constants"), (onnx.NodeProto, onnx.TensorProto), found, (nodes, constants), strict=True
        ):
            if not isinstance(got, tuple | list) or any(not isinstance(one, kind) for one in got):
                return {"problem": f"the {what} should be a list of {kind.__name__}, got {came(got)}"}
            into += got
    result = onnx.ModelProto()
    result.CopyFrom(whole)
    del result.graph.node[:], result.graph.initializer[:]
    result.graph.node.extend(nodes)
    result.graph.initializer.extend(constants)
    return {"model": OnnxFile(result.SerializeToString())}


def judge(inputs: dict, outputs: dict) -> str:
    for number, (before, found) in enumerate(zip(inputs["models"], outputs["found"], strict=True)):
        require("problem" not in found, f"{found.get('problem')}.", "wrong type")
        _judge_network(before, found["model"], inputs["_x"], number == len(inputs["models"]) - 1)
    said = [_parses(found["model"]) for found in outputs["found"]]
    return f"The same numbers for odd p, with a border, for no p, and twice in one network{said[0]}."


def _judge_network(before, after, x: np.ndarray, two: bool) -> None:
    import onnx

    pool = next(node for node in onnx.load_from_string(bytes(before)).graph.node if node.op_type == "LpPool")
    options = {a.name: onnx.helper.get_attribute_value(a) for a in pool.attribute}
    shown = "two LpPool nodes in one network" if two else f"LpPool with {options}"
    graph = onnx.load_from_string(bytes(after)).graph
    require(all(node.op_type != "LpPool" for node in graph.node), f"{shown}: LpPool is still there.", "LpPool kept")
    _judge_names(graph, pool, shown, two)
    try:
        got = cpu_run(bytes(after), x)
    except Exception as error:
        require(
            False,
            f"{shown}: ONNX Runtime does not take the new network: {one_line(error)}. Constants must have the type of the tensor, float32.",
            "not a valid network",
        )
    want = cpu_run(bytes(before), x)
    require(
        got.shape == want.shape,
        f"{shown}: the result has shape {list(got.shape)}, expected {list(want.shape)}. kernel_shape, strides and pads of the node must go"
        " on to the new pooling.",
        "attributes lost",
    )
    if not np.allclose(got, want, rtol=1e-3, atol=1e-4):
        _explain(shown, options, after, x, got, want)


def _judge_names(graph, pool, shown: str, two: bool) -> None:
    written = [name for node in graph.node for name in node.output] + [tensor.name for tensor in graph.initializer]
    twice = sorted({name for name in written if written.count(name) > 1})
    require(
        not twice,
        f"{shown}: the name {', '.join(twice)} is there twice. In a graph each tensor has a name of its own: make it from the node's"
        " output, node.output[0].",
        "names used twice",
    )
    if not two:
        require(
            pool.output[0] in written,
            f"{shown}: nothing writes {pool.output[0]!r}. The last node must write what LpPool wrote, node.output[0]: the rest of the"
            " network reads it.",
            "output renamed",
        )


def _explain(shown: str, options: dict, after, x, got, want) -> None:
    p, count = options.get("p", 2), math.prod(options["kernel_shape"])
    with np.errstate(all="ignore"):
        ratio = got / want
    same = lambda a, b: bool(np.allclose(a, b, rtol=1e-3, atol=1e-4))
    require(not same(got, want**p), f"{shown}: these are the sums; the p-th root of them is missing.", "no root")
    require(
        not same(ratio, count ** (-1 / p)),
        f"{shown}: every number is {count ** (-1 / p):.3f} of what it should be. AveragePool gives the mean of {count} values; LpPool takes"
        " their sum.",
        "mean for sum",
    )
    require(
        not same(cpu_run(bytes(after), np.abs(x)), want),
        f"{shown}: right for positive numbers only. LpPool takes absolute values first; an odd power of a negative number is negative, and"
        " its root is NaN.",
        "no absolute value",
    )
    inner = (..., slice(2, -2), slice(2, -2))
    border = "pads" in options and same(got[inner], want[inner])
    require(
        not border,
        f"{shown}: right inside, wrong at the border. LpPool sums the padded zeros too; AveragePool leaves them out of its mean unless"
        " count_include_pad=1.",
        "border",
    )
    missing = "p" not in options
    require(
        not missing,
        f"{shown}: wrong numbers. p is not among the attributes: then it is 2 (see the operator's page in the ONNX documentation).",
        "p left out",
    )
    require(
        False,
        f"{shown}: the numbers are wrong (largest difference {np.nanmax(np.abs(got - want)):.3g}). The result is (sum of |x|**p) ** (1/p)"
        " over each window, with this node's own p.",
        "wrong numbers",
    )


def _parses(model) -> str:
    """What TensorRT itself says, where it is installed."""
    from edgekit.runtimes import RunnerError
    from edgekit.runtimes import trt as engines

    with onnx_path(model) as path:
        try:
            parsed = engines.parse(path)
        except engines.ParseError as error:
            require(False, f"the numbers are right, and TensorRT refuses the new network: {error}", "refused by TensorRT")
        except RunnerError:
            return ", by ONNX Runtime (no TensorRT here)"
    return f", and {parsed.module.__name__} reads it"


instead_of_lp_pool = Exercise("instead_of_lp_pool", inputs, probe, judge)
