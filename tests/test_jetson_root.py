"""`edgekit doctor` as a whole process on a machine that looks like a Jetson (tests/jetson_root.py): every line is true, and every command is one for a board.

The Python is this machine's, with the packages of requirements/jetson.txt. Not verified on a real board.
"""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tests.jetson_root import OWN, ROOT, JetsonRoot, edition, missing, package

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


@pytest.mark.parametrize("jetpack", OWN)
def test_before_the_boards_own_wheels(jetpack, site, tmp_path):
    told = examined(jetpack, tmp_path, site)
    assert told["device"]["jetson"]["jetpack"] == jetpack and told["device"]["model"].startswith(
        "NVIDIA Jetson Orin Nano"
    )
    assert told["device"]["python"] == sys.version.split()[0] and "tegra" not in told["device"]["kernel"]
    versions = {name: version for name, version in told["versions"].items() if version}
    assert versions == {
        "onnx": metadata.version("onnx"),
        "numpy": metadata.version("numpy"),
        "tensorrt": OWN[jetpack]["tensorrt"],
    }
    assert not any(answer["ok"] for answer in told["runtimes"].values())
    found = {finding["key"]: finding for finding in told["findings"]}
    problems = {key for key, finding in found.items() if finding["severity"] == "problem"}
    assert problems <= {"jetson-steps", "memory", "disk"}, "what is not there yet is one finding, not many"
    fix = found["jetson-steps"]["fix"]
    assert FOLDER[jetpack] in fix and fix.index("torch torchvision onnxruntime-gpu") < fix.index("nvidia-modelopt")
    assert "libnvinfer.so.10" in found["runtime-tensorrt"]["title"], "installed and not usable are two answers"
    assert ("jetson-python" in found) == ({"6.2": "3.10", "7.2": "3.12"}[jetpack] != PYTHON)
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


def _commands_are_for_a_board(told: dict) -> None:
    for finding in told["findings"]:
        fix = finding["fix"] or ""
        assert "requirements/" not in fix and not re.search(r"pip install (torch|onnxruntime|tensorrt)\b", fix), fix
        assert "uv pip" not in fix, "uv does not see the board's packages"
