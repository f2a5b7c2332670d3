"""The Arm lanes' system: Debian for arm64 with the wheels of the cpu edition, built once into the cache folder, by root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.lanes import ARM_READY, ARM_ROOT, CPUS, LANES, REGISTERED, ROOT

BINFMT = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")
# What the engines of the extra `runtimes` need to run a file, beyond the edition cpu. Files are converted elsewhere.
# tflite-micro has no wheel for Arm.
ENGINES = ("openvino", "openvino-telemetry", "ai-edge-litert", "backports-strenum", "executorch")
TOOLS = {"mmdebstrap": "mmdebstrap", "qemu-aarch64-static": "qemu-user-static", "bwrap": "bubblewrap"}


def obstacle() -> str:
    """Why the Arm lanes cannot be prepared here, "" if they can be tried."""
    if os.uname().sysname != "Linux" or os.geteuid() != 0:
        return "needs root on Linux: it makes a Debian system and registers QEMU with the kernel"
    lacking = [package for tool, package in TOOLS.items() if not shutil.which(tool)]
    return f"needs the Debian packages {', '.join(lacking)}" if lacking else ""


def prepare() -> str:
    """Register QEMU and build the root, where that is not done yet. Returns why it failed, "" if the Arm lanes can run."""
    if ARM_READY.is_file() and REGISTERED.exists():
        return ""
    if why := obstacle():
        return why
    try:
        register()
        if not ARM_READY.is_file():
            build()
    except (OSError, subprocess.CalledProcessError) as failed:
        said = getattr(failed, "stderr", "") or ""
        return f"could not be prepared ({failed}): {said.strip()[-400:]}"
    return ""


def register() -> None:
    """Tell the kernel that QEMU runs Arm programs. It lasts until the machine starts again."""
    folder = REGISTERED.parent
    if not (folder / "register").exists():
        _call("mount", "-t", "binfmt_misc", "binfmt_misc", str(folder))
    if not REGISTERED.exists():
        (folder / "register").write_text(BINFMT.read_text(encoding="latin-1").strip(), encoding="latin-1")


def build() -> None:
    """Debian as on this machine, its Python, the wheels of requirements/cpu.txt, and the files of /sys that cpuinfo reads."""
    for old in (ARM_READY, ARM_ROOT):
        shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)
    ARM_ROOT.parent.mkdir(parents=True, exist_ok=True)
    print(f"building the Arm system in {ARM_ROOT}: 5 GB, some minutes", flush=True)
    _call(
        "mmdebstrap",
        "--architectures=arm64",
        "--variant=minbase",
        "--include=python3,libgomp1,make,python3-venv",  # the last two for `make lab` (tests/jetson_root.py)
        _suite(),
        str(ARM_ROOT),
    )
    _install("opt/site", "--require-hashes", "-r", str(ROOT / "requirements/cpu.txt"))
    for folder in ("repo", "lane"):
        (ARM_ROOT / folder).mkdir(exist_ok=True)
    for n in range(2):
        file = ARM_ROOT / CPUS / f"cpu{n}/regs/identification/midr_el1"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{LANES['pi4'].midr:#018x}\n", encoding="utf-8")  # each lane lays its own over it
    for name in ("possible", "present"):
        (ARM_ROOT / CPUS / name).write_text("0-1\n", encoding="utf-8")
    ARM_READY.touch()


def engines() -> str:
    """Add the wheels of ENGINES to the root, where they are not yet. Returns why that failed, "" if they are there."""
    place = ARM_ROOT / "opt/runtimes"
    if place.is_dir():
        return ""
    try:
        _install("opt/runtimes", "--no-deps", "-c", str(ROOT / "requirements/runtimes.txt"), *ENGINES)
    except subprocess.CalledProcessError as failed:
        shutil.rmtree(place, ignore_errors=True)
        return f"has no wheels of {', '.join(ENGINES)}: {failed.stderr.strip()[-400:]}"
    return ""


def _install(folder: str, *what: str) -> None:
    """Put wheels for 64-bit Arm and the root's Python into a folder of the root, with their bytecode: or every process under QEMU would
    compile them again."""
    version = (ARM_ROOT / "usr/bin/python3").resolve().name.removeprefix("python")
    _call(
        *(sys.executable, "-m", "uv", "pip", "install", "-q", "--compile-bytecode", "--target", str(ARM_ROOT / folder)),
        *("--python-platform", "aarch64-manylinux_2_35", "--python-version", version, "--only-binary", ":all:", *what),
    )


def _suite() -> str:
    """This machine's Debian release; another system gets the stable one."""
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    release = dict(line.split("=", 1) for line in lines if "=" in line)
    return release.get("VERSION_CODENAME", "stable") if release.get("ID") == "debian" else "stable"


def _call(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
