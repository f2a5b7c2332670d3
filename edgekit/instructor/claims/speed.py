"""How fast things are on this machine. Each function returns an Outcome."""

from __future__ import annotations

from edgekit import bench, export, runtimes
from edgekit.instructor.claims.outcome import Outcome, holds_if, measures, measures_hardware, ratio_of, share


@measures_hardware
def microseconds(shared) -> Outcome:
    times = {}
    for name in ("tinycnn", "edgecnn", "mobilenetv2"):
        with runtimes.load(shared.files[name], threads=1) as run:
            times[name] = bench.measure(run, shared.picture(name), min_time=0.3, max_warmup=0.3).median
    said = ", ".join(f"{name} {1e3 * t:.3f} ms" for name, t in times.items())
    return share({name: t < 1e-3 for name, t in times.items()}, said)


@measures_hardware
def int8_two_to_four(shared) -> Outcome:
    races = shared.int8_races
    return share({n: r.low >= 2 for n, r in races.items()}, ", ".join(f"{n} {ratio_of(r)}" for n, r in races.items()))


@measures_hardware
def int8_halves_time(shared) -> Outcome:
    races = {n: shared.int8_races[n] for n in ("edgecnn", "mobilenetv2")}
    return share({n: r.low > 2 for n, r in races.items()}, ", ".join(f"{n} {ratio_of(r)}" for n, r in races.items()))


@measures_hardware
def dynamic_on_cnns(shared) -> Outcome:
    from edgekit.compression import quantization

    races = {}
    for name in ("edgecnn", "mobilenetv2"):
        file = shared.folder / f"{name}_dynamic.onnx"
        with quantization.quiet():
            quantization.dynamic(shared.files[name], file)
        races[name] = shared.race(name, file), shared.int8_races[name]
    said = ", ".join(f"{n} dynamic {ratio_of(d)}, static {ratio_of(s)}" for n, (d, s) in races.items())
    return share({n: d.high < s.low for n, (d, s) in races.items()}, said)


@measures_hardware
def zeros_not_faster(shared) -> Outcome:
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
    return holds_if(race.low < 1.05, f"EdgeCNN with 90% zeros: {ratio_of(race)}")


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
def two_of_four_pattern(shared) -> Outcome:
    from edgekit.compression.pruning import two_of_four_share

    weight = _two_of_four().block3.conv2.weight.detach()
    return holds_if(
        two_of_four_share(weight, 1) == 1, f"{float((weight == 0).float().mean()):.0%} zeros, two in each four inputs of block3.conv2"
    )


@measures_hardware
def ort_over_eager(shared) -> Outcome:
    from edgekit.zoo.models import load_checkpoint

    ratios = {}
    for name in ("tinycnn", "edgecnn"):
        with runtimes.load(load_checkpoint(name), "pytorch", threads=1) as a, runtimes.load(shared.files[name], threads=1) as b:
            ratios[name] = bench.compare({"pytorch": a, "ort": b}, shared.test.x[:1], max_time=1.5)["ort"]
    return share({n: r.verdict == "faster" for n, r in ratios.items()}, ", ".join(f"{n} {ratio_of(r)}" for n, r in ratios.items()))
