"""The hardware half of the examination: each function looks at a `Device` and yields findings."""

from __future__ import annotations

import os
from collections.abc import Iterator

from edgekit.course.doctor.findings import HINT, INFO, PROBLEM, Finding
from edgekit.device import Device
from edgekit.device.jetson import GPU_DEVICE

GIB = 1 << 30
# Tests for these drivers would be wrong: with them "powersave" raises the clock under load like "schedutil" does.
# Source: Linux, Documentation/admin-guide/pm/intel_pstate.rst (active mode) and amd-pstate.rst.
SELF_SCALING = ("intel_pstate", "amd-pstate-epp", "amd_pstate_epp")


def examine(device: Device) -> Iterator[Finding]:
    """All findings about the machine."""
    yield from gpu(device)
    yield from processor(device)
    yield from room(device)
    yield from speed(device)
    if device.jetson:
        yield from jetson(device)


def gpu(device: Device) -> Iterator[Finding]:
    """A GPU that is not there is no problem; one that is there and cannot be used is worth a word."""
    if device.jetson and device.jetson.gpu_device is False:
        yield Finding(
            HINT,
            f"programs cannot reach the board's GPU: {GPU_DEVICE} is not there",
            "This is a container without NVIDIA's runtime, or the GPU's driver is not loaded: torch sees no GPU, and no engine runs.",
            "TensorRT, ONNX Runtime on CUDA, energy",
            "docker run --runtime nvidia ...   (a container)   or   reboot, then: lsmod | grep -e nvgpu -e nvidia   (the board itself)",
            "no-gpu-device",
        )
    if device.gpus:
        return
    if device.pci_gpus:
        inside = device.virtual and "container" in device.virtual
        fix = "docker run --gpus all ... (with the NVIDIA container toolkit on the host)" if inside else None
        yield Finding(
            HINT,
            f"an NVIDIA GPU is on the PCI bus ({', '.join(device.pci_gpus)}), but no driver answers",
            "The GPU stays idle: everything runs on the CPU, engines are compiled ahead of time and not run.",
            "TensorRT, ONNX Runtime on CUDA, energy",
            fix or "sudo apt install nvidia-driver   (Debian)   or   sudo ubuntu-drivers install   (Ubuntu), then reboot",
            "no-driver",
        )
        return
    yield Finding(
        INFO,
        "no NVIDIA GPU",
        "Every lab runs to its end without one: TensorRT engines are compiled ahead of time where TensorRT-RTX is installed, "
        "and not run. Where only a GPU could answer, the lab says so.",
        "TensorRT, energy",
        key="no-gpu",
    )


def processor(device: Device) -> Iterator[Finding]:
    """What the processor means for measurements."""
    cpu = device.cpu
    if cpu.isa and not cpu.int8_dot:
        yield Finding(
            INFO,
            "the CPU has no int8 dot-product instructions (VNNI, AMX, Arm dot product)",
            "What that means for the speed is measured, not derived: in the labs, and by the doctor where torch is installed.",
            "quantization",
            key="no-int8",
        )
    if cpu.quota is not None and cpu.quota < cpu.threads_total:
        yield Finding(
            INFO,
            f"a cgroup limits this process to {cpu.quota:g} of {cpu.threads_total} CPUs",
            f"Runners take {cpu.threads} thread(s); more would be stopped in mid-run and spoil the timing.",
            "every measurement",
            key="cpu-quota",
        )
    if device.virtual and "virtual machine" in device.virtual:
        yield Finding(
            INFO,
            "this is a virtual machine",
            "Neighbours share the hardware and clocks are hidden: trust ratios from one run, not absolute times.",
            "every measurement",
            key="virtual",
        )


def room(device: Device) -> Iterator[Finding]:
    """Memory and disk."""
    if device.memory.total and device.memory.total < 2 * GIB:
        yield Finding(
            PROBLEM,
            f"only {device.memory.total / GIB:.1f} GiB of memory",
            "Jupyter and PyTorch together do not fit: kernels will be killed.",
            "all",
            (
                "raise the container's memory limit"
                if device.memory.limit
                else "sudo fallocate -l 8G /swapfile && sudo chmod 600 /swapfile && sudo mkswap /swapfile && sudo swapon /swapfile"
            ),
            "memory",
        )
    elif device.memory.total and device.memory.available < 1.5 * GIB:
        yield Finding(
            HINT,
            f"only {device.memory.available / GIB:.1f} GiB of memory available",
            "Training and compiling may be slow or be killed.",
            "training, Model Optimizer, TensorRT",
            "close other programs and kernels: jupyter server list",
            "memory-available",
        )
    if device.disk_free is not None and device.disk_free < 10 * GIB:
        tight = device.disk_free < GIB
        yield Finding(
            PROBLEM if tight else HINT,
            f"only {device.disk_free / GIB:.1f} GiB of disk free",
            "The labs cannot write their models." if tight else "A fresh environment takes 6 GB; updates may not fit.",
            "all" if tight else "installation",
            "rm -rf labs/work   (deletes your exported models and your ledger)",
            "disk",
        )


def speed(device: Device) -> Iterator[Finding]:
    """Governor, throttling, other load."""
    clocks = device.clocks
    if clocks.governor and "powersave" in clocks.governor.split("+") and clocks.driver not in SELF_SCALING:
        yield Finding(
            HINT,
            "the CPU governor is powersave: the clock stays at its lowest",
            "Everything is slow, and ratios can differ from those of a machine at work.",
            "every measurement",
            "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
            "governor",
        )
    if device.throttling:
        yield Finding(
            HINT,
            f"signs of throttling: {'; '.join(device.throttling)}",
            "The machine slows itself down because of heat or supply; long runs get slower than short ones.",
            "every measurement",
            "check fan, heat sink and power supply, wait until it is cool, then measure again",
            "throttling",
        )
    if not device.recorded and hasattr(os, "getloadavg"):
        load = os.getloadavg()[0]
        if load > max(1.5, 0.75 * device.cpu.threads):
            yield Finding(
                HINT,
                f"other programs are busy (load average {load:.1f} on {device.cpu.threads} threads)",
                'Measurements scatter, and a comparison more often ends in "can\'t tell".',
                "every measurement",
                "top   (then stop what is not needed)",
                "load",
            )


def jetson(device: Device) -> Iterator[Finding]:
    """Power mode and release of a Jetson."""
    board = device.jetson
    power, clocks = board.power, device.clocks
    if power.at_best is False:
        best = power.modes[power.best]
        yield Finding(
            HINT,
            f"power mode {power.name or power.id}, not {best}",
            "A choice, not a fault: just compare only results of one mode. Every result carries its mode.",
            "every measurement",
            f"sudo nvpmodel -m {power.best} && sudo jetson_clocks",
            "power-mode",
        )
    if power.cpu_cap and clocks.cpu_limit and clocks.cpu_limit > 1.02 * power.cpu_cap:
        yield Finding(
            HINT,
            f"power mode {power.name} should cap the CPU at {power.cpu_cap / 1e3:.0f} MHz, but "
            f"{clocks.cpu_limit / 1e3:.0f} MHz are allowed: the mode was not applied",
            "Results would be labelled with a power mode that is not in force.",
            "every measurement, energy",
            f"sudo nvpmodel -m {power.id}   (if it asks for a reboot, reboot), then: systemctl status nvpmodel",
            "power-mode-not-applied",
        )
    if board.l4t and int(board.l4t.split(".")[0]) < 36:
        yield Finding(
            PROBLEM,
            f"JetPack {board.jetpack or '?'} (L4T {board.l4t}) is too old",
            "Its Python is older than 3.10, which the course needs.",
            "all",
            "flash JetPack 6.2 or newer with NVIDIA's SDK Manager",
            "jetpack",
        )
    if not board.tensorrt:
        yield Finding(
            HINT,
            "the board's TensorRT is not installed",
            "No engine is built or run.",
            "TensorRT",
            "sudo apt install nvidia-jetpack",
            "board-tensorrt",
        )
