"""CPU lanes: the course on processors that are not here, under QEMU's user mode.

Programs run instruction by instruction in QEMU, so kernels are chosen, and sums saturate, as on that processor. Times mean nothing there.

- ``native``   this machine, without QEMU.
- ``haswell``  x86-64 with AVX2, without AVX-512 and VNNI: int8 sums saturate.
- ``pi4``      Arm Cortex-A72 (Raspberry Pi 4): no dot product.
- ``pi5``      Arm Cortex-A76 (Raspberry Pi 5): int8 dot product.

QEMU imitates instructions, not caches or clocks. /proc/cpuinfo and the few files of /sys that ONNX Runtime and PyTorch read are written
here to fit the processor. What the instructions are is asked of the processor too, see `inside.doctor`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgekit-lanes"
ARM_ROOT = CACHE / "arm64"
ARM_READY = CACHE / "arm64.ready"  # written last: a root without it was interrupted
CPUS = "sys/devices/system/cpu"
REGISTERED = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")

_TRAINS = "trains"
_EXPORTS = "exports with PyTorch, minutes under QEMU"
_MODELOPT = "imports Model Optimizer, minutes under QEMU"
_TENSORRT = "builds with TensorRT, which has no package for Arm, and which needs no lane: engines are for GPUs"
# Exercises that no lane but the native one tries, and why.
LEFT_OUT = {
    "masked_step": _TRAINS,
    "shift": _TRAINS,
    "qat_step": _TRAINS,
    "sparsify_and_tune": _TRAINS,
    "prune_to": _TRAINS,
    "export_model": _EXPORTS,
    "gate": _EXPORTS,
    "export_qdq": _EXPORTS,
    "mask_2_4": _MODELOPT,
    "calibrate": _MODELOPT,
    "search_space": _MODELOPT,
    "searchable_tiny": _MODELOPT,
    "score": _MODELOPT,
    "build_network": _TENSORRT,
    "batch_profile": _TENSORRT,
    "refuses": _TENSORRT,
    "stopwatch": "measures time, which means nothing under QEMU",
    "paired_ratio": "measures time, which means nothing under QEMU",
}
# What QEMU 7.2 was seen to do wrong with AVX2, and what keeps two libraries away from it. ONNX Runtime keeps its AVX2 kernels.
# - NumPy's argsort and argpartition come out unsorted (tests/test_lanes.py tries it; 2.4 calls AVX2 and what belongs to it X86_V3).
# - oneDNN's LSTM, as PyTorch 2.13 runs it, ends with a segmentation fault.
WRONG_IN_QEMU = {"NPY_DISABLE_CPU_FEATURES": "X86_V3", "ONEDNN_MAX_CPU_ISA": "AVX"}
RECIPES = ("for_cpu", "for_tensorrt", "u8u8", "s8s8", "qoperator")

_HASWELL = (
    "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ss ht syscall nx rdtscp lm "
    "constant_tsc rep_good nopl xtopology cpuid pni pclmulqdq ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand "
    "lahf_lm abm fsgsbase bmi1 avx2 smep bmi2 erms"
)
_A72 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"
_A76 = _A72 + " atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp"


@dataclass(frozen=True)
class Lane:
    """A processor to run on. `cpu` is QEMU's name of it, `midr` Arm's identification register, `flags` as /proc/cpuinfo spells them."""

    name: str
    arch: str = ""
    cpu: str = ""
    flags: str = ""
    midr: int = 0
    int8_dot: bool | None = None  # None: whatever this machine has

    def cpuinfo(self) -> str:
        """/proc/cpuinfo in this lane: two processors."""
        if self.arch == "x86_64":
            core = "vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 60\nmodel name\t: Intel Core Processor (Haswell)\n"
            core += f"flags\t\t: {self.flags}\n"
        else:
            part, revision = self.midr >> 4 & 0xFFF, self.midr & 0xF
            core = f"BogoMIPS\t: 108.00\nFeatures\t: {self.flags}\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
            core += f"CPU variant\t: {self.midr >> 20 & 0xF:#x}\nCPU part\t: {part:#05x}\nCPU revision\t: {revision}\n"
        return "\n".join(f"processor\t: {n}\n{core}" for n in range(2))

    def missing(self) -> str:
        """Why this lane cannot run here, "" if it can."""
        if not self.arch:
            return ""
        tools = {"bwrap": "bubblewrap", f"qemu-{self.arch}-static": "qemu-user-static"}
        if lacking := [package for tool, package in tools.items() if not shutil.which(tool)]:
            return f"needs the Debian packages {', '.join(lacking)}"
        if self.arch == "x86_64":
            here = os.uname().machine
            return "" if here == "x86_64" else f"runs the environment that is installed here, and that is for {here}"
        if not ARM_READY.is_file():
            return f"has no Arm system in {ARM_ROOT} yet: `make lanes` builds it, as root, from the network, 6 GB"
        return "" if REGISTERED.exists() else "needs QEMU registered for Arm programs: `make lanes` does it, as root"

    def run(self, arguments: list[str], files: Path, timeout: float) -> subprocess.CompletedProcess:
        """Run ``python ARGUMENTS`` in the repository on this processor. `files`: a folder that both sides see."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "QEMU_CPU": self.cpu}
        path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment |= {"PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"}
        if self.arch == "x86_64":
            environment |= WRONG_IN_QEMU
        command = self._command(arguments, files)
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout)

    def _command(self, arguments: list[str], files: Path) -> list[str]:
        if not self.arch:
            return [sys.executable, *arguments]
        _write_once(files / "cpuinfo", self.cpuinfo())
        cpuinfo = ["--dev", "/dev", "--proc", "/proc", "--ro-bind", str(files / "cpuinfo"), "/proc/cpuinfo", "--die-with-parent"]
        if self.arch == "x86_64":
            wrapper = files / "python"
            _write_once(wrapper, f'#!/bin/sh\nexec qemu-x86_64-static -cpu {self.cpu} {sys.executable} "$@"\n')
            return ["bwrap", "--bind", "/", "/", *cpuinfo, "--setenv", "LANE_PYTHON", str(wrapper), str(wrapper), *arguments]
        midr = files / "midr_el1"
        _write_once(midr, f"{self.midr:#018x}\n")
        seen = ["--bind", str(ARM_ROOT), "/", "--tmpfs", "/tmp", "--ro-bind", str(ROOT), "/repo", "--bind", str(files), "/lane"]
        for n in range(2):
            seen += ["--ro-bind", str(midr), f"/{CPUS}/cpu{n}/regs/identification/midr_el1"]
        inside = [argument.replace(str(files), "/lane") for argument in arguments]
        settings = [
            "--setenv",
            "PYTHONPATH",
            "/repo:/opt/site:/opt/runtimes",
            "--setenv",
            "HOME",
            "/tmp",
            "--setenv",
            "PATH",
            "/usr/bin:/bin",
        ]
        return ["bwrap", *seen, *cpuinfo, *settings, "--chdir", "/repo", "python3", *inside]


def _write_once(file: Path, text: str) -> None:
    """Make an executable file where there is none yet: another part of the lane may be reading it."""
    if not file.exists():
        draft = file.with_name(f"{file.name}.{threading.get_ident()}")
        draft.write_text(text, encoding="utf-8")
        draft.chmod(0o755)
        draft.replace(file)


LANES = {
    lane.name: lane
    for lane in (
        Lane("native"),
        Lane("haswell", "x86_64", "Haswell", _HASWELL, int8_dot=False),
        Lane("pi4", "aarch64", "cortex-a72", _A72, 0x410FD083, int8_dot=False),
        Lane("pi5", "aarch64", "cortex-a76", _A76, 0x413FD0B1, int8_dot=True),
    )
}


def float_model(folder: Path) -> None:
    """The float32 file that all lanes quantize: exporting it under QEMU would take most of a minute."""
    from edgekit import export
    from edgekit.zoo.models import load_checkpoint

    export.to_onnx(load_checkpoint("edgecnn"), folder / "edgecnn.onnx", dynamo=False)


def int8_model(folder: Path, recipe: str) -> Path:
    """The INT8 file of a recipe, made from `float_model` where this is called, and kept."""
    from edgekit.compression import quantization
    from edgekit.zoo import data

    path = folder / f"{recipe}.onnx"
    if not path.exists():
        quantization.quantize(folder / "edgecnn.onnx", path, data.load("digits", "train").subset(64), recipe)
    return path


def part(lane: Lane, folder: Path, name: str, *, timeout: float = 1800, **options) -> dict:
    """Run one part of `inside` in the lane; {"found": ..., "seconds": ...}. Raises RuntimeError with the end of its output if it breaks
    off."""
    arguments = ["-m", "tests.lanes.inside", str(folder), name]
    for option, value in options.items():
        many = value if isinstance(value, list | tuple) else [value]
        arguments += [f"--{option.replace('_', '-')}", *map(str, many)]
    answer = folder / f"{name}.json"
    answer.unlink(missing_ok=True)
    try:
        done = lane.run(arguments, folder, timeout)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"lane {lane.name}, {name}: not finished after {timeout:g} s") from None
    if not answer.is_file():
        raise RuntimeError(f"lane {lane.name}, {name}: exit status {done.returncode}: {(done.stdout + done.stderr)[-1500:]}")
    return json.loads(answer.read_text(encoding="utf-8"))
