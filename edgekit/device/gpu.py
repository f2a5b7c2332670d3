"""NVIDIA GPUs: asked of the driver (NVML), without importing torch, and seen on the PCI bus even without a driver."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from edgekit.device._files import at, is_live, names, number, read

NVIDIA = 0x10DE  # PCI vendor


@dataclass(frozen=True)
class Gpu:
    """One GPU. What could not be found out is None."""

    name: str
    memory: int | None  # bytes; on a Jetson the main memory, which the GPU shares
    capability: str | None  # CUDA compute capability, "8.9"
    driver: str | None
    cuda: str | None  # newest CUDA version that the driver serves; on a Jetson the installed toolkit
    integrated: bool = False


def gpus(root: str | Path = "/") -> tuple[Gpu, ...]:
    """The GPUs that the driver offers. Empty without a driver: `on_pci_bus` tells whether there is hardware nevertheless.

    On this machine NVML is asked through pynvml where it is installed, else through nvidia-smi, else torch, but only if it
    uses CUDA already (asking first would start CUDA in a process that may want to fork); in a recorded tree (and
    where neither works) the driver's files below /proc/driver/nvidia give the name and the driver version only.
    """
    if is_live(root) and _driver_loaded():
        found = _from_pynvml() or _from_nvidia_smi() or _from_torch()
        if found:
            return found
    return _from_proc(root)


def on_pci_bus(root: str | Path = "/") -> list[str]:
    """PCI addresses of NVIDIA display controllers (class 0x03xxxx: VGA or 3D), with or without a driver."""
    found = []
    for device in names(root, "/sys/bus/pci/devices/*"):
        display = (number(root, f"{device}/class") or 0) >> 16 == 0x03
        if display and number(root, f"{device}/vendor") == NVIDIA:
            found.append(device.rpartition("/")[2])
    return found


def driver_version(root: str | Path = "/") -> str | None:
    """The loaded kernel driver, from /proc/driver/nvidia/version ("NVRM version: NVIDIA UNIX ... 580.95.05 ...")."""
    first = read(root, "/proc/driver/nvidia/version").partition("\n")[0]
    match = re.search(r"\b(\d{3}\.\d+(?:\.\d+)?)\b", first)
    return match.group(1) if match else None


def _driver_loaded() -> bool:
    """False where Linux certainly has no NVIDIA driver (/dev/dxg is Windows' driver in WSL): saves importing pynvml."""
    marks = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg")
    return sys.platform != "linux" or any(Path(mark).exists() for mark in marks)


def _from_pynvml() -> tuple[Gpu, ...]:
    try:
        import pynvml
    except ImportError:
        return ()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        version = pynvml.nvmlSystemGetCudaDriverVersion_v2()
        cuda = f"{version // 1000}.{version % 1000 // 10}"
        driver = _text(pynvml.nvmlSystemGetDriverVersion())
        found = []
        for index in visible(pynvml):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            memory = _ask(pynvml, pynvml.nvmlDeviceGetMemoryInfo, handle)
            capability = _ask(pynvml, pynvml.nvmlDeviceGetCudaComputeCapability, handle)
            found.append(
                Gpu(
                    name=_text(pynvml.nvmlDeviceGetName(handle)),
                    memory=memory.total if memory else None,
                    capability="{}.{}".format(*capability) if capability else None,
                    driver=driver,
                    cuda=cuda,
                )
            )
        return tuple(found)
    except pynvml.NVMLError:
        return ()
    finally:
        pynvml.nvmlShutdown()


def visible(pynvml) -> list[int]:
    """NVML's numbers of the GPUs that CUDA shows to this process, in its order: CUDA_VISIBLE_DEVICES holds numbers or the beginnings of
    UUIDs, and the first entry that means nothing ends the list (CUDA C++ Programming Guide, "Environment variables"). Numbers are taken as
    NVML counts, by the PCI bus; CUDA counts so too with CUDA_DEVICE_ORDER=PCI_BUS_ID, and where all cards are alike."""
    count, wanted = pynvml.nvmlDeviceGetCount(), os.environ.get("CUDA_VISIBLE_DEVICES")
    if wanted is None:
        return list(range(count))
    uuids = [_text(pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByIndex(index))) for index in range(count)]
    found: list[int] = []
    for entry in (part.strip() for part in wanted.split(",")):
        fits = [int(entry)] if entry.isdigit() else [i for i, uuid in enumerate(uuids) if entry and uuid.startswith(entry)]
        if len(fits) != 1 or fits[0] >= count or fits[0] in found:
            break
        found += fits
    return found


def _ask(pynvml, question, handle):
    """An answer of NVML, or None: integrated GPUs do not support every question."""
    try:
        return question(handle)
    except pynvml.NVMLError:
        return None


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _from_nvidia_smi() -> tuple[Gpu, ...]:
    if not shutil.which("nvidia-smi"):
        return ()
    query = ["nvidia-smi", "--query-gpu=name,memory.total,compute_cap,driver_version", "--format=csv,noheader,nounits"]
    try:
        rows = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout
        # The CUDA version stands in the header of the plain output only.
        plain = subprocess.run(["nvidia-smi"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return parse_nvidia_smi(rows, plain)


def parse_nvidia_smi(rows: str, plain: str) -> tuple[Gpu, ...]:
    """Read nvidia-smi's CSV (name, MiB, compute capability, driver) and the CUDA version from its plain output."""
    header = re.search(r"CUDA (?:UMD )?Version:\s*(\d+\.\d+)", plain)
    found = []
    for row in rows.strip().splitlines():
        fields = [field.strip() for field in row.split(",")]
        if len(fields) != 4:
            continue
        name, mib, capability, driver = fields  # "[N/A]" or "[Not Supported]" where there is no answer
        found.append(
            Gpu(
                name=name,
                memory=int(mib) << 20 if mib.isdigit() else None,
                capability=capability if re.fullmatch(r"\d+\.\d+", capability) else None,
                driver=driver if driver[:1].isdigit() else None,
                cuda=header.group(1) if header else None,
            )
        )
    return tuple(found)


def _from_torch() -> tuple[Gpu, ...]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return ()
    cards = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return tuple(Gpu(c.name, c.total_memory, f"{c.major}.{c.minor}", driver_version(), None) for c in cards)


def _from_proc(root: str | Path) -> tuple[Gpu, ...]:
    found = []
    for folder in names(root, "/proc/driver/nvidia/gpus/*"):
        if at(root, f"{folder}/information").exists():
            match = re.search(r"^Model:\s*(.+)$", read(root, f"{folder}/information"), re.M)
            found.append(Gpu(match.group(1) if match else "NVIDIA GPU", None, None, driver_version(root), None))
    return tuple(found)
