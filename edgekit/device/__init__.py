"""What this machine is and can do: the one place that asks.

`describe()` gives everything, `environment()` the flat summary that goes with every measurement. Both only read files and
ask the driver; no engine is imported. `describe(root)` reads a recorded tree instead of this machine.
"""

from __future__ import annotations

import functools
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from edgekit import paths
from edgekit.device._files import at, is_live, read
from edgekit.device.cpu import Cpu, Memory, cpu, memory
from edgekit.device.gpu import Gpu, gpus, on_pci_bus
from edgekit.device.jetson import Jetson, PowerMode, integrated_gpu, jetson, power_mode
from edgekit.device.sensors import Clocks, clocks, temperatures, throttling
from edgekit.formatting import ShownAsTable

__all__ = [
    "Clocks",
    "Cpu",
    "Device",
    "Gpu",
    "Jetson",
    "Memory",
    "PowerMode",
    "command_line",
    "describe",
    "environment",
    "setup",
    "versions",
]

# Key in `environment()` -> distributions that may provide it, the first installed one counts.
PACKAGES = {
    "torch": ("torch",),
    "torchvision": ("torchvision",),
    "onnx": ("onnx",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-silicon"),
    "tensorrt": ("tensorrt", "tensorrt-cu13", "tensorrt-cu12"),
    "tensorrt_rtx": ("tensorrt-rtx", "tensorrt-rtx-cu13", "tensorrt-rtx-cu12"),
    "modelopt": ("nvidia-modelopt",),
    "openvino": ("openvino",),
    "nncf": ("nncf",),
    "executorch": ("executorch",),
    "ai_edge_litert": ("ai-edge-litert",),
    "litert_torch": ("litert-torch",),
    "tflite_micro": ("tflite-micro",),
    "numpy": ("numpy",),
}


@dataclass(frozen=True)
class Device(ShownAsTable):
    """A machine. Sizes in bytes; what could not be found out is None."""

    model: str | None  # the board's name, where the firmware tells
    cpu: Cpu
    memory: Memory
    gpus: tuple[Gpu, ...]
    pci_gpus: tuple[str, ...]  # addresses of NVIDIA GPUs on the bus, with or without a driver
    jetson: Jetson | None
    clocks: Clocks
    temperatures: dict[str, float]  # degrees Celsius
    throttling: tuple[str, ...]
    virtual: str | None  # "container", "virtual machine", "WSL", joined by "+"
    os: str
    kernel: str
    python: str
    disk_free: int | None  # in the course's folder; None for a recorded tree
    recorded: bool  # True if read from a recorded tree

    @property
    def name(self) -> str:
        """A short name for headings: the board, or CPU and GPU."""
        return self.model or " + ".join([self.cpu.model, *dict.fromkeys(gpu.name for gpu in self.gpus)])

    def to_dict(self) -> dict:
        """Plain data for JSON."""
        plain = asdict(self)
        if self.jetson:
            plain["jetson"]["power"]["modes"] = {str(n): name for n, name in self.jetson.power.modes.items()}
            plain["jetson"]["power"]["best"] = self.jetson.power.best
        return plain

    def rows(self) -> list[tuple[str, str]]:
        """Label and text of every line of the description."""
        return _rows(self)

    def __str__(self) -> str:
        rows = self.rows()
        width = max(len(label) for label, _ in rows)
        return "\n".join(f"{label:<{width}}  {text}" for label, text in rows)

    def _table(self) -> tuple:
        return [], self.rows(), "This device"


def describe(root: str | Path = "/") -> Device:
    """Find out what this machine is, or what the machine was whose files were recorded below `root`."""
    board, ram, live = jetson(root), memory(root), is_live(root)
    # The board's own files are asked first: NVML answers most questions about an integrated GPU with "not supported".
    found = (integrated_gpu(root, board, ram.total),) if board else gpus(root)
    return Device(
        model=(board.model if board else _product(root)),
        cpu=cpu(root),
        memory=ram,
        gpus=found,
        pci_gpus=tuple(on_pci_bus(root)),
        jetson=board,
        clocks=clocks(root),
        temperatures=temperatures(root),
        throttling=throttling(root),
        virtual=_virtual(root),
        os=_os(root),
        kernel=platform.release() if live else read(root, "/proc/sys/kernel/osrelease") or "unknown",
        python=platform.python_version() if live else "unknown",
        disk_free=shutil.disk_usage(_existing(paths.root())).free if live else None,
        recorded=not live,
    )


def environment() -> dict[str, str | int | float | None]:
    """What a measurement was made on and with, as flat plain data; every key is always there, None if not known.

    Hardware is found out once per process; load, clocks, power mode, temperature and signs of throttling are read at every
    call, and so are versions: where two packages provide one module, the one that was imported since then counts.
    """
    state, temps = clocks(), temperatures()
    return {
        **setup(),
        "cpu_mhz": state.cpu and round(state.cpu / 1e3),
        "gpu_mhz": state.gpu and round(state.gpu / 1e6),
        "temperature_c": max(temps.values(), default=None),
        "throttling": "; ".join(throttling()) or None,
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def setup() -> dict[str, str | int | float | None]:
    """The part of `environment()` that is the same from call to call: hardware, versions, power mode and governor. Where it differs,
    times do not compare."""
    packages, machine = versions(), dict(_static())
    on_board = machine.pop("board_tensorrt")
    if on_board and not packages["tensorrt"]:  # an isolated environment does not see the board's package
        packages["tensorrt"] = f"{on_board} (board)"
    power = power_mode() if machine["jetson"] is not None else None
    return {**machine, **packages, "power_mode": (power.name or power.id) if power else None, "governor": clocks().governor}


def command_line(words: list[str]) -> str:
    """A command as this machine's shell takes it, quoted."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def versions() -> dict[str, str | None]:
    """Versions of the packages that results depend on, None for those not installed. Nothing is imported."""
    return {key: _version(key, distributions) for key, distributions in PACKAGES.items()}


@functools.lru_cache(maxsize=1)
def _static() -> dict[str, str | int | float | None]:
    machine = describe()
    gpu = machine.gpus[0] if machine.gpus else None
    board = machine.jetson
    return {
        "device": machine.name,
        "cpu": machine.cpu.model,
        "arch": machine.cpu.arch,
        "isa": ", ".join(machine.cpu.isa),
        "cores": machine.cpu.cores,
        "threads": machine.cpu.threads,
        "cpu_quota": machine.cpu.quota,
        "memory_gb": round(machine.memory.total / 1e9, 1),
        "gpu": gpu and gpu.name,
        "gpu_memory_gb": round(gpu.memory / 1e9, 1) if gpu and gpu.memory else None,
        "compute_capability": gpu and gpu.capability,
        "driver": gpu and gpu.driver,
        "cuda": gpu and gpu.cuda,
        "jetson": board and board.model,
        "l4t": board and board.l4t,
        "jetpack": board and board.jetpack,
        "virtual": machine.virtual,
        "os": machine.os,
        "kernel": machine.kernel,
        "python": machine.python,
        "board_tensorrt": board and board.tensorrt,
    }


def _version(module: str, distributions: tuple[str, ...]) -> str | None:
    """Of the distribution that is installed; where two provide one module, of the one whose module is in use."""
    loaded = getattr(sys.modules.get(module), "__version__", None)
    found = {name: _installed(name) for name in distributions}
    same = [name for name in distributions if found[name] and found[name] == loaded]
    for name in same or distributions:
        if version := found[name]:
            return version if name == distributions[0] else f"{version} ({name})"
    return None


@functools.lru_cache
def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _rows(d: Device) -> list[tuple[str, str]]:
    rows = [("device", d.name + (" (recorded, not yours)" if d.recorded else ""))]
    c = d.cpu
    use = "" if (c.threads, c.cores) == (c.threads_total, c.cores_total) else f" of {c.cores_total}/{c.threads_total}"
    quota = f", cgroup quota {c.quota:g} CPUs" if c.quota is not None else ""
    rows.append(("cpu", f"{c.model} ({c.arch}), {c.cores} cores / {c.threads} threads{use} usable{quota}"))
    rows.append(("instructions", ", ".join(c.isa) or "unknown"))
    rows.append(("int8 dot product", "yes" if c.int8_dot else "no"))
    if c.caches:
        rows.append(("caches", ", ".join(f"{name} {_size(size)}" for name, size in sorted(c.caches.items()))))
    limit = " (cgroup limit)" if d.memory.limit is not None else ""
    rows.append(("memory", f"{_size(d.memory.total)}{limit}, {_size(d.memory.available)} available"))
    for gpu in d.gpus:
        memory = "shares the main memory" if gpu.integrated else gpu.memory and _size(gpu.memory)
        facts = [gpu.name, memory, gpu.capability and f"compute {gpu.capability}"]
        # On a card it is the newest CUDA that the driver serves, on a board the toolkit that is installed.
        toolkit = "CUDA toolkit" if gpu.integrated else "CUDA"
        facts += [gpu.driver and f"driver {gpu.driver}", gpu.cuda and f"{toolkit} {gpu.cuda}"]
        facts += ["its driver does not answer"] if d.jetson and d.jetson.gpu_device is False else []
        rows.append(("gpu", ", ".join(fact for fact in facts if fact)))
    if not d.gpus:
        rows.append(("gpu", f"no driver for {', '.join(d.pci_gpus)}" if d.pci_gpus else "none"))
    if d.jetson:
        power = d.jetson.power
        rows.append(("jetson", f"JetPack {d.jetson.jetpack or '?'}, L4T {d.jetson.l4t or '?'}, TensorRT {d.jetson.tensorrt or '?'}"))
        rows.append(("power mode", f"{power.name or power.id or 'unknown'} of {', '.join(power.modes.values()) or '?'}"))
    rows += _clock_rows(d)
    rows.append(("system", ", ".join(filter(None, [d.os, f"kernel {d.kernel}", f"Python {d.python}", d.virtual]))))
    if d.disk_free is not None:
        rows.append(("free disk", _size(d.disk_free)))
    return rows


def _clock_rows(d: Device) -> list[tuple[str, str]]:
    rows, k = [], d.clocks
    facts = [k.governor and f"governor {k.governor}", k.cpu and f"CPU {k.cpu / 1e3:.0f} MHz"]
    facts += [k.cpu_limit and f"limit {k.cpu_limit / 1e3:.0f} MHz", k.gpu is not None and f"GPU {k.gpu / 1e6:.0f} MHz"]
    if any(facts):
        rows.append(("clocks", ", ".join(fact for fact in facts if fact)))
    if d.temperatures:
        zone = max(d.temperatures, key=d.temperatures.get)
        rows.append(("temperature", f"{d.temperatures[zone]:.0f} °C ({zone}, the hottest of {len(d.temperatures)})"))
    if d.throttling:
        rows.append(("throttling", "; ".join(d.throttling)))
    return rows


def _size(count: int) -> str:
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count} bytes"


def _product(root: str | Path) -> str | None:
    """A Raspberry Pi or another board tells its name in the device tree; a PC's DMI name says less than its CPU."""
    return read(root, "/proc/device-tree/model") or read(root, "/sys/firmware/devicetree/base/model") or None


def _virtual(root: str | Path) -> str | None:
    kinds = []
    groups = read(root, "/proc/1/cgroup") + read(root, "/proc/self/cgroup")
    marks = ("/.dockerenv", "/run/.containerenv", "/run/systemd/container")
    if any(at(root, mark).exists() for mark in marks) or re.search(r"docker|kubepods|lxc|containerd", groups):
        kinds.append("container")
    if "microsoft" in read(root, "/proc/version").lower():
        kinds.append("WSL")
    elif re.search(r"^flags\s*:.*\bhypervisor\b", read(root, "/proc/cpuinfo"), re.M) or read(root, "/sys/hypervisor/type"):
        kinds.append("virtual machine")
    return " + ".join(kinds) or None


def _os(root: str | Path) -> str:
    match = re.search(r'^PRETTY_NAME="?([^"\n]+)', read(root, "/etc/os-release"), re.M)
    if match:
        return match.group(1)
    return platform.platform(terse=True) if is_live(root) else "unknown"


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
