"""Which names the Python bindings of each TensorRT really have, asked of the bindings themselves.

A wheel of bindings (about 1.2 MB) is one extension module that needs libnvinfer, libnvinfer_plugin and libnvonnxparser. Three empty
libraries that define the C entry points it names are enough to import it, on a machine without a GPU and without TensorRT.

    python -m tests.contracts.bindings            compare names.json with the bindings
    python -m tests.contracts.bindings --write    write names.json again, after changing PINS or adding a version

names.json is committed, so that the contracts are tested without a network. It holds for every class the members, and for each of
them one character per version: 1 if it is there. See test_trt_contract.py, which also regenerates it where the wheels can be had.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent
NAMES = HERE / "names.json"
CACHE = Path(os.environ.get("EDGEKIT_CONTRACTS_CACHE") or HERE.parents[1] / "build" / "contracts")


class Unavailable(Exception):
    """The bindings cannot be asked here; the message says why."""


@dataclass(frozen=True)
class Pin:
    """One version of the bindings: what to download, on which device it is found, and the SHA-256 of the wheels by Python."""

    version: str
    package: str
    found_on: str
    sha256: dict[str, str]


PINS = (
    Pin(
        "10.3.0",
        "tensorrt-cu12-bindings",
        "JetPack 6.2",
        {
            "cp310": "1d6e4cf08ef1f54f6fd44a33cf6b253050af2fc6e9a1d92e40e1436a1d858eb0",
            "cp311": "59ace22d7f2ca1e9dcde2cb0cb5916912cb3cd5a9d72dd7852be0160d9b3a0ee",
            "cp312": "f5c2582aeaa7f5628d2c4d4148a701ebe97be78f7ff3b46a617f0ee0cb5460f2",
        },
    ),
    Pin(
        "10.16.1.11",
        "tensorrt-cu13-bindings",
        "JetPack 7.2",
        {
            "cp310": "c8e171511a01a2678cb3e00ca4792bc1d7ea6c48da9781ab127970f6ad1edc4a",
            "cp311": "f986d47980d042cc126506a9b84586e55ad13737a7a46826fe45457c04d66294",
            "cp312": "2fb87ac24a5e5f42e43f283c16d1b661dc72ef18568fd847ce2080b7db9ca232",
            "cp313": "da17c222ba99f46e77e1dab568cd17c4652b0432d4fae074e4c79285356aa0ac",
        },
    ),
    Pin(
        "11.4.0.106",
        "tensorrt-cu13-bindings",
        "GPU box",
        {
            "cp310": "1d17853da33a186c4d4d39995c1186bb59f643689aabac9c3e33ae5f0ba402f5",
            "cp311": "d072ac2a095e2be749fefc847adfb25d5ebe70303401df62ede8fe67a59f27fc",
            "cp312": "5fc7a6c412881f7212030893bd5531b1a0ff415c72c7678dfe4ead7a7765b38d",
            "cp313": "bac9a362c9189b5f5dd0444213913846e4b46003237834958e890eff57d86ed5",
        },
    ),
)
RTX = "1.7.1.116"
# The wheel of 8.6.0 (tensorrt, CPython 3.10, x86-64) is 819 MB, with the whole library in it: its names were read once and are kept.
KEPT = "8.6.0"
VERSIONS = [KEPT, *(pin.version for pin in PINS), f"rtx {RTX}"]
LABS = VERSIONS[1:]  # what the labs are written for; the package also builds and runs engines with KEPT

# Runs in a process of its own: the bindings of two versions cannot be loaded into one.
_DUMP = """
import importlib, inspect, json, sys
trt = importlib.import_module(sys.argv[1])
listing = {}
for name in dir(trt):
    value = getattr(trt, name)
    if name.startswith("_") or inspect.ismodule(value):
        continue
    members = [m for m in dir(value) if not m.startswith("_")] if inspect.isclass(value) else None
    listing[name] = members
print(json.dumps([trt.__version__, listing]))
"""


def _python_tag() -> str:
    return f"cp{sys.version_info[0]}{sys.version_info[1]}"


_refused: dict[str, str] = {}  # version -> why it could not be had: a registry that is not there is asked once


def wheel(pin: Pin) -> Path:
    """The wheel for this Python, downloaded once and checked against its hash."""
    if pin.version in _refused:
        raise Unavailable(_refused[pin.version])
    try:
        return _wheel(pin, _python_tag())
    except Unavailable as reason:
        _refused[pin.version] = str(reason)
        raise


def _wheel(pin: Pin, tag: str) -> Path:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise Unavailable(f"no bindings pinned for {sys.platform} on {platform.machine()}")
    if tag not in pin.sha256:
        raise Unavailable(f"no bindings of {pin.version} for Python {platform.python_version()}")
    folder = CACHE / pin.version / tag
    folder.mkdir(parents=True, exist_ok=True)
    if not list(folder.glob("*.whl")):
        requirement = folder / "requirement.txt"
        requirement.write_text(f"{pin.package}=={pin.version} --hash=sha256:{pin.sha256[tag]}\n")
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--retries=1", "--timeout=10"]
        command += ["--disable-pip-version-check", "--require-hashes", "-r", str(requirement), "-d", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"the registry did not deliver the bindings of {pin.version} within 60 s") from None
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
            if "HASHES" in done.stderr or "hashes" in said:  # not a reason to skip: the registry delivers something else
                raise RuntimeError(f"{pin.package} {pin.version}: {done.stderr.strip()}")
            raise Unavailable(f"the registry cannot be reached for the bindings of {pin.version}: {said}")
    (found,) = folder.glob("*.whl")
    if (digest := hashlib.sha256(found.read_bytes()).hexdigest()) != pin.sha256[tag]:
        raise RuntimeError(f"{found}: sha256 {digest}, pinned {pin.sha256[tag]}. Delete it, or look at who changed it.")
    return found


def stubs(extension: Path, folder: Path) -> None:
    """Make libraries with the names that ``extension`` needs, which define the entry points that it leaves undefined."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler or not shutil.which("nm") or not shutil.which("readelf"):
        raise Unavailable("making the stub libraries needs a C compiler, nm and readelf (apt install gcc)")
    run = lambda *command: subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    needed = re.findall(r"\[(libnv[^]]+)\]", run("readelf", "-d", str(extension)))
    symbols = re.findall(r" U ((?:create|get|init|setInternal)\w+)$", run("nm", "-D", "--undefined-only", str(extension)), re.M)
    source = folder / "stub.c"
    source.write_text("".join(f"void* {name}(void) {{ return 0; }}\n" for name in symbols))
    for name in needed:
        subprocess.run([compiler, "-shared", "-fPIC", "-w", f"-Wl,-soname,{name}", "-o", str(folder / name), str(source)], check=True)


def unpacked(pin: Pin, folder: Path) -> dict[str, str]:
    """Unpack the wheel and its stubs below ``folder``; returns the environment in which ``import tensorrt_bindings`` works."""
    with zipfile.ZipFile(wheel(pin)) as archive:
        archive.extractall(folder)
    (extension,) = folder.glob("*/tensorrt.so")
    stubs(extension, folder)
    return {"PYTHONPATH": str(folder), "LD_LIBRARY_PATH": str(folder)}


def ask(code: str, module: str, environment: dict[str, str]) -> str:
    """What ``code`` prints, run in a fresh process with the name of the bindings' module as its argument."""
    paths = os.pathsep.join(filter(None, [environment.get("PYTHONPATH"), str(HERE.parents[1])]))
    env = {**os.environ, **environment, "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", code, module], capture_output=True, text=True, env=env, timeout=60)
    if done.returncode:
        raise RuntimeError(f"{module}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def listing(version: str) -> dict[str, list[str] | None]:
    """{name: members of a class, or None} of one version's module."""
    if version == KEPT:
        raise Unavailable(f"the wheel of {KEPT} is 819 MB and is not fetched for a test")
    if version.startswith("rtx"):
        try:
            installed = importlib.metadata.version("tensorrt-rtx")
        except importlib.metadata.PackageNotFoundError:
            raise Unavailable("tensorrt-rtx is not installed here") from None
        if installed != RTX:
            raise Unavailable(f"tensorrt-rtx {installed} is installed, the listing is of {RTX}")
        return json.loads(ask(_DUMP, "tensorrt_rtx", {}))[1]
    pin = next(pin for pin in PINS if pin.version == version)
    with tempfile.TemporaryDirectory() as folder:
        found, names = json.loads(ask(_DUMP, "tensorrt_bindings", unpacked(pin, Path(folder))))
    if found != pin.version:
        raise RuntimeError(f"the wheel of {pin.version} says that it is {found}")
    return names


def merged(listings: dict[str, dict]) -> dict[str, dict[str, str]]:
    """{class or function: {"": versions, member: versions}}, where versions is one 0 or 1 for each of VERSIONS."""
    bits = lambda present: "".join("1" if present(listings[v]) else "0" for v in VERSIONS)
    table: dict[str, dict[str, str]] = {}
    for name in sorted(set().union(*listings.values())):
        members = sorted(set().union(*(names.get(name) or () for names in listings.values())))
        row = {"": bits(lambda names, name=name: name in names)}
        row |= {m: bits(lambda names, name=name, m=m: m in (names.get(name) or ())) for m in members}
        table[name] = row
    return table


def recorded() -> dict:
    """What names.json holds: versions, wheels, date, names."""
    return json.loads(NAMES.read_text(encoding="utf-8"))


def members(version: str) -> dict[str, set[str]]:
    """{class or function: its members} of one version, from names.json."""
    column = VERSIONS.index(version)
    return {
        name: {m for m, bits in row.items() if m and bits[column] == "1"}
        for name, row in recorded()["names"].items()
        if row[""][column] == "1"
    }


def main() -> None:
    kept = {name: sorted(inner) for name, inner in members(KEPT).items()}
    names = merged({version: kept if version == KEPT else listing(version) for version in VERSIONS})
    if "--write" not in sys.argv:
        print("names.json is what the bindings say" if names == recorded()["names"] else "names.json DIFFERS from the bindings")
        return
    found = {
        "versions": VERSIONS,
        "made_by": "python -m tests.contracts.bindings --write",
        "date": date.today().isoformat(),
        "python": platform.python_version(),
        "wheels": {p.version: {"package": p.package, "found_on": p.found_on, "sha256": p.sha256} for p in PINS},
        "names": names,
    }
    lines = [f" {json.dumps(name)}: {json.dumps(row, separators=(',', ':'))}" for name, row in found.pop("names").items()]
    head = json.dumps(found, indent=1).removesuffix("\n}")
    NAMES.write_text(head + ',\n "names": {\n' + ",\n".join(lines) + "\n}}\n", encoding="utf-8")
    print(f"{NAMES.name}: {len(names)} names, {sum(map(len, names.values()))} entries, {NAMES.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
