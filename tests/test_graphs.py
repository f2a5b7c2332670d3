"""Graph diffs, plans of activations, profiles and footprints, on files that ONNX Runtime itself makes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from edgekit import export, graphs, plots
from edgekit.bench import memory
from edgekit.runtimes.ort import profile
from edgekit.zoo.models import load_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture(scope="module")
def untidy(folder):
    """EdgeCNN with batch norm and identities left in."""
    import torch

    path = folder / "untidy.onnx"
    with export.quiet():
        torch.onnx.export(
            load_checkpoint("edgecnn"),
            (torch.rand(1, 1, 28, 28),),
            path,
            dynamo=False,
            do_constant_folding=False,
            training=torch.onnx.TrainingMode.PRESERVE,
            input_names=["input"],
            output_names=["logits"],
            dynamic_axes={"input": {0: "batch"}},
        )
    return path


@pytest.fixture(scope="module")
def tidy(folder):
    path = folder / "tidy.onnx"
    export.to_onnx(load_checkpoint("edgecnn"), path, dynamo=False)
    return path


def optimized(path, level: str):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, f"ORT_{level}")
    options.log_severity_level = 3
    options.optimized_model_filepath = str(path.with_name(f"{path.stem}_{level}.onnx"))
    ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return options.optimized_model_filepath


def quantized(path, kind: str):
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    class One(CalibrationDataReader):
        feeds = iter([{"input": np.random.default_rng(0).random((1, 1, 28, 28), dtype=np.float32)}])

        def get_next(self):
            return next(self.feeds, None)

    out = path.with_name(f"{path.stem}_{kind}.onnx")
    quantize_static(str(path), str(out), One(), quant_format=QuantFormat[kind])
    return out


# ---------------------------------------------------------------------------------------------------------------------- diff
def test_a_file_against_itself(untidy):
    found = graphs.diff(untidy, untidy)
    assert found.patterns() == {} and set(found.fates) == {"kept"} and not found.added


def test_every_node_has_one_fate(untidy):
    for level in ("DISABLE_ALL", "ENABLE_BASIC", "ENABLE_EXTENDED", "ENABLE_ALL"):
        found = graphs.diff(untidy, optimized(untidy, level))
        owned = [i for source in found.made_from for i in source]
        assert len(owned) == len(set(owned)), "a node before went into two nodes after"
        gone = {i for i, fate in enumerate(found.fates) if fate in ("folded", "removed")}
        assert gone.isdisjoint(owned) and gone.union(owned) == set(range(len(found.before)))


def test_batch_norm_and_relu_are_fused(untidy):
    basic = graphs.diff(untidy, optimized(untidy, "ENABLE_BASIC")).patterns()
    assert basic == {"Conv + BatchNormalization → Conv": 9, "Identity → a constant": 2}
    extended = graphs.diff(untidy, optimized(untidy, "ENABLE_EXTENDED"))
    assert extended.patterns()["Conv + BatchNormalization + Relu → com.microsoft:FusedConv"] == 4
    assert extended.fates.count("fused") == 4 * 3 + 5 * 2 and extended.fates.count("folded") == 2


def test_nothing_disabled_changes_nothing(untidy):
    assert graphs.diff(untidy, optimized(untidy, "DISABLE_ALL")).patterns() == {}


def test_layout_takes_the_addition_in(untidy):
    """On CPUs where ONNX Runtime has no NCHWc kernels the highest level stops at the fusions, without this layout."""
    found = graphs.diff(untidy, optimized(untidy, "ENABLE_ALL"))
    blocks = [n for n in found.after if n.op == "com.microsoft.nchwc:Conv"]
    if blocks:
        assert found.patterns()["Conv + BatchNormalization + Add + Relu → com.microsoft.nchwc:Conv"] == 3
        assert {n.op.rpartition(":")[2] for n in found.added} <= {"ReorderInput", "ReorderOutput"}
    assert len(found.after) < 20


def test_unused_identity_is_removed(folder):
    """x → Identity → Relu → y: the optimizer drops the Identity."""
    import onnx
    from onnx import TensorProto, helper

    nodes = [helper.make_node("Identity", ["x"], ["i"]), helper.make_node("Relu", ["i"], ["r"]), helper.make_node("Neg", ["r"], ["y"])]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2]) for n in "xy"]
    path = folder / "identity.onnx"
    onnx.save(
        helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:]), opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
        path,
    )
    found = graphs.diff(path, optimized(path, "ENABLE_BASIC"))
    assert found.fates == ["removed", "kept", "kept"] and [n.op for n in found.removed] == ["Identity"]


def test_quantized_graphs(tidy):
    qdq = graphs.diff(tidy, quantized(tidy, "QDQ"))
    assert {n.op for n in qdq.added} == {"QuantizeLinear", "DequantizeLinear"}
    assert not qdq.removed and not qdq.folded
    operator = graphs.diff(tidy, quantized(tidy, "QOperator"))
    patterns = operator.patterns()
    assert patterns["Conv → QLinearConv"] + patterns["Conv + Relu → QLinearConv"] == 9
    assert patterns["Gemm → com.microsoft:QGemm"] == 1


def test_pictures_and_texts(untidy):
    found = graphs.diff(untidy, optimized(untidy, "ENABLE_BASIC"), ("exported", "basic"))
    assert "33 nodes exported, 22 basic" in found.plot().alt and "Conv + BatchNormalization → Conv" in found.plot().alt
    assert "9 x Conv + BatchNormalization → Conv" in str(found) and "<table>" in found._repr_html_()
    many = graphs.GraphDiff(found.before * 4, found.after * 4, found.made_from * 4, found.fates * 4)
    assert many.plot().get_axes()[0].get_xlabel() == "nodes"  # too many to draw: counted instead
    assert found.to_dict()["before"] == 33


def test_bad_files(untidy, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(untidy.read_bytes()[:1000])
    with pytest.raises(export.ExportError, match="broken.onnx"):
        graphs.diff(untidy, broken)
    with pytest.raises(export.ExportError, match="no such file"):
        graphs.plan(tmp_path / "missing.onnx")


# ---------------------------------------------------------------------------------------------------------------------- plan
def test_plan_counts_what_pytorch_counts(tidy):
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        load_checkpoint("edgecnn")(torch.rand(3, 1, 28, 28))
    assert graphs.plan(tidy, 3).flops == counter.get_total_flops()


def test_plan_sizes_grow_with_the_batch(tidy):
    one, four = graphs.plan(tidy, 1), graphs.plan(tidy, 4)
    assert four.sizes == {name: 4 * size for name, size in one.sizes.items()} and one.weights == four.weights
    assert one.sizes["input"] == 28 * 28 * 4 and one.outputs == ["logits"] and one.sizes["logits"] == 40
    assert four.intensity > one.intensity, "the weights are shared by the batch"
    known = set(one.inputs)
    for _, reads, writes in one.nodes:
        assert set(reads) <= known
        known |= set(writes)


def test_plan_refuses_fused_operators(untidy):
    with pytest.raises(export.ExportError, match="is unknown. Fix"):
        graphs.plan(optimized(untidy, "ENABLE_EXTENDED"))


# ------------------------------------------------------------------------------------------------------------------- profile
@pytest.fixture(scope="module")
def recorded(tidy, folder):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(folder / "profile")
    session = ort.InferenceSession(str(tidy), options, providers=["CPUExecutionProvider"])
    for _ in range(7):
        session.run(None, {"input": np.ones((1, 1, 28, 28), np.float32)})
    return session.end_profiling()


def test_profile_of_a_real_run(recorded):
    found = profile.read(recorded)
    assert found.runs == 7 and {node.calls for node in found.nodes} == {7}
    assert sum(node.share for node in found.nodes) == pytest.approx(1) and sum(found.by("op").values()) == pytest.approx(1)
    assert found.by("provider") == pytest.approx({"CPUExecutionProvider": 1.0})
    assert [n.total for n in found.nodes] == sorted((n.total for n in found.nodes), reverse=True)
    assert 0 <= found.overhead < 1 and found.load > 0
    assert found.nodes[0].op in str(found) and "<table>" in found._repr_html_() and found.nodes[0].op in found.plot().alt
    assert json.loads(json.dumps(found.to_dict()))["runs"] == 7


def test_profile_arithmetic():
    node = {"cat": "Node", "args": {"op_name": "Conv", "provider": "P"}}
    events = [
        {**node, "name": "a_kernel_time", "dur": 30},
        {**node, "name": "a_kernel_time", "dur": 50},
        {**node, "name": "b_kernel_time", "dur": 20},
        {**node, "name": "b_fence_before", "dur": 900},
        {"cat": "Session", "name": "model_run", "dur": 200},
    ]
    found = profile.parse(events)
    assert [(n.name, n.calls, round(n.share, 3)) for n in found.nodes] == [("a", 2, 0.8), ("b", 1, 0.2)]
    assert found.nodes[0].mean == pytest.approx(40e-6) and found.overhead == pytest.approx(0.5)
    assert found.arena_peak is None and found.nodes[0].output_bytes is None


def test_profile_bad_files(recorded, tmp_path):
    with pytest.raises(profile.ProfileError, match="end_profiling"):
        profile.read(tmp_path / "missing.json")
    for content, says in (("[{", "not a complete JSON file"), ('{"a": 1}', "list of events"), ("[]", "no node was timed")):
        path = tmp_path / "bad.json"
        path.write_text(content)
        with pytest.raises(profile.ProfileError, match=says):
            profile.read(path)


# -------------------------------------------------------------------------------------------------------------------- memory
def test_footprint_grows_with_the_batch(tidy):
    small, large = memory.footprint(tidy, 1, name="tidy"), memory.footprint(tidy, 2000)
    assert large.peak - small.peak > 2000 * 28 * 28 * 4, "at least the input of 2,000 images"
    assert small.libraries < small.loaded <= small.peak and small.file == tidy.stat().st_size
    assert "tidy, batch 1" in str(small) and small.times_file == small.model / small.file


def test_footprint_of_a_broken_file(tmp_path):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"\x08\x08broken")
    with pytest.raises(RuntimeError, match="broken.onnx"):
        memory.footprint(path)


# ------------------------------------------------------------------------------------------------------------------- figures
def test_figures_say_their_numbers():
    alt = plots.runtime.roofline(100e9, 10e9, {"A": (1.0, 5e9), "B": (100.0, 50e9)}).alt
    assert "A 1 FLOP per byte, 5 GFLOP/s, 50% of the roof" in alt and "B 100 FLOP per byte, 50 GFLOP/s, 50%" in alt
    assert "batch 2: 4 ms, 500 images per second" in plots.runtime.latency_throughput([1, 2], [0.003, 0.004], "m").alt
    assert "net: weights 2 MB, rest 1 MB" in plots.runtime.memory({"net": {"weights": 2e6, "rest": 1e6}}).alt
