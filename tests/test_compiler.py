"""The graph compiler of lab 03e, with the decisions from the lab's own solution: equal to ONNX Runtime, and its memory plan tight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgekit import compiler, export
from edgekit.compiler import kernels, planning
from edgekit.compiler.graph import random_feed
from edgekit.course import catalog
from tests.conftest import answer_cells

NAMES = {"order": "topological_order", "fold": "fold_batch_norm", "may_fuse": "may_fuse", "pick": "pick_tactic", "plan": "plan_memory"}


@pytest.fixture(scope="module")
def rules():
    namespace = {"np": np}
    for code in answer_cells(catalog.find("03e").solution).values():
        exec(code, namespace)
    return compiler.Rules(**{rule: namespace[name] for rule, name in NAMES.items()})


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Raw exports of both models, in the two ways that leave batch norms in."""
    import torch
    import torchvision

    from edgekit.zoo.models import load_checkpoint

    folder = tmp_path_factory.mktemp("raw")
    torch.manual_seed(0)
    mobilenet = torchvision.models.mobilenet_v2(weights=None).train()
    with torch.no_grad():
        mobilenet(torch.rand(4, 3, 64, 64))
    models = {"EdgeCNN": (load_checkpoint("edgecnn"), (1, 28, 28)), "MobileNetV2": (mobilenet.eval(), (3, 64, 64))}
    for name, (model, shape) in models.items():
        options = {"optimize": False} if name == "EdgeCNN" else {"dynamo": False, "do_constant_folding": False}
        with export.quiet():
            torch.onnx.export(
                model,
                (torch.rand(1, *shape),),
                folder / f"{name}.onnx",
                input_names=["input"],
                output_names=["logits"],
                external_data=False,
                **options,
            )
    return {name: folder / f"{name}.onnx" for name in models}


@pytest.fixture(scope="module")
def built(rules, files):
    return {name: compiler.build(compiler.read(path), rules, rounds=2) for name, path in files.items()}


MODELS = pytest.mark.parametrize("name", ["EdgeCNN", "MobileNetV2"])


@MODELS
def test_output_equals_onnx_runtime(name, built, files):
    import onnxruntime as ort

    session = ort.InferenceSession(files[name], providers=["CPUExecutionProvider"])
    for seed in (0, 1):
        feed = random_feed(built[name].stages[0][1], seed)
        expected, got = session.run(None, feed)[0], built[name](feed)
        assert np.abs(got - expected).max() <= 1e-4 * np.abs(expected).max()


@MODELS
def test_every_pass_did_its_work(name, built):
    ops = built[name].graph.ops()
    assert not built[name].skipped
    assert not {"BatchNormalization", "Identity", "Shape", "CastLike", "Expand", "Relu", "Clip"} & set(ops)
    assert len(built[name].graph.nodes) < len(built[name].stages[0][1].nodes) / 3


@MODELS
def test_memory_plan_is_within_ten_percent_of_the_lower_bound(name, built):
    tensors = planning.lifetimes(built[name].graph)
    assert planning.clash(tensors, built[name].offsets) is None
    assert planning.lower_bound(tensors) <= built[name].arena <= 1.1 * planning.lower_bound(tensors)
    assert built[name].arena < planning.peak(tensors, planning.no_reuse(tensors)) / 2


@MODELS
def test_a_saved_plan_gives_the_same_bits(name, built, tmp_path):
    path = built[name].save(tmp_path / "x.plan.npz")
    feed = random_feed(built[name].graph)
    assert np.array_equal(compiler.load_plan(path)(feed), built[name](feed))


def test_onnx_runtime_reports_its_plan(files):
    found = compiler.reported_by_onnxruntime(*files.values())
    assert len(found) == 2
    assert all(n is None or 10_000 < n < 10_000_000 for n in found)  # None: a version that does not log it


def test_open_exercises_are_left_out_and_the_rest_runs(files):
    def is_open(*args):
        raise NotImplementedError

    graph = compiler.read(files["EdgeCNN"])
    for rules in (compiler.Rules(), compiler.Rules(*[is_open] * 5)):
        found = compiler.build(graph, rules)
        assert len(found.skipped) == 5
        assert found.graph.ops()["BatchNormalization"] == 9
        feed = random_feed(graph)
        assert np.allclose(found(feed), compiler.interpret(graph, feed)["logits"], rtol=1e-3, atol=1e-4)


def test_a_wrong_rule_is_caught(files, rules):
    graph = compiler.read(files["EdgeCNN"])
    forgets_epsilon_and_mean = lambda w, b, gamma, *_: (w * gamma.reshape(-1, 1, 1, 1), b)
    with pytest.raises(compiler.CompileError, match="changed the result"):
        compiler.build(graph, replace(rules, fold=forgets_epsilon_and_mean))
    with pytest.raises(compiler.CompileError, match="over each other"):
        compiler.build(graph, replace(rules, pick=None, plan=lambda tensors: {t["name"]: 0 for t in tensors}))
    with pytest.raises(compiler.CompileError, match="wrong order"):
        compiler.build(graph, replace(rules, order=lambda nodes, available: list(nodes)[::-1]))


@pytest.mark.parametrize("tactic", kernels.CONVOLUTIONS)
@pytest.mark.parametrize(
    "size, stride, pads, group",
    [(3, 1, 1, 1), (3, 1, 0, 1), (3, 2, 1, 1), (1, 1, 0, 1), (1, 2, 0, 1), (5, 1, 2, 1), (3, 1, 1, 6), (3, 2, 1, 6)],
)
def test_convolutions_equal_torch(tactic, size, stride, pads, group):
    import torch

    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 6, 9, 11)).astype(np.float32)
    w = rng.normal(size=(12 if group == 1 else 6, 6 // group, size, size)).astype(np.float32)
    if not kernels.applies(tactic, w, (stride, stride), group):
        assert tactic == "winograd"
        return
    expected = torch.nn.functional.conv2d(torch.from_numpy(x), torch.from_numpy(w), None, stride, pads, 1, group).numpy()
    for ready in (None, kernels.prepare(tactic, x.shape, w, [pads] * 4, group)):
        got = kernels.CONVOLUTIONS[tactic](x, w, (stride, stride), [pads] * 4, group, ready)
        assert got.dtype == np.float32
        assert np.allclose(got, expected, rtol=1e-3, atol=1e-4)


def test_transposes_cancel_and_nothing_changes(tmp_path):
    import torch
    from torch import nn

    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 1)

        def forward(self, x):
            inside = lambda layer, t: layer(t.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            y = inside(self.a, x).relu()
            return inside(self.b, y + inside(self.b, y))

    path = tmp_path / "last.onnx"
    with export.quiet():
        torch.onnx.export(Last(), (torch.rand(1, 5, 7, 3),), path, dynamo=False)
    graph = compiler.read(path)
    after = compiler.cancel_transposes(graph)
    assert compiler.equal(graph, after) < 1e-6
    assert (graph.ops()["Transpose"], after.ops()["Transpose"]) == (6, 2)  # the caller's layout, in and out


def test_plans_that_are_cut_off_or_foreign_are_refused(built, tmp_path):
    path = built["EdgeCNN"].save(tmp_path / "x.npz")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(compiler.CompileError, match="cut off"):
        compiler.load_plan(path)
    np.savez(path, a=np.zeros(3))
    with pytest.raises(compiler.CompileError, match="no plan"):
        compiler.load_plan(path)


def test_what_is_not_supported_is_named(tmp_path, built):
    from onnx import TensorProto, helper, save

    def write(op, dims):
        tensors = [helper.make_tensor_value_info(n, TensorProto.FLOAT, dims) for n in "xy"]
        save(
            helper.make_model(helper.make_graph([helper.make_node(op, ["x"], ["y"], name="n7")], "g", tensors[:1], tensors[1:])),
            tmp_path / "m.onnx",
        )
        return tmp_path / "m.onnx"

    with pytest.raises(compiler.CompileError, match="no kernel for Det .node 'n7'"):
        compiler.read(write("Det", [1, 2, 2]))
    with pytest.raises(compiler.CompileError, match="more than its batch dynamic"):
        compiler.read(write("Relu", ["n", "c"]))
    assert compiler.read(write("Relu", ["n", 4]), batch=3).inputs == {"x": (3, 4)}
    with pytest.raises(compiler.CompileError, match="for no other"):
        built["EdgeCNN"](np.zeros((2, 1, 28, 28), np.float32))


def test_figures_say_in_words_what_they_show(built):
    from edgekit import plots

    one = built["EdgeCNN"]
    raw, tensors = one.stages[0][1], planning.lifetimes(one.graph)
    assert "15 nodes" in plots.compiler.graphs(raw, one.graph).alt
    assert "Nodes after each pass" in plots.compiler.graphs(built["MobileNetV2"].stages[0][1], one.graph).alt
    assert "is fastest" in plots.compiler.tactics(one.measured).alt
    assert "lower bound" in plots.compiler.memory_map(tensors, {"plan": one.offsets}, planning.lower_bound(tensors)).alt
