"""Which QDQ files become an integer model: what is accepted computes what ONNX Runtime computes, the rest is refused with the node."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit import runtimes
from edgekit.export import integer

CONV, GEMM, ZERO = (5, 3, 3, 3), (6, 30), np.int8(0)


class Chain:
    """A QDQ chain, built node by node. `at` is the tensor at its end."""

    def __init__(self, *shape):
        self.shape, self.nodes, self.constants, self.at = (1, *shape), [], [], "input"
        self.rng = np.random.default_rng(11)

    def constant(self, value) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, kind, *inputs, **attributes) -> str:
        name = f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [f"{name}_out"], name=name, **attributes))
        return f"{name}_out"

    def then(self, kind, *more, **attributes):
        self.at = self.node(kind, self.at, *more, **attributes)
        return self

    def q(self, scale, zero=ZERO, behind=None):
        ends = [self.constant(np.float32(scale)), *([] if zero is None else [self.constant(zero)])]
        self.then("QuantizeLinear", *ends)
        ends[0] = ends[0] if behind is None else self.constant(np.float32(behind))
        return self.then("DequantizeLinear", *ends)

    def weights(self, shape, scale=0.011, zero=ZERO, kind=np.int8, axis=0, floats=False):
        low, high = (0, 200) if kind == np.uint8 else (-100, 100)
        values = self.rng.integers(low, high, shape).astype(kind)
        zero = self.constant(np.full(np.shape(scale), zero))
        grid = [self.constant(np.asarray(scale, np.float32)), zero]
        if floats:
            real = self.constant((values * 0.9 * np.reshape(scale, (-1, 1, 1, 1))).astype(np.float32))
            return self.node("DequantizeLinear", self.node("QuantizeLinear", real, *grid, axis=axis), *grid, axis=axis)
        return self.node("DequantizeLinear", self.constant(values), *grid, axis=axis)

    def layer(self, kind, shape, bias=None, weights=None, **attributes):
        bias = self.constant(self.rng.normal(size=shape[0]).astype(np.float32)) if bias is None else bias
        return self.then(kind, self.weights(shape, **(weights or {})), *([bias] if bias else []), **attributes)

    def conv(self, **more):
        return self.layer("Conv", CONV, **more)

    def gemm(self, **more):
        return self.layer("Gemm", GEMM, **{"transB": 1, **more})

    def save(self, path, opset=21):
        ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("input", self.shape), (self.at, None))]
        graph = helper.make_graph(self.nodes, "chain", ends[:1], ends[1:], self.constants)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10), path)
        return path


def image():
    return Chain(3, 9, 7).q(0.031)


def flat():
    return Chain(30).q(0.031)


def stored_bias(chain):
    integers, scale = np.array([900, -1200, 0, 77, 5000], np.int32), np.float32(3.4e-4)
    return chain.node("DequantizeLinear", chain.constant(integers), chain.constant(scale))


def with_stored_bias():
    chain = image()
    return chain.conv(bias=stored_bias(chain)).q(0.12)


def first_q_without_zero_point():
    chain = Chain(3, 9, 7)
    chain.then("QuantizeLinear", chain.constant(np.float32(0.031)), output_dtype=TensorProto.INT8)
    return chain.then("DequantizeLinear", chain.constant(np.float32(0.031))).conv().q(0.12)


def reshaped(*target):
    chain = image().conv().q(0.12)
    return chain.then("Reshape", chain.constant(np.array(target)))


PER_CHANNEL = [0.02, 0.005, 0.011, 0.03, 0.001]
READ = {
    "plain": lambda: image().conv().q(0.12),
    "no bias": lambda: image().conv(bias="").q(0.12),
    "bias behind a DequantizeLinear": with_stored_bias,
    "auto_pad VALID": lambda: image().conv(auto_pad="VALID", kernel_shape=[3, 3]).q(0.12),
    "per channel": lambda: image().conv(weights={"scale": PER_CHANNEL}).q(0.12),
    "float weights": lambda: image().conv(weights={"scale": PER_CHANNEL, "floats": True}).q(0.12),
    "a factor above 1": lambda: image().conv(weights={"scale": 3.7}).q(0.09),
    "int8 without a zero point": first_q_without_zero_point,
    "the same scale again": lambda: image().conv().q(0.12).q(0.12).then("MaxPool", kernel_shape=[2, 2]).q(0.12),
    "a ReLU on a grid that stays": lambda: image().conv().q(0.12).then("Relu").then("MaxPool", kernel_shape=[2, 2]),
    "a pool first": lambda: Chain(3, 9, 7).then("MaxPool", kernel_shape=[2, 2]).q(0.031).conv().q(0.12),
    "reshaped": lambda: reshaped(0, -1),
    "gemm": lambda: flat().gemm().q(0.4),
}


@pytest.mark.parametrize("name", READ)
def test_what_is_read_computes_what_onnx_runtime_computes(name, tmp_path):
    path = READ[name]().save(tmp_path / "net.onnx")
    model = integer.from_onnx(path)
    with runtimes.load(path, threads=1, optimization="disable") as run:
        shape = run.inputs["input"].shape
        x = np.random.default_rng(5).normal(size=(40, *shape[1:])).astype(np.float32)
        want = np.concatenate([run(row[None]) for row in x])
    got = model(model.quantize(x))
    steps = np.abs(got.reshape(want.shape) - np.rint(want / model.scale_out))
    assert steps.max() <= 1 and (steps == 0).mean() > 0.98 and len(np.unique(got)) > 20


REFUSED = {
    "no Q at the end": (lambda: image().conv(), "Conv3: no QuantizeLinear stands directly behind it"),
    "no Q behind the ReLU": (lambda: image().conv().then("Relu"), "Conv3: no QuantizeLinear"),
    "Q behind the flatten": (lambda: image().conv().then("Flatten").q(0.1), "Conv3: no QuantizeLinear"),
    "Q behind the pool": (lambda: image().conv().then("MaxPool", kernel_shape=[2, 2]).q(0.1), "Conv3: no Quantize"),
    "another scale behind the pool": (
        lambda: image().conv().q(0.1).then("MaxPool", kernel_shape=[2, 2]).q(0.05),
        "QuantizeLinear7.*rounded twice",
    ),
    "another scale behind the flatten": (lambda: image().conv().q(0.1).then("Flatten").q(0.3), "rounded twice"),
    "two pairs at the input": (lambda: image().q(0.05).conv().q(0.1), "QuantizeLinear2: its scale is 0.05"),
    "two pairs behind a layer": (lambda: image().conv().q(0.1).q(0.07), "rounded twice"),
    "two pairs behind a ReLU": (lambda: image().conv().q(0.1).then("Relu").q(0.08).q(0.05), "rounded twice"),
    "a narrow Q before the ReLU": (lambda: image().conv().q(0.02).then("Relu").q(0.1), "before the ReLU cuts off"),
    "Q and DQ differ": (lambda: image().conv().q(0.1, behind=0.2), "not that of the QuantizeLinear before"),
    "uint8 without a zero point": (lambda: Chain(3, 9, 7).q(0.1, zero=None).conv().q(0.1), "QuantizeLinear0: is uint8"),
    "alpha": (lambda: flat().gemm(alpha=0.5).q(0.4), "Gemm3: alpha=0.5"),
    "beta": (lambda: flat().gemm(beta=3.0).q(0.4), "Gemm3: beta=3"),
    "transA": (lambda: flat().gemm(transA=1).q(0.4), "Gemm3: transA=1"),
    "weights with a zero point": (lambda: flat().gemm(weights={"zero": np.int8(-3)}).q(0.4), r"int8 with zero points \[-3\]"),
    "uint8 weights": (lambda: flat().gemm(weights={"zero": np.uint8(128), "kind": np.uint8}).q(0.4), "weights are uint8"),
    "scales along the inputs": (lambda: image().conv(weights={"scale": [0.1] * 3, "axis": 1}).q(0.1), "3 scales along axis 1"),
    "a bias beyond int32": (
        lambda: image().conv(weights={"scale": 1e-10}).q(0.1),
        "output channel 0: its sum can reach .* more than int32",
    ),
    "a factor too small": (lambda: image().conv(bias="", weights={"scale": 1e-10}).q(0.1), "Conv3, output channel 0: .*between 2"),
    "auto_pad": (lambda: image().conv(auto_pad="SAME_LOWER", kernel_shape=[3, 3]).q(0.1), "auto_pad=SAME_LOWER"),
    "auto_pad of a pool": (lambda: image().then("MaxPool", kernel_shape=[3, 3], auto_pad="SAME_UPPER").conv().q(0.1), "auto_pad"),
    "one dimension": (lambda: Chain(3, 9).q(0.03).layer("Conv", (5, 3, 3)).q(0.1), "two-dimensional only"),
    "flatten the batch": (lambda: image().conv().q(0.1).then("Flatten", axis=0), "axis=0"),
    "reshape to an image": (lambda: reshaped(1, 1, 5, 35), r"target is \[1, 1, 5, 35\]"),
    "reshape to two rows": (lambda: reshaped(5, -1), r"target is \[5, -1\]"),
    "a free size": (lambda: Chain(3, "height", 7).q(0.03).conv().q(0.1), r"fixed size; got \[1, 3, 'height', 7\]"),
    "no layer": (lambda: image(), "no INT8 layer"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_compute_something_else_is_refused(name, tmp_path):
    chain, says = REFUSED[name]
    with pytest.raises(integer.IntegerError, match=says) as refused:
        integer.from_onnx(chain().save(tmp_path / "net.onnx"))
    assert "net.onnx" in str(refused.value)
