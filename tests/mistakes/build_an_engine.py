"""Wrong answers to lab 06a."""

from tests.mistakes import Mistake

SETUP = """
import hashlib
from collections import Counter
from pathlib import Path
import numpy as np
import onnx
from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static
"""

_NETWORK = """
def build_network(trt, logger, path):
    builder = trt.Builder(logger)
    network = builder.create_network({flags})
    parser = trt.OnnxParser(network, logger)
    {parse}
    errors = {errors}
    return {returned}
"""
_ERRORS = "[(e.node_operator(), e.node_name()) for e in (parser.get_error(i) for i in range(parser.num_errors))]"


def _network(flags="1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)", parse="parser.parse_from_file(str(path))", errors=_ERRORS, returned="network, errors"):  # fmt: skip
    return _NETWORK.format(flags=flags, parse=parse, errors=errors, returned=returned)


_PROFILE = """
def batch_profile(batches, image):
    common = Counter(batches).most_common(1)[0][0]
    return {low}, {best}, {high}
"""


def _profile(low="(min(batches), *image)", best="(common, *image)", high="(max(batches), *image)"):
    return _PROFILE.format(low=low, best=best, high=high)


_QUANTIZE = """
def quantize_for_trt(source, target, reader):
    quantize_static(source, target, reader, quant_format=QuantFormat.{form}, activation_type=QuantType.{activations}, weight_type=QuantType.QInt8,
                    per_channel=True, extra_options={options})
"""
_OPTIONS = '{"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False}'


def _quantize(form="QDQ", activations="QInt8", options=_OPTIONS):
    return _QUANTIZE.format(form=form, activations=activations, options=options)


_REFUSES = """
def refuses(plan, header, machine):
    reasons = []
    if {short}:
        reasons.append("cut short")
    {els}if hashlib.sha256(plan).hexdigest() != header["sha256"]:
        reasons.append("altered")
    if {version}:
        reasons.append("other version")
    if {gpu}:
        reasons.append("other GPU")
    return {returned}
"""


def _refuses(
    short='len(plan) < header["bytes"]',
    els="el",
    version='machine["version"] != header["version"]',
    gpu='machine["capability"] is not None and machine["capability"] not in header["targets"]',
    returned="reasons",
):
    return _REFUSES.format(short=short, els=els, version=version, gpu=gpu, returned=returned)


_TARGETS = """
def choose_targets(fleet, available):
    targets = {targets}
    left_out = {left}
    return targets, left_out
"""
_LEFT = "sorted(set(fleet) - set(available))"


def _targets(targets="[c for c in available if c in fleet]", left=_LEFT):
    return _TARGETS.format(targets=targets, left=left)


MISTAKES = {
    "build_network": [
        Mistake("no flags", _network(flags="0"), says="STRONGLY_TYPED"),
        Mistake("flag not shifted", _network(flags="int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)"), says="shift 1 by it"),
        Mistake("flag of TensorRT 8", _network(flags="1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)"), says="EXPLICIT_BATCH"),
        Mistake("errors never asked for", _network(errors="[]"), says="Parsing does not raise"),
        Mistake("only the first error", _network(errors=_ERRORS + "[:1]"), says="num_errors"),
        Mistake("operator and node swapped", _network(errors=_ERRORS.replace("(e.node_operator(), e.node_name())", "(e.node_name(), e.node_operator())")), says="pairs"),
        Mistake("nothing parsed", _network(parse="pass"), says="nothing was parsed"),
        Mistake("returns the parser's answer", _network(parse="ok = parser.parse_from_file(str(path))", returned="ok, errors"), says="the network that was parsed into"),
        Mistake("returns only the network", _network(returned="network"), says="two things"),
        Mistake("the number of the flag written down", _network(flags="1 << 1"), says="TensorRT-RTX"),
        Mistake("flag shifted without int", _network(flags="1 << trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED"), says="<<: 'int' and 'NetworkDefinitionCreationFlag'"),
        Mistake("path not made a string", _network(parse="parser.parse_from_file(path)"), says="takes the path as a str"),
        Mistake("path to the function for bytes", _network(parse="parser.parse(str(path))"), says="parse_from_file takes a path"),
        Mistake("a logger of its own", _network(parse="parser.parse_from_file(str(path))").replace("    builder =", "    logger = trt.Logger(trt.Logger.WARNING)\n    builder ="), says="another logger"),
        Mistake("the errors as objects", _network(errors="[parser.get_error(i) for i in range(parser.num_errors)]"), says="node_operator() and node_name()"),
        Mistake("methods not called", _network(errors=_ERRORS.replace("()", "")), says="methods: call them"),
        Mistake("no network where there are errors", _network(parse="ok = parser.parse_from_file(str(path))", returned="network if ok else None, errors"), says="also if there were errors"),
        Mistake("raises instead", _network(parse="assert parser.parse_from_file(str(path))"), says="AssertionError"),
    ],
    "batch_profile": [
        Mistake("opt is the largest", _profile(best="(max(batches), *image)"), says="most often"),
        Mistake("opt is the mean", _profile(best="(round(sum(batches) / len(batches)), *image)"), says="most often"),
        Mistake("opt is the median", _profile(best="(int(np.median(batches)), *image)"), says="most often"),
        Mistake("batch only", _profile("min(batches)", "common", "max(batches)"), says="whole shape"),
        Mistake("min is 1, to be safe", _profile(low="(1, *image)"), says="more than was asked"),
        Mistake("max rounded up to a power of two", _profile(high="(2 * 2 ** int(np.log2(max(batches))), *image)"), says="more than was asked"),
        Mistake("max is the commonest", _profile(high="(common, *image)"), says="would be refused"),
        Mistake("opt is how often it comes", _profile(best="(Counter(batches).most_common(1)[0][1], *image)"), says="is how often it comes"),
        Mistake("opt is the mean, not rounded", _profile(best="(np.mean(batches), *image)"), says="whole number"),
        Mistake("-1 for the dynamic batch", _profile(low="(-1, *image)"), says="-1 stands in the network"),
        Mistake("the picture grows too", _profile(high="(max(batches), *(2 * n for n in image))"), says="only the batch is dynamic"),
    ],
    "quantize_for_trt": [
        Mistake("ONNX Runtime's defaults", "def quantize_for_trt(source, target, reader):\n    quantize_static(source, target, reader)\n", says="bias"),
        Mistake("bias quantized", _quantize(options='{"ActivationSymmetric": True, "WeightSymmetric": True}'), says="QuantizeBias"),
        Mistake("activations asymmetric", _quantize(options='{"WeightSymmetric": True, "QuantizeBias": False}'), says="ActivationSymmetric"),
        Mistake("uint8 activations", _quantize(activations="QUInt8"), says="zero point"),
        Mistake("QOperator format", _quantize(form="QOperator"), says="QOperator"),
        Mistake("dynamic", "def quantize_for_trt(source, target, reader):\n    quantize_dynamic(source, target)\n", says="dynamically"),
        Mistake("copies the file", "def quantize_for_trt(source, target, reader):\n    target.write_bytes(source.read_bytes())\n", says="not quantized"),
        Mistake("one scale per tensor", _quantize().replace("per_channel=True", "per_channel=False"), says="per_channel=True"),
        Mistake("int16 activations", _quantize(activations="QInt16"), says="int8 was asked for"),
        Mistake("layers excluded", _quantize().replace("per_channel=True", "per_channel=True, nodes_to_exclude=['conv', 'gemm']"), says="stayed in float"),
        Mistake(
            "calibrates on random numbers",
            "class Noise:\n    n = 0\n    def get_next(self):\n        self.n += 1\n        return {'input': np.random.randn(8, 1, 28, 28).astype(np.float32)} if self.n < 4 else None\n"
            + _quantize().replace("target, reader, quant", "target, Noise(), quant"),
            says="calibrated",
        ),
        Mistake("writes elsewhere", _quantize().replace("source, target, reader, quant", "source, target.with_name('other.onnx'), reader, quant"), says="no file was written"),
        Mistake(
            "calibrates on black pictures",
            "class Black:\n    n = 0\n    def get_next(self):\n        self.n += 1\n        return {'input': np.full((1, 1, 28, 28), 1e-3, np.float32)} if self.n < 3 else None\n"
            + _quantize().replace("target, reader, quant", "target, Black(), quant"),
            says="calibrated",
        ),
    ],
    "refuses": [
        Mistake("size only", _refuses(els="", short='len(plan) < header["bytes"]').replace('if hashlib.sha256(plan).hexdigest() != header["sha256"]', "if False"), says="SHA-256"),
        Mistake("short and altered", _refuses(els=""), says="not called altered as well"),
        Mistake("major version only", _refuses(version='machine["version"].split(".")[0] != header["version"].split(".")[0]'), says="to the last number"),
        Mistake("begins with", _refuses(version='not machine["version"].startswith(header["version"])'), says="only begins like"),
        Mistake("target as part of a text", _refuses(gpu='machine["capability"] is not None and machine["capability"] not in str(header["targets"])'), says="part of the text"),
        Mistake("no GPU is another GPU", _refuses(gpu='machine["capability"] not in header["targets"]'), says="nothing to compare"),
        Mistake("first target only", _refuses(gpu='machine["capability"] not in (None, header["targets"][0])'), says="any of the targets"),
        Mistake("first reason only", _refuses(returned="reasons[:1]"), says="every* reason"),
        Mistake("any other size is cut short", _refuses(short='len(plan) != header["bytes"]'), says="*more* bytes"),
        Mistake("newer versions only", _refuses(version='machine["version"] > header["version"]'), says="neither a newer nor an older"),
        Mistake("nothing more to ask without a GPU", _refuses().replace("    if machine", "    if machine['capability'] is None:\n        return reasons\n    if machine", 1), says="only the last question"),
        Mistake("GPU of the same generation", _refuses(gpu='machine["capability"] is not None and machine["capability"].split(".")[0] not in [t.split(".")[0] for t in header["targets"]]'), says="of the same generation"),
        Mistake("GPU that is new enough", _refuses(gpu='machine["capability"] is not None and float(machine["capability"]) < min(map(float, header["targets"]))'), says="newer than one of them"),
        Mistake("digest in bytes", _refuses().replace("hexdigest", "digest"), says=".hexdigest()"),
        Mistake("true or false", _refuses(returned="bool(reasons)"), says="list of reasons"),
    ],
    "choose_targets": [
        Mistake("everything there is", _targets(targets="list(available)"), says="nobody has"),
        Mistake("rounded down", _targets(targets="[c for c in available if any(f[:-1] == c[:-1] and f >= c for f in fleet)]"), says="nobody has"),
        Mistake("in the fleet's order, with repeats", _targets(targets="[c for c in fleet if c in available]"), says="twice"),
        Mistake("sorted as text", _targets(targets="sorted(set(fleet) & set(available))"), says="Sorted as text"),
        Mistake("in the fleet's order", _targets(targets="[c for c in dict.fromkeys(fleet) if c in available]"), says="in the order of `available`"),
        Mistake("as numbers", _targets(targets="sorted({float(c) for c in fleet if c in available})"), says="should be a string, got float"),
        Mistake("changed places", _targets().replace("targets, left_out\n", "left_out, targets\n"), says="changed places"),
        Mistake("left out not unique", _targets(left="[c for c in fleet if c not in available]"), says="named once"),
        Mistake("left out forgotten", _targets(left="[]"), says="cannot be served"),
        Mistake("the whole fleet", _targets(targets="list(dict.fromkeys(fleet))"), says="not among what the builder can make"),
    ],
}  # fmt: skip
