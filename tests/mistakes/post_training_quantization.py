"""Wrong answers to lab 05b."""

from tests.mistakes import Mistake

SETUP = """
import logging
import tempfile
from pathlib import Path
import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from edgekit.compression import quantization
logging.getLogger().setLevel(logging.ERROR)
work = Path(tempfile.mkdtemp())
def run(path, x):
    return ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"input": x})[0]
"""

_READER = """
def make_reader(splits, input_name, count, batch_size):
    pictures = {pictures}
    batches = {iterator}([{batch} for start in range(0, {stop}, batch_size)])
    class Reader:
        def get_next(self):
            {body}
    return Reader()
"""


def _reader(
    pictures='splits["train"].subset(count).x',
    iterator="iter",
    batch="pictures[start : start + batch_size]",
    stop="count",
    body="batch = next(batches, None); return None if batch is None else {input_name: batch}",
):
    return _READER.format(pictures=pictures, iterator=iterator, batch=batch, stop=stop, body=body)


_QUANTIZE = """
def quantize_model(path_in, path_out, reader):
    prepared = str(path_in){prepared}
    {prepare}
    quantize_static(prepared, str(path_out), reader{options})
"""
_PREPARE = "quant_pre_process(str(path_in), prepared)"
_OPTIONS = ", activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, per_channel=True"


def _quantize(prepared=' + ".prepared"', prepare=_PREPARE, options=_OPTIONS):
    return _QUANTIZE.format(prepared=prepared, prepare=prepare, options=options)


_SENSITIVITY = """
def sensitivity(path, layers, make_calibration, x):
    target = work / "one_layer.onnx"
    reference = {reference}
    reader = make_calibration()
    found = []
    for layer in layers:
        quantization.quantize(path, target, {reader}, {which}=[layer])
        noise = run(target, x) - reference
        found.append((layer, float({ratio})))
    return {result}
"""
_RATIO = "10 * np.log10((reference**2).sum() / (noise**2).sum())"
_SORTED = "sorted(found, key=lambda pair: pair[1])"


def _sensitivity(reference="run(path, x)", reader="make_calibration()", which="only", ratio=_RATIO, result=_SORTED):
    return _SENSITIVITY.format(reference=reference, reader=reader, which=which, ratio=ratio, result=result)


_PROBLEMS = """
def tensorrt_problems(path):
    graph = onnx.load(path).graph
    constants = {{t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}}
    found = []
    for node in graph.node:
        if node.op_type not in {ops}:
            continue
        shifted = {shifted}
        bias = {bias}
        if {both}:
            found.append({name})
    return found
"""
_SHIFTED = "len(node.input) > 2 and constants[node.input[2]].any()"
_BIAS = (
    'node.op_type == "DequantizeLinear" and node.input[0] in constants and constants[node.input[0]].dtype == np.int32'
)


def _problems(
    ops='("QuantizeLinear", "DequantizeLinear")', shifted=_SHIFTED, bias=_BIAS, both="shifted or bias", name="node.name"
):
    return _PROBLEMS.format(ops=ops, shifted=shifted, bias=bias, both=both, name=name)


_CONCLUDE = """
def conclude(row, max_drop):
    sizes = [{size} for kind in ("fp32", "int8")]
    smaller = {smaller}
    low, high = row["speedup"]
    {threads}
    if {inaccurate}:
        return "too inaccurate", smaller
    return "slower" if {slower} else "faster" if {faster} else "smaller only", smaller
"""
_THREADS = 'if row["fp32"]["threads"] != row["int8"]["threads"]: return "not comparable", smaller'


def _conclude(
    size='row[kind]["file"] + row[kind]["external"]',
    smaller="sizes[0] / sizes[1]",
    threads=_THREADS,
    inaccurate='row["change"][0] < -max_drop',
    slower="high < 1",
    faster="low > 1",
):
    return _CONCLUDE.format(size=size, smaller=smaller, threads=threads, inaccurate=inaccurate, slower=slower, faster=faster)  # fmt: skip


MISTAKES = {
    "make_reader": [
        Mistake("calibrates on the test split", _reader(pictures='splits["test"].subset(count).x'), says="test split"),
        Mistake("all splits, test among them", _reader(pictures='np.concatenate([s.x for s in splits.values()])[::-1][:count]'), says="test split"),
        Mistake("0..255 as float", _reader(pictures='splits["train"].subset(count).images[:, None].astype(np.float32)'), says="255 times too large"),
        Mistake("raw bytes", _reader(pictures='splits["train"].subset(count).images[:, None]'), says="255 times too large"),
        Mistake("standardized once more", _reader(pictures='(splits["train"].subset(count).x - np.float32(0.1307)) / np.float32(0.3081)'), says="in that range already"),
        Mistake("noise for pictures", _reader(pictures="np.random.default_rng().random((count, 1, 28, 28), dtype=np.float32)"), says="none of the given splits"),
        Mistake("torch tensors", _reader(pictures='__import__("torch").from_numpy(splits["train"].subset(count).x)'), says="takes NumPy arrays"),
        Mistake("StopIteration at the end", _reader(body="return {input_name: next(batches)}"), says="waits for None"),
        Mistake("the class, not an object", _reader().replace("return Reader()", "return Reader"), says="the class Reader"),
        Mistake("float64", _reader(pictures='splits["train"].subset(count).images[:, None] / 255'), says="float32"),
        Mistake("never ends", _reader(iterator="(lambda b: __import__('itertools').cycle(b))"), says="never end"),
        Mistake("None first", _reader(body="return None"), says="first get_next() returned None"),
        Mistake("last batch dropped", _reader(stop="count - batch_size"), says="last batch"),
        Mistake("entire split", _reader(pictures='splits["train"].x', stop="len(pictures)"), says="entire split"),
        Mistake("the same batch again and again", _reader(batch="pictures[:batch_size][: count - start]"), says="are different"),
        Mistake("name hard-coded", _reader(body='batch = next(batches, None); return None if batch is None else {"input": batch}'), says="input name"),
        Mistake("a list of batches", 'def make_reader(splits, input_name, count, batch_size):\n    x = splits["train"].subset(count).x\n    return [{input_name: x}]\n', says="get_next"),
        Mistake("array without a dict", _reader(body="return next(batches, None)"), says="should be a dict"),
    ],
    "quantize_model": [
        Mistake("per tensor", _quantize(options=_OPTIONS.replace(", per_channel=True", "")), says="per tensor"),
        Mistake("defaults", _quantize(options=", per_channel=True"), says="the default is signed"),
        Mistake("U8U8", _quantize(options=_OPTIONS.replace("QInt8", "QUInt8")), says="weights are uint8"),
        Mistake("not prepared", _quantize(prepared="", prepare="pass"), says="quant_pre_process"),
        Mistake("prepared file not used", "def quantize_model(path_in, path_out, reader):\n    quant_pre_process(str(path_in), str(path_in) + '.p')\n    quantize_static(str(path_in), str(path_out), reader" + _OPTIONS + ")\n", says="quantize what it wrote"),
        Mistake("QOperator", _quantize(options=_OPTIONS + ", quant_format=QuantFormat.QOperator"), says="QDQ"),
        Mistake("dynamic", "def quantize_model(path_in, path_out, reader):\n    quantize_dynamic(str(path_in), str(path_out))\n", says="dynamically"),
        Mistake("only prepared", "def quantize_model(path_in, path_out, reader):\n    quant_pre_process(str(path_in), str(path_out))\n", says="nothing is quantized"),
        Mistake("7 bits", _quantize(options=_OPTIONS + ", reduce_range=True"), says="7 bits"),
        Mistake("calibrated in another range", _quantize(options=_OPTIONS).replace("reader,", "quantization.Reader(np.random.default_rng(0).random((8, 1, 28, 28), dtype=np.float32) * 255),"), says="ranges"),
        Mistake("only the convolutions", _quantize(options=_OPTIONS + ', op_types_to_quantize=["Conv"]'), says="a Gemm"),
        Mistake("in place", "def quantize_model(path_in, path_out, reader):\n    quant_pre_process(str(path_in), str(path_in))\n    quantize_static(str(path_in), str(path_in), reader" + _OPTIONS + ")\n", says="no file was written"),
    ],
    "sensitivity": [
        Mistake("least sensitive first", _sensitivity(result=_SORTED[:-1] + ", reverse=True)"), says="wrong layer"),
        Mistake("not sorted", _sensitivity(result="sorted(found)"), says="comes first"),
        Mistake("all but one quantized", _sensitivity(which="exclude"), says="all layers quantized *but*"),
        Mistake("reader used twice", _sensitivity(reader="reader"), says="gave no data"),
        Mistake("noise over signal", _sensitivity(ratio=_RATIO.replace("10 *", "-10 *")), says="sign"),
        Mistake("20 log10 of squares", _sensitivity(ratio=_RATIO.replace("10 *", "20 *")), says="factor of two"),
        Mistake("not squared", _sensitivity(ratio="10 * np.log10(np.abs(reference).sum() / np.abs(noise).sum())"), says="factor of two"),
        Mistake("natural logarithm", _sensitivity(ratio=_RATIO.replace("log10", "log")), says="base 10"),
        Mistake("all layers every time", _sensitivity().replace(", only=[layer]", ""), says="all layers got the same"),
        Mistake("calibrated on x", _sensitivity(reader="x"), says="x is only for comparing"),
        Mistake("only the first picture", _sensitivity(ratio="10 * np.log10((reference[0]**2).sum() / (noise[0]**2).sum() / 3)"), says="all pictures"),
        Mistake("names only", _sensitivity(result="[name for name, _ in sorted(found, key=lambda pair: pair[1])]"), says="expected a list of"),
    ],
    "tensorrt_problems": [
        Mistake("only int32 biases", _problems(both="bias"), says="zero point not 0"),
        Mistake("only zero points", _problems(both="shifted"), says="bias as int32"),
        Mistake("both at once", _problems(both="shifted and bias"), says="is missing"),
        Mistake("first channel only", _problems(shifted="len(node.input) > 2 and constants[node.input[2]].flat[0] != 0"), says="one channel"),
        Mistake("only positive zero points", _problems(shifted="len(node.input) > 2 and constants[node.input[2]].max() > 0"), says="below 0"),
        Mistake("sum of the zero points", _problems(shifted="len(node.input) > 2 and constants[node.input[2]].sum() != 0"), says="of both signs"),
        Mistake("missing zero point is an error", _problems(shifted="len(node.input) < 3 or constants[node.input[2]].any()"), says="it is fine"),
        Mistake("zero point assumed", _problems(shifted="constants[node.input[2]].any()"), says="raised"),
        Mistake("every int32 constant", _problems(ops='("QuantizeLinear", "DequantizeLinear", "Cast")', bias="node.input[0] in constants and constants[node.input[0]].dtype == np.int32"), says="it is fine"),
        Mistake("every zero point", _problems(shifted="len(node.input) > 2"), says="it is fine"),
        Mistake("only QuantizeLinear", _problems(ops='("QuantizeLinear",)'), says="DequantizeLinear"),
        Mistake("names of tensors", _problems(name="node.input[0]"), says="node.name"),
    ],
    "conclude": [
        Mistake("threads ignored", _conclude(threads="pass"), says="different numbers of threads"),
        Mistake("middle of the accuracy interval", _conclude(inaccurate='sum(row["change"]) / 2 < -max_drop'), says="low end"),
        Mistake("high end of the accuracy interval", _conclude(inaccurate='row["change"][1] < -max_drop'), says="low end"),
        Mistake("sign of the change", _conclude(inaccurate='row["change"][0] > max_drop'), says="expected"),
        Mistake("absolute change", _conclude(inaccurate='max(map(abs, row["change"])) > max_drop'), says="mind the sign"),
        Mistake("max_drop in points", _conclude(inaccurate='100 * row["change"][0] < -max_drop'), says="expected"),
        Mistake("half a point, whatever max_drop is", _conclude(inaccurate='row["change"][0] < -0.005'), says="expected"),
        Mistake("no size if not comparable", _conclude(threads=_THREADS.replace("comparable\", smaller", "comparable\", None")), says="part of every answer"),
        Mistake("whole times", _conclude(smaller="sizes[0] // sizes[1]"), says="return it as it is"),
        Mistake("middle of the speed-up", _conclude(slower="low + high < 2", faster="low + high > 2"), says="contains 1"),
        Mistake("speed-up upside down", _conclude(slower="low > 1", faster="high < 1"), says="above 1"),
        Mistake("external data left out", _conclude(size='row[kind]["file"]'), says="external data"),
        Mistake("size upside down", _conclude(smaller="sizes[1] / sizes[0]"), says="divided by the new"),
        Mistake("saved fraction", _conclude(smaller="1 - sizes[1] / sizes[0]"), says="times smaller"),
        Mistake("verdict alone", _conclude().replace(", smaller\n", "\n").replace(", smaller", ""), says="pair"),
    ],
}  # fmt: skip
