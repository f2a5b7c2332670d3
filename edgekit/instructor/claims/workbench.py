"""The files and accuracies that several claims need, each made once."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from edgekit import bench, export, runtimes


class Files(dict):
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
    """The files and accuracies that several claims need, each made once. pictures: on how many accuracy is measured."""

    def __init__(self, folder: Path, pictures: int):
        self.folder, self.pictures = folder, pictures

    @cached_property
    def test(self):
        from edgekit.zoo import data

        return data.load("digits", "test").subset(self.pictures)

    @cached_property
    def calibration(self):
        from edgekit.zoo import data

        return data.load("digits", "train").subset(128)

    @cached_property
    def files(self) -> Files:
        return Files(self.folder)

    @cached_property
    def int8(self) -> dict[str, Path]:
        from edgekit.compression import quantization

        made = {name: self.folder / f"{name}_int8.onnx" for name in ("tinycnn", "edgecnn", "mobilenetv2")}
        noise = np.random.default_rng(0).random((2, 3, 224, 224), dtype=np.float32)
        for name, target in made.items():
            with quantization.quiet():
                big = name == "mobilenetv2"
                quantization.for_cpu(self.files[name], target, noise if big else self.calibration, batch_size=1 if big else 32)
        return made

    @cached_property
    def fp16(self) -> dict[str, Path]:
        from edgekit.compression.tuning.files import float16

        made = {name: self.folder / f"{name}_fp16.onnx" for name in ("edgecnn", "mobilenetv2")}
        for name, target in made.items():
            float16(self.files[name], target)
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
