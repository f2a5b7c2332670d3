"""NVIDIA Jetson boards: model, L4T and JetPack release, power modes, TensorRT as the board's packages have it.

Written from the sources named at each function and tested on trees put together from files that people have published.
Not verified on a real board by this project.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from edgekit.device._files import at, is_live, read
from edgekit.device.gpu import Gpu, driver_version

# L4T release -> JetPack, from NVIDIA's JetPack archive (developer.nvidia.com/embedded/jetpack-archive); the JetPack 6 and 7
# rows agree with jetson_stats (jtop/core/jetson_variables.py) and jetson-containers (l4t_version.py). 36.4.7 is a security
# release of the same JetPack 6.2.1 packages.
JETPACK = {
    "35.1.0": "5.0.2",
    "35.2.1": "5.1",
    "35.3.1": "5.1.1",
    "35.4.1": "5.1.2",
    "35.5.0": "5.1.3",
    "35.6.0": "5.1.4",
    "35.6.1": "5.1.5",
    "35.6.2": "5.1.5",
    "36.2.0": "6.0 DP",
    "36.3.0": "6.0",
    "36.4.0": "6.1",
    "36.4.2": "6.1.1",
    "36.4.3": "6.2",
    "36.4.4": "6.2.1",
    "36.4.7": "6.2.1",
    "36.5.0": "6.2.2",
    "36.5.2": "6.2.3",
    "38.2.0": "7.0",
    "38.2.1": "7.0",
    "38.2.2": "7.0",
    "38.4.0": "7.1",
    "39.2.0": "7.2",
    "39.2.1": "7.2.1",
}

# SoC in /proc/device-tree/compatible -> GPU and CUDA compute capability (Thor: 11.0 from CUDA 13 on, 10.1 before).
SOC = {
    "tegra264": ("Thor (Blackwell)", "11.0"),
    "tegra234": ("Orin (Ampere)", "8.7"),
    "tegra194": ("Xavier (Volta)", "7.2"),
    "tegra186": ("TX2 (Pascal)", "6.2"),
    "tegra210": ("Nano (Maxwell)", "5.3"),
}

# Memory for the GPU is asked for here, on every Tegra and JetPack: NVIDIA's container runtime brings it into a container (its devices.csv;
# NVIDIA/ nvidia-docker, issue 1021; flashrt-project/FlashRT, pull request 8, for Orin and Thor). /proc/driver/nvidia is the display
# driver's, and may be missing.
GPU_DEVICE = "/dev/nvmap"


@dataclass(frozen=True)
class PowerMode:
    """The nvpmodel mode. `id` and `name` are None where it cannot be read; `modes` are those that the board offers."""

    id: int | None
    name: str | None
    modes: dict[int, str] = field(default_factory=dict)
    cpu_cap: int | None = None  # kHz that the mode allows, None for no cap or not known
    gpu_cap: int | None = None  # Hz

    @property
    def best(self) -> int | None:
        """Number of the fastest mode: MAXN_SUPER, else MAXN, else the one with the most watts.

        The numbers say nothing: MAXN_SUPER is mode 2 on an Orin Nano and mode 0 on an Orin NX.
        """
        return max(self.modes, key=lambda number: _rank(self.modes[number]), default=None)

    @property
    def at_best(self) -> bool | None:
        """True in the fastest mode, None if the current mode or the modes are not known."""
        return None if self.id is None or self.best is None else self.id == self.best


@dataclass(frozen=True)
class Jetson:
    """A Jetson board. What could not be found out is None."""

    model: str
    soc: str | None
    l4t: str | None  # "36.4.3"
    jetpack: str | None  # "6.2"
    power: PowerMode
    cuda: str | None
    tensorrt: str | None  # as installed by the board's packages, "10.3.0"
    gpu_device: bool | None = None  # whether GPU_DEVICE is there; None for a recorded tree


def jetson(root: str | Path = "/") -> Jetson | None:
    """The board, or None if this is not a Jetson. Not verified on a real board."""
    model = read(root, "/proc/device-tree/model") or read(root, "/sys/firmware/devicetree/base/model")
    compatible = read(root, "/proc/device-tree/compatible") or read(root, "/sys/firmware/devicetree/base/compatible")
    soc = next((name for name in SOC if name in compatible), None)
    l4t = l4t_release(root)
    if not (soc or l4t or "Jetson" in model):
        return None
    packages = installed(root, "nvidia-jetpack", "tensorrt", "libnvinfer10", "libnvinfer11", "libnvinfer8")
    engine = next((packages[name] for name in packages if name != "nvidia-jetpack"), None)
    return Jetson(
        model=model or "NVIDIA Jetson",
        soc=soc,
        l4t=l4t,
        jetpack=_jetpack(packages.get("nvidia-jetpack"), l4t),
        power=power_mode(root),
        cuda=cuda_toolkit(root),
        # Debian's version is "10.3.0.30-1+cuda12.5"; the first three numbers name the release.
        tensorrt=".".join(engine.split("-")[0].split(".")[:3]) if engine else None,
        gpu_device=Path(GPU_DEVICE).exists() if is_live(root) else None,
    )


def l4t_release(root: str | Path = "/") -> str | None:
    """Release of Jetson Linux, "36.4.3", or None.

    The first line of /etc/nv_tegra_release reads "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, ...".
    In a container the file may be missing: then the package nvidia-l4t-core has the number ("36.4.3-20250107174145").
    """
    match = re.search(r"R(\d+)\s*\(release\),\s*REVISION:\s*(\d+(?:\.\d+)*)", read(root, "/etc/nv_tegra_release"))
    if match:
        return f"{match.group(1)}.{match.group(2)}"
    core = installed(root, "nvidia-l4t-core").get("nvidia-l4t-core")
    return core.split("-")[0] if core else None


def power_mode(root: str | Path = "/") -> PowerMode:
    """The nvpmodel mode: what nvpmodel last set, and the modes of the board.

    /var/lib/nvpmodel/status holds "pmode:0002" (older releases: "pmode:0002 fmode:quiet"), written by nvpmodel itself;
    /etc/nvpmodel.conf lists "< POWER_MODEL ID=2 NAME=MAXN_SUPER >" and the caps below each. Both are readable without
    root. The status is what was asked for: a mode that needs a reboot, or a failed nvpmodel.service, leaves it wrong, so
    compare the clocks' upper limits (`Clocks.cpu_limit`) with `cpu_cap`. If the file is missing, `nvpmodel -q` is asked.
    """
    conf = read(root, "/etc/nvpmodel.conf")
    sections = re.split(r"^\s*<\s*POWER_MODEL\s+(?=ID)", conf, flags=re.M)[1:]
    heads = [re.match(r"ID\s*=\s*(\d+)\s+NAME\s*=\s*([^\s>]+)", section) for section in sections]
    modes = {int(head.group(1)): head.group(2) for head in heads if head}
    match = re.search(r"pmode:\s*(\d+)", read(root, "/var/lib/nvpmodel/status"))
    mode = int(match.group(1)) if match else None
    name = modes.get(mode) if mode is not None else None
    if mode is None and is_live(root) and shutil.which("nvpmodel"):
        mode, name = _query_nvpmodel()
    section = next((s for s, head in zip(sections, heads, strict=True) if head and int(head.group(1)) == mode), "")
    cpu_caps = [int(cap) for cap in re.findall(r"^CPU_\w+ MAX_FREQ\s+(\d+)", section, re.M)]
    gpu_cap = re.search(r"^GPU MAX_FREQ\s+(\d+)", section, re.M)
    return PowerMode(mode, name, modes, max(cpu_caps, default=None), int(gpu_cap.group(1)) if gpu_cap else None)


def cuda_toolkit(root: str | Path = "/") -> str | None:
    """Version of the CUDA toolkit in /usr/local/cuda/version.json, "12.6.11", or None."""
    try:
        return json.loads(read(root, "/usr/local/cuda/version.json"))["cuda"]["version"]
    except (ValueError, KeyError, TypeError):
        return None


def installed(root: str | Path, *packages: str) -> dict[str, str]:
    """Versions of those Debian packages that are installed, from /var/lib/dpkg/status."""
    text = read(root, "/var/lib/dpkg/status") if at(root, "/var/lib/dpkg/status").exists() else ""
    versions = {}
    for package in packages:
        start = 0 if text.startswith(f"Package: {package}\n") else text.find(f"\nPackage: {package}\n")
        if start < 0:
            continue
        paragraph = text[start : end if (end := text.find("\n\n", start + 1)) > 0 else len(text)]
        version = re.search(r"^Version: (.+)$", paragraph, re.M)
        if version and re.search(r"^Status: .* installed$", paragraph, re.M):
            versions[package] = version.group(1)
    return versions


def integrated_gpu(root: str | Path, board: Jetson, memory: int) -> Gpu:
    """The GPU of a Jetson: `memory` (bytes) is the main memory, which CPU and GPU share."""
    name, capability = SOC.get(board.soc or "", (board.model, None))
    return Gpu(name, memory, capability, driver_version(root), board.cuda, integrated=True)


def _jetpack(package: str | None, l4t: str | None) -> str | None:
    # "6.2+b77" or "5.1.1-b56". The meta package is optional, so the release table comes second, not the other way round.
    if package:
        return re.split(r"[+-]", package)[0]
    if l4t is None:
        return None
    major = {"35": "5.x", "36": "6.x", "38": "7.x", "39": "7.x"}.get(l4t.split(".")[0])
    return JETPACK.get(l4t, major)


def _rank(name: str) -> tuple[int, int]:
    watts = re.search(r"(\d+)W", name)
    return ("MAXN" in name) + ("SUPER" in name), int(watts.group(1)) if watts else 0


def _query_nvpmodel() -> tuple[int | None, str | None]:
    """`nvpmodel -q` prints "NV Power Mode: MAXN" and the number on the next line."""
    try:
        text = subprocess.run(["nvpmodel", "-q"], capture_output=True, text=True, timeout=5).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None, None
    match = re.search(r"NV Power Mode:\s*(\S+)\s*\n\s*(\d+)", text)
    return (int(match.group(2)), match.group(1)) if match else (None, None)
