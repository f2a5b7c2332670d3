"""Families of networks that edge devices are compared with, from torchvision and the detectors of `device_models`; random weights.

Only structure counts: parameters, MACs and time do not depend on the values of the weights, accuracy does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Family:
    """A network to build, what it is for, and the side of the square RGB picture it takes."""

    name: str
    task: str
    build: Callable[[], nn.Module]
    side: int = 224

    def example(self) -> torch.Tensor:
        """float32 [1, 3, side, side], uniform in [0, 1)."""
        return torch.rand(1, 3, self.side, self.side, generator=torch.Generator().manual_seed(0))


def efficientnet_lite0() -> nn.Module:
    """EfficientNet-B0 without squeeze-and-excitation and with ReLU6 for SiLU: what Google's EfficientNet-Lite changed so that INT8 and
    accelerators without these operators can run it."""
    import torchvision
    from torchvision.ops import SqueezeExcitation

    model = torchvision.models.efficientnet_b0(weights=None)
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, SqueezeExcitation):
                setattr(module, name, nn.Identity())
            elif isinstance(child, nn.SiLU):
                setattr(module, name, nn.ReLU6())
    return model


class SSDLite(nn.Module):
    """torchvision's SSDLite320 with MobileNetV3-Large up to the raw boxes and classes of all anchors: no normalization, no
    non-maximum suppression."""

    def __init__(self) -> None:
        super().__init__()
        import torchvision

        whole = torchvision.models.detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None)
        self.backbone, self.head = whole.backbone, whole.head

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.head(list(self.backbone(x).values()))
        return found["bbox_regression"], found["cls_logits"]


class LRASPP(nn.Module):
    """torchvision's LR-ASPP segmenter on MobileNetV3-Large, 21 classes for every pixel."""

    def __init__(self) -> None:
        super().__init__()
        import torchvision

        self.whole = torchvision.models.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.whole(x)["out"]


def families() -> list[Family]:
    """Classifiers, two detectors and a segmenter."""
    from torchvision import models

    from edgekit.zoo.device_models import YOLOv8n

    classify = [
        ("MobileNetV2", models.mobilenet_v2),
        ("MobileNetV3-Small", models.mobilenet_v3_small),
        ("MobileNetV3-Large", models.mobilenet_v3_large),
        ("EfficientNet-B0", models.efficientnet_b0),
        ("ResNet-18", models.resnet18),
    ]
    return [
        *(Family(name, "classify", lambda make=make: make(weights=None)) for name, make in classify),
        Family("EfficientNet-Lite0", "classify", efficientnet_lite0),
        Family("SSDLite-MobileNetV3", "detect", SSDLite, 320),
        Family("YOLOv8n", "detect", YOLOv8n, 320),
        Family("LR-ASPP-MobileNetV3", "segment", LRASPP, 224),
    ]
