"""Where a Jetson's packages come from, step by step. The sources stand at each table; not verified on a real board by this project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from edgekit.course.doctor.findings import HINT, MODELOPT, PROBLEM, Finding
from edgekit.device import Device


class JetPack(NamedTuple):
    """What one JetPack has, and the folder of the Jetson AI Lab's package index that holds wheels for it."""

    python: tuple[int, int]
    cuda: str
    tensorrt: str
    index: str
    kernels: tuple[str, ...]  # compute capabilities that the index's torch has kernels for


# Others' reports from real boards, read on 2026-11-26. Python, CUDA and TensorRT: the README of Shattered217/Jetson-Orin-Wheels (Orin Nano
# with 6.2.1, Orin NX with 7.2), and for 7.2 also roboflow/inference, pull request 2531 (2026-06-29, Thor). Folders: pytorch/TensorRT, pull
# request 3453 (2025-03-28); pollen-robotics/microduck_rl, pull request 39 (2026-09-04, Thor). Kernels: wendylabsinc/WendyOS, pull request
# 1379 (2026-07-07, Orin Nano).
RELEASES = {
    "6.2": JetPack((3, 10), "12.6", "10.3", "jp6/cu126", ("8.7",)),
    "7.2": JetPack((3, 12), "13.2", "10.16", "sbsa/cu130", ("11.0", "12.1")),
}
BOARDS_OWN = {"torch": ("torch",), "torchvision": ("torchvision",), "onnxruntime": ("onnxruntime-gpu", "onnxruntime")}


def steps(device: Device, site, python: tuple[int, int]) -> Iterator[Finding]:
    """What is missing of the board's own packages, and the commands in their order. site: packages.Site."""
    name = next((known for known in RELEASES if (device.jetson.jetpack or "").startswith(known)), None)
    lacking = [module for module, names in BOARDS_OWN.items() if not site.installed(*names)]
    lacking += [] if "nvidia-modelopt" in site.all else ["nvidia-modelopt"]
    if name and python != RELEASES[name].python:
        wanted = ".".join(map(str, RELEASES[name].python))
        yield Finding(
            PROBLEM if lacking else HINT,
            f"Python {python[0]}.{python[1]}; JetPack {name} and the wheels made for it have {wanted}",
            "The board's TensorRT and NVIDIA's wheels cannot be imported by another Python. Put this right first.",
            "all",
            f"make clean, then: make lab EXTRA=jetson PYTHON=python{wanted}",
            "jetson-python",
        )
    if lacking:
        yield Finding(
            PROBLEM,
            f"not there yet: {', '.join(lacking)}",
            _origin(device, name, python),
            "all",
            _commands(name, lacking, python),
            "jetson-steps",
        )
    version = site.version("numpy")
    if python < (3, 11) and version and int(version.split(".")[0]) >= 2:
        yield Finding(
            PROBLEM,
            f"numpy {version} hides the board's NumPy 1",
            "JetPack 6's wheels of torch and ONNX Runtime are built against NumPy 1 and fail beside 2.",
            "all",
            ".venv/bin/python -m pip install 'numpy<2'",
            "jetson-numpy",
        )


def _origin(device: Device, name: str | None, python: tuple[int, int]) -> str:
    if name is None:
        return (
            f"JetPack {device.jetson.jetpack or '?'} is not one that the steps are known for ({', '.join(RELEASES)}): take torch, "
            "torchvision and onnxruntime-gpu from the Jetson AI Lab index for its CUDA."
        )
    pack = RELEASES[name]
    return (
        f"JetPack {name} brings Python {'.'.join(map(str, pack.python))}, CUDA {pack.cuda} and TensorRT {pack.tensorrt}. torch, torchvision"
        f" and onnxruntime-gpu come from the Jetson AI Lab index (search: Jetson AI Lab package index), folder {pack.index};"
        " nvidia-modelopt comes from plain pip, after torch is there. Use pip and not uv here: uv does not see the board's packages. Until"
        " then most labs stop at their first import." + _without_kernels(device, pack)
    )


def _without_kernels(device: Device, pack: JetPack) -> str:
    """A torch can be built for this CUDA and not for this GPU: it is imported, says that CUDA is there, and nothing runs."""
    capability = device.gpus[0].capability if device.gpus else None
    if capability is None or capability in pack.kernels:
        return ""
    architecture = f"sm_{capability.replace('.', '')}"
    return (
        f" In July 2026 the torch in {pack.index} had no kernels for this board's GPU ({architecture}): it is imported, and every operation"
        " on the GPU fails. After the first command ask it: .venv/bin/python -c 'import torch; print(torch.cuda.get_arch_list())'. Without"
        f" {architecture} in the list, build torch from source, or take a JetPack whose wheels have it."
    )


def _commands(name: str | None, lacking: list[str], python: tuple[int, int]) -> str:
    pip = ".venv/bin/python -m pip install"
    folder = RELEASES[name].index if name else "for your CUDA"
    numpy = " 'numpy<2'" if python < (3, 11) else ""
    wheels = ["onnxruntime-gpu" if module == "onnxruntime" else module for module in lacking if module in BOARDS_OWN]
    lines = []
    if wheels:
        lines.append(f"{pip} --index-url JETSON_AI_LAB_INDEX {' '.join(wheels)}{numpy}   (the index's folder {folder})")
    if "nvidia-modelopt" in lacking:
        lines.append(f"{pip} {' '.join(MODELOPT)}{numpy}")
    return ", then: ".join(lines)
