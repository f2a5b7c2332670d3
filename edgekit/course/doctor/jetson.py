"""Where a Jetson's packages come from, step by step. Read in NVIDIA's documentation; not verified on a real board."""

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


RELEASES = {
    "6.2": JetPack((3, 10), "12.6", "10.3", "jp6/cu126"),
    "7.2": JetPack((3, 12), "13.2", "10.16", "sbsa/cu130"),
}
BOARDS_OWN = {"torch": ("torch",), "torchvision": ("torchvision",), "onnxruntime": ("onnxruntime-gpu", "onnxruntime")}


def steps(device: Device, site, python: tuple[int, int]) -> Iterator[Finding]:
    """What is missing of the board's own packages, and the commands in their order. site: packages.Site."""
    name = next((known for known in RELEASES if (device.jetson.jetpack or "").startswith(known)), None)
    lacking = [module for module, names in BOARDS_OWN.items() if not site.installed(*names)]
    if lacking or "nvidia-modelopt" not in site.all:
        lacking += [] if "nvidia-modelopt" in site.all else ["nvidia-modelopt"]
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
    if name and python != RELEASES[name].python:
        yield Finding(
            HINT,
            f"Python {python[0]}.{python[1]}; JetPack {name} and the wheels made for it have "
            f"{'.'.join(map(str, RELEASES[name].python))}",
            "The board's TensorRT and NVIDIA's wheels cannot be imported by another Python.",
            "all",
            f"make clean, then: make lab EXTRA=jetson PYTHON=python{'.'.join(map(str, RELEASES[name].python))}",
            "jetson-python",
        )


def _origin(device: Device, name: str | None, python: tuple[int, int]) -> str:
    if name is None:
        return (
            f"JetPack {device.jetson.jetpack or '?'} is not one that the steps are known for ({', '.join(RELEASES)}): take torch, "
            "torchvision and onnxruntime-gpu from the Jetson AI Lab index for its CUDA."
        )
    pack = RELEASES[name]
    return (
        f"JetPack {name} brings Python {'.'.join(map(str, pack.python))}, CUDA {pack.cuda} and TensorRT {pack.tensorrt}. torch, torchvision "
        f"and onnxruntime-gpu come from the Jetson AI Lab index (search: Jetson AI Lab package index), folder {pack.index}; nvidia-modelopt comes "
        "from plain pip, after torch is there. Use pip and not uv here: uv does not see the board's packages. Until then most labs stop at their first import."
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
