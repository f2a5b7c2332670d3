"""One ONNX operator, run by ONNX Runtime: the reference to hold a hand-written operator against."""

from __future__ import annotations

import numpy as np

from edgekit.formatting import one_line
from edgekit.runtimes.base import RunnerError
from edgekit.runtimes.ort.session import cpu_session

OPSET, IR_VERSION = 13, 8  # old enough for every runtime of the course, new enough for per-channel scales


def run_node(op: str, x: np.ndarray, *others, domain: str = "", **attributes):
    """The output of one operator on the CPU, one thread, unoptimized: ``run_node("QuantizeLinear", x, scale, zero_point)``.

    x is fed when the graph runs; the other inputs are constants in the graph, as weights and scales are. None leaves an
    optional input out. Their dtypes count: ``np.uint8(3)`` is a uint8 scalar, a bare 3 is int64. attributes go to the node.
    Returns an array, or a list of arrays for an operator with several outputs. Raises RunnerError with what ONNX Runtime said.
    """
    import onnx
    import onnxruntime as ort
    from onnx import helper, numpy_helper

    x = np.asarray(x)
    given = [None if value is None else np.asarray(value) for value in others]
    names = ["x"] + ["" if value is None else f"input{i}" for i, value in enumerate(given, start=1)]
    constants = [numpy_helper.from_array(value, name) for name, value in zip(names[1:], given, strict=True) if value is not None]
    imports = [helper.make_opsetid("", OPSET)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    count = 1 if domain else onnx.defs.get_schema(op, OPSET).min_output
    outputs = [f"y{i}" for i in range(count)]
    graph = helper.make_graph(
        [helper.make_node(op, names, outputs, name=op, domain=domain, **attributes)],
        op,
        [helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(x.dtype), [int(n) for n in x.shape])],
        [helper.make_empty_tensor_value_info(name) for name in outputs],  # ONNX Runtime infers their types
        constants,
    )
    model = helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION)
    try:
        results = cpu_session(model, optimize=False).run(None, {"x": x})
    except Exception as error:
        shown = ", ".join("none" if value is None else f"{value.dtype} {list(value.shape)}" for value in [x, *given])
        raise RunnerError(f"{op}({shown}): ONNX Runtime {ort.__version__}: {one_line(error)}") from error
    return results[0] if len(results) == 1 else results
