"""Claims that a machine can judge by itself. Each function returns a Finding: a verdict about *this* machine, and what was found."""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from edgekit import bench, export, runtimes

HOLDS, CONDITIONS, NOT, UNSHOWN = "holds", "holds under conditions", "does not hold here", "not shown"


@dataclass(frozen=True)
class Finding:
    """verdict: one of reading.VERDICTS. found: a sentence with the numbers."""

    verdict: str
    found: str


class _Files(dict):
    """float32 files by name, made when they are asked for: tinycnn, edgecnn (trained), mobilenetv2, resnet50 (random weights)."""

    def __init__(self, folder: Path):
        super().__init__()
        self.folder = folder

    def __missing__(self, name: str) -> Path:
        import torch
        import torchvision

        from edgekit.zoo.models import load_checkpoint

        torch.manual_seed(0)
        file = self.folder / f"{name}.onnx"
        if name in ("tinycnn", "edgecnn"):
            export.to_onnx(load_checkpoint(name), file, dynamo=False)
        else:
            build = {"mobilenetv2": torchvision.models.mobilenet_v2, "resnet50": torchvision.models.resnet50}[name]
            export.to_onnx(build(weights=None).eval(), file, torch.rand(2, 3, 224, 224), dynamo=False)
        self[name] = file
        return file


class Bench:
    """The files and accuracies that several claims need, each made once."""

    def __init__(self, folder: Path):
        self.folder = folder

    @cached_property
    def test(self):
        from edgekit.zoo import data

        return data.load("digits", "test").subset(3000)

    @cached_property
    def calibration(self):
        from edgekit.zoo import data

        return data.load("digits", "train").subset(128)

    @cached_property
    def files(self) -> _Files:
        return _Files(self.folder)

    @cached_property
    def int8(self) -> dict[str, Path]:
        from edgekit.compression import quantization

        made = {name: self.folder / f"{name}_int8.onnx" for name in ("tinycnn", "edgecnn", "mobilenetv2")}
        noise = np.random.default_rng(0).random((2, 3, 224, 224), dtype=np.float32)
        for name, target in made.items():
            with quantization.quiet():
                big = name == "mobilenetv2"
                quantization.for_cpu(
                    self.files[name], target, noise if big else self.calibration, batch_size=1 if big else 32
                )
        return made

    @cached_property
    def fp16(self) -> dict[str, Path]:
        import onnx
        from onnxconverter_common import float16

        made = {name: self.folder / f"{name}_fp16.onnx" for name in ("edgecnn", "mobilenetv2")}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name, target in made.items():
                onnx.save(float16.convert_float_to_float16(onnx.load(self.files[name]), keep_io_types=True), target)
        return made

    def picture(self, name: str) -> np.ndarray:
        big = name in ("mobilenetv2", "resnet50")
        return np.random.default_rng(0).random((1, 3, 224, 224), dtype=np.float32) if big else self.test.x[:1]

    def race(self, name: str, other: Path) -> bench.Ratio:
        """The speed-up of ``other`` over the float32 file, batch 1, one thread."""
        with runtimes.load(self.files[name], threads=1) as a, runtimes.load(other, threads=1) as b:
            return bench.compare({"float32": a, "other": b}, self.picture(name), max_time=1.5)["other"]

    @cached_property
    def int8_races(self) -> dict:
        return {name: self.race(name, file) for name, file in self.int8.items()}

    def change(self, other: Path):
        """The change of accuracy of EdgeCNN's file ``other`` against float32, picture by picture; 8-bit sums exact."""
        from edgekit.runtimes.ort.session import EXACT_INT8

        found = []
        for file in (self.files["edgecnn"], other):
            with runtimes.load(file, threads=1, session_options=EXACT_INT8) as run:
                found.append(bench.evaluate(run, self.test))
        return bench.compare_accuracy(*found, self.test)


MEASURES: dict[str, Callable[[Bench], Finding]] = {}


def measures(function):
    MEASURES[function.__name__] = function
    return function


def measure(names: list[str]) -> dict[str, Finding]:
    """Run these functions of MEASURES; one that cannot run here says why and is "not shown"."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="edgekit-claims-") as folder:
        shared = Bench(Path(folder))
        for name in names:
            try:
                with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found[name] = MEASURES[name](shared)
            except Exception as error:
                found[name] = Finding(UNSHOWN, f"not measured here: {type(error).__name__}: {str(error)[:160]}")
    return found


def _if(condition: bool, found: str) -> Finding:
    return Finding(HOLDS if condition else NOT, found)


def _share(cases: dict[str, bool], found: str) -> Finding:
    """holds where all cases do, under conditions where some do."""
    right = [name for name, yes in cases.items() if yes]
    if not right:
        return Finding(NOT, found)
    if len(right) == len(cases):
        return Finding(HOLDS, found)
    return Finding(CONDITIONS, f"only for {', '.join(right)}: {found}")


def _ratio(one) -> str:
    return f"{one.interval()} ({one.verdict})"


# ---------------------------------------------------------------------------------------------------------- sizes and counts
def _parameters(model) -> int:
    return sum(p.numel() for p in model.parameters())


@measures
def distance_of_50_ms(shared) -> Finding:
    """The distance at which light alone makes 50 ms out of a server's 5 ms: 200 km of glass in a millisecond, there and back."""
    km = (50 - 5) / 2 * 200
    return Finding(CONDITIONS, f"50 ms is the floor at {km:,.0f} km of fibre with a server of 5 ms; nearer is faster")


@measures
def values_of_224(shared) -> Finding:
    pixels, values = 224 * 224, 3 * 224 * 224
    return _if(pixels > 50_000, f"{pixels:,} pixels, and {values:,} values for a network")


@measures
def bytes_of_float32(shared) -> Finding:
    array = np.zeros(1_000_000, np.float32)
    return _if(array.nbytes == 4_000_000, f"a million float32 take {array.nbytes:,} bytes")


@measures
def two_operations_per_mac(shared) -> Finding:
    from edgekit.compression import counting
    from edgekit.zoo.models import build

    cost = counting.cost(build("edgecnn"))
    return Finding(CONDITIONS, f"EdgeCNN: {cost.macs:,} MACs are {cost.flops:,} operations; a TOPS counts a MAC twice")


@measures
def resnet50_size(shared) -> Finding:
    import torchvision

    count = _parameters(torchvision.models.resnet50(weights=None))
    return _if(
        24e6 < count < 26e6 and 95 < 4 * count / 1e6 < 105, f"{count:,} parameters, {4 * count / 1e6:.0f} MB in float32"
    )


@measures
def mobilenetv2_size(shared) -> Finding:
    import torchvision

    count = _parameters(torchvision.models.mobilenet_v2(weights=None))
    return _if(round(count / 1e6, 1) == 3.5, f"{count:,} parameters, {4 * count / 1e6:.1f} MB in float32")


@measures
def mobilenet_family(shared) -> Finding:
    from torchvision import models

    counts = {
        n: _parameters(getattr(models, n)(weights=None))
        for n in ("mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large")
    }
    said = ", ".join(f"{name} {count / 1e6:.2f} million" for name, count in counts.items())
    return _share({name: 2.45e6 < count < 3.45e6 for name, count in counts.items()}, said)


@measures
def yolov5s_size(shared) -> Finding:
    from edgekit.zoo.device_models import YOLOv5s

    count = _parameters(YOLOv5s())
    near = abs(count / 7.5e6 - 1) < 0.02
    return Finding(HOLDS if near else CONDITIONS, f"{count / 1e6:.2f} million parameters, {4 * count / 1e6:.1f} MB")


@measures
def depthwise_saves(shared) -> Finding:
    import torch
    from torch import nn

    from edgekit.compression import counting

    found = {}
    for inputs, outputs in ((32, 64), (64, 128), (256, 256)):
        full = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        pair = nn.Sequential(
            nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
            nn.Conv2d(inputs, outputs, 1, bias=False),
        )
        x = torch.zeros(1, inputs, 14, 14)
        found[f"{inputs} to {outputs}"] = counting.cost(full, x).macs / counting.cost(pair, x).macs
    said = ", ".join(f"{name} channels {ratio:.1f} times fewer MACs" for name, ratio in found.items())
    return _share({name: 8 <= ratio <= 9 for name, ratio in found.items()}, said)


@measures
def int8_file_size(shared) -> Finding:
    ratios = {n: export.report(shared.files[n]).size / export.report(f).size for n, f in shared.int8.items()}
    said = ", ".join(f"{name} {ratio:.2f} times smaller" for name, ratio in ratios.items())
    return Finding(HOLDS if min(ratios.values()) >= 3.9 else CONDITIONS, said)


@measures
def fp16_file_size(shared) -> Finding:
    ratios = {n: export.report(f).size / export.report(shared.files[n]).size for n, f in shared.fp16.items()}
    return _if(
        all(0.48 < r < 0.53 for r in ratios.values()), ", ".join(f"{n} {r:.2f} of float32" for n, r in ratios.items())
    )


@measures
def ram_over_weights(shared) -> Finding:
    from edgekit.bench import memory

    found = {
        name: memory.footprint(shared.files[name], 1, name=name).times_file
        for name in ("tinycnn", "mobilenetv2", "resnet50")
    }
    said = "memory beyond the libraries over the file: " + ", ".join(f"{n} {r:.1f}x" for n, r in found.items())
    return _share({name: 5 <= ratio <= 10 for name, ratio in found.items()}, said)


@measures
def resnet50_memory(shared) -> Finding:
    from edgekit.bench import memory

    found = memory.footprint(shared.files["resnet50"], 1, name="ResNet-50")
    return _if(
        100e6 < found.model < 1000e6,
        f"{found.model / 1e6:.0f} MB beyond {found.libraries / 1e6:.0f} MB of libraries, batch 1",
    )


# --------------------------------------------------------------------------------------------------------------------- speed
@measures
def microseconds(shared) -> Finding:
    times = {}
    for name in ("tinycnn", "edgecnn", "mobilenetv2"):
        with runtimes.load(shared.files[name], threads=1) as run:
            times[name] = bench.measure(run, shared.picture(name), min_time=0.3, max_warmup=0.3).median
    said = ", ".join(f"{name} {1e3 * t:.3f} ms" for name, t in times.items())
    return _share({name: t < 1e-3 for name, t in times.items()}, said)


@measures
def int8_two_to_four(shared) -> Finding:
    races = shared.int8_races
    return _share({n: r.low >= 2 for n, r in races.items()}, ", ".join(f"{n} {_ratio(r)}" for n, r in races.items()))


@measures
def int8_halves_time(shared) -> Finding:
    races = {n: shared.int8_races[n] for n in ("edgecnn", "mobilenetv2")}
    return _share({n: r.low > 2 for n, r in races.items()}, ", ".join(f"{n} {_ratio(r)}" for n, r in races.items()))


@measures
def dynamic_on_cnns(shared) -> Finding:
    from edgekit.compression import quantization

    races = {}
    for name in ("edgecnn", "mobilenetv2"):
        file = shared.folder / f"{name}_dynamic.onnx"
        with quantization.quiet():
            quantization.dynamic(shared.files[name], file)
        races[name] = shared.race(name, file), shared.int8_races[name]
    said = ", ".join(f"{n} dynamic {_ratio(d)}, static {_ratio(s)}" for n, (d, s) in races.items())
    return _share({n: d.high < s.low for n, (d, s) in races.items()}, said)


@measures
def fp16_faster(shared) -> Finding:
    races = {n: shared.race(n, f) for n, f in shared.fp16.items()}
    return _share(
        {n: r.verdict == "faster" for n, r in races.items()},
        "on this CPU: " + ", ".join(f"{n} {_ratio(r)}" for n, r in races.items()),
    )


@measures
def zeros_not_faster(shared) -> Finding:
    import torch
    from torch.nn.utils import prune

    from edgekit.zoo.models import load_checkpoint

    model = load_checkpoint("edgecnn")
    layers = [(m, "weight") for m in model.modules() if isinstance(m, torch.nn.Conv2d)]
    prune.global_unstructured(layers, pruning_method=prune.L1Unstructured, amount=0.9)
    for module, name in layers:
        prune.remove(module, name)
    file = shared.folder / "zeros.onnx"
    export.to_onnx(model.eval(), file, dynamo=False)
    race = shared.race("edgecnn", file)
    return _if(race.low < 1.05, f"EdgeCNN with 90% zeros: {_ratio(race)}")


@measures
def two_of_four_faster(shared) -> Finding:
    file = shared.folder / "two_of_four.onnx"
    export.to_onnx(_two_of_four(), file, dynamo=False)
    race = shared.race("edgecnn", file)
    return _if(race.low >= 1.5, f"EdgeCNN 2:4 in ONNX Runtime on this CPU: {_ratio(race)}")


def _two_of_four():
    import torch
    from modelopt.torch.sparsity.weight_sparsity.magnitude import create_asp_mask

    from edgekit.zoo.models import load_checkpoint

    model = load_checkpoint("edgecnn")
    with torch.no_grad():
        for m in model.modules():
            if isinstance(m, torch.nn.Conv2d) and m.in_channels % 4 == 0:
                m.weight.mul_(create_asp_mask(m.weight, "2:4 sparsity"))
    return model.eval()


@measures
def two_of_four_pattern(shared) -> Finding:
    from edgekit.compression.pruning import two_of_four_share

    weight = _two_of_four().block3.conv2.weight.detach()
    return _if(
        two_of_four_share(weight, 1) == 1,
        f"{float((weight == 0).float().mean()):.0%} zeros, two in each four inputs of block3.conv2",
    )


@measures
def ort_over_eager(shared) -> Finding:
    from edgekit.zoo.models import load_checkpoint

    ratios = {}
    for name in ("tinycnn", "edgecnn"):
        with (
            runtimes.load(load_checkpoint(name), "pytorch", threads=1) as a,
            runtimes.load(shared.files[name], threads=1) as b,
        ):
            ratios[name] = bench.compare({"pytorch": a, "ort": b}, shared.test.x[:1], max_time=1.5)["ort"]
    return _share(
        {n: r.verdict == "faster" for n, r in ratios.items()}, ", ".join(f"{n} {_ratio(r)}" for n, r in ratios.items())
    )


# ------------------------------------------------------------------------------------------------------------------ accuracy
@measures
def ptq_drop_small(shared) -> Finding:
    change = shared.change(shared.int8["edgecnn"])
    return Finding(HOLDS if change.low > -0.01 else CONDITIONS, f"EdgeCNN, INT8: {change}")


@measures
def fp16_without_calibration(shared) -> Finding:
    change = shared.change(shared.fp16["edgecnn"])
    return _if(change.low > -0.005, f"EdgeCNN, FP16 without calibration: {change}")


@measures
def per_channel_better(shared) -> Finding:
    from edgekit.plots.explorer import quantized
    from edgekit.zoo.models import load_checkpoint

    gains = {}
    for name, weight in load_checkpoint("edgecnn").state_dict().items():
        if weight.ndim == 4:
            w = weight.numpy()
            both = [quantized(w, 8, 1.0, "symmetric", per_channel=way).sqnr for way in (False, True)]
            gains[name] = both[1] - both[0]
    best = max(gains, key=gains.get)
    return _if(
        min(gains.values()) > -0.1,
        f"EdgeCNN's weights, 8 bits: up to {gains[best]:.1f} dB better ({best}), nowhere worse than {min(gains.values()):.1f} dB",
    )


# -------------------------------------------------------------------------------------------------------------- what exists
@measures
def default_opset(shared) -> Finding:
    import torch

    from edgekit.zoo.models import load_checkpoint

    file = shared.folder / "default.onnx"
    with export.quiet():
        torch.onnx.export(
            load_checkpoint("tinycnn"), (torch.rand(1, 1, 28, 28),), file, external_data=False, verbose=False
        )
    newest = torch.onnx._constants.ONNX_MAX_OPSET if hasattr(torch.onnx, "_constants") else None
    more = f"; this PyTorch knows opsets up to {newest}" if newest else ""
    return Finding(
        CONDITIONS if newest is None or newest != 20 else HOLDS,
        f"PyTorch {torch.__version__.partition('+')[0]} writes opset {export.report(file).opset} by default{more}",
    )


@measures
def ort_quantizes_by_itself(shared) -> Finding:
    nodes = _optimized(shared)
    found = [name for name in nodes if "Quant" in name or "Integer" in name or "QLinear" in name]
    return _if(
        bool(found),
        f"the optimized graph of a float32 EdgeCNN has {sum(nodes.values())} nodes, {len(found)} of them quantized",
    )


@measures
def ort_optimizes_by_itself(shared) -> Finding:
    before, after = export.report(shared.files["edgecnn"]).nodes, _optimized(shared)
    fused = [name for name in after if name not in before]
    return _if(
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
def xnnpack_is_there(shared) -> Finding:
    import onnxruntime as ort

    there = ort.get_available_providers()
    return _if(
        "XnnpackExecutionProvider" in there, f"ONNX Runtime {ort.__version__} from the registry has {', '.join(there)}"
    )


@measures
def old_tensorrt_names(shared) -> Finding:
    from edgekit.runtimes import trt

    api = trt.api()
    names = (
        "IBuilderConfig.max_workspace_size",
        "Builder.build_engine",
        "NetworkDefinitionCreationFlag.EXPLICIT_BATCH",
    )
    there = {name: trt.has(api, name) for name in names}
    said = ", ".join(f"{name} {'there' if yes else 'gone'}" for name, yes in there.items())
    return _share(there, f"{api.__name__} {api.__version__}: {said}")


@measures
def default_int8_in_tensorrt(shared) -> Finding:
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
    return _share(answers, ", ".join(f"the file by {n} is {'taken' if y else 'refused'}" for n, y in answers.items()))


@measures
def sparsity_function(shared) -> Finding:
    import modelopt
    import modelopt.torch.sparsity as mts

    old, new = callable(getattr(mts, "sparsity", None)), callable(getattr(mts, "sparsify", None))
    return _if(
        old,
        f"Model Optimizer {modelopt.__version__}: mts.sparsity {'there' if old else 'is no function'}, mts.sparsify {'there' if new else 'gone'}",
    )


@measures
def fastnas_on_tinycnn(shared) -> Finding:
    from edgekit.compression.pruning import free_widths
    from edgekit.zoo.models import load_checkpoint

    try:
        return _if(True, f"free widths: {free_widths(load_checkpoint('tinycnn'), 8)}")
    except Exception as error:
        return _if(False, f"{type(error).__name__}: {str(error).partition('!')[0][:120]}")


@measures
def fastnas_is_quick(shared) -> Finding:
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

    config = {
        "score_func": right,
        "data_loader": train.loader(64),
        "collect_func": lambda batch: batch[0],
        "verbose": False,
    }
    start = time.perf_counter()
    mtp.prune(
        copy.deepcopy(load_checkpoint("edgecnn")),
        [("fastnas", fastnas_rules(divisor=8))],
        {"flops": "50%"},
        torch.zeros(1, 1, 28, 28),
        config=config,
    )
    seconds = time.perf_counter() - start
    return _if(
        seconds > 3600,
        f"FastNAS narrowed one trained EdgeCNN to 50% of its FLOPs in {seconds:.0f} s; no model was trained for it",
    )


# ----------------------------------------------------------------------------------------------------- published, looked up
def _peaks(device: str, mode: str | None = None) -> dict[str, float]:
    from edgekit.device import catalogue

    found = catalogue.select(catalogue.load(), device=device, field="peak_compute", precision="INT8")
    best: dict[str, float] = {}
    for one in found:
        if one.value is not None and (mode is None or one.mode == mode):
            best[one.sparsity] = max(best.get(one.sparsity, 0.0), one.amount)
    return best


def _headline(device: str, claimed: float) -> Finding:
    peaks = _peaks(device)
    said = f"{device}: {peaks['sparse']:g} TOPS sparse, {peaks['dense']:g} dense (data/hardware.csv): a dense model has {peaks['dense'] / peaks['sparse']:.0%} of the headline"
    return Finding(CONDITIONS if peaks["sparse"] == claimed else NOT, said)


@measures
def orin_nano_headline(shared) -> Finding:
    return _headline("Jetson Orin Nano 8GB Super", 67)


@measures
def orin_nx_headline(shared) -> Finding:
    return _headline("Jetson Orin NX 16GB", 157)


@measures
def agx_orin_headline(shared) -> Finding:
    return _headline("Jetson AGX Orin 64GB", 275)


@measures
def per_channel_on_mp257(shared) -> Finding:
    from edgekit.device import catalogue

    rows = {(p.model, p.weights): p.milliseconds for p in catalogue.published() if p.device == "STM32MP257"}
    ratio = rows["YOLOv8n", "per channel"] / rows["YOLOv8n", "per tensor"]
    peaks = sorted(one.amount for one in catalogue.select(catalogue.load(), device="STM32MP257", field="peak_compute"))
    return Finding(
        CONDITIONS,
        f"{peaks[0]:g} TOPS, {peaks[-1]:g} with overdrive; YOLOv8n 256 with per-channel weights takes {ratio:.1f} times as long as per tensor",
    )


@measures
def yolo_on_n6(shared) -> Finding:
    from edgekit.device import catalogue

    fps = {
        p.side: 1e3 / p.milliseconds for p in catalogue.published() if (p.device, p.model) == ("STM32N657", "YOLOv8n")
    }
    return _share(
        {f"{side} px": rate >= 30 for side, rate in fps.items()},
        "published, one class: " + ", ".join(f"{s} px {r:.1f} fps" for s, r in fps.items()),
    )


@measures
def mobilenet_on_rk3568(shared) -> Finding:
    from edgekit.device import catalogue

    ms = next(p.milliseconds for p in catalogue.published() if (p.device, p.model) == ("RK3568", "MobileNetV2"))
    return _if(1e3 / ms >= 60, f"published for its NPU: {ms:g} ms, {1e3 / ms:.0f} pictures a second")


@measures
def rk3588_one_core(shared) -> Finding:
    from edgekit.device import catalogue

    found = {one.mode: one.amount for one in catalogue.select(catalogue.load(), device="RK3588", field="peak_compute")}
    return Finding(CONDITIONS, ", ".join(f"{tops:g} TOPS with {mode}" for mode, tops in found.items()))


@measures
def tda4vm_effective(shared) -> Finding:
    from edgekit.device import catalogue

    figures = catalogue.load()
    peak, effective = (
        catalogue.select(figures, device="TDA4VM", field=f"{kind}_compute")[0].amount for kind in ("peak", "effective")
    )
    return Finding(
        CONDITIONS, f"{peak:g} TOPS peak; {effective:g} effective on a YOLO by one analysis: {effective / peak:.0%}"
    )
