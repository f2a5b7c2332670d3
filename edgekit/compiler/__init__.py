"""A small graph compiler: what the engines of chapters 5 and 6 do to a model, in code that one can read in an hour.

    graph = compiler.read("model.onnx")                      # shapes are fixed from here on
    built = compiler.build(graph, rules)                     # rules: the decisions that a student writes, see Rules
    built.save("model.plan.npz")
    run = compiler.load_plan("model.plan.npz")               # nothing is optimized, timed or planned again
    logits = run(images)

reading.py: from the file, with what is refused. graph.py: the intermediate representation. kernels.py: NumPy kernels, several for a
convolution. passes.py: graph to graph. planning.py: lifetimes and memory. building.py: the order of it all, the plan and its file. Four
decisions and one formula are left open: lab 03e.
"""

from edgekit.compiler.building import Built, Rules, build, load_plan
from edgekit.compiler.graph import CompileError, Graph, Node, equal, interpret
from edgekit.compiler.passes import cancel_transposes, eliminate_dead_code, fold_batch_norms, fold_constants, fuse_activations, sort
from edgekit.compiler.planning import lifetimes, lower_bound, peak, reported_by_onnxruntime, step_by_step
from edgekit.compiler.reading import read
from edgekit.compiler.tactics import candidates

__all__ = [
    "Built",
    "CompileError",
    "Graph",
    "Node",
    "Rules",
    "build",
    "cancel_transposes",
    "candidates",
    "eliminate_dead_code",
    "equal",
    "fold_batch_norms",
    "fold_constants",
    "fuse_activations",
    "interpret",
    "lifetimes",
    "load_plan",
    "lower_bound",
    "peak",
    "read",
    "reported_by_onnxruntime",
    "sort",
    "step_by_step",
]
