"""The software half of the examination: Python packages that are missing, that do not fit together, or do not fit the board.

Only metadata and small text files are read; nothing is imported. `site` is the list of folders to look in (None: where this
Python looks), so that an environment can be examined from outside.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import metadata

from edgekit.course.doctor import jetson
from edgekit.course.doctor.findings import HINT, INFO, MODELOPT, PROBLEM, Finding, pip
from edgekit.device import PACKAGES, Device

# Distribution -> what does not work without it.
NEEDED = {
    "numpy": "all",
    "onnx": "ONNX export and everything after it",
    "jupyterlab": "all",
    "ipykernel": "all",
    "ipywidgets": "the explorers in the labs",
    "matplotlib": "all figures",
}
ONNXRUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino", "onnxruntime-silicon")


class Site:
    """The distributions installed in some folders."""

    def __init__(self, folders: list[str] | None = None):
        found = metadata.distributions(path=folders) if folders is not None else metadata.distributions()
        self.all: dict[str, metadata.Distribution] = {}
        for distribution in found:
            name = distribution.metadata["Name"]
            if name:  # a half-deleted package has none
                self.all.setdefault(re.sub(r"[-_.]+", "-", name).lower(), distribution)

    def version(self, name: str) -> str | None:
        return self.all[name].version if name in self.all else None

    def installed(self, *names: str) -> list[str]:
        return [name for name in names if name in self.all]

    def versions(self) -> dict[str, str | None]:
        """Versions of the packages that results depend on, under the names that `edgekit.device.versions` uses."""
        return {key: next(map(self.version, self.installed(*names)), None) for key, names in PACKAGES.items()}

    def torch_cuda(self) -> str | None:
        """The CUDA version that torch was built for, from torch/version.py; None for a CPU-only build."""
        try:
            text = self.all["torch"].locate_file("torch/version.py").read_text()
        except (KeyError, OSError):
            return None
        match = re.search(r"^cuda\s*(?::[^=\n]+)?=\s*['\"]([\d.]+)['\"]", text, re.M)
        return match.group(1) if match else None


def install(device: Device) -> str:
    """The command that puts the course's packages right on this machine."""
    if device.jetson:
        return "python -m pip install -e '.[jetson]'"  # the board's own torch and TensorRT stay, and uv does not see them
    # The edition that is here, GPU or not.
    cuda = device.gpus or (not device.recorded and Site().installed("onnxruntime-gpu"))
    return pip("install", "-r", "requirements/cuda.txt" if cuda else "requirements/cpu.txt")


def import_fix(device: Device, why: str) -> str:
    """The command for an import that fails: on a board a library that the loader does not find is NVIDIA's."""
    if device.jetson and ".so" in why:
        return "sudo apt install nvidia-jetpack && sudo ldconfig   (NVIDIA's libraries; a container gets them with --runtime nvidia)"
    return install(device)


def examine(device: Device, site: Site, python: tuple[int, int] = sys.version_info[:2]) -> Iterator[Finding]:
    """All findings about the packages. `python` is the interpreter's version."""
    yield from interpreter(python)
    yield from missing(device, site)
    yield from onnxruntime(device, site, python)
    yield from torch(device, site)
    yield from modelopt(device, site)
    if device.jetson:
        yield from board(device, site)
        yield from jetson.steps(device, site, python)


def absent(device: Device, site: Site) -> set[str]:
    """Modules that one of the findings calls not installed: what fails for want of them needs no finding of its own."""
    wanted = {name: (name,) for name in NEEDED} | {"onnxruntime": ONNXRUNTIMES, "torch": ("torch",)}
    wanted |= {"modelopt": ("nvidia-modelopt",)} | (jetson.BOARDS_OWN if device.jetson else {})
    return {module for module, names in wanted.items() if not site.installed(*names)}


def interpreter(python: tuple[int, int]) -> Iterator[Finding]:
    if python < (3, 10):
        yield Finding(
            PROBLEM,
            f"Python {python[0]}.{python[1]} is too old",
            "The course needs Python 3.10 to 3.13.",
            "all",
            "uv venv --python 3.11 .venv   (or the python3.11 of your system: python3.11 -m venv .venv)",
            "python",
        )
    elif python > (3, 13):
        yield Finding(
            HINT,
            f"Python {python[0]}.{python[1]} is newer than the course was tested with (3.10 to 3.13)",
            "Some engines may have no wheels for it yet.",
            "all",
            "uv venv --python 3.13 .venv",
            "python",
        )


def missing(device: Device, site: Site) -> Iterator[Finding]:
    for name, topics in NEEDED.items():
        if name not in site.all:
            yield Finding(PROBLEM, f"{name} is not installed", "Notebooks stop at its import.", topics, install(device), name)
    if "nbval" not in site.all:
        yield Finding(INFO, "nbval is not installed", "Only instructors need it.", "grading", install(device), "nbval")


def _cuda_pair(device: Device, site: Site) -> Iterator[Finding]:
    """onnxruntime-gpu is built for CUDA 12 up to 1.23, the registry's newer ones for 13; torch must be of the same."""
    version, cuda = site.version("onnxruntime-gpu"), site.torch_cuda()
    old = tuple(map(int, re.findall(r"\d+", version)[:2])) < (1, 24)
    if old and cuda and _major(cuda) >= 13:
        yield Finding(
            PROBLEM if device.gpus else HINT,
            f"onnxruntime-gpu {version} is built for CUDA 12, torch for CUDA {cuda}",
            "The CUDA provider finds no CUDA 12 libraries and does not load.",
            "ONNX Runtime",
            "make clean, then: make lab EXTRA=cuda PYTHON=python3.12",
            "onnxruntime-cuda",
        )


def _not_there(device: Device, package: str, meaning: str, topics: str, fix: str, key: str) -> Iterator[Finding]:
    """A package that is missing altogether. On a Jetson it is one of the steps (jetson.steps), which say it all at once."""
    if not device.jetson:
        yield Finding(PROBLEM, f"{package} is not installed", meaning, topics, fix, key)


def onnxruntime(device: Device, site: Site, python: tuple[int, int] = sys.version_info[:2]) -> Iterator[Finding]:
    here = site.installed(*ONNXRUNTIMES)
    if not here:
        meaning, topics = "Exported models cannot be run.", "ONNX Runtime, quantization"
        yield from _not_there(device, "ONNX Runtime", meaning, topics, install(device), "onnxruntime")
    elif len(here) > 1:
        yield Finding(
            PROBLEM,
            f"{' and '.join(here)} are installed together",
            "They write into the same folder: whichever came last has overwritten parts of the other, and the execution "
            "providers are a matter of luck.",
            "ONNX Runtime, quantization",
            f"{pip('uninstall', *here)} && {install(device)}",
            "two-onnxruntimes",
        )
    elif here == ["onnxruntime"] and device.gpus and not device.jetson:
        old = python < (3, 11)
        yield Finding(
            HINT,
            "there is a GPU, but ONNX Runtime is the CPU build",
            "The CUDA provider is missing; the labs run on the CPU."
            + (" For Python 3.10 no onnxruntime-gpu goes with this PyTorch: the last one, 1.23.2, wants CUDA 12." * old),
            "ONNX Runtime",
            "make clean, then: make lab EXTRA=cuda PYTHON=python3.12" if old else f"{pip('uninstall', 'onnxruntime')} && {install(device)}",
            "onnxruntime-cpu",
        )
    elif "onnxruntime-gpu" in here and not device.jetson:
        yield from _cuda_pair(device, site)


def torch(device: Device, site: Site) -> Iterator[Finding]:
    """torch and torchvision: there, a pair, and built for this machine."""
    version, vision = site.version("torch"), site.version("torchvision")
    if version is None:
        yield from _not_there(device, "torch", "Nothing can be trained or exported.", "all", install(device), "torch")
        return
    if vision:
        yield from _pair(device, site, version, vision)
    cuda = site.torch_cuda()
    if not device.jetson and device.gpus:
        driver = device.gpus[0].cuda
        if cuda is None:
            yield Finding(
                HINT,
                f"there is a GPU, but torch {version} is a CPU build",
                "Training and quantization run on the CPU.",
                "training, Model Optimizer",
                install(device),
                "torch-cpu",
            )
        elif driver and _major(cuda) > _major(driver):
            yield Finding(
                PROBLEM,
                f"torch is built for CUDA {cuda}, the driver serves CUDA {driver} at most",
                "torch cannot use the GPU.",
                "training, Model Optimizer",
                "update the NVIDIA driver, or install a torch build for CUDA " + driver.split(".")[0],
                "torch-driver",
            )


def _pair(device: Device, site: Site, version: str, vision: str) -> Iterator[Finding]:
    pins = [re.match(r"torch\s*\(?==\s*([\w.+]+)", line) for line in site.all["torchvision"].requires or []]
    pin = next((match.group(1) for match in pins if match), None)
    public, _, local = version.partition("+")
    # A CPU-only torch lacks the operators that a CUDA-built torchvision registers itself against.
    mixed = local.startswith("cpu") and not vision.partition("+")[2].startswith("cpu")
    if (pin and pin.partition("+")[0] != public) or mixed:
        why = f"it was built for torch {pin}" if not mixed else "one is a CPU build, the other is not"
        yield Finding(
            PROBLEM,
            f"torchvision {vision} does not fit torch {version}: {why}",
            '`import torchvision` fails with "operator torchvision::nms does not exist".',
            "training, Model Optimizer, every lab with a torchvision model",
            (
                "rebuild torchvision against the board's torch"
                if device.jetson
                else f"{pip('uninstall', 'torch', 'torchvision')} && {install(device)}"
            ),
            "torchvision",
        )


def modelopt(device: Device, site: Site) -> Iterator[Finding]:
    """nvidia-modelopt, and what findings.MODELOPT says that it needs."""
    if "nvidia-modelopt" not in site.all:
        meaning, fix = "The Model Optimizer chapters stop at their first import.", pip("install", *MODELOPT)
        yield from _not_there(device, "nvidia-modelopt", meaning, "Model Optimizer", fix, "modelopt")
        return
    lacking = [name for name in ("huggingface-hub", "requests") if name not in site.all]
    if site.version("torchprofile") != "0.0.4":
        lacking.append("torchprofile==0.0.4")
    if lacking:
        yield Finding(
            PROBLEM,
            f"nvidia-modelopt needs {', '.join(lacking)}, which it does not declare",
            "`import modelopt.torch` or FastNAS fails.",
            "Model Optimizer",
            pip("install", *lacking),
            "modelopt-needs",
        )


def board(device: Device, site: Site) -> Iterator[Finding]:
    """A Jetson's own torch and TensorRT must survive the installation. Not verified on a real board."""
    own, version, cuda = device.jetson, site.version("torch"), site.torch_cuda()
    newer = cuda and own.cuda and _major(cuda) > _major(own.cuda)
    if version and (cuda is None or newer):
        built = f"for CUDA {cuda}" if cuda else "without CUDA"
        yield Finding(
            PROBLEM,
            f"torch {version} is built {built}; this board has CUDA {own.cuda or 'of its JetPack'}",
            "The board's own build was replaced by a general one: torch does not see the GPU.",
            "training, TensorRT, Model Optimizer",
            ".venv/bin/python -m pip uninstall -y torch torchvision, then edgekit doctor again: it names the wheels for JetPack "
            f"{own.jetpack or '?'}",
            "jetson-torch",
        )
    if own.tensorrt and "tensorrt" not in site.all:
        yield Finding(
            HINT,
            f"this environment does not see the board's TensorRT {own.tensorrt}",
            "`import tensorrt` fails: no engine is built or run.",
            "TensorRT",
            "sed -i 's/include-system-site-packages = false/include-system-site-packages = true/' .venv/pyvenv.cfg",
            "jetson-environment",
        )
    wheels = site.installed("tensorrt-cu12-libs", "tensorrt-cu13-libs", "tensorrt-libs")
    if wheels:
        yield Finding(
            PROBLEM,
            f"TensorRT from wheels ({', '.join(wheels)}) hides the board's TensorRT {own.tensorrt or ''}".rstrip(),
            "Wheels for servers do not run on the board's GPU.",
            "TensorRT",
            pip(
                "uninstall",
                *site.installed("tensorrt", "tensorrt-cu12", "tensorrt-cu13", "tensorrt-cu12-bindings", "tensorrt-cu13-bindings"),
                *wheels,
            ),
            "jetson-tensorrt",
        )


def _major(version: str) -> int:
    return int(version.split(".")[0])
