"""How large models are, and what they need. Each function returns an Outcome."""

from __future__ import annotations

import numpy as np

from edgekit import export
from edgekit.instructor.claims.outcome import CONDITIONS, HOLDS, Outcome, holds_if, measures, measures_hardware, share


def _parameters(model) -> int:
    return sum(p.numel() for p in model.parameters())


@measures
def distance_of_50_ms(shared) -> Outcome:
    """The distance at which light alone makes 50 ms out of a server's 5 ms: 200 km of glass in a millisecond, there and back."""
    km = (50 - 5) / 2 * 200
    return Outcome(CONDITIONS, f"50 ms is the floor at {km:,.0f} km of fibre with a server of 5 ms; nearer is faster")


@measures
def values_of_224(shared) -> Outcome:
    pixels, values = 224 * 224, 3 * 224 * 224
    return holds_if(pixels > 50_000, f"{pixels:,} pixels, and {values:,} values for a network")


@measures
def bytes_of_float32(shared) -> Outcome:
    array = np.zeros(1_000_000, np.float32)
    return holds_if(array.nbytes == 4_000_000, f"a million float32 take {array.nbytes:,} bytes")


@measures
def two_operations_per_mac(shared) -> Outcome:
    from edgekit.compression import counting
    from edgekit.zoo.models import build

    cost = counting.cost(build("edgecnn"))
    return Outcome(CONDITIONS, f"EdgeCNN: {cost.macs:,} MACs are {cost.flops:,} operations; a TOPS counts a MAC twice")


@measures
def resnet50_size(shared) -> Outcome:
    import torchvision

    count = _parameters(torchvision.models.resnet50(weights=None))
    return holds_if(24e6 < count < 26e6 and 95 < 4 * count / 1e6 < 105, f"{count:,} parameters, {4 * count / 1e6:.0f} MB in float32")


@measures
def mobilenetv2_size(shared) -> Outcome:
    import torchvision

    count = _parameters(torchvision.models.mobilenet_v2(weights=None))
    return holds_if(round(count / 1e6, 1) == 3.5, f"{count:,} parameters, {4 * count / 1e6:.1f} MB in float32")


@measures
def mobilenet_family(shared) -> Outcome:
    from torchvision import models

    counts = {n: _parameters(getattr(models, n)(weights=None)) for n in ("mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large")}
    said = ", ".join(f"{name} {count / 1e6:.2f} million" for name, count in counts.items())
    return share({name: 2.45e6 < count < 3.45e6 for name, count in counts.items()}, said)


@measures
def yolov5s_size(shared) -> Outcome:
    from edgekit.zoo.device_models import YOLOv5s

    count = _parameters(YOLOv5s())
    near = abs(count / 7.5e6 - 1) < 0.02
    return Outcome(HOLDS if near else CONDITIONS, f"{count / 1e6:.2f} million parameters, {4 * count / 1e6:.1f} MB")


@measures
def depthwise_saves(shared) -> Outcome:
    import torch
    from torch import nn

    from edgekit.compression import counting

    found = {}
    for inputs, outputs in ((32, 64), (64, 128), (256, 256)):
        full = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        pair = nn.Sequential(nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False), nn.Conv2d(inputs, outputs, 1, bias=False))
        x = torch.zeros(1, inputs, 14, 14)
        found[f"{inputs} to {outputs}"] = counting.cost(full, x).macs / counting.cost(pair, x).macs
    said = ", ".join(f"{name} channels {ratio:.1f} times fewer MACs" for name, ratio in found.items())
    return share({name: 8 <= ratio <= 9 for name, ratio in found.items()}, said)


@measures
def int8_file_size(shared) -> Outcome:
    ratios = {n: export.report(shared.files[n]).size / export.report(f).size for n, f in shared.int8.items()}
    said = ", ".join(f"{name} {ratio:.2f} times smaller" for name, ratio in ratios.items())
    return Outcome(HOLDS if min(ratios.values()) >= 3.9 else CONDITIONS, said)


@measures
def fp16_file_size(shared) -> Outcome:
    ratios = {n: export.report(f).size / export.report(shared.files[n]).size for n, f in shared.fp16.items()}
    return holds_if(all(0.48 < r < 0.53 for r in ratios.values()), ", ".join(f"{n} {r:.2f} of float32" for n, r in ratios.items()))


@measures_hardware
def ram_over_weights(shared) -> Outcome:
    from edgekit.bench import memory

    found = {name: memory.footprint(shared.files[name], 1, name=name).times_file for name in ("tinycnn", "mobilenetv2", "resnet50")}
    said = "memory beyond the libraries over the file: " + ", ".join(f"{n} {r:.1f}x" for n, r in found.items())
    return share({name: 5 <= ratio <= 10 for name, ratio in found.items()}, said)


@measures_hardware
def resnet50_memory(shared) -> Outcome:
    from edgekit.bench import memory

    found = memory.footprint(shared.files["resnet50"], 1, name="ResNet-50")
    return holds_if(100e6 < found.model < 1000e6, f"{found.model / 1e6:.0f} MB beyond {found.libraries / 1e6:.0f} MB of libraries, batch 1")
