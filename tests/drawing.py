"""Small ONNX graphs drawn at random: ``python -m tests.drawing FOLDER SEED`` writes GRAPHS of them, with an input each.

A process of its own, which imports nothing of the package: Hypothesis draws some constants from the source of the modules that are loaded,
so in a test process the graphs would change with every edit, and with the tests that ran before.
"""

from __future__ import annotations

import sys
from pathlib import Path

import hypothesis
import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import TensorProto as T
from onnx import helper, numpy_helper

GRAPHS = 500
KINDS = {T.FLOAT: np.float32, T.DOUBLE: np.float64, T.FLOAT16: np.float16, T.INT64: np.int64, T.INT32: np.int32, T.UINT8: np.uint8}
FREE = st.sampled_from(["batch", "n", "?", "None", -1, None, ""])
node = helper.make_node


class Drawing:
    """A graph in the making: one tensor goes from node to node. ``shape`` is that of the tensor now."""

    def __init__(self, draw):
        self.draw, self.nodes, self.weights, self.name, self.count = draw, [], [], "x", 0
        self.kind = draw(st.sampled_from([T.FLOAT] * 6 + list(KINDS)))
        self.shape = draw(st.lists(st.integers(1, 5), max_size=5))
        self.given = tuple(self.shape)
        free = [draw(st.integers(0, 2 if i == 0 else 8)) == 0 for i in range(len(self.shape))]
        self.declared = [draw(FREE) if is_free else size for is_free, size in zip(free, self.shape, strict=True)]
        if draw(st.integers(0, 15)) == 0:
            self.declared = None
        self.random = np.random.default_rng(draw(st.integers(0, 999)))

    def constant(self, array, whole=False):
        """A weight: an initializer or a Constant node."""
        self.count += 1
        dtype = np.int64 if whole else KINDS[self.kind]
        tensor = numpy_helper.from_array(np.asarray(array).astype(dtype), f"k{self.count}")
        if self.draw(st.booleans()):
            self.weights.append(tensor)
        else:
            self.nodes.append(node("Constant", [], [tensor.name], value=tensor))
        return tensor.name

    def add(self, op, *more, **attributes):
        self.count += 1
        out = f"t{self.count}"
        self.nodes.append(node(op, [self.name, *more], [out], name=f"n{self.count}", **attributes))
        self.name = out

    def numbers(self, *shape):
        return self.random.normal(0, 0.5, shape) if self.kind in (T.FLOAT, T.DOUBLE, T.FLOAT16) else self.random.integers(0, 4, shape)


def elementwise(g: Drawing):
    op = g.draw(st.sampled_from(["Relu", "Identity", "Abs", "Add", "Mul", "Clip", "Sum"]))
    if op in ("Add", "Mul"):
        cut = g.draw(st.integers(0, len(g.shape)))
        g.add(op, g.constant(g.numbers(*g.shape[cut:])))
    elif op == "Clip":
        bounds = g.draw(st.sampled_from([("", 1), (0, ""), (0, 2)]))
        g.add(op, *("" if bound == "" else g.constant(bound) for bound in bounds))
    else:
        g.add(op)


def moved(g: Drawing):
    rank = len(g.shape)
    op = g.draw(st.sampled_from(["Transpose", "Flatten", "Reshape", "Concat", "ReduceMean", "Expand"]))
    if op == "Transpose":
        perm = g.draw(st.permutations(range(rank)))
        if rank and g.draw(st.booleans()):
            g.add(op, perm=perm)
        else:
            perm = list(range(rank))[::-1]
            g.add(op)
        g.shape = [g.shape[i] for i in perm]
    elif op == "Flatten" and rank:
        axis = g.draw(st.integers(-rank, rank))
        g.add(op, axis=axis)
        g.shape = [int(np.prod(g.shape[:axis])), int(np.prod(g.shape[axis:]))]
    elif op == "Reshape":
        wanted = g.draw(st.sampled_from([[-1], [1, -1], [*g.shape[:1], -1], [0, -1] if rank else [1]]))
        g.add(op, g.constant(wanted, whole=True))
        fixed = [g.shape[i] if n == 0 else n for i, n in enumerate(wanted)]
        known = int(np.prod([n for n in fixed if n >= 0]))
        g.shape = [int(np.prod(g.shape)) // known if n < 0 else n for n in fixed]
    elif op == "Concat" and rank:
        axis = g.draw(st.integers(-rank, rank - 1))
        g.add(op, g.name, axis=axis)
        g.shape[axis] *= 2
    elif op == "ReduceMean":
        axes, keep = (g.draw(st.sets(st.integers(0, rank - 1))) if rank else set()), g.draw(st.integers(0, 1))
        g.add(op, *([g.constant(sorted(axes), whole=True)] if axes else []), keepdims=keep)
        gone = axes or set(range(rank))
        g.shape = [1 if i in gone else n for i, n in enumerate(g.shape) if keep or i not in gone]
    elif op == "Expand":
        g.add(op, g.constant([2, *[1] * rank], whole=True))
        g.shape = [2, *g.shape]


def heavy(g: Drawing):
    rank = len(g.shape)
    op = g.draw(st.sampled_from(["MatMul", "Gemm", "Conv", "BatchNormalization", "GlobalAveragePool"]))
    if op == "MatMul" and rank:
        g.add(op, g.constant(g.numbers(g.shape[-1], 3)))
        g.shape[-1] = 3
    elif op == "Gemm" and rank == 2:
        turned = g.draw(st.booleans())
        g.add(
            op,
            g.constant(g.numbers(*((3, g.shape[1]) if turned else (g.shape[1], 3)))),
            g.constant(g.numbers(3)),
            transB=int(turned),
            alpha=0.5,
        )
        g.shape[-1] = 3
    elif op == "Conv" and rank >= 3:
        taps = [g.draw(st.integers(1, min(3, n))) for n in g.shape[2:]]
        more = g.draw(
            st.sampled_from(
                [
                    {},
                    {"strides": [2] * len(taps)},
                    {"pads": [1] * 2 * len(taps)},
                    {"auto_pad": "SAME_UPPER"},
                    {"dilations": [2] * len(taps), "pads": [2] * 2 * len(taps)},
                    {"group": g.shape[1]},
                ]
            )
        )
        g.add(op, g.constant(g.numbers(g.shape[1] * 2, 1 if "group" in more else g.shape[1], *taps)), **more)
        g.shape = None  # what follows does not ask
    elif op == "BatchNormalization" and rank >= 2:
        channels = [g.constant(np.abs(g.numbers(g.shape[1])) + 0.5) for _ in range(4)]
        g.add(op, *channels)
    elif op == "GlobalAveragePool" and rank >= 3:
        g.add(op)
        g.shape = [*g.shape[:2], *[1] * (rank - 2)]


def branched(g: Drawing):
    """The tensor through an If with a constant condition; the branches read it from outside."""
    g.count += 1
    bodies = {}
    for branch, op in (("then_branch", "Relu"), ("else_branch", "Neg")):
        out = f"{branch}{g.count}"
        inside = [node(op, [g.name], [out])]
        bodies[branch] = helper.make_graph(inside, branch, [], [helper.make_tensor_value_info(out, g.kind, None)])
    tensor = numpy_helper.from_array(np.array(g.draw(st.booleans())), f"c{g.count}")
    g.weights.append(tensor)
    g.nodes.append(node("If", [tensor.name], [f"i{g.count}"], name=f"if{g.count}", **bodies))
    g.name = f"i{g.count}"


@st.composite
def drawn(draw):
    """(model, input)."""
    g = Drawing(draw)
    for step in draw(st.lists(st.sampled_from([elementwise] * 4 + [moved] * 4 + [heavy] * 4 + [branched]), min_size=1, max_size=5)):
        if g.shape is None:
            break
        step(g)
    if not any(one.op_type != "Constant" for one in g.nodes):
        g.add("Identity")
    inputs = [helper.make_tensor_value_info("x", g.kind, g.declared)]
    outputs = [helper.make_tensor_value_info(g.name, g.kind, None)]
    graph = helper.make_graph(g.nodes, "drawn", inputs, outputs, g.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return model, np.asarray(g.numbers(*g.given)).astype(KINDS[g.kind])


def write(folder: Path, seed: int) -> None:
    """folder/0.onnx, folder/0.npy and so on."""
    count = 0

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=GRAPHS, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(drawn())
    def keep(drawing):
        nonlocal count
        onnx.save(drawing[0], folder / f"{count}.onnx")
        np.save(folder / f"{count}.npy", drawing[1])
        count += 1

    keep()


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
