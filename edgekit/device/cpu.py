"""The processor and the memory: what is there, and what this process may use of it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from edgekit.device._files import at, is_live, names, number, number_list, read

# Flags as /proc/cpuinfo spells them (Linux, arch/x86/include/asm/cpufeatures.h and arch/arm64/kernel/cpuinfo.c) that
# decide how fast a quantized or half-precision network can be.
ISA = {
    "avx2": "AVX2",
    "avx512f": "AVX-512F",
    "avx512_vnni": "AVX512-VNNI",
    "avx_vnni": "AVX-VNNI",
    "avx512_bf16": "AVX512-BF16",
    "avx512_fp16": "AVX512-FP16",
    "amx_int8": "AMX-INT8",
    "amx_bf16": "AMX-BF16",
    "neon": "NEON",
    "asimd": "NEON",
    "asimdhp": "FP16",
    "asimddp": "dot product",
    "i8mm": "i8mm",
    "bf16": "bf16",
    "sve": "SVE",
    "sve2": "SVE2",
}
# Instructions that multiply int8 and add up in int32 in one go.
INT8_DOT = {"AVX512-VNNI", "AVX-VNNI", "AMX-INT8", "dot product", "i8mm"}

# (implementer, part) as in Linux, arch/arm64/include/asm/cputype.h.
ARM_PARTS = {
    (0x41, 0xD03): "Cortex-A53",
    (0x41, 0xD04): "Cortex-A35",
    (0x41, 0xD05): "Cortex-A55",
    (0x41, 0xD07): "Cortex-A57",
    (0x41, 0xD08): "Cortex-A72",
    (0x41, 0xD0B): "Cortex-A76",
    (0x41, 0xD0C): "Neoverse-N1",
    (0x41, 0xD40): "Neoverse-V1",
    (0x41, 0xD42): "Cortex-A78AE",
    (0x41, 0xD49): "Neoverse-N2",
    (0x41, 0xD4F): "Neoverse-V2",
    (0x41, 0xD83): "Neoverse-V3AE",
    (0x41, 0xD84): "Neoverse-V3",
    (0x4E, 0x003): "NVIDIA Denver 2",
    (0x4E, 0x004): "NVIDIA Carmel",
}


@dataclass(frozen=True)
class Cpu:
    """A processor. `cores` and `threads` are what this process may use; `*_total` is what the machine has."""

    model: str
    arch: str
    isa: tuple[str, ...]
    cores: int
    threads: int
    cores_total: int
    threads_total: int
    quota: float | None  # CPUs' worth of time that the cgroup grants, None without a limit
    caches: dict[str, int]  # bytes by name: L1d, L1i, L2, L3, of the first CPU

    @property
    def int8_dot(self) -> bool:
        """True if the CPU has int8 dot-product instructions: without them INT8 mostly saves memory, not time."""
        return bool(INT8_DOT.intersection(self.isa))


@dataclass(frozen=True)
class Memory:
    """Main memory in bytes. `total` and `available` respect the cgroup's limit."""

    total: int
    available: int
    limit: int | None  # the cgroup's limit, None without one
    swap: int


def cpu(root: str | Path = "/") -> Cpu:
    """Describe the processor from /proc/cpuinfo, sysfs, this process's affinity and its cgroup."""
    info = read(root, "/proc/cpuinfo")
    if not info:
        return _cpu_elsewhere()
    flags = _first(info, "flags") or _first(info, "Features")
    present = flags.lower().split()
    processors = {int(n) for n in re.findall(r"^processor\s*:\s*(\d+)", info, re.M)} or {0}
    allowed = processors & number_list(_first(read(root, "/proc/self/status"), "Cpus_allowed_list")) or processors
    quota = cpu_quota(root)
    # Rounded down: with 1.5 CPUs' worth of time a second busy thread is stopped half of every period.
    threads = len(allowed) if quota is None else max(1, min(len(allowed), int(quota)))
    siblings = _cores(root, processors)
    cores = len({siblings[n] for n in allowed})
    return Cpu(
        model=_model(info),
        arch=_arch(root, info),
        isa=tuple(dict.fromkeys(name for flag, name in ISA.items() if flag in present)),
        cores=min(cores, threads),
        threads=threads,
        cores_total=len(set(siblings.values())),
        threads_total=len(processors),
        quota=quota,
        caches=_caches(root),
    )


def memory(root: str | Path = "/") -> Memory:
    """Main memory and swap in bytes, from /proc/meminfo and the cgroup; elsewhere than on Linux from psutil."""
    text = read(root, "/proc/meminfo")
    if not text:
        import psutil

        state = psutil.virtual_memory()
        return Memory(state.total, state.available, None, psutil.swap_memory().total)
    kib = {name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+)", text, re.M)}
    total, available = kib.get("MemTotal", 0) * 1024, kib.get("MemAvailable", kib.get("MemFree", 0)) * 1024
    limit, used = memory_limit(root)
    if limit is not None and limit < total:
        return Memory(limit, max(0, min(available, limit - used)), limit, kib.get("SwapTotal", 0) * 1024)
    return Memory(total, available, None, kib.get("SwapTotal", 0) * 1024)


def cpu_quota(root: str | Path = "/") -> float | None:
    """CPUs' worth of time granted by the tightest cgroup above this process, or None.

    Source: Linux, Documentation/admin-guide/cgroup-v2.rst (cpu.max) and scheduler/sched-bwc.rst (cpu.cfs_quota_us).
    """
    quotas = []
    for group in _groups(root, "cpu"):
        quota, _, period = read(root, f"{group}/cpu.max").partition(" ")
        if not quota:
            quota, period = read(root, f"{group}/cpu.cfs_quota_us"), read(root, f"{group}/cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period):
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def memory_limit(root: str | Path = "/") -> tuple[int | None, int]:
    """The tightest memory limit of the cgroups above this process, and what that group uses now, in bytes."""
    limits = []
    for group in _groups(root, "memory"):
        for limit, usage in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
            value = number(root, f"{group}/{limit}")  # None for "max"
            if value is not None and value < 1 << 60:  # version 1 writes "no limit" as a number close to 2**63
                limits.append((value, number(root, f"{group}/{usage}") or 0))
    return min(limits, default=(None, 0))


def _groups(root: str | Path, controller: str) -> list[str]:
    """The folders of this process's cgroup and of all above it, for one controller, in version 1 and 2."""
    folders = []
    for line in read(root, "/proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            mounts = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
        elif controller in controllers.split(","):
            mounts = [f"/sys/fs/cgroup/{controllers}", f"/sys/fs/cgroup/{controller}"]
        else:
            continue
        parts = [part for part in path.split("/") if part]
        # In a container the path may be the host's, which does not exist here; the mount point then is our own group.
        for mount in mounts:
            for depth in range(len(parts), -1, -1):
                folder = "/".join([mount, *parts[:depth]])
                if ".." not in parts and folder not in folders and at(root, folder).is_dir():
                    folders.append(folder)
    return folders


def _first(text: str, key: str) -> str:
    match = re.search(rf"^{re.escape(key)}\s*:[ \t]*(.*)$", text, re.M)
    return match.group(1).strip() if match else ""


def _model(info: str) -> str:
    parts = []
    for implementer, part in re.findall(r"CPU implementer\s*:\s*(\w+).*?CPU part\s*:\s*(\w+)", info, re.S):
        known = ARM_PARTS.get((int(implementer, 16), int(part, 16)))
        parts.append(known or f"Arm implementer {implementer} part {part}")
    # A board with big and little cores lists both.
    return " + ".join(dict.fromkeys(parts)) or _first(info, "model name") or _first(info, "Hardware") or "unknown"


def _arch(root: str | Path, info: str) -> str:
    if is_live(root):
        return platform.machine()
    if "CPU implementer" in info:
        return "aarch64" if "asimd" in info else "armv7l"
    return "x86_64"


def _cores(root: str | Path, processors: set[int]) -> dict[int, str]:
    """For every logical CPU the name of its physical core (the list of its hardware threads)."""
    folder = "/sys/devices/system/cpu/cpu{}/topology/"
    cores = {}
    for n in processors:
        topology = folder.format(n)
        cores[n] = read(root, topology + "core_cpus_list") or read(root, topology + "thread_siblings_list") or str(n)
    return cores


def _caches(root: str | Path) -> dict[str, int]:
    caches = {}
    for index in names(root, "/sys/devices/system/cpu/cpu0/cache/index*"):
        size = re.fullmatch(r"(\d+)([KMG]?)", read(root, f"{index}/size"))
        if size:
            kind = {"Data": "d", "Instruction": "i"}.get(read(root, f"{index}/type"), "")
            scale = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[size.group(2)]
            caches[f"L{read(root, f'{index}/level')}{kind}"] = int(size.group(1)) * scale
    return caches


def _cpu_elsewhere() -> Cpu:
    """macOS and Windows. Not verified on either: the course is tested on Linux."""
    model, isa = platform.processor() or "unknown", []
    if platform.system() == "Darwin":
        features = {"AdvSIMD": "NEON", "FP16": "FP16", "DotProd": "dot product", "I8MM": "i8mm", "BF16": "bf16"}
        keys = [f"hw.optional.arm.FEAT_{name}" for name in features] + ["hw.optional.AdvSIMD"]
        command = ["sysctl", "machdep.cpu.brand_string", *keys]
        try:
            text = subprocess.run(command, capture_output=True, text=True, timeout=5).stdout
        except (OSError, subprocess.TimeoutExpired):
            text = ""
        model = _first(text, "machdep.cpu.brand_string") or model
        isa = [name for key, name in features.items() if re.search(rf"(FEAT_|optional\.){key}: 1", text)]
    threads = os.cpu_count() or 1
    import psutil

    cores = psutil.cpu_count(logical=False) or threads
    return Cpu(model, platform.machine(), tuple(isa), cores, threads, cores, threads, None, {})
