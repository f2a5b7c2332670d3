"""What TensorRT 8.6 needs and later ones do not, on stand-ins that have only the names of its bindings. What its engines do on a GPU, and
where that was seen, stands in docs/platforms.md."""

from __future__ import annotations

import json
from types import SimpleNamespace

import onnx
import pytest
from onnx import TensorProto, helper

from edgekit.runtimes.base import RunnerError
from edgekit.runtimes.trt import building, parsing, progress
from edgekit.runtimes.trt.buildlog import Log, from_inspector
from tests.contracts import bindings


def module(version: str):
    """A module with the names of this version; the members of a class are numbers, as an enum's are."""
    listing = bindings.members(version).items()
    classes = {name: SimpleNamespace(**{m: i for i, m in enumerate(sorted(inner))}) for name, inner in listing}
    return SimpleNamespace(**classes | {"__name__": "tensorrt", "__version__": version})


class Config:
    def __init__(self):
        self.flags, self.features = set(), set()

    def set_flag(self, flag):
        self.flags.add(flag)

    def set_preview_feature(self, feature, on):
        self.features |= {feature} if on else set()


def told(version: str, precision: str, *types: str) -> tuple[set[str], bool]:
    """(the precisions that the builder is allowed, whether contexts share a profile) for a network whose layers give tensors of these
    types."""
    trt, config = module(version), Config()
    layers = [SimpleNamespace(num_outputs=1, get_output=lambda _, t=t: SimpleNamespace(dtype=SimpleNamespace(name=t))) for t in types]
    network = SimpleNamespace(num_layers=len(layers), get_layer=layers.__getitem__)
    parsed = parsing.Parsed("m.onnx", trt, None, network, None, Log(), precision, {})
    building._set_before_10(parsed, config)
    allowed = {name for name in ("FP16", "INT8") if getattr(trt.BuilderFlag, name, None) in config.flags}
    return allowed, bool(config.features)


@pytest.mark.parametrize(
    ("precision", "types", "allowed"),
    [
        ("fp32", ["FLOAT", "INT32"], set()),
        ("fp16", ["HALF", "FLOAT"], {"FP16"}),
        ("int8-qdq", ["INT8", "FLOAT"], {"INT8"}),
        ("int8-qdq", ["INT8", "HALF"], {"INT8", "FP16"}),
    ],
)
def test_8_6_is_allowed_what_stands_in_the_model_and_shares_profiles(precision, types, allowed):
    assert told(bindings.KEPT, precision, *types) == (allowed, True)


@pytest.mark.parametrize("version", bindings.LABS)
def test_later_ones_are_told_nothing(version):
    assert told(version, "int8-qdq", "INT8", "HALF") == (set(), False)


def test_the_flag_of_a_network():
    flags = {v: parsing._flags(module(v)) for v in bindings.VERSIONS}
    names = {v: module(v).NetworkDefinitionCreationFlag for v in flags}
    assert flags.pop(bindings.KEPT) == 1 << names[bindings.KEPT].EXPLICIT_BATCH
    assert flags == {v: 1 << names[v].STRONGLY_TYPED for v in flags}
    neither = module(bindings.KEPT)
    del neither.NetworkDefinitionCreationFlag.EXPLICIT_BATCH
    with pytest.raises(RunnerError, match="8.6, 10.3 or newer"):
        parsing._flags(neither)


@pytest.mark.parametrize(("place", "node"), [(1, ("second", "LpPool")), (-1, ("", "")), (7, ("", ""))])
def test_a_parser_error_without_names_is_said_by_its_place(place, node):
    made = [helper.make_node("Relu", ["x"], ["y"], "first"), helper.make_node("LpPool", ["y"], ["z"], "second")]
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 4, 4])
    model = onnx.helper.make_model(helper.make_graph(made, "g", [value("x")], [value("z")]))
    error = SimpleNamespace(node=lambda: place, desc=lambda: "no importer", code=lambda: "ErrorCode.UNSUPPORTED_NODE")
    found = parsing._problem(module(bindings.KEPT), error, model)
    assert (found.node, found.operator) == node and found.code == "UNSUPPORTED_NODE"


def test_a_build_without_progress_runs_to_its_end():
    config = SimpleNamespace()
    with progress.watch(module(bindings.KEPT), config, show=True) as stopped:
        assert not stopped()
    assert not vars(config), "there is nothing to set"


def test_the_inspectors_json_with_line_breaks_inside_of_strings():
    layer = {"Name": "Conv_0", "LayerType": "CaskConvolution", "Inputs": [], "Outputs": [], "TacticName": "t", "Metadata": "one BREAK two"}
    text = json.dumps({"Layers": [layer]}).replace("BREAK", "\n")
    with pytest.raises(ValueError, match="control character"):
        json.loads(text)
    assert [one.name for one in from_inspector(text)] == ["Conv_0"]
