"""Diagrams of how things hang together: the course's chain, an export, a session, an engine, training with rounding or with a teacher."""

from __future__ import annotations

from edgekit.plots.diagrams.drawing import TEXT, arrow, box, sheet, word
from edgekit.plots.figures import OKABE_ITO, finish

CHAIN = {
    "why": ("Why and where", "chapters 1, 2"),
    "train": ("Trained\nPyTorch model", "given"),
    "compress": ("Smaller model", "chapters 3, 7"),
    "export": ("ONNX file", "chapter 4"),
    "runtime": ("ONNX Runtime", "chapter 5"),
    "tensorrt": ("TensorRT engine", "chapter 6"),
}


def chain(here: str | None = None):
    """The course from a model to a measured answer; ``here`` (a key of CHAIN) is marked. KeyError names what there is."""
    if here is not None and here not in CHAIN:
        raise KeyError(f"{here!r} is no station of the chain; there are: {', '.join(CHAIN)}")
    figure, axes = sheet(height=3.6, y=3.6)
    places = {
        "why": (0.1, 2.55),
        "train": (0.1, 1.1),
        "compress": (2.3, 1.1),
        "export": (4.5, 1.1),
        "runtime": (6.75, 1.95),
        "tensorrt": (6.75, 0.3),
    }
    for key, (name, chapter) in CHAIN.items():
        x, y = places[key]
        width = 2.1 if key in ("runtime", "tensorrt") else 1.75
        box(axes, x, y, width, 0.95, f"{name}\n({chapter})", "orange" if key == here else "blue", TEXT - 1.5)
    arrow(axes, (0.97, 2.5), (0.97, 2.12))
    for start, end in (((1.9, 1.58), (2.25, 1.58)), ((4.1, 1.58), (4.45, 1.58))):
        arrow(axes, start, end)
    arrow(axes, (6.3, 1.7), (6.7, 2.35))
    arrow(axes, (6.3, 1.45), (6.7, 0.85))
    word(axes, 5.2, 3.2, "measured at every arrow: time, accuracy, size, with its interval", TEXT, color="#00446b")
    marked = f" Marked: {CHAIN[here][0]}." if here else ""
    return finish(
        figure,
        "The chain of the course: reasons and hardware, a trained PyTorch model, a smaller model, an ONNX file, and from it ONNX Runtime "
        "or a TensorRT engine; everything is measured." + marked.replace("\n", " "),
    )


def capture():
    """Two ways from Python to a graph: tracing one example, and capturing with symbolic shapes."""
    figure, axes = sheet()
    box(axes, 0.1, 1.6, 2.0, 1.0, "forward(x)\nPython code", "blue")
    box(axes, 3.0, 2.7, 2.6, 1.1, "trace: run once on\nan example, write\ndown what happened", "orange", TEXT - 1)
    box(axes, 3.0, 0.4, 2.6, 1.1, "torch.export: run on\nsymbolic tensors,\nshapes stay names", "green", TEXT - 1)
    box(axes, 6.5, 2.7, 2.4, 1.1, "an if is gone:\nthe example's\nbranch is kept", "orange", TEXT - 1)
    box(axes, 6.5, 0.4, 2.4, 1.1, "an if on data\nis refused,\nwith a reason", "green", TEXT - 1)
    arrow(axes, (2.15, 2.3), (2.95, 3.1))
    arrow(axes, (2.15, 1.9), (2.95, 1.1))
    arrow(axes, (5.65, 3.25), (6.45, 3.25))
    arrow(axes, (5.65, 0.95), (6.45, 0.95))
    word(axes, 4.3, 4.0, "dynamo=False", TEXT, color=OKABE_ITO["vermillion"])
    word(axes, 4.3, 1.75, "dynamo=True, the default", TEXT, color=OKABE_ITO["green"])
    return finish(
        figure,
        "Two ways from Python to a graph. Tracing runs forward once on an example and keeps only the branch that it took. torch.export runs"
        " it on symbolic tensors and refuses a branch that depends on data.",
    )


def fusion():
    """Three nodes and two tensors in memory become one node."""
    figure, axes = sheet(height=4.0, y=4.0)
    for x, name in ((0.2, "Conv"), (3.2, "BatchNorm"), (6.2, "ReLU")):
        box(axes, x, 2.5, 1.6, 0.9, name, "blue")
    for x in (2.0, 5.0):
        box(axes, x + 0.1, 2.6, 0.8, 0.7, "tensor", "vermillion", TEXT - 2)
        word(axes, x + 0.5, 2.3, "write, read", TEXT - 3)
    for a, b in ((1.82, 2.08), (2.92, 3.18), (4.82, 5.08), (5.92, 6.18)):
        arrow(axes, (a, 2.95), (b, 2.95))
    arrow(axes, (7.82, 2.95), (8.7, 2.95))
    box(axes, 2.6, 0.5, 3.8, 1.0, "Conv, weights scaled,\nReLU before the write", "green")
    arrow(axes, (1.6, 1.0), (2.55, 1.0))
    arrow(axes, (6.45, 1.0), (7.4, 1.0))
    word(axes, 0.1, 3.75, "exported", ha="left", color="#00446b")
    word(axes, 0.1, 1.75, "fused: two tensors are never written", ha="left", color="#00446b")
    return finish(
        figure,
        "Fusion. Above: Conv, BatchNorm and ReLU with a tensor written and read between each two. Below: one Conv whose weights contain the"
        " batch norm and which applies the ReLU before it writes; the two tensors no longer exist.",
    )


def providers():
    """A session gives each node to the first provider that takes it."""
    figure, axes = sheet()
    names = ("Conv", "Relu", "Odd op", "Conv", "Gemm")
    for i, name in enumerate(names):
        other = name == "Odd op"
        box(axes, 0.2 + 1.78 * i, 2.9, 1.45, 0.8, name, "orange" if other else "green")
        if i:
            arrow(axes, (-0.12 + 1.78 * i, 3.3), (0.17 + 1.78 * i, 3.3))
    box(axes, 0.2, 0.5, 3.9, 1.0, "accelerator's provider:\ntakes what it has kernels for", "green", TEXT - 1)
    box(axes, 4.9, 0.5, 3.9, 1.0, "CPUExecutionProvider:\ntakes the rest, silently", "orange", TEXT - 1)
    for i, name in enumerate(names):
        target = 6.8 if name == "Odd op" else 1.0 + 0.55 * i
        arrow(axes, (0.9 + 1.78 * i, 2.85), (target, 1.55), colour="#E69F00" if name == "Odd op" else OKABE_ITO["green"])
    word(axes, 7.3, 2.1, "two copies\nper call", TEXT - 1, color=OKABE_ITO["vermillion"], ha="left")
    return finish(
        figure,
        "A graph of five nodes. Four go to the accelerator's provider, one that it does not know goes to the CPU provider without an error,"
        " and the tensors are copied there and back in every call.",
    )


def static_dynamic():
    """Where the ranges of activations come from: calibration once, or every call."""
    figure, axes = sheet()
    word(axes, 0.1, 3.95, "static: ranges are measured once, before", ha="left", color="#00446b")
    word(axes, 0.1, 1.85, "dynamic: ranges are found in every call", ha="left", color="#00446b")
    box(axes, 0.1, 2.6, 2.0, 0.9, "calibration\npictures", "grey")
    box(axes, 2.7, 2.6, 1.9, 0.9, "scales in\nthe file", "green")
    box(axes, 5.2, 2.6, 3.6, 0.9, "int8 in, int8 out,\nlayer after layer", "green")
    arrow(axes, (2.12, 3.05), (2.68, 3.05))
    arrow(axes, (4.62, 3.05), (5.18, 3.05))
    for i, (name, colour) in enumerate(
        (("min, max", "vermillion"), ("quantize", "vermillion"), ("int8\nproduct", "green"), ("back to\nfloat", "vermillion"))
    ):
        box(axes, 0.1 + 2.25 * i, 0.4, 1.75, 0.9, name, colour)
        if i:
            arrow(axes, (-0.38 + 2.25 * i, 0.85), (0.08 + 2.25 * i, 0.85))
    return finish(
        figure,
        "Static quantization: calibration pictures give scales that stand in the file, and layers pass int8 on. Dynamic quantization: in"
        " every call and for every layer the minimum and maximum are found, the input is quantized, multiplied, and turned back to float.",
    )


def engine_life():
    """From an ONNX file to an answer in TensorRT, and what each step is bound to."""
    figure, axes = sheet(height=3.6, y=3.6)
    steps = (
        ("ONNX file", "any machine", "blue"),
        ("network", "parser:\nops it knows", "blue"),
        ("plan", "builder:\nversion, GPU,\nshapes", "orange"),
        ("engine", "deserialize:\nneeds a driver", "green"),
        ("contexts", "memory for\nactivations", "green"),
    )
    for i, (name, bound, colour) in enumerate(steps):
        box(axes, 0.1 + 1.8 * i, 2.1, 1.45, 0.9, name, colour)
        word(axes, 0.82 + 1.8 * i, 1.3, bound, TEXT - 1, va="center")
        if i:
            arrow(axes, (-0.23 + 1.8 * i, 2.55), (0.08 + 1.8 * i, 2.55))
    word(axes, 2.2, 0.3, "build: minutes, once", TEXT, color=OKABE_ITO["vermillion"])
    word(axes, 6.9, 0.3, "run: every picture", TEXT, color=OKABE_ITO["green"])
    return finish(
        figure,
        "An ONNX file is parsed into a network, built into a plan that belongs to a TensorRT version, a GPU and a range of shapes, "
        "deserialized into an engine with the driver's help, and run through execution contexts.",
    )


def model_optimizer():
    """Where NVIDIA Model Optimizer stands: it changes the PyTorch model, engines make use of that."""
    figure, axes = sheet()
    box(axes, 0.1, 1.5, 1.9, 1.2, "trained\nPyTorch\nmodel", "blue")
    box(axes, 2.7, 0.3, 2.5, 3.6, "", "orange")
    word(axes, 3.95, 3.6, "Model Optimizer", TEXT, weight="bold")
    for i, name in enumerate(("quantize, QAT", "FastNAS", "2:4 sparsity", "distill", "AutoQuantize")):
        word(axes, 3.95, 3.05 - 0.6 * i, name, TEXT)
    box(axes, 5.9, 1.5, 1.35, 1.2, "ONNX\nwith\nQ/DQ", "blue")
    box(axes, 7.65, 2.6, 1.3, 0.9, "TensorRT", "green", TEXT - 1)
    box(axes, 7.65, 0.7, 1.3, 0.9, "ONNX\nRuntime", "green", TEXT - 1)
    arrow(axes, (2.03, 2.1), (2.67, 2.1))
    arrow(axes, (5.23, 2.1), (5.87, 2.1))
    arrow(axes, (7.27, 2.3), (7.62, 2.95))
    arrow(axes, (7.27, 1.9), (7.62, 1.25))
    return finish(
        figure,
        "Model Optimizer takes a trained PyTorch model and quantizes, prunes, makes sparse or distills it. The result is exported to ONNX"
        " with quantize and dequantize nodes; TensorRT or ONNX Runtime turn it into speed, or not.",
    )


def fake_quantizers():
    """A layer in quantization-aware training: rounding forward, straight through backward."""
    figure, axes = sheet()
    box(axes, 0.1, 2.6, 1.3, 0.8, "input x", "grey")
    box(axes, 2.0, 2.6, 2.0, 0.8, "round to grid", "orange")
    box(axes, 2.0, 0.9, 2.0, 0.8, "round to grid", "orange")
    box(axes, 0.1, 0.9, 1.3, 0.8, "weight w\nfloat32", "grey", TEXT - 1)
    box(axes, 4.9, 1.75, 1.6, 0.8, "Conv\nfloat32", "blue")
    box(axes, 7.4, 1.75, 1.4, 0.8, "loss", "grey")
    for start, end in (
        ((1.42, 3.0), (1.98, 3.0)),
        ((1.42, 1.3), (1.98, 1.3)),
        ((4.02, 3.0), (4.9, 2.5)),
        ((4.02, 1.3), (4.9, 1.8)),
        ((6.52, 2.15), (7.38, 2.15)),
    ):
        arrow(axes, start, end)
    red = OKABE_ITO["vermillion"]
    axes.annotate(
        "",
        (0.75, 0.85),
        (8.1, 1.7),
        arrowprops={"arrowstyle": "-|>", "lw": 2.5, "color": red, "ls": "--", "connectionstyle": "arc3,rad=-0.28"},
    )
    word(axes, 4.6, 0.0, "gradient: passes the rounding as if it were not there", TEXT, color=red)
    word(axes, 4.5, 3.9, "forward: the error of the integer model", TEXT, color="#00446b")
    return finish(
        figure,
        "A layer in quantization-aware training. Forward, input and weight are rounded to their grids and the convolution runs in float32. "
        "Backward, the gradient passes the rounding unchanged and updates the float32 weight.",
    )


def distillation():
    """Teacher and student see the same picture; the student is pulled to the teacher's soft answer and to the label."""
    figure, axes = sheet()
    box(axes, 0.1, 1.6, 1.4, 1.0, "the same\npicture", "grey")
    box(axes, 2.3, 2.6, 2.2, 1.3, "teacher\nlarge, frozen", "blue")
    box(axes, 2.3, 0.5, 2.2, 0.9, "student\nsmall, learns", "green")
    box(axes, 5.2, 2.85, 1.7, 0.8, "softmax / T", "orange")
    box(axes, 5.2, 1.45, 1.7, 0.8, "softmax / T", "orange")
    box(axes, 7.5, 2.1, 1.4, 0.9, "KL x T²", "vermillion")
    box(axes, 5.2, 0.2, 1.7, 0.8, "label", "grey")
    box(axes, 7.5, 0.2, 1.4, 0.9, "cross-\nentropy", "vermillion", TEXT - 1)
    for start, end in (
        ((1.52, 2.3), (2.27, 3.1)),
        ((1.52, 1.9), (2.27, 1.1)),
        ((4.52, 3.25), (5.17, 3.25)),
        ((4.52, 1.1), (5.17, 1.75)),
        ((6.92, 3.2), (7.47, 2.75)),
        ((6.92, 1.85), (7.47, 2.35)),
        ((6.92, 0.6), (7.47, 0.6)),
    ):
        arrow(axes, start, end)
    return finish(
        figure,
        "Distillation. A frozen teacher and a small student see the same picture. Both answers go through a softmax with temperature T;"
        " their divergence times T squared is one part of the loss, the cross-entropy with the label the other.",
    )


def lora():
    """A frozen weight with a low-rank adapter beside it."""
    figure, axes = sheet(height=3.6, y=3.6)
    box(axes, 0.2, 1.3, 1.0, 0.9, "x", "grey")
    box(axes, 2.6, 2.0, 3.4, 1.2, "W, frozen, INT8\n64 x 64 = 4,096 numbers", "blue")
    box(axes, 2.4, 0.2, 1.6, 1.0, "A\n4 x 64", "orange")
    box(axes, 4.6, 0.2, 1.6, 1.0, "B\n64 x 4", "orange")
    box(axes, 7.4, 1.3, 1.2, 0.9, "sum", "green")
    for start, end in (
        ((1.22, 1.9), (2.57, 2.5)),
        ((1.22, 1.6), (2.37, 0.8)),
        ((4.02, 0.7), (4.57, 0.7)),
        ((6.02, 2.5), (7.37, 1.95)),
        ((6.22, 0.8), (7.37, 1.5)),
    ):
        arrow(axes, start, end)
    word(axes, 7.9, 0.5, "512 numbers\nlearn", TEXT, color=OKABE_ITO["vermillion"])
    return finish(
        figure,
        "A low-rank adapter. The input goes through the frozen weight W of 64 by 64 and, beside it, through A of 4 by 64 and B of 64 by 4. "
        "The results are added. Only the 512 numbers of A and B learn.",
    )
