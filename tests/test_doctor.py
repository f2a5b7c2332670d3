"""The doctor: every gap is found, named, rated, and comes with a command; a healthy machine gets no complaints."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.console import Console

from edgekit import paths
from edgekit.course import doctor
from edgekit.course.doctor import HINT, INFO, PROBLEM, lab_imports, machine, packages
from edgekit.device import describe
from edgekit.runtimes import ENGINES
from tests import recorded_trees as trees

# A healthy environment without a GPU: distribution -> version.
HEALTHY = {
    "numpy": "2.4.6",
    "onnx": "1.23.2",
    "onnxruntime": "1.32.0",
    "jupyterlab": "4.6.6",
    "ipykernel": "7.4.0",
    "ipywidgets": "8.1.9",
    "matplotlib": "3.10.0",
    "nbval": "0.11.0",
    "torch": "2.13.0",
    "torchvision": "0.28.0",
    "nvidia-modelopt": "0.47.0",
    "huggingface_hub": "1.0.0",
    "requests": "2.32.0",
    "torchprofile": "0.0.4",
}


@pytest.fixture
def examine(tmp_path):
    """Examine a tree with an environment: examine(tree, {"torch": "2.12.0", "onnx": None}, cuda="13.0")."""

    def run(tree=None, changes=None, cuda="13.0", needs="torch==2.13.0", python=(3, 11)):
        site = tmp_path / "site"
        for before in (site, tmp_path / "root"):
            shutil.rmtree(before, ignore_errors=True)
        for name, version in {**HEALTHY, **(changes or {})}.items():
            if version is not None:
                folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
                folder.mkdir(parents=True)
                requires = f"Requires-Dist: {needs}\n" if name == "torchvision" else ""
                (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}")
        (site / "torch").mkdir(parents=True)
        value = f"'{cuda}'" if cuda else "None"
        (site / "torch/version.py").write_text(f"__version__ = 'x'\ncuda: Optional[str] = {value}\nhip = None\n")
        root = trees.plant(tmp_path / "root", trees.laptop() if tree is None else tree)
        return doctor.examine(root, site=[str(site)], python=python)

    return run


def finding(diagnosis, key):
    """The finding with that key; fails with the list of those that are there."""
    found = {f.key: f for f in diagnosis.findings}
    assert key in found, f"no finding {key!r}, only {sorted(found)}"
    return found[key]


# The whole


def test_a_healthy_laptop_has_no_problem_and_no_hint(examine):
    diagnosis = examine()
    assert [f.key for f in diagnosis.findings] == ["no-gpu"]
    assert diagnosis.ok and diagnosis.exit_status == 0 and diagnosis.summary.startswith("No problem found; ")
    assert finding(diagnosis, "no-gpu").severity == INFO
    assert "the lab says so" in finding(diagnosis, "no-gpu").meaning


def test_problems_come_first_and_decide_the_exit_status(examine):
    diagnosis = examine(trees.old_server(), {"onnxruntime-gpu": "1.32.0"})
    severities = [f.severity for f in diagnosis.findings]
    assert severities == sorted(severities, key=[PROBLEM, HINT, INFO].index)
    assert severities[0] == PROBLEM and diagnosis.exit_status == 1 and not diagnosis.ok


def test_every_finding_says_what_it_means_and_every_problem_how_to_fix_it(examine):
    tree = {**trees.orin_nano(1), "/proc/meminfo": "MemTotal: 1024 kB\n", "/var/lib/dpkg/status": ""}
    diagnosis = examine(tree, dict.fromkeys(HEALTHY, None) | {"torch": "2.13.0", "torchvision": "0.27.0"}, cuda=None)
    assert len(diagnosis.findings) > 8
    for f in diagnosis.findings:
        assert f.title and f.meaning.endswith(".") and f.topics and f.key
        assert f.fix or f.severity == INFO, f.title
        assert "://" not in f"{f.fix}{f.meaning}"
    assert len({f.key for f in diagnosis.findings}) == len(diagnosis.findings)


# Packages


def test_two_onnxruntimes(examine):
    f = finding(examine(changes={"onnxruntime-gpu": "1.32.0"}), "two-onnxruntimes")
    assert f.severity == PROBLEM and "uninstall" in f.fix
    assert "onnxruntime-gpu" in f.fix and "requirements/cpu.txt" in f.fix


def test_missing_packages(examine):
    diagnosis = examine(changes={"onnx": None, "onnxruntime": None, "torch": None, "ipykernel": None})
    assert {f.key for f in diagnosis.problems} == {"onnx", "onnxruntime", "torch", "ipykernel"}


@pytest.mark.parametrize(
    ("versions", "needs"),
    [
        ({"torch": "2.12.0"}, "torch==2.13.0"),
        ({"torch": "2.13.0", "torchvision": "0.27.0"}, "torch (==2.12.0)"),
        ({"torch": "2.13.0+cpu"}, "torch==2.13.0"),  # a CPU-only torch below a CUDA torchvision
    ],
)
def test_torchvision_that_does_not_fit(examine, versions, needs):
    f = finding(examine(changes=versions, needs=needs), "torchvision")
    assert f.severity == PROBLEM and "nms" in f.meaning


def test_a_cuda_build_with_a_pair_that_fits(examine):
    assert examine(changes={"torch": "2.13.0+cu130"}).ok


def test_a_cpu_pair_fits(examine):
    assert examine(changes={"torch": "2.13.0+cpu", "torchvision": "0.28.0+cpu"}, cuda=None).ok


def test_what_modelopt_does_not_declare(examine):
    f = finding(examine(changes={"requests": None, "torchprofile": "0.1.0"}), "modelopt-needs")
    assert f.severity == PROBLEM and "requests" in f.fix and "torchprofile==0.0.4" in f.fix
    assert "huggingface" not in f.fix


@pytest.mark.parametrize(("python", "severity"), [((3, 9), PROBLEM), ((3, 10), None), ((3, 13), None), ((3, 14), HINT)])
def test_python_versions(python, severity):
    assert [f.severity for f in packages.interpreter(python)] == ([severity] if severity else [])


# A GPU in a PC


def card():
    """The tree of a PC with a driver. Its files do not tell the CUDA version, which NVML does on a live machine."""
    tree = trees.old_server()
    tree["/proc/driver/nvidia/gpus/0000:01:00.0/information"] = "Model: NVIDIA GeForce RTX 4060\n"
    tree["/proc/driver/nvidia/version"] = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  x\n"
    return tree


def test_gpu_without_a_driver_is_a_hint_with_a_command(examine):
    f = finding(examine(trees.old_server()), "no-driver")
    assert f.severity == HINT and "0000:01:00.0" in f.title and "install" in f.fix


def test_gpu_without_a_driver_in_a_container(examine):
    assert "--gpus all" in finding(examine(trees.old_server() | {"/.dockerenv": ""}), "no-driver").fix


def test_cpu_builds_beside_a_gpu(examine):
    diagnosis = examine(card(), cuda=None)
    assert finding(diagnosis, "onnxruntime-cpu").severity == HINT
    f = finding(diagnosis, "torch-cpu")
    assert f.severity == HINT and "requirements/cuda.txt" in f.fix


def test_python_310_has_no_onnxruntime_for_cuda_13(examine):
    f = finding(examine(card(), {"onnxruntime": None, "onnxruntime-gpu": "1.23.2"}, python=(3, 10)), "onnxruntime-cuda")
    assert f.severity == PROBLEM and "CUDA 12" in f.title and "PYTHON=python3.12" in f.fix
    assert "1.23.2" in finding(examine(card(), python=(3, 10)), "onnxruntime-cpu").meaning


def test_torch_newer_than_the_driver(tmp_path):
    device = describe(trees.plant(tmp_path, card()))
    site = SimpleNamespace(version=lambda name: {"torch": "2.13.0"}.get(name), torch_cuda=lambda: "13.0")
    for driver, keys in (("12.4", ["torch-driver"]), ("13.0", []), ("13.2", []), (None, [])):
        gpus = (replace(device.gpus[0], cuda=driver),)
        assert [f.key for f in packages.torch(replace(device, gpus=gpus), site)] == keys


# Jetson


def test_jetson_power_mode_is_a_hint_with_the_number_of_this_board(examine):
    f = finding(examine(trees.orin_nano(0), {"tensorrt": "10.3.0"}, cuda="12.6"), "power-mode")
    assert f.severity == HINT and "nvpmodel -m 2" in f.fix and "MAXN_SUPER" in f.title


def test_a_jetson_in_its_best_mode_is_healthy(examine):
    diagnosis = examine(trees.orin_nano(2), {"tensorrt": "10.3.0", "numpy": "1.26.4"}, cuda="12.6", python=(3, 10))
    assert diagnosis.findings == ()


BARE = dict.fromkeys(("torch", "torchvision", "onnxruntime", "nvidia-modelopt"))


@pytest.mark.parametrize(
    ("tree", "python", "words", "folder", "numpy"),
    [
        (trees.orin_nano(2), (3, 10), ("Python 3.10", "CUDA 12.6", "TensorRT 10.3"), "jp6/cu126", True),
        (trees.orin_jetpack7(), (3, 12), ("Python 3.12", "CUDA 13.2", "TensorRT 10.16"), "sbsa/cu130", False),
    ],
    ids=["JetPack 6.2", "JetPack 7.2"],
)
def test_a_bare_jetson_is_told_what_comes_from_where(examine, tree, python, words, folder, numpy):
    f = finding(examine(tree, BARE, python=python), "jetson-steps")
    assert f.severity == PROBLEM and all(word in f.meaning for word in (*words, folder, "does not see the board's"))
    first, then = f.fix.split(", then: ")
    assert "torch torchvision onnxruntime-gpu" in first and folder in first and "nvidia-modelopt" in then
    assert ("'numpy<2'" in first) == ("'numpy<2'" in then) == numpy


def test_a_board_whose_index_has_no_kernels_for_its_gpu(examine):
    """On JetPack 7.2 the index's torch is for Thor: on an Orin it is imported and fails at the first operation."""
    thor = {**trees.thor(), "/etc/nv_tegra_release": trees.release(39, "2.0", "Mon Jun  1 00:00:00 UTC 2026")}
    for tree, python, lacking in ((trees.orin_jetpack7(), (3, 12), "sm_87"), (trees.orin_nano(2), (3, 10), ""), (thor, (3, 12), "")):
        told = finding(examine(tree, BARE, python=python), "jetson-steps").meaning
        assert "Jetson AI Lab index" in told and ("no kernels" in told) == bool(lacking) and lacking in told


def test_numpy_2_beside_the_boards_numpy_1_wheels(examine):
    assert finding(examine(trees.orin_nano(), python=(3, 10)), "jetson-numpy").severity == PROBLEM
    healthy = examine(trees.orin_jetpack7(), python=(3, 12))
    assert "jetson-numpy" not in {f.key for f in healthy.findings}


def test_another_python_than_the_boards(examine):
    assert "python3.12" in finding(examine(trees.orin_jetpack7(), python=(3, 11)), "jetson-python").fix
    bare = examine(trees.orin_jetpack7(), BARE, python=(3, 11))
    keys = [f.key for f in bare.problems]
    assert keys[:2] == ["jetson-python", "jetson-steps"], "the wheels cannot be installed before it is put right"


def test_a_power_mode_that_was_not_applied(examine):
    tree = trees.orin_nano(1)
    for n in (0, 4):
        tree[f"/sys/devices/system/cpu/cpufreq/policy{n}/scaling_max_freq"] = "1728000\n"
    f = finding(examine(tree, {"tensorrt": "10.3.0"}, cuda="12.6"), "power-mode-not-applied")
    assert "1344 MHz" in f.title and "1728 MHz" in f.title


@pytest.mark.parametrize(("cuda", "words"), [("13.0", "CUDA 13.0"), (None, "without CUDA")])
def test_replaced_torch_on_a_jetson(examine, cuda, words):
    f = finding(examine(trees.orin_nano(), cuda=cuda), "jetson-torch")
    assert f.severity == PROBLEM and words in f.title and "JetPack 6.2" in f.fix


def test_wheels_that_hide_the_boards_tensorrt(examine):
    tree, wheels = (trees.orin_nano(), {"tensorrt": "10.16.1", "tensorrt-cu13": "10.16.1", "tensorrt-cu13-libs": "10.16.1"})
    f = finding(examine(tree, wheels, cuda="12.6"), "jetson-tensorrt")
    assert f.severity == PROBLEM and "10.3.0" in f.title and "tensorrt-cu13-libs" in f.fix


def test_an_environment_that_does_not_see_the_boards_tensorrt(examine):
    f = finding(examine(trees.orin_nano(), cuda="12.6"), "jetson-environment")
    assert f.severity == HINT and "include-system-site-packages" in f.fix


def test_nothing_on_a_jetson_installs_the_general_requirements(examine):
    diagnosis = examine(trees.orin_nano(), dict.fromkeys(HEALTHY, None))
    assert diagnosis.problems
    assert not [f.fix for f in diagnosis.findings if f.fix and "requirements/" in f.fix]


# Machine


def test_a_governor_that_keeps_the_clock_low(examine):
    assert "scaling_governor" in finding(examine(trees.old_server()), "governor").fix


def test_powersave_of_intel_pstate_is_no_complaint(examine):
    assert "powersave" in trees.laptop()["/sys/devices/system/cpu/cpufreq/policy0/scaling_governor"]
    assert "governor" not in {f.key for f in examine(trees.laptop()).findings}


def test_throttling(examine):
    assert "under-voltage since boot" in finding(examine(trees.raspberry_pi5()), "throttling").title


def test_cpu_quota(examine):
    assert "1.5 of 8" in finding(examine(trees.container()), "cpu-quota").title


def test_no_int8_instructions(examine):
    assert finding(examine(trees.old_server()), "no-int8").severity == INFO


@pytest.mark.parametrize(("free", "severity"), [(0.5, PROBLEM), (5, HINT), (50, None)])
def test_disk(tmp_path, free, severity):
    device = replace(describe(trees.plant(tmp_path, trees.laptop())), disk_free=int(free * (1 << 30)))
    assert [f.severity for f in machine.room(device)] == ([severity] if severity else [])


@pytest.mark.parametrize(("total", "available", "key"), [(1, 1, "memory"), (8, 1, "memory-available"), (8, 4, None)], ids=str)
def test_memory(tmp_path, total, available, key):
    tree = trees.laptop()
    tree["/proc/meminfo"] = f"MemTotal: {total << 20} kB\nMemAvailable: {available << 20} kB\n"
    device = describe(trees.plant(tmp_path, tree))
    assert [f.key for f in machine.room(device)] == ([key] if key else [])


# What only the running machine can tell


def test_a_board_whose_gpu_cannot_be_reached(tmp_path):
    """In a container without NVIDIA's runtime /sys shows the GPU, and no program gets to it."""
    device = describe(trees.plant(tmp_path, trees.orin_nano()))
    for there, keys in ((False, ["no-gpu-device"]), (True, []), (None, [])):
        seen = replace(device, jetson=replace(device.jetson, gpu_device=there))
        assert [f.key for f in machine.gpu(seen)] == keys
        assert ("does not answer" in str(seen)) == bool(keys)
    assert "CUDA toolkit 12.6.11" in str(device), "the toolkit, which says nothing of a driver"


def test_what_builds_without_a_gpu_is_not_said_to_run(tmp_path):
    answers = {
        "pytorch": (True, "torch 2.13.0", ""),
        "tensorrt_rtx": (True, "built a tiny engine", ""),
        "tensorrt": (False, "not installed", ""),
    }
    for tree, verb in ((trees.laptop(), "builds"), (card(), "runs")):
        shown = str(doctor.Diagnosis(describe(trees.plant(tmp_path / verb, tree)), {}, answers))
        assert "pytorch: runs: " in shown and f"tensorrt_rtx: {verb}: " in shown and "tensorrt: does not run: " in shown


def use(monkeypatch, name, **attributes):
    """Put a module in the place of edgekit.<name>: these are other rooms with tests of their own, their failures are what
    is examined here."""
    import edgekit

    module = SimpleNamespace(**attributes)
    monkeypatch.setitem(sys.modules, f"edgekit.{name}", module)
    monkeypatch.setattr(edgekit, name, module, raising=False)


def engines(**answers):
    """What runtimes.available() would answer: name -> (ok, detail, fix), with __ for the colon."""
    found = {name.replace("__", ":"): SimpleNamespace(ok=a[0], detail=a[1], fix=a[2]) for name, a in answers.items()}
    return lambda quick: found


def test_engines_that_do_not_run(monkeypatch, tmp_path):
    answers = engines(
        onnxruntime__CPUExecutionProvider=(False, "no module", "pip install onnxruntime"),
        onnxruntime__CUDAExecutionProvider=(False, "not in this build", "pip install onnxruntime-gpu"),
        tensorrt=(False, "not installed", "pip install tensorrt"),
        pytorch=(True, "torch 2.13.0", ""),
    )
    use(monkeypatch, "runtimes", available=answers, ENGINES=ENGINES)

    found, troubles = doctor._runtimes(describe(trees.plant(tmp_path / "pc", trees.laptop())))
    assert found["pytorch"] == (True, "torch 2.13.0", "") and len(found) == 4
    assert [(f.key, f.severity) for f in troubles] == [("runtime-onnxruntime:CPUExecutionProvider", PROBLEM)]
    assert troubles[0].fix == "pip install onnxruntime"

    _, troubles = doctor._runtimes(describe(trees.plant(tmp_path / "gpu", card())))
    assert {f.key: f.severity for f in troubles}["runtime-tensorrt"] == HINT and len(troubles) == 3

    _, troubles = doctor._runtimes(describe(trees.plant(tmp_path / "board", trees.orin_nano())))
    assert {f.key: f.fix for f in troubles}["runtime-tensorrt"] is None  # never pip install tensorrt on a Jetson


def test_a_room_that_cannot_be_imported(monkeypatch, tmp_path):
    def broken(quick):
        raise OSError("libgomp.so.1: cannot open shared object file")

    use(monkeypatch, "runtimes", available=broken)
    found, (f,) = doctor._runtimes(describe(trees.plant(tmp_path, trees.laptop())))
    assert found == {} and f.severity == PROBLEM and "libgomp" in f.title and f.fix


@pytest.mark.parametrize("damage", ["missing", "cut off", "one byte changed"])
def test_damaged_data(monkeypatch, tmp_path, damage):
    shutil.copytree(paths.data() / "digits", tmp_path / "data" / "digits")
    monkeypatch.setenv("EDGEKIT_ROOT", str(tmp_path))
    assert doctor._data() == []
    file = tmp_path / "data" / "digits" / "real.npz"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    if damage != "missing":
        file.write_bytes(content if damage == "one byte changed" else content[:1000])
    (f,) = doctor._data()
    assert f.severity == PROBLEM and "real.npz" in f.title and f.key == "data"


def test_a_kernel_of_another_python(monkeypatch, tmp_path):
    kernel = tmp_path / "kernels" / "python3"
    kernel.mkdir(parents=True)
    argv = [str(tmp_path / "elsewhere" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "x", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    (f,) = doctor._kernel()
    assert f.severity == PROBLEM and "elsewhere" in f.title and "ipykernel install" in f.fix


def test_the_kernel_of_this_environment_is_fine():
    pytest.importorskip("ipykernel")
    assert doctor._kernel() == []


def test_this_machine_by_the_command_as_json():
    """Every engine and every lab's imports are tried, which takes long: once, for all that is asked here."""
    command = [sys.executable, "-m", "edgekit", "doctor", "--json"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=280)
    report = json.loads(run.stdout)
    assert run.returncode == (0 if report["ok"] else 1)
    assert report["runtimes"]["onnxruntime:CPUExecutionProvider"]
    assert not report["device"]["recorded"]
    assert report["versions"]["numpy"]
    keys = {finding["key"] for finding in report["findings"]}
    assert {"no-gpu", "no-driver"}.isdisjoint(keys) == bool(report["device"]["gpus"])


# The labs' imports


def notebook(path, *cells):
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": [source]} for source in cells]}))
    return path


def test_imports_that_a_notebook_guards_are_left_out(tmp_path):
    book = notebook(
        tmp_path / "a.ipynb",
        "%matplotlib inline\nimport json, ast\nfrom os import path as p",
        "try:\n    import first\nexcept ImportError:\n    import second",
        "try:\n    import third\nfinally:\n    pass\ndef f():\n    %time 1\n    import fourth",
        "def half(",
    )
    assert lab_imports.statements(book) == [
        "import json",
        "import ast",
        "from os import path",
        "import second",
        "import third",
        "import fourth",
    ]


def test_an_import_that_fails_or_kills_its_process_is_named_and_the_rest_is_tried(tmp_path, monkeypatch):
    (tmp_path / "deadly.py").write_text("import os; os._exit(7)")
    (tmp_path / "chatty.py").write_text("print('[]')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    wanted = ["import json", "import deadly", "import chatty", "from json import nothing", "import absent_package"]
    failed = lab_imports.failures(wanted)
    assert list(failed) == ["import deadly", "from json import nothing", "import absent_package"]
    assert "status 7" in failed["import deadly"] and "absent_package" in failed["import absent_package"]


def test_only_a_good_answer_is_kept_and_only_while_nothing_changes(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    module = tmp_path / "late.py"
    assert lab_imports.failures(["import late"])
    module.write_text("")
    assert lab_imports.failures(["import late"]) == {}
    module.unlink()
    assert lab_imports.failures(["import late"]) == {}, "kept: the folders that are looked at did not change"
    (tmp_path / "site").mkdir()
    assert lab_imports.failures(["import late"]), "a new folder on the path: tried again"
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert lab_imports.failures(["import json"]) == {}, "no place to keep an answer is no fault"


def test_a_lab_that_cannot_import_is_not_ready(monkeypatch):
    monkeypatch.setattr(lab_imports, "failures", lambda wanted: {"import onnx": "ModuleNotFoundError: No module"})
    labs, (f,) = doctor._labs(describe())
    assert "import onnx" in labs["04_onnx_export"] and labs["00_start_here"] == ""
    assert f.severity == PROBLEM and "04_onnx_export" in f.meaning and "00_start_here" not in f.meaning


def test_the_labs_that_stop_are_all_printed(tmp_path):
    """Once each, with the import where they stop; the line was cut off at the edge of the terminal."""
    labs = {"00_a": "", "01_b": "import torch; from torch import nn", "02_c": "import onnx", "03_d": "import torch"}
    diagnosis = doctor.Diagnosis(describe(trees.plant(tmp_path, trees.laptop())), {}, {}, labs=labs)
    stream = io.StringIO()
    diagnosis.render(Console(file=stream, width=60))
    for printed in (" ".join(stream.getvalue().split()), str(diagnosis)):
        assert "1 of 4 labs can import all that they need; `import torch` stops 01_b, 03_d; `import onnx` stops 02_c" in printed


def test_a_work_folder_that_cannot_be_written(monkeypatch, tmp_path):
    assert doctor._work_folder() == []
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EDGEKIT_WORK", str(tmp_path / "file" / "work"))
    (f,) = doctor._work_folder()
    assert f.severity == PROBLEM and "EDGEKIT_WORK" in f.fix


# Views


def test_views(examine):
    diagnosis = examine(trees.orin_nano(0), {"onnxruntime-gpu": "1.32.0"}, cuda="12.6")
    stream = io.StringIO()
    diagnosis.render(Console(file=stream, width=60))
    printed = stream.getvalue()
    for f in diagnosis.findings:
        assert f.fix in str(diagnosis) and f.title in str(diagnosis)
        assert f.fix in printed, "a command must not be broken into lines"
    assert diagnosis.summary in printed and diagnosis.summary in diagnosis._repr_html_()
    plain = json.loads(diagnosis.to_json())
    assert plain["ok"] is False and plain["findings"][0]["severity"] == PROBLEM
    assert plain["device"]["jetson"]["jetpack"] == "6.2" and plain["versions"]["onnx"] == "1.23.2"


def test_markup_in_texts_is_printed_as_it_is(examine):
    tree = trees.raspberry_pi5()
    tree["/proc/device-tree/model"] = "[red]<b>board</b>[/nothing]"
    diagnosis = examine(tree)
    stream = io.StringIO()
    diagnosis.render(Console(file=stream, width=120))
    assert "[red]<b>board</b>[/nothing]" in stream.getvalue()
    assert "<b>board</b>" not in diagnosis._repr_html_()


def test_what_cannot_be_tried_without_a_gpu():
    gpu = {"tensorrt", *(f"onnxruntime:{p}ExecutionProvider" for p in ("CUDA", "Tensorrt", "NvTensorRTRTX"))}
    rest = {"pytorch", "openvino", "tensorrt_rtx", "onnxruntime", "onnxruntime:CPUExecutionProvider"}
    assert {name for name in gpu | rest if doctor._needs_gpu(name)} == gpu


def test_int8_that_could_not_be_measured_says_why(monkeypatch):
    monkeypatch.setattr("edgekit.processes.sys.executable", "/bin/false")
    (f,) = doctor._int8()
    assert f.severity == INFO and f.title == "INT8 could not be measured: it stopped with exit status 1: no message"
