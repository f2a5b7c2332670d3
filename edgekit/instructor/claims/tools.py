"""What the tools do, and which names they have. Each function returns an Outcome."""

from __future__ import annotations

import time

from edgekit import export
from edgekit.instructor.claims.outcome import CONDITIONS, HOLDS, Outcome, holds_if, measures, measures_hardware, share


@measures
def default_opset(shared) -> Outcome:
    import torch

    from edgekit.zoo.models import load_checkpoint

    file = shared.folder / "default.onnx"
    with export.quiet():
        torch.onnx.export(load_checkpoint("tinycnn"), (torch.rand(1, 1, 28, 28),), file, external_data=False, verbose=False)
    newest = torch.onnx._constants.ONNX_MAX_OPSET if hasattr(torch.onnx, "_constants") else None
    more = f"; this PyTorch knows opsets up to {newest}" if newest else ""
    return Outcome(
        CONDITIONS if newest is None or newest != 20 else HOLDS,
        f"PyTorch {torch.__version__.partition('+')[0]} writes opset {export.report(file).opset} by default{more}",
    )


@measures
def ort_quantizes_by_itself(shared) -> Outcome:
    nodes = _optimized(shared)
    found = [name for name in nodes if "Quant" in name or "Integer" in name or "QLinear" in name]
    return holds_if(
        bool(found), f"the optimized graph of a float32 EdgeCNN has {sum(nodes.values())} nodes, {len(found)} of them quantized"
    )


@measures
def ort_optimizes_by_itself(shared) -> Outcome:
    before, after = export.report(shared.files["edgecnn"]).nodes, _optimized(shared)
    fused = [name for name in after if name not in before]
    return holds_if(
        after != before,
        f"EdgeCNN: {sum(before.values())} nodes in the file, {sum(after.values())} after loading; new: {', '.join(fused) or 'none'}",
    )


def _optimized(shared) -> dict[str, int]:
    import onnxruntime as ort

    options, file = ort.SessionOptions(), shared.folder / "optimized.onnx"
    options.optimized_model_filepath, options.log_severity_level = str(file), 4
    ort.InferenceSession(str(shared.files["edgecnn"]), options, providers=["CPUExecutionProvider"])
    return export.report(file).nodes


@measures
def xnnpack_is_there(shared) -> Outcome:
    import onnxruntime as ort

    there = ort.get_available_providers()
    return holds_if("XnnpackExecutionProvider" in there, f"ONNX Runtime {ort.__version__} from the registry has {', '.join(there)}")


@measures
def old_tensorrt_names(shared) -> Outcome:
    from edgekit.runtimes import trt

    api = trt.api()
    names = ("IBuilderConfig.max_workspace_size", "Builder.build_engine", "NetworkDefinitionCreationFlag.EXPLICIT_BATCH")
    there = {name: trt.has(api, name) for name in names}
    said = ", ".join(f"{name} {'there' if yes else 'gone'}" for name, yes in there.items())
    return share(there, f"{api.__name__} {api.__version__}: {said}")


@measures
def default_int8_in_tensorrt(shared) -> Outcome:
    from edgekit.compression import quantization
    from edgekit.runtimes import trt

    answers = {}
    tensorrt = shared.folder / "for_tensorrt.onnx"
    with quantization.quiet():
        quantization.for_tensorrt(shared.files["edgecnn"], tensorrt, shared.calibration)
    for name, file in (("the CPU's recipe", shared.int8["edgecnn"]), ("TensorRT's recipe", tensorrt)):
        try:
            trt.parse(file)
            answers[name] = True
        except trt.ParseError:
            answers[name] = False
    return share(answers, ", ".join(f"the file by {n} is {'taken' if y else 'refused'}" for n, y in answers.items()))


@measures
def sparsity_function(shared) -> Outcome:
    import modelopt
    import modelopt.torch.sparsity as mts

    old, new = callable(getattr(mts, "sparsity", None)), callable(getattr(mts, "sparsify", None))
    return holds_if(
        old,
        f"Model Optimizer {modelopt.__version__}: mts.sparsity {'there' if old else 'is no function'}, mts.sparsify"
        f" {'there' if new else 'gone'}",
    )


@measures
def fastnas_on_tinycnn(shared) -> Outcome:
    from edgekit.compression.pruning import free_widths
    from edgekit.zoo.models import load_checkpoint

    try:
        return holds_if(True, f"free widths: {free_widths(load_checkpoint('tinycnn'), 8)}")
    except Exception as error:
        return holds_if(False, f"{type(error).__name__}: {str(error).partition('!')[0][:120]}")


@measures_hardware
def fastnas_is_quick(shared) -> Outcome:
    import copy

    import modelopt.torch.prune as mtp
    import torch

    from edgekit.compression.pruning import fastnas_rules
    from edgekit.zoo import data
    from edgekit.zoo.models import load_checkpoint

    val, train = data.load("digits", "val").subset(256), data.load("digits", "train").subset(128)
    x, y = torch.from_numpy(val.x), torch.from_numpy(val.y)

    def right(model) -> float:
        with torch.inference_mode():
            return float((model(x).argmax(1) == y).float().mean())

    config = {"score_func": right, "data_loader": train.loader(64), "collect_func": lambda batch: batch[0], "verbose": False}
    start = time.perf_counter()
    mtp.prune(
        copy.deepcopy(load_checkpoint("edgecnn")),
        [("fastnas", fastnas_rules(divisor=8))],
        {"flops": "50%"},
        torch.zeros(1, 1, 28, 28),
        config=config,
    )
    seconds = time.perf_counter() - start
    return holds_if(
        seconds > 3600, f"FastNAS narrowed one trained EdgeCNN to 50% of its FLOPs in {seconds:.0f} s; no model was trained for it"
    )
