"""TensorRT for everybody: 8.6, 10.3 (JetPack 6), 10.16 (JetPack 7), 11.x (GPU box) and TensorRT-RTX, with the same code.

    built = trt.build("model.onnx", batches=(1, 8, 32))    # without a GPU: tensorrt_rtx builds ahead of time
    built.save("model.plan")                               # and model.plan.json, our header, beside it
    trt.refusals("model.plan", model="model.onnx")         # why this file must not be loaded here; [] if nothing is wrong
    with runtimes.load("model.plan", "tensorrt") as run:   # needs a GPU
        logits = run(images)

Networks are strongly typed: the precision stands in the ONNX model (float16 weights, Q/DQ nodes), not in builder flags. Networks of 8.6 are
not; there the builder is allowed the types that the model holds. versions.py: which TensorRT, and what differs between them. parsing.py:
ONNX to network, with errors that name node, reason and fix. building.py: network to engine. buildlog.py: what the log says. header.py: the
file beside the plan. profiles.py: shapes. runner.py, memory.py: a GPU runs it.
"""

from edgekit.runtimes.trt.building import Built, OptimizationProfile, build
from edgekit.runtimes.trt.buildlog import EngineLayer, Log, Stage, collecting
from edgekit.runtimes.trt.header import Header, here, refusals
from edgekit.runtimes.trt.history import VERSIONS, history
from edgekit.runtimes.trt.parsing import Parsed, ParseError, Problem, new_builder, parse
from edgekit.runtimes.trt.versions import FEATURES, Features, api, features, gpu, has, targets

__all__ = [
    "FEATURES",
    "Built",
    "Features",
    "Header",
    "EngineLayer",
    "Log",
    "ParseError",
    "Parsed",
    "Problem",
    "OptimizationProfile",
    "Stage",
    "api",
    "VERSIONS",
    "build",
    "collecting",
    "features",
    "gpu",
    "has",
    "here",
    "history",
    "new_builder",
    "parse",
    "refusals",
    "targets",
]
