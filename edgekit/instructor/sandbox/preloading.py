"""Importing beforehand what every lab needs. Nothing is computed: a multithreaded kernel would leave forked children with locks that nobody
opens."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pkgutil
import threading
import time
import warnings

# What a lab imports by hand, and what its first call of torch.onnx.export imports behind its back: found by comparing
# sys.modules before and after. A name that another version does not have costs time, nothing else.
PRELOAD = (
    "numpy",
    "torch",
    "torch._dynamo",
    "torch.onnx",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "matplotlib.pyplot",
    "IPython",
    "torch.export._trace",
    "torch.onnx._internal.exporter._compat",
    "torch.onnx._internal.exporter._torchlib.ops",
    "torch._export.passes._node_metadata_hook",
    "torch._functorch._aot_autograd.subclass_parametrization",
    "torch._inductor.fx_passes.dedupe_symint_uses",
    "torch._inductor.sizevars",
    "torch._inductor.compiler_bisector",
    "torch._export.passes.replace_with_hop_pass_util",
    "torch._export.passes.replace_autocast_with_hop_pass",
    "torch._export.passes.replace_set_grad_with_hop_pass",
    "torch._subclasses.schema_check_mode",
    "torch.export._patches",
    "torch.fx.experimental.validator",
    "onnxscript.function_libs.torch_lib.ops.vision",
    "sympy.tensor.tensor",
    "edgekit.bench.speed",
    "edgekit.zoo.data",
    "edgekit.export",
    "edgekit.ledger.ledger",
    "edgekit.zoo.models",
    "edgekit.compression.quantization",
    "edgekit.runtimes",
    "edgekit.zoo.training",
    "edgekit.graphs.netron",
    "edgekit.instructor.sandbox.judging",
    "edgekit.instructor.sandbox.steps",
)


def preload(more: tuple[str, ...] = ()) -> dict:
    """Import everything a lab may need, and ``more``. Returns seconds, threads, and what could not be imported."""
    began, missing = time.perf_counter(), []
    names = [*PRELOAD, *more]
    import edgekit.checks

    names += [f"edgekit.checks.{module.name}" for module in pkgutil.iter_modules(edgekit.checks.__path__)]
    gc.disable()  # what is imported stays
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            try:
                importlib.import_module(name)
            except Exception as error:
                missing.append(f"{name}: {type(error).__name__}")
        with contextlib.suppress(Exception):
            keep_translations()
    gc.enable()
    gc.collect()
    gc.freeze()  # or every child's first collection would write to, and so copy, all of the parent's memory
    return {
        "seconds": time.perf_counter() - began,
        "missing": missing,
        "threads": max(threading.active_count(), len(os.listdir("/proc/self/task"))),
    }


def keep_translations() -> None:
    """onnxscript translates the signatures of its 500 functions anew at every export, which is half of the time a small export
    takes. They depend on nothing but its own source: here they are translated once, and every child finds them done."""
    from onnxscript._internal.values import TracedOnnxFunction
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    translate = TracedOnnxFunction.function_ir.fget

    def kept(function):
        if "_edgekit_ir" not in function.__dict__:
            function.__dict__["_edgekit_ir"] = translate(function)
        return function.__dict__["_edgekit_ir"]

    TracedOnnxFunction.function_ir = property(kept)
    ONNXRegistry.from_torchlib()
    importlib.import_module("torch._export.utils")._collect_all_valid_cia_ops()  # looks operators up, runs none
