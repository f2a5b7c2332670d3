"""What changes while one measures: clocks, governor, temperatures, signs of throttling. Linux only; else all unknown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgekit.device._files import names, number, read

# Names of a Tegra GPU in devfreq: 17000000.gpu and 17000000.ga10b (Orin), 17000000.gv11b (Xavier), gpu-gpc-0 (Thor),
# 57000000.gpu (Nano). Sources: jetson_stats jtop/core/gpu.py and thor_gpu.py.
GPU_CLOCKS = (
    "/sys/class/devfreq/*.gpu",
    "/sys/class/devfreq/*.ga10b",
    "/sys/class/devfreq/*.gv11b",
    "/sys/class/devfreq/*.gp10b",
    "/sys/class/devfreq/gpu-gpc-*",
    "/sys/devices/gpu.0/devfreq/*",
    "/sys/devices/*.gpu/devfreq/*",
    "/sys/devices/*.ga10b/devfreq/*",
    "/sys/devices/platform/gpu.0/devfreq/*",
    "/sys/devices/platform/*.gpu/devfreq/*",
    "/sys/devices/platform/*.ga10b/devfreq/*",
    "/sys/devices/platform/bus@0/*.gpu/devfreq/*",
)


@dataclass(frozen=True)
class Clocks:
    """Clocks in kHz (CPU) and Hz (GPU), as the kernel reports them; None where it does not."""

    governor: str | None  # "performance", or several joined by "+"
    cpu: int | None  # the fastest core, now
    cpu_limit: int | None  # what the current policy allows
    cpu_max: int | None  # what the hardware can do
    gpu: int | None
    gpu_limit: int | None
    gpu_governor: str | None
    driver: str | None = None  # "intel_pstate", "tegra194"


def clocks(root: str | Path = "/") -> Clocks:
    """The clocks now. In most virtual machines there is no cpufreq: then everything is None."""
    policies = names(root, "/sys/devices/system/cpu/cpufreq/policy*") or names(root, "/sys/devices/system/cpu/cpu[0-9]*/cpufreq")
    governors = dict.fromkeys(read(root, f"{policy}/scaling_governor") for policy in policies)
    gpu = next((folder for pattern in GPU_CLOCKS for folder in names(root, pattern)), None)
    return Clocks(
        governor="+".join(name for name in governors if name) or None,
        cpu=_largest(root, policies, "scaling_cur_freq"),
        cpu_limit=_largest(root, policies, "scaling_max_freq"),
        cpu_max=_largest(root, policies, "cpuinfo_max_freq"),
        gpu=number(root, f"{gpu}/cur_freq") if gpu else None,
        gpu_limit=number(root, f"{gpu}/max_freq") if gpu else None,
        gpu_governor=(read(root, f"{gpu}/governor") or None) if gpu else None,
        driver=next((name for policy in policies if (name := read(root, f"{policy}/scaling_driver"))), None),
    )


def temperatures(root: str | Path = "/") -> dict[str, float]:
    """Degrees Celsius by thermal zone. Zones that are switched off (reading fails, or a value below zero) are left out."""
    found: dict[str, float] = {}
    for zone in names(root, "/sys/class/thermal/thermal_zone*"):
        value = number(root, f"{zone}/temp")
        if value is not None and value > 0:
            name = read(root, f"{zone}/type") or zone.rpartition("/")[2]
            found[name if name not in found else f"{name}_{zone.rpartition('zone')[2]}"] = value / 1000
    return found


def throttling(root: str | Path = "/") -> tuple[str, ...]:
    """Signs that the machine slows itself down, in words; empty if there are none or nothing can be read.

    Sources: Linux cooling devices (Documentation/driver-api/thermal/sysfs-api.rst), where a Jetson has *-throttle-alert;
    Jetson over-current counters in the hwmon driver soctherm_oc (oc1 under-voltage, oc2 average, oc3 instantaneous
    over-current; NVIDIA's Jetson Linux guide, platform power and performance); x86 core_throttle_count; the Raspberry Pi
    firmware's get_throttled bits (documentation of vcgencmd). Not verified on a real Jetson.
    """
    return (*_cooling(root), *_over_current(root), *_x86(root), *_raspberry(root))


def _cooling(root: str | Path) -> list[str]:
    signs = []
    for device in names(root, "/sys/class/thermal/cooling_device*"):
        kind = read(root, f"{device}/type")
        slows = "throttle" in kind or kind.startswith(("cpufreq", "devfreq", "Processor", "thermal-cpufreq"))
        if slows and (number(root, f"{device}/cur_state") or 0) > 0:
            signs.append(f"{kind} is active")
    return signs


def _over_current(root: str | Path) -> list[str]:
    reasons = {"oc1": "under-voltage", "oc2": "average over-current", "oc3": "instantaneous over-current"}
    signs = []
    for counter in names(root, "/sys/class/hwmon/hwmon*/oc*_event_cnt"):
        if count := number(root, counter):
            name = counter.rpartition("/")[2].partition("_")[0]
            signs.append(f"{count} x {reasons.get(name, name)} since boot")
    return signs


def _x86(root: str | Path) -> list[str]:
    counters = names(root, "/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/core_throttle_count")
    count = max((number(root, counter) or 0 for counter in counters), default=0)
    return [f"{count} x thermal throttling since boot"] if count else []


def _raspberry(root: str | Path) -> list[str]:
    bits = {0: "under-voltage now", 1: "clock capped now", 2: "throttled now", 3: "soft temperature limit now"}
    bits |= {16: "under-voltage since boot", 17: "clock capped since boot", 18: "throttled since boot"}
    bits |= {19: "soft temperature limit since boot"}
    for file in names(root, "/sys/devices/platform/soc*/soc*firmware/get_throttled"):
        try:
            flags = int(read(root, file), 16)  # hexadecimal without 0x
        except ValueError:
            continue
        return [text for bit, text in bits.items() if flags >> bit & 1]
    return []


def _largest(root: str | Path, folders: list[str], file: str) -> int | None:
    values = [value for folder in folders if (value := number(root, f"{folder}/{file}")) is not None]
    return max(values, default=None)
