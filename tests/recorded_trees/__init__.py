"""Files of other machines, to be planted below a folder and read with `root=folder`.

They are put together, not dumped from one board: each line that matters has the form that people have published from such
a machine (release strings, status of nvpmodel, sysfs paths, power-mode tables; see edgekit/device/jetson.py for the
sources). They are written by the tests and not kept as files because names like soc:firmware cannot be checked out on
every system.
"""

from __future__ import annotations

import shutil
from pathlib import Path

ORIN_FEATURES = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp uscat ilrcpc flagm"
THOR_FEATURES = (
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc dcpop sha3 sm3 sm4 "
    "asimddp sha512 sve asimdfhm dit uscat ilrcpc flagm ssbs sb paca pacg dcpodp sve2 sveaes svepmull svebitperm svesha3 "
    "flagm2 frint svei8mm svebf16 i8mm bf16 dgh bti ecv"
)
PI_FEATURES = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"

# The power modes of an Orin Nano 8 GB under JetPack 6.2 (nvpmodel_p3767_0003_super.conf), shortened to the lines with a cap.
ORIN_NANO_MODES = """\
< PARAM TYPE=FILE NAME=CPU_ONLINE >
CORE_0 /sys/devices/system/cpu/cpu0/online

< PARAM TYPE=CLOCK NAME=GPU >
MAX_FREQ /sys/devices/platform/17000000.gpu/devfreq_dev/max_freq

< POWER_MODEL ID=0 NAME=15W >
CPU_ONLINE CORE_0 1
CPU_A78_0 MIN_FREQ 729600
CPU_A78_0 MAX_FREQ 1497600
GPU MIN_FREQ 0
GPU MAX_FREQ 612000000
EMC MAX_FREQ 2133000000

< POWER_MODEL ID=1 NAME=25W >
CPU_ONLINE CORE_0 1
CPU_A78_0 MIN_FREQ 729600
CPU_A78_0 MAX_FREQ 1344000
GPU MIN_FREQ 0
GPU MAX_FREQ 918000000
EMC MAX_FREQ 3199000000

< POWER_MODEL ID=2 NAME=MAXN_SUPER >
CPU_ONLINE CORE_0 1
CPU_A78_0 MIN_FREQ 729600
CPU_A78_0 MAX_FREQ -1
GPU MIN_FREQ 0
GPU MAX_FREQ -1
EMC MAX_FREQ -1

< PM_CONFIG DEFAULT=1 >
"""

THOR_MODES = """\
< POWER_MODEL ID=0 NAME=MAXN >
< POWER_MODEL ID=1 NAME=120W >
< POWER_MODEL ID=2 NAME=90W >
< POWER_MODEL ID=3 NAME=70W >

< PM_CONFIG DEFAULT=1 >
"""


def release(major: int, revision: str, date: str) -> str:
    """/etc/nv_tegra_release as JetPack 6 and 7 write it."""
    return (
        f"# R{major} (release), REVISION: {revision}, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: {date}\n"
        "# KERNEL_VARIANT: oot\nTARGET_USERSPACE_LIB_DIR=nvidia\n"
        "TARGET_USERSPACE_LIB_DIR_PATH=usr/lib/aarch64-linux-gnu/nvidia\n"
    )


def package(name: str, version: str, status: str = "install ok installed") -> str:
    """One paragraph of /var/lib/dpkg/status."""
    return f"Package: {name}\nStatus: {status}\nPriority: standard\nArchitecture: arm64\nVersion: {version}\nDescription: x\n\n"


def arm_cpuinfo(cpus: int, part: str, features: str, model: str = "") -> str:
    """/proc/cpuinfo of an Arm machine; the Jetson kernel adds a model name that says nothing."""
    name = f"model name\t: {model}\n" if model else ""
    return "".join(
        f"processor\t: {n}\n{name}BogoMIPS\t: 62.50\nFeatures\t: {features}\nCPU implementer\t: 0x41\n"
        f"CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {part}\nCPU revision\t: 1\n\n"
        for n in range(cpus)
    )


def x86_cpuinfo(cpus: int, model: str, flags: str) -> str:
    return "".join(
        f"processor\t: {n}\nvendor_id\t: GenuineIntel\nmodel name\t: {model}\nphysical id\t: 0\nflags\t\t: {flags}\n\n" for n in range(cpus)
    )


def common(cpus: int, memory_kib: int, available_kib: int, os: str, kernel: str) -> dict[str, str]:
    return {
        "/proc/meminfo": f"MemTotal:       {memory_kib} kB\nMemFree:  1 kB\nMemAvailable:   {available_kib} kB\nSwapTotal: 0 kB\n",
        "/proc/self/status": f"Name:\tpython3\nCpus_allowed:\tff\nCpus_allowed_list:\t0-{cpus - 1}\n",
        "/proc/self/cgroup": "0::/user.slice/user-1000.slice/session-1.scope\n",
        "/proc/sys/kernel/osrelease": f"{kernel}\n",
        "/proc/version": f"Linux version {kernel} (gcc)\n",
        "/etc/os-release": f'PRETTY_NAME="{os}"\nID=x\n',
    }


def policy(number: int, governor: str, driver: str, now: int, limit: int, top: int) -> dict[str, str]:
    folder = f"/sys/devices/system/cpu/cpufreq/policy{number}"
    values = {"scaling_governor": governor, "scaling_driver": driver, "scaling_cur_freq": now, "scaling_max_freq": limit}
    return {f"{folder}/{name}": f"{value}\n" for name, value in {**values, "cpuinfo_max_freq": top}.items()}


def cores(pairs: list[str]) -> dict[str, str]:
    """Topology: one entry per logical CPU, the list of CPUs that share its core."""
    return {f"/sys/devices/system/cpu/cpu{n}/topology/core_cpus_list": f"{pair}\n" for n, pair in enumerate(pairs)}


def ina3221(*rails: tuple[str, int, int], folder: str = "1-0040/hwmon/hwmon1") -> dict[str, str]:
    """A power monitor: (label, mV, mA) for each channel; channel 7 is a sum and has no voltage of its own."""
    tree = {"name": "ina3221", "in7_label": "sum of shunt voltages"}
    for n, (label, millivolts, milliamperes) in enumerate(rails, 1):
        tree |= {f"in{n}_label": label, f"in{n}_input": millivolts, f"curr{n}_input": milliamperes}
        tree |= {f"curr{n}_max": 32760, f"curr{n}_max_alarm": 0, f"curr{n}_crit_alarm": 0}
    return {f"/sys/bus/i2c/drivers/ina3221/{folder}/{name}": f"{value}\n" for name, value in tree.items()}


def zones(*kinds: tuple[str, int | None]) -> dict[str, str]:
    """Thermal zones in millidegrees. None: the unit is switched off, or not on this board, and its file cannot be read (here: it is
    empty)."""
    folder = "/sys/class/thermal/thermal_zone"
    tree = {f"{folder}{n}/type": f"{kind}-thermal\n" for n, (kind, _) in enumerate(kinds)}
    return tree | {f"{folder}{n}/temp": "" if now is None else f"{now}\n" for n, (_, now) in enumerate(kinds)}


def cooling(**states: int) -> dict[str, str]:
    folder = "/sys/class/thermal/cooling_device"
    kinds = [kind.replace("_", "-") for kind in states]
    return {f"{folder}{n}/type": f"{kind}\n" for n, kind in enumerate(kinds)} | {
        f"{folder}{n}/cur_state": f"{state}\n" for n, state in enumerate(states.values())
    }


# Where the files of an Orin Nano with JetPack 6.2 have their form from, each from somebody's own board: nv_tegra_release: README of
# silenzio_robot_library (Orin NX, 36.4.3). model, compatible, /proc/driver/nvidia/version, the names of the alerts that are cooling
# devices: lkk688/edgeAI, docs/curriculum (Orin Nano, 36.4.3). Main memory, CPU part: a board's log with the same model and L4T 36.4.7. The
# order of the thermal zones; pwmfan and pwm_tach in hwmon; the monitor at 1-0040 with its sum in channel 7: rbonghi/jetson_stats, issues
# 381 and 428. Zones 2 to 4, cv0 to cv2, are offline on an Orin Nano: prometheus/node_exporter, issue 3071. VDD_IN, VDD_CPU_GPU_CV and
# VDD_SOC as channels 1 to 3 of the module's monitor, 5160 mV and 4.6 W at rest: ARK's page on power and performance (Orin NX, 36.5.0); the
# folder and the files' names: alumet-dev/alumet, issue 212. Power modes: NVIDIA's nvpmodel_p3767_0003_super.conf. Temperatures, the fan's
# values and the currents of the other two rails are made up.


def orin_nano(mode: int = 2) -> dict[str, str]:
    """Jetson Orin Nano developer kit, JetPack 6.2 (L4T 36.4.3), in one of its power modes."""
    limit, gpu = {0: (1497600, 612000000), 1: (1344000, 918000000), 2: (1728000, 1020000000)}[mode]
    gpu_folder = "/sys/devices/platform/bus@0/17000000.gpu/devfreq/17000000.gpu"
    return {
        **common(6, 7802216, 5210000, "Ubuntu 22.04.5 LTS", "5.15.148-tegra"),
        **cores([str(n) for n in range(6)]),
        **policy(0, "schedutil", "tegra194", 729600, limit, 1728000),
        **policy(4, "schedutil", "tegra194", 1190400, limit, 1728000),
        "/proc/cpuinfo": arm_cpuinfo(6, "0xd42", ORIN_FEATURES, "ARMv8 Processor rev 1 (v8l)"),
        "/proc/device-tree/model": "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super\0",
        "/proc/device-tree/compatible": "nvidia,p3768-0000+p3767-0005-super\0nvidia,p3767-0005\0nvidia,tegra234\0",
        "/etc/nv_tegra_release": release(36, "4.3", "Wed Jan  8 01:49:37 UTC 2025"),
        "/etc/nvpmodel.conf": ORIN_NANO_MODES,
        "/var/lib/nvpmodel/status": f"pmode:{mode:04d}",
        "/var/lib/dpkg/status": (
            package("nvidia-jetpack-runtime", "6.2+b77")
            + package("nvidia-jetpack", "6.2+b77")
            + package("tensorrt", "10.3.0.30-1+cuda12.5")
            + package("nvidia-l4t-core", "36.4.3-20250107174145")
        ),
        "/usr/local/cuda/version.json": '{"cuda" : {"name" : "CUDA SDK", "version" : "12.6.11"}}',
        "/proc/driver/nvidia/version": (
            "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build  "
            "(buildbrain@mobile-u64-6336-d8000)  Tue Jan  7 17:35:12 PST 2025\n"
            "GCC version:  collect2: error: ld returned 1\n"
        ),
        f"{gpu_folder}/cur_freq": "306000000\n",
        f"{gpu_folder}/max_freq": f"{gpu}\n",
        f"{gpu_folder}/governor": "nvhost_podgov\n",
        **zones(
            *(("cpu", 48656), ("gpu", 47281), ("cv0", None), ("cv1", None), ("cv2", -256000)),  # -256000: how older releases say it
            *(("soc0", 46750), ("soc1", 45906), ("soc2", 47093), ("tj", 48656)),
        ),
        **cooling(cpu_throttle_alert=0, gpu_throttle_alert=0, hot_surface_alert=0, pwm_fan=2),  # a fan that turns is no throttling
        **ina3221(("VDD_IN", 5160, 888), ("VDD_CPU_GPU_CV", 5160, 152), ("VDD_SOC", 5160, 272)),
        "/sys/class/hwmon/hwmon0/name": "pwm_tach\n",
        "/sys/class/hwmon/hwmon0/rpm": "1636\n",
        "/sys/class/hwmon/hwmon3/name": "pwmfan\n",
        "/sys/class/hwmon/hwmon3/pwm1": "76\n",
        "/sys/class/hwmon/hwmon2/name": "soctherm_oc\n",
        "/sys/class/hwmon/hwmon2/oc1_event_cnt": "0\n",
        "/sys/class/hwmon/hwmon2/oc3_event_cnt": "0\n",
    }


def orin_jetpack7() -> dict[str, str]:
    """The same board under JetPack 7.2 (L4T 39.2.0): other release, other TensorRT, no meta package, older sysfs name."""
    tree = {name: text for name, text in orin_nano(0).items() if "/devfreq/" not in name}
    return {
        **tree,
        "/etc/nv_tegra_release": release(39, "2.0", "Mon Jun  1 09:28:48 PM UTC 2026"),
        "/etc/os-release": 'PRETTY_NAME="Ubuntu 24.04.4 LTS"\n',
        "/proc/sys/kernel/osrelease": "6.8.12-1021-tegra\n",
        "/var/lib/dpkg/status": package("libnvinfer10", "10.16.2.10-1+cuda13.2"),
        "/usr/local/cuda/version.json": '{"cuda": {"name": "CUDA SDK", "version": "13.2.0"}}',
        "/sys/class/devfreq/17000000.gpu/cur_freq": "612000000\n",
        "/sys/class/devfreq/17000000.gpu/max_freq": "612000000\n",
    }


def thor() -> dict[str, str]:
    """Jetson AGX Thor developer kit, JetPack 7.0 (L4T 38.2.2), in its default mode of 120 W."""
    return {
        **common(14, 128836296, 120000000, "Ubuntu 24.04.3 LTS", "6.8.12-tegra"),
        **cores([str(n) for n in range(14)]),
        **policy(0, "schedutil", "tegra264", 972000, 2601000, 2601000),
        "/proc/cpuinfo": arm_cpuinfo(14, "0xd83", THOR_FEATURES),
        "/proc/device-tree/model": "NVIDIA Jetson AGX Thor Developer Kit\0",
        "/proc/device-tree/compatible": "nvidia,p4071-0000+p3834-0008\0nvidia,p3834-0008\0nvidia,tegra264\0",
        "/etc/nv_tegra_release": release(38, "2.2", "Thu Sep 25 22:47:11 UTC 2025"),
        "/etc/nvpmodel.conf": THOR_MODES,
        "/var/lib/nvpmodel/status": "pmode:0001",
        "/var/lib/dpkg/status": package("libnvinfer10", "10.13.3.9-1+cuda13.0"),
        "/usr/local/cuda/version.json": '{"cuda": {"name": "CUDA SDK", "version": "13.0.0"}}',
        "/sys/class/devfreq/gpu-gpc-0/cur_freq": "1575000000\n",
        "/sys/class/devfreq/gpu-gpc-0/max_freq": "1575000000\n",
        "/sys/class/hwmon/hwmon5/oc3_event_cnt": "179\n",
        # The module's input, which has no label: rbonghi/jetson_stats, pull request 900. The values are made up.
        "/sys/bus/i2c/drivers/ina238/2-0044/hwmon/hwmon4/name": "ina238\n",
        "/sys/bus/i2c/drivers/ina238/2-0044/hwmon/hwmon4/in1_input": "19800\n",
        "/sys/bus/i2c/drivers/ina238/2-0044/hwmon/hwmon4/curr1_input": "1500\n",
        **ina3221(("VDD_GPU", 19800, 300), ("VDD_CPU_SOC_MSS", 19800, 500), folder="2-0040/hwmon/hwmon3"),
    }


def raspberry_pi5() -> dict[str, str]:
    """Raspberry Pi 5, 8 GB, with a weak power supply: under-voltage since boot, not now."""
    return {
        **common(4, 8245824, 7000000, "Debian GNU/Linux 12 (bookworm)", "6.6.51+rpt-rpi-2712"),
        **cores([str(n) for n in range(4)]),
        **policy(0, "ondemand", "cpufreq-dt", 1500000, 2400000, 2400000),
        "/proc/cpuinfo": arm_cpuinfo(4, "0xd0b", PI_FEATURES) + "Revision\t: d04170\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n",
        "/proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
        "/proc/device-tree/compatible": "raspberrypi,5-model-b\0brcm,bcm2712\0",
        "/sys/devices/platform/soc/soc:firmware/get_throttled": "50000\n",
        "/sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
        "/sys/class/thermal/thermal_zone0/temp": "55950\n",
    }


def laptop() -> dict[str, str]:
    """A laptop of 2021: 4 cores, 8 threads, AVX-512 with VNNI, Intel's own frequency driver."""
    flags = "fpu sse2 avx avx2 fma f16c avx512f avx512dq avx512bw avx512vl avx512_vnni"
    folder = "/sys/devices/system/cpu/cpu0/cache"
    return {
        **common(8, 16092144, 9000000, "Ubuntu 24.04 LTS", "6.8.0-40-generic"),
        **cores(["0,4", "1,5", "2,6", "3,7"] * 2),
        **policy(0, "powersave", "intel_pstate", 1200000, 4200000, 4200000),
        "/proc/cpuinfo": x86_cpuinfo(8, "11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz", flags),
        f"{folder}/index0/level": "1\n",
        f"{folder}/index0/type": "Data\n",
        f"{folder}/index0/size": "48K\n",
        f"{folder}/index3/level": "3\n",
        f"{folder}/index3/type": "Unified\n",
        f"{folder}/index3/size": "8192K\n",
        "/sys/bus/pci/devices/0000:00:02.0/vendor": "0x8086\n",
        "/sys/bus/pci/devices/0000:00:02.0/class": "0x030000\n",
    }


def old_server() -> dict[str, str]:
    """A desktop of 2015 with AVX2 only, a slow governor, and an NVIDIA card (with its sound device) without a driver."""
    flags = "fpu sse2 avx avx2 fma f16c"
    return {
        **common(4, 8042144, 6000000, "Debian GNU/Linux 12 (bookworm)", "6.1.0-25-amd64"),
        **cores(["0", "1", "2", "3"]),
        **policy(0, "powersave", "acpi-cpufreq", 800000, 3500000, 3500000),
        "/proc/cpuinfo": x86_cpuinfo(4, "Intel(R) Core(TM) i5-6500 CPU @ 3.20GHz", flags),
        "/sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n",
        "/sys/bus/pci/devices/0000:01:00.0/class": "0x030000\n",
        "/sys/bus/pci/devices/0000:01:00.1/vendor": "0x10de\n",
        "/sys/bus/pci/devices/0000:01:00.1/class": "0x040300\n",
    }


def container() -> dict[str, str]:
    """Eight CPUs in a container (cgroup 2) that grants 1.5 of them and 2 GiB, and is pinned to CPUs 0 to 3."""
    group = "/sys/fs/cgroup"
    return {
        **laptop(),
        "/proc/self/cgroup": "0::/\n",
        "/proc/self/status": "Name:\tpython3\nCpus_allowed_list:\t0-3\n",
        "/.dockerenv": "",
        f"{group}/cpu.max": "150000 100000\n",
        f"{group}/memory.max": f"{2 << 30}\n",
        f"{group}/memory.current": f"{1 << 30}\n",
    }


def plant(folder: Path, tree: dict[str, str]) -> Path:
    """Write a tree below `folder`, in place of what was there, and return the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in tree.items():
        path = folder / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
