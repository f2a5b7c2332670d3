"""Wrong answers to lab 05c."""

from tests.mistakes import Mistake

SETUP = """
import warnings
import numpy as np
import onnx
import onnxruntime as ort
from onnxconverter_common import float16
warnings.filterwarnings("ignore", message="the float32 number .* will be truncated")
"""

_TRIP = """
def round_trip(values):
    with np.errstate(all="ignore"):
        back = values.astype(np.float16).astype(np.float32)
        overflowed, vanished = {overflowed}, {vanished}
        rest = {rest}
        error = {error}
    return {{"overflowed": int(overflowed.sum()), "vanished": int(vanished.sum()), "worst": float(error.{worst})}}
"""
_RELATIVE = "np.abs(back[rest] - values[rest]) / np.abs(values[rest])"


def _trip(
    overflowed="np.isinf(back)", vanished="back == 0", rest="~(overflowed | vanished)", error=_RELATIVE, worst="max(initial=0.0)"
):  # fmt: skip
    return _TRIP.format(overflowed=overflowed, vanished=vanished, rest=rest, error=error, worst=worst)


_TO = """
def to_float16(path_in, path_out, keep_io):
    model = onnx.load(path_in)
    {convert}
    {save}
"""


def _to(
    convert="model = float16.convert_float_to_float16(model, keep_io_types=keep_io)", save="onnx.save(model, path_out)"
):
    return _TO.format(convert=convert, save=save)


_FIRST = """
def first_overflow(path, x):
    model = onnx.load(path)
    names = [{names}]
    declared = {{value.name for value in model.graph.output}}
    for name in names:
        if name not in declared:
            model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    values = dict(zip(names, session.run(names, {{"input": {x}}})))
    return next((name for name in {order} if {bad}), {default})
"""


def _first(
    names="name for node in model.graph.node for name in node.output",
    x="x",
    order="names",
    bad="not np.isfinite(values[name]).all()",
    default="None",
):
    return _FIRST.format(names=names, x=x, order=order, bad=bad, default=default)


_KEEP = """
def nodes_to_keep(ranges, nodes, limit):
    large = {{name for name, value in ranges.items() if {large}}}
    return [{what} for name, inputs, outputs in nodes if {touches}]
"""


def _keep(large="value > limit", what="name", touches="large & {*inputs, *outputs}"):
    return _KEEP.format(large=large, what=what, touches=touches)


MISTAKES = {
    "round_trip": [
        Mistake("absolute error", _trip(error="np.abs(back[rest] - values[rest])"), says="*absolute*"),
        Mistake("vanished counted as an error", _trip(rest="~overflowed"), says="100 %"),
        Mistake("infinite values not left out", _trip(rest="~vanished"), says="became infinite"),
        Mistake("below normal counted as lost", _trip(vanished="np.abs(back) < np.finfo(np.float16).smallest_normal"), says="stored coarsely"),
        Mistake("only positive overflow", _trip(overflowed="back == np.inf", rest="np.isfinite(back) & ~vanished"), says="either sign"),
        Mistake("rounded to bfloat16's range", _trip(overflowed="np.abs(values) > 3e38", rest="np.isfinite(back) & ~vanished"), says="65504"),
        Mistake("mean error", _trip(worst="mean() if error.size else 0.0"), says="largest"),
        Mistake("sign of the difference kept", _trip(error="(back[rest] - values[rest]) / values[rest]"), says="up and down"),
        Mistake("sign of the difference kept, the other way", _trip(error="(values[rest] - back[rest]) / values[rest]"), says="up and down"),
        Mistake("largest half counted as infinite", _trip(overflowed="np.abs(back) >= np.finfo(np.float16).max"), says="above the largest half"),
        Mistake("NaN where none is left", _trip().replace("float(error.max(initial=0.0))", "float(error.max()) if error.size else np.nan"), says="none is left"),
        Mistake("shares, not counts", "def round_trip(values):\n    with np.errstate(over='ignore'):\n        back = values.astype(np.float16)\n    return {'overflowed': float(np.isinf(back).mean()), 'vanished': float((back == 0).mean()), 'worst': 0.0}\n", says="expected"),
    ],
    "to_float16": [
        Mistake("keep_io ignored", _to(convert="model = float16.convert_float_to_float16(model, keep_io_types=True)"), says="keep_io_types"),
        Mistake("the default", _to(convert="model = float16.convert_float_to_float16(model)"), says="keep_io_types"),
        Mistake("inverted", _to(convert="model = float16.convert_float_to_float16(model, keep_io_types=not keep_io)"), says="pass keep_io on"),
        Mistake("original saved", "def to_float16(path_in, path_out, keep_io):\n    float16.convert_float_to_float16(onnx.load(path_in), keep_io_types=keep_io)\n    onnx.save(onnx.load(path_in), path_out)\n", says="still holds float32 weights"),
        Mistake("weights only", _to(convert="for t in model.graph.initializer: t.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(t).astype(np.float16), t.name))"), says="all its inputs in one type"),
        Mistake("not saved", _to(save="return model"), says="no file was written"),
        Mistake("all Gemm blocked", _to(convert='model = float16.convert_float_to_float16(model, keep_io_types=keep_io, op_block_list=["Gemm"])'), says="still holds float32"),
        Mistake("saved over the input", _to(save="onnx.save(model, path_in)"), says="no file was written"),
    ],
    "first_overflow": [
        Mistake("looks at the output only", "def first_overflow(path, x):\n    s = ort.InferenceSession(path, providers=['CPUExecutionProvider'])\n    y, = s.run(None, {'input': x})\n    return None if np.isfinite(y).all() else s.get_outputs()[0].name\n", says="Look at every tensor"),
        Mistake("only inf", _first(bad="np.isinf(values[name]).any()"), says="np.isinf"),
        Mistake("only NaN", _first(bad="np.isnan(values[name]).any()"), says="expected"),
        Mistake("only when every value is infinite", _first(bad="not np.isfinite(values[name]).any()"), says="One value"),
        Mistake("last instead of first", _first(order="names[::-1]"), says="order of the graph"),
        Mistake("alphabetical order", _first(order="sorted(names, key=lambda n: (-len(n), n))"), says="order of the graph"),
        Mistake("entirely infinite input", _first(x="x * 100"), says="expected"),
        Mistake("output left out", _first(order="names[:-1]"), says="output of the graph itself"),
        Mistake("name of the node", _first().replace("return next((name for", "return next((next(n.name for n in model.graph.node if name in n.output) for"), says="expected 't"),
        Mistake("empty string for none", _first(default="''"), says="None"),
    ],
    "nodes_to_keep": [
        Mistake("producer only", _keep(touches="large & set(outputs)"), says="cast to a half"),
        Mistake("reader only", _keep(touches="large & set(inputs)"), says="stored as a half"),
        Mistake("every node", _keep(touches="True"), says="costs time"),
        Mistake("limit itself refused", _keep(large="value >= limit"), says="exactly the limit fits"),
        Mistake("limit fixed at 65504", _keep(large="value > 65504"), says="limit of 1000"),
        Mistake("tensors for nodes", _keep(what="outputs[0]"), says="no names of nodes"),
        Mistake("both ends needed", _keep(touches="large & set(inputs) and large & set(outputs)"), says="is not kept"),
        Mistake("nothing if the first tensor is fine", _keep(touches="ranges.get(inputs[0], 0) > limit or ranges.get(outputs[0], 0) > limit"), says="reads"),
    ],
}  # fmt: skip
