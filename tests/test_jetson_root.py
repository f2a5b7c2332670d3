"""`edgekit doctor` as a whole process on a machine that looks like a Jetson (tests/jetson_root.py): every line is true, and every command
is one for a board.

The Python is this machine's, with the packages of requirements/jetson.txt. Not verified on a real board.
"""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tests.jetson_root import OWN, ROOT, JetsonRoot, edition, missing, missing_on_arm, on_arm, package

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"a Jetson-like root {missing()}")
PYTHON = ".".join(map(str, sys.version_info[:2]))
# What a board has in the end: the names and versions, and a module that stops at NVIDIA's library. CUDA in torch/version.py.
WHEELS = {
    "6.2": {"torch": "2.8.0", "torchvision": "0.23.0", "onnxruntime-gpu": "1.23.0", "nvidia-modelopt": "0.47.0"},
    "7.2": {"torch": "2.10.0", "torchvision": "0.25.0", "onnxruntime-gpu": "1.24.0", "nvidia-modelopt": "0.47.0"},
}
CUDA = {"6.2": "12.6", "7.2": "13.0"}
FOLDER = {"6.2": "jp6/cu126", "7.2": "sbsa/cu130"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return edition(tmp_path_factory.mktemp("site") / "jetson", ROOT / "requirements" / "jetson.txt")


def examined(jetpack: str, folder: Path, site: Path, wheels: bool = False) -> dict:
    """What `edgekit doctor --json` says there. wheels: with the board's own torch and ONNX Runtime, which find no GPU."""
    python = f"{sys.base_prefix}/bin/python{PYTHON}"
    root = JetsonRoot(jetpack, folder / "root", python, f"{sys.base_prefix}/lib/python{PYTHON}/site-packages")
    if wheels:
        stops = "import ctypes\n\nctypes.CDLL('libcudart.so.12')\n"
        for name, version in WHEELS[jetpack].items():
            module = {"onnxruntime-gpu": "onnxruntime", "nvidia-modelopt": "modelopt"}.get(name, name)
            package(root.own, name, version)
            (root.own / module).mkdir()
            (root.own / module / "__init__.py").write_text(stops)
        (root.own / "torch" / "version.py").write_text(f"cuda: Optional[str] = '{CUDA[jetpack]}'\n")
        for name in ("huggingface_hub-1.0", "requests-2.32", "torchprofile-0.0.4"):
            package(root.own, *name.split("-"))
    settings = {"PYTHONPATH": f"{site}:{ROOT}", "EDGEKIT_WORK": "/tmp/work", "HOME": "/tmp"}
    done = root.run("-m", "edgekit", "doctor", "--json", bind=(str(site),), settings=settings)
    assert done.stdout.startswith("{"), done.stdout[-500:] + done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("jetpack", FOLDER)
def test_before_the_boards_own_wheels(jetpack, site, tmp_path):
    told = examined(jetpack, tmp_path, site)
    assert told["device"]["jetson"]["jetpack"] == jetpack and told["device"]["model"].startswith("NVIDIA Jetson Orin Nano")
    assert told["device"]["python"] == sys.version.split()[0] and "tegra" not in told["device"]["kernel"]
    versions = {name: version for name, version in told["versions"].items() if version}
    assert versions == {"onnx": metadata.version("onnx"), "numpy": metadata.version("numpy"), "tensorrt": OWN[jetpack]["tensorrt"]}
    assert not any(answer["ok"] for answer in told["runtimes"].values())
    found = {finding["key"]: finding for finding in told["findings"]}
    problems = {key for key, finding in found.items() if finding["severity"] == "problem"}
    own_python = {"6.2": "3.10", "7.2": "3.12"}[jetpack] == PYTHON
    wanted = {"jetson-steps"} if own_python else {"jetson-python", "jetson-steps"}
    assert problems - {"memory", "disk"} == wanted, "what is not there yet is one finding, not many"
    assert "int8-unknown" not in found, "nobody expects a measurement without torch"
    assert told["device"]["jetson"]["gpu_device"] is False and "--runtime nvidia" in found["no-gpu-device"]["fix"]
    fix = found["jetson-steps"]["fix"]
    assert FOLDER[jetpack] in fix and fix.index("torch torchvision onnxruntime-gpu") < fix.index("nvidia-modelopt")
    assert "libnvinfer.so.10" in found["runtime-tensorrt"]["title"], "installed and not usable are two answers"
    _commands_are_for_a_board(told)
    stopped = [lab for lab, why in told["labs"].items() if why]
    assert "04_onnx_export" in stopped and "00_start_here" not in stopped


def test_after_the_steps(site, tmp_path):
    told = examined("6.2", tmp_path, site, wheels=True)
    assert told["versions"]["torch"] == "2.8.0" and told["versions"]["onnxruntime"] == "1.23.0"
    keys = {finding["key"] for finding in told["findings"]}
    assert keys.isdisjoint({"jetson-steps", "jetson-torch", "torchvision", "modelopt-needs", "two-onnxruntimes"})
    assert "libcudart.so.12" in told["runtimes"]["pytorch"]["detail"], "installed and not usable are two answers"
    assert not told["ok"]
    _commands_are_for_a_board(told)


# describe() and the power meters; they import no engine, which would take a minute under QEMU. `python -m tests.jetson_root 6.2 doctor`
# tries those too.
ON_ARM = """
import json
from edgekit.course.doctor import machine, packages
from edgekit.device import describe
from edgekit.device.power_meters import sensors

device, (meters, missing) = describe(), sensors()
findings = [*machine.examine(device), *packages.examine(device, packages.Site())]
print(json.dumps({
    "device": device.to_dict(), "rows": dict(device.rows()), "keys": [f.key for f in findings], "fixes": [f.fix or "" for f in findings],
    "meters": {m.name: (m.covers, m.watts()) for m in meters}, "missing": [m.sensor for m in missing],
}))
for meter in meters:
    meter.close()
"""


# The lines that must be there, each as it is true for that board; and what feeds the module: rail and watts.
LINES = {
    "6.2": {
        "device": "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",
        "int8 dot product": "yes",
        "memory": "7.44 GiB, 4.97 GiB available",
        "gpu": "Orin (Ampere), shares the main memory, compute 8.7, CUDA toolkit 12.6.11, its driver does not answer",
        "jetson": "JetPack 6.2, L4T 36.4.3, TensorRT 10.3.0",
        "power mode": "MAXN_SUPER of 15W, 25W, MAXN_SUPER",
        "clocks": "governor schedutil, CPU 1190 MHz, limit 1728 MHz, GPU 306 MHz",
        "temperature": "49 °C (cpu-thermal, the hottest of 6)",
    },
    "thor": {
        "device": "NVIDIA Jetson AGX Thor Developer Kit",
        "int8 dot product": "yes",
        "memory": "123 GiB, 114 GiB available",
        "gpu": "Thor (Blackwell), shares the main memory, compute 11.0, CUDA toolkit 13.0.0, its driver does not answer",
        "jetson": "JetPack 7.0, L4T 38.2.2, TensorRT 10.13.3",
        "power mode": "120W of MAXN, 120W, 90W, 70W",
        "clocks": "governor schedutil, CPU 972 MHz, limit 2601 MHz, GPU 1575 MHz",
        "throttling": "179 x instantaneous over-current since boot",
    },
}
CPU = {"6.2": "Cortex-A78AE (aarch64), ", "thor": "Neoverse-V3AE (aarch64), "}
RAIL = {"6.2": ("VDD_IN", 5.160 * 0.888), "thor": ("VIN", 19.8 * 1.5)}
FOUND = {"6.2": {"no-gpu-device", "jetson-python", "jetson-steps"}, "thor": {"no-gpu-device", "jetson-steps", "power-mode", "throttling"}}


@pytest.mark.skipif(bool(missing_on_arm()), reason=f"the Arm lane {missing_on_arm()}")
@pytest.mark.parametrize("board", LINES)
def test_the_board_on_arm(board, tmp_path):
    """The Arm lane's system with the board's files: what the doctor says of the machine, each line, and what measures power."""
    done = on_arm(board, tmp_path, "-c", ON_ARM)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    rows = told["rows"]
    assert {name: rows.get(name) for name in LINES[board]} == LINES[board]
    assert rows.pop("cpu").startswith(CPU[board]) and rows.pop("system").startswith("Ubuntu 2")
    assert rows.keys() - LINES[board].keys() <= {"instructions", "free disk"}, "a line that nobody looked at"
    assert set(told["keys"]) - {"load", "disk"} == FOUND[board]
    rail, watts = RAIL[board]
    assert told["meters"]["INA3221"] == [f"rail {rail} (whole module)", pytest.approx(watts)]
    assert "INA3221" not in told["missing"]


def _commands_are_for_a_board(told: dict) -> None:
    for finding in told["findings"]:
        fix = finding["fix"] or ""
        assert "requirements/" not in fix and not re.search(r"pip install (torch|onnxruntime|tensorrt)\b", fix), fix
        assert "uv pip" not in fix, "uv does not see the board's packages"
