"""A machine that looks like a Jetson: the files of a recorded board in their places, and the course in it, under bubblewrap.

    done = JetsonRoot("6.2", folder).run("-m", "edgekit", "doctor")

``python -m tests.jetson_root 6.2 doctor`` prints what the doctor says on the Arm lane's system, under QEMU: one or two minutes. ``python -m
tests.jetson_root 6.2 make`` runs `make lab EXTRA=jetson` there, in the students' bundle: minutes, and it needs the package registry.

What runs there is a whole process with the kernel, processor and Python of this machine: it asks /proc, /sys, /etc and Debian's list of
packages, as ``edgekit doctor`` does on a board. What it does not have: Arm instructions (the Arm lane has them: tests/lanes), a GPU,
NVIDIA's libraries. The board's own Python packages are folders with the name and version that the board has, and a module that stops at the
library that is not there.
"""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from tests import recorded_trees as trees

ROOT = Path(__file__).resolve().parents[1]
BOARDS = {"6.2": trees.orin_nano(2), "7.2": trees.orin_jetpack7(), "thor": trees.thor()}
# What apt put into the board's Python (python3-libnvinfer).
OWN = {"6.2": {"tensorrt": "10.3.0"}, "7.2": {"tensorrt": "10.16.2.10"}, "thor": {"tensorrt": "10.13.3.9"}}
FROM_HERE = ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/share")
LINKS = {"/bin": "usr/bin", "/sbin": "usr/sbin", "/lib": "usr/lib", "/lib64": "usr/lib64"}
OVER_PROC = ("cpuinfo", "meminfo", "version", "sys/kernel/osrelease")  # the files of procfs that exist here too
ETC = ("passwd", "group", "nsswitch.conf", "ld.so.cache", "localtime", "resolv.conf", "ssl", "pip.conf", "alternatives")


def missing() -> str:
    """Why there can be no such machine here, "" if there can."""
    return "" if shutil.which("bwrap") else "needs the Debian package bubblewrap"


def package(site: Path, name: str, version: str, module: str | None = None) -> None:
    """A distribution as an installer leaves it; module: the text of its __init__.py."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if module is not None:
        (site / name).mkdir(exist_ok=True)
        (site / name / "__init__.py").write_text(module)


def edition(folder: Path, lock: Path, *, installed: Path | None = None, seen_as: str = "") -> Path:
    """The packages of an edition's lock file, linked from those that are installed here; what is not installed here is left out.

    installed: another folder with packages; seen_as: where it lies inside the machine.
    """
    pins = {re.split(r"[=; ]", line)[0] for line in lock.read_text().splitlines() if "==" in line and line[:1].isalnum()}
    for distribution in metadata.distributions(path=[str(installed)]) if installed else metadata.distributions():
        if re.sub(r"[-_.]+", "-", distribution.metadata["Name"] or "").lower() in pins:
            for name in {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}:
                source = Path(distribution.locate_file(name))
                if source.exists() and not os.path.lexists(folder / name):
                    folder.mkdir(parents=True, exist_ok=True)
                    (folder / name).symlink_to(Path(seen_as) / name if seen_as else source)
    return folder


class JetsonRoot:
    """jetpack: "6.2", "7.2", or "thor" for that board with 7.0. folder: an empty one. python: the interpreter. board_site: where that
    Python looks for the board's packages. system: where /usr comes from, this machine's or the Arm lane's."""

    def __init__(
        self,
        jetpack: str,
        folder: Path,
        python: str = sys.executable,
        board_site: str = "/usr/lib/python3/dist-packages",
        system: Path = Path("/"),
    ):
        self.folder, self.python, self.board_site, self.system = folder, python, board_site, system
        tree = {name.replace("/proc/device-tree/", "/sys/firmware/devicetree/base/"): text for name, text in BOARDS[jetpack].items()}
        trees.plant(folder, tree)
        for name in ETC:
            source = system / "etc" / name
            if source.is_dir():
                shutil.copytree(source, folder / "etc" / name, symlinks=True)
            elif source.exists():
                shutil.copyfile(source, folder / "etc" / name)
        self.own = folder / "board-site"
        for name, version in OWN[jetpack].items():
            package(self.own, name, version, "import ctypes\n\nctypes.CDLL('libnvinfer.so.10')\n")

    def command(
        self,
        *arguments: str,
        bind: tuple[str, ...] = (),
        settings: dict[str, str] | None = None,
        at_work: Path = ROOT,
        mounts: tuple[str, ...] = (),
    ) -> list[str]:
        """bwrap with everything; bind: more folders of this machine; at_work: the working folder; mounts: more of bwrap's words."""
        at = lambda name: str(self.folder / name)
        seen = ["--tmpfs", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
        for name in FROM_HERE:
            if (source := self.system / name.lstrip("/")).is_dir():
                seen += ["--ro-bind", str(source), name]
        for name, target in LINKS.items():
            seen += ["--symlink", target, name]
        for name in ("etc", "sys", "var", "usr/local"):
            seen += ["--ro-bind", at(name), f"/{name}"]
        for name in OVER_PROC:
            seen += ["--ro-bind", at(f"proc/{name}"), f"/proc/{name}"]
        here = (sys.base_prefix, sys.prefix) if self.system == Path("/") else ()
        for name in dict.fromkeys((*here, str(ROOT), *bind)):
            seen += ["--bind", name, name]
        seen += ["--ro-bind", at("board-site"), self.board_site]
        for name, value in (settings or {}).items():
            seen += ["--setenv", name, value]
        return ["bwrap", "--die-with-parent", *seen, *mounts, "--chdir", str(at_work), self.python, *arguments]

    def run(self, *arguments: str, timeout: float = 300, **options) -> subprocess.CompletedProcess:
        return subprocess.run(self.command(*arguments, **options), capture_output=True, text=True, timeout=timeout)


def missing_on_arm() -> str:
    """Why there can be no Arm machine like a Jetson here, "" if there can."""
    from tests.lanes import LANES

    return missing() or LANES["pi5"].missing()


ARM = {"QEMU_CPU": "cortex-a76", "HOME": "/tmp"}  # QEMU has no A78AE; this one has its instructions


def on_arm(jetpack: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Python under QEMU, with Arm's own Python and the Arm wheels of the jetson edition. Debian's Python is not JetPack's, and the doctor
    says so."""
    from tests.lanes import ARM_ROOT

    seen_as = "/opt/site"
    site = edition(folder / "site", ROOT / "requirements" / "jetson.txt", installed=ARM_ROOT / "opt/site", seen_as=seen_as)
    root = JetsonRoot(jetpack, folder / "root", "/usr/bin/python3", system=ARM_ROOT)
    (root.folder / "opt").mkdir()
    settings = ARM | {"PYTHONPATH": f"{site}:{ROOT}", "EDGEKIT_WORK": "/tmp/work"}
    mounts = ("--ro-bind", str(ARM_ROOT / "opt/site"), seen_as)
    return root.run(*arguments, bind=(str(site),), settings=settings, mounts=mounts, timeout=1800)


def make_lab(jetpack: str, folder: Path) -> str:
    """What `make lab EXTRA=jetson` prints under QEMU in the students' bundle, up to the point where JupyterLab would open a page: it is
    asked for its version. Then what a lab's first import says there."""
    from edgekit.instructor import bundle
    from tests.lanes import ARM_ROOT

    bundle.write(folder / "course")
    root = JetsonRoot(jetpack, folder / "root", "/usr/bin/make", system=ARM_ROOT)
    known = ssl.get_default_verify_paths().cafile  # the certificates that this machine trusts
    if known:
        shutil.copyfile(known, root.folder / "etc/ssl/certs/ca-certificates.crt")
    settings = ARM | {"UV_CACHE_DIR": str(folder / "cache")}
    options = {"bind": (str(folder),), "settings": settings, "at_work": folder / "course", "timeout": 3600}
    done = root.run("lab", "EXTRA=jetson", "LAB_ARGS=--version", **options)
    root.python = str(folder / "course/.venv/bin/python")
    first = root.run("-c", "from edgekit import runtimes; runtimes.load('a.onnx')", **options)
    return f"{done.stdout}{done.stderr}exit status {done.returncode}\n{first.stderr.strip().splitlines()[-1]}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        if sys.argv[2] == "make":
            print(make_lab(sys.argv[1], Path(temporary)))
        else:
            done = on_arm(sys.argv[1], Path(temporary), "-m", "edgekit", "doctor")
            print(done.stdout, done.stderr[-2000:], sep="")
