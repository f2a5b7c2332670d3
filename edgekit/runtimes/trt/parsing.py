"""ONNX to a TensorRT network; what the parser refuses is said with node, operator, reason and a fix where we know one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edgekit.formatting import ShownAsText
from edgekit.graphs import reading, signatures
from edgekit.runtimes.base import RunnerError, Spec
from edgekit.runtimes.trt import versions
from edgekit.runtimes.trt.buildlog import Log, collecting, said

_STATIC = (
    "this file was quantized dynamically, and TensorRT needs the scales when it builds: quantize statically, for TensorRT "
    "(int8 activations and weights, symmetric, bias left in float)"
)
# (operators or "", words in the parser's message or "", what it means, fix); the first that fits counts.
_KNOWN = [
    (
        "DynamicQuantizeLinear|ConvInteger|MatMulInteger|DynamicQuantizeMatMul",
        "",
        "TensorRT has no operator for dynamic quantization",
        _STATIC,
    ),
    ("QLinear\\w+", "", "TensorRT has no QLinear operators", "quantize in QDQ format (quant_format=QuantFormat.QDQ), not QOperator"),
    (
        "(De)?[Qq]uantizeLinear",
        "zero.?point|shiftIsAllZeros|asymmetric",
        "a zero point is not 0, and TensorRT quantizes symmetrically",
        "quantize with extra_options={'ActivationSymmetric': True, 'WeightSymmetric': True} and QInt8 for activations and weights",
    ),
    (
        "DequantizeLinear",
        "Int32|INT32",
        "a bias was quantized to INT32, which TensorRT does not dequantize",
        "quantize with extra_options={'QuantizeBias': False}: the bias stays in float",
    ),
    (
        "(De)?[Qq]uantizeLinear",
        "",
        "TensorRT cannot use this quantization",
        "quantize for TensorRT: QDQ format, QInt8, symmetric, per channel, bias left in float",
    ),
    (
        "",
        "Plugin not found|[Pp]lugin creator|No importer",
        "it is no operator of ONNX that TensorRT knows, and no plugin has that name",
        "express it with standard operators before the export, or write and register a TensorRT plugin",
    ),
    (
        "",
        "^(Assertion failed: )?false",
        "TensorRT has no implementation of this operator",
        "express it with other operators before the export, or keep this part outside of the engine",
    ),
]


@dataclass(frozen=True)
class Problem:
    """One thing that the parser refused. code: TensorRT's error code; said: its own words; reason and fix: ours ("" if unknown)."""

    node: str
    operator: str
    code: str
    said: str
    reason: str = ""
    fix: str = ""

    def __str__(self) -> str:
        where = f"{self.operator or 'the model'}{f' ({self.node})' if self.node else ''}"
        fix = f". Fix: {self.fix}" if self.fix else ""
        return f"{where}: {self.reason or self.said} [{self.code}]{fix}."

    def to_dict(self) -> dict:
        return dict(self.__dict__)


class ParseError(ShownAsText, RunnerError):
    """TensorRT cannot read this model. Attributes: path, problems (list of Problem)."""

    def __init__(self, path: str, problems: list[Problem], version: str):
        self.path, self.problems = path, problems
        # A network quantized the wrong way fails in every layer: say each reason once, with the operators it concerns.
        kinds: dict[tuple, list[Problem]] = {}
        for problem in problems:
            kinds.setdefault((problem.reason or problem.said, problem.fix), []).append(problem)
        lines = [_together(same) for same in kinds.values()]
        super().__init__(f"{path}: {version} refuses {len(problems)} node(s). " + " ".join(lines))


def _together(problems: list[Problem]) -> str:
    first, count = problems[0], {}
    for problem in problems:
        count.setdefault(problem.operator or "the model", []).append(problem.node)
    where = [
        f"{op}{f' ({nodes[0]})' if nodes[0] else ''}{f' and {len(nodes) - 1} more' if nodes[1:] else ''}" for op, nodes in count.items()
    ]
    return str(Problem("", ", ".join(where), first.code, first.said, first.reason, first.fix))


@dataclass
class Parsed:
    """A network. It lives as long as the builder and the logger that are kept here with it."""

    path: str
    module: object
    builder: object
    network: object
    parser: object
    log: Log
    precision: str
    declared: dict[str, tuple | None]  # the shapes that the file gives its inputs

    @property
    def inputs(self) -> dict[str, Spec]:
        """Free dimensions by the names that the file gives them."""
        network = self.network
        found = _specs(network.get_input(i) for i in range(network.num_inputs))
        for name, spec in found.items():
            if len(shape := self.declared.get(name) or ()) == len(spec.shape):
                found[name] = Spec(spec.dtype, shape)
        return found

    @property
    def outputs(self) -> dict[str, Spec]:
        network = self.network
        return _specs(network.get_output(i) for i in range(network.num_outputs))

    def holds(self, dtype: str) -> bool:
        """Whether a layer of the network gives a tensor of this type ("float16")."""
        layers = map(self.network.get_layer, range(self.network.num_layers))
        return any(dtype_name(one.get_output(i).dtype) == dtype for one in layers for i in range(one.num_outputs))

    @property
    def layers(self) -> int:
        """Layers of the network before any optimization."""
        network = self.network
        return network.num_layers


def parse(model, *, api: str | None = None) -> Parsed:
    """Parse an ONNX file into a network (strongly typed, where TensorRT has that), without a GPU where tensorrt_rtx is installed.

    Raises ParseError with every problem the parser found, reading.ExportError for a file that is no whole ONNX model, RunnerError
    where there is no TensorRT or no builder.
    """
    trt, path, log = versions.api(api), Path(model), Log()
    proto = reading.load_model(path, external_data=False)
    logger = collecting(trt, log)
    builder = new_builder(trt, logger)
    network = builder.create_network(_flags(trt))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(path)):
        problems = [_problem(trt, parser.get_error(i), proto) for i in range(parser.num_errors)]
        raise ParseError(str(path), problems, f"{trt.__name__} {trt.__version__}")
    declared = {value.name: signatures.signature(value)[1] for value in proto.graph.input}
    for i in range(network.num_inputs):
        if declared.get(name := network.get_input(i).name, ()) is None:
            raise RunnerError(
                f"{path}: the input '{name}' has no shape, and an engine needs one. Fix: export it with its dimensions, free ones by name."
            )
    return Parsed(str(path), trt, builder, network, parser, log, reading.precision(proto), declared)


def _flags(trt) -> int:
    """How a network is created. 10.x has EXPLICIT_BATCH too, without effect; 11 lacks it; 8.6 reads no ONNX file without it."""
    if versions.features(trt).strongly_typed:
        return 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    if versions.features(trt).precision_flags:
        return 1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)
    raise RunnerError(f"{trt.__name__} {trt.__version__} is not known to this edgekit. Fix: 8.6, 10.3 or newer.")


def new_builder(trt, logger):
    try:
        return trt.Builder(logger)
    except TypeError as error:  # the factory of the bindings returned nothing
        raise RunnerError(
            f"{trt.__name__} {trt.__version__} makes no Builder here: {said(trt)}. It needs a GPU and a driver that is new enough. Fix: "
            "api='tensorrt_rtx' builds without a GPU (pip install tensorrt-rtx); with a GPU, look at nvidia-smi."
        ) from error


def _problem(trt, parser_error, proto) -> Problem:
    """Out of TensorRT's ParserError."""
    node = operator = ""
    if versions.features(trt).node_names:
        node, operator = parser_error.node_name(), parser_error.node_operator()
    elif 0 <= parser_error.node() < len(proto.graph.node):
        at = proto.graph.node[parser_error.node()]
        node, operator = at.name, at.op_type
    said = " ".join(parser_error.desc().split())
    code = str(parser_error.code()).rpartition(".")[2]
    for operators, words, reason, fix in _KNOWN:
        if re.fullmatch(operators or ".*", operator) and re.search(words, said):
            return Problem(node, operator, code, said[:400], reason, fix)
    return Problem(node, operator, code, said[:400])


_DTYPES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "BF16": "bfloat16",
    "FP8": "float8_e4m3fn",
    "INT8": "int8",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
    "BOOL": "bool",
}


def dtype_name(dtype) -> str:
    """NumPy's (or ml_dtypes') name for a TensorRT DataType."""
    return _DTYPES.get(dtype.name, dtype.name.lower())


def _specs(tensors) -> dict[str, Spec]:
    """Specs with a str per dynamic dimension; TensorRT forgets the names of dimensions, so they are called batch, dim1, ..."""
    found = {}
    for tensor in tensors:
        dims = tuple(d if d >= 0 else ("batch" if i == 0 else f"dim{i}") for i, d in enumerate(tensor.shape))
        found[tensor.name] = Spec(dtype_name(tensor.dtype), dims)
    return found
