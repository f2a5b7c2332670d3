"""The device room, on trees of other machines and on this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import types

import pytest

from edgekit import device
from edgekit.device import gpu as gpus
from edgekit.device import sensors
from edgekit.device._files import number_list
from edgekit.device.cpu import memory_limit
from edgekit.device.jetson import installed, l4t_release, power_mode
from tests import recorded_trees as trees


@pytest.fixture
def machine(tmp_path):
    """Plant a tree and describe it."""
    return lambda tree: device.describe(trees.plant(tmp_path / "root", tree))


# Jetson


@pytest.mark.parametrize(("mode", "name"), [(0, "15W"), (1, "25W"), (2, "MAXN_SUPER")])
def test_orin_nano_power_modes(machine, mode, name):
    power = machine(trees.orin_nano(mode)).jetson.power
    assert (power.id, power.name, power.modes) == (mode, name, {0: "15W", 1: "25W", 2: "MAXN_SUPER"})
    assert power.best == 2 and power.at_best is (mode == 2)
    assert power.cpu_cap == {0: 1497600, 1: 1344000, 2: None}[mode]
    assert power.gpu_cap == {0: 612000000, 1: 918000000, 2: None}[mode]


def test_orin_nano(machine):
    found = machine(trees.orin_nano())
    board, gpu = found.jetson, found.gpus[0]
    assert found.name == "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super"
    assert (board.soc, board.l4t, board.jetpack) == ("tegra234", "36.4.3", "6.2")
    assert (board.cuda, board.tensorrt) == ("12.6.11", "10.3.0")
    assert (gpu.capability, gpu.driver, gpu.integrated, gpu.memory) == ("8.7", "540.4.0", True, 7802216 * 1024)
    assert (found.cpu.model, found.cpu.arch, found.cpu.cores) == ("Cortex-A78AE", "aarch64", 6)
    assert found.cpu.isa == ("NEON", "FP16", "dot product") and found.cpu.int8_dot
    assert (found.clocks.cpu, found.clocks.cpu_limit, found.clocks.governor) == (1190400, 1728000, "schedutil")
    assert (found.clocks.gpu, found.clocks.gpu_limit) == (306000000, 1020000000)
    zones = ("cpu", "gpu", "soc0", "soc1", "soc2", "tj")  # the units that are off are left out
    assert tuple(found.temperatures) == tuple(f"{zone}-thermal" for zone in zones)
    assert (found.temperatures["cpu-thermal"], found.temperatures["gpu-thermal"]) == (48.656, 47.281)
    assert found.throttling == () and found.virtual is None and found.kernel == "5.15.148-tegra"


def test_jetpack_7_without_the_meta_package(machine):
    found = machine(trees.orin_jetpack7())
    assert (found.jetson.l4t, found.jetson.jetpack, found.jetson.tensorrt) == ("39.2.0", "7.2", "10.16.2")
    assert found.clocks.gpu == 612000000


def test_thor(machine):
    found = machine(trees.thor())
    assert (found.jetson.jetpack, found.gpus[0].capability, found.cpu.model) == ("7.0", "11.0", "Neoverse-V3AE")
    assert {"i8mm", "bf16", "SVE", "SVE2", "dot product"} <= set(found.cpu.isa)
    assert (found.jetson.power.name, found.jetson.power.best) == ("120W", 0)
    assert found.clocks.gpu == 1575000000
    assert found.throttling == ("179 x instantaneous over-current since boot",)


def test_best_mode_is_found_by_name_not_by_number(tmp_path):
    def best(*names):
        conf = "".join(f"< POWER_MODEL ID={n} NAME={name} >\n" for n, name in enumerate(names))
        return power_mode(trees.plant(tmp_path / "root", {"/etc/nvpmodel.conf": conf})).best

    assert best("MAXN_SUPER", "10W", "40W") == 0
    assert best("MAXN", "15W", "MAXN_SUPER") == 2
    assert best("MODE_10W_2CORE", "MODE_15W_6CORE", "MODE_20W_6CORE") == 2


def test_older_status_format_and_a_mode_that_the_table_does_not_know(tmp_path):
    tree = {"/etc/nvpmodel.conf": trees.ORIN_NANO_MODES, "/var/lib/nvpmodel/status": "pmode:0001 fmode:quiet"}
    assert power_mode(trees.plant(tmp_path / "root", tree)).name == "25W"
    tree["/var/lib/nvpmodel/status"] = "pmode:0009"
    power = power_mode(trees.plant(tmp_path / "root", tree))
    assert (power.id, power.name, power.at_best) == (9, None, False)


def test_release_in_a_container_comes_from_the_package(tmp_path):
    tree = {"/var/lib/dpkg/status": trees.package("nvidia-l4t-core", "36.4.7-20250918154033")}
    assert l4t_release(trees.plant(tmp_path / "root", tree)) == "36.4.7"


def test_unknown_releases_name_the_major_version_only(machine):
    tree = trees.orin_nano()
    tree["/etc/nv_tegra_release"] = trees.release(36, "9.9", "x")
    tree["/var/lib/dpkg/status"] = ""
    assert machine(tree).jetson.jetpack == "6.x"


def test_removed_packages_do_not_count(tmp_path):
    text = trees.package("tensorrt", "10.3.0.30-1", status="deinstall ok config-files") + trees.package("x", "1")
    root = trees.plant(tmp_path / "root", {"/var/lib/dpkg/status": text})
    assert installed(root, "tensorrt", "x") == {"x": "1"}


@pytest.mark.parametrize(
    "path",
    [
        "/sys/devices/gpu.0/devfreq/57000000.gpu",
        "/sys/devices/platform/17000000.gpu/devfreq/17000000.gpu",
        "/sys/devices/platform/17000000.ga10b/devfreq/17000000.ga10b",
        "/sys/class/devfreq/gpu-gpc-0",
    ],
)
def test_gpu_clock_in_every_layout(tmp_path, path):
    root = trees.plant(tmp_path / "root", {f"{path}/cur_freq": "624000000\n", "/sys/class/devfreq/bwmgr/cur_freq": "1\n"})
    assert sensors.clocks(root).gpu == 624000000


def test_a_throttle_alert_is_seen(machine):
    tree = trees.orin_nano()
    tree["/sys/class/thermal/cooling_device0/cur_state"] = "1\n"
    assert machine(tree).throttling == ("cpu-throttle-alert is active",)


# Other machines


def test_raspberry_pi_5(machine):
    found = machine(trees.raspberry_pi5())
    assert (found.name, found.cpu.model) == ("Raspberry Pi 5 Model B Rev 1.0", "Cortex-A76")
    assert "dot product" in found.cpu.isa and "i8mm" not in found.cpu.isa
    assert found.jetson is None and found.gpus == ()
    assert found.throttling == ("under-voltage since boot", "throttled since boot")


def test_laptop_with_vnni(machine):
    found = machine(trees.laptop())
    assert (found.cpu.cores, found.cpu.threads, found.cpu.arch) == (4, 8, "x86_64")
    assert found.cpu.isa == ("AVX2", "AVX-512F", "AVX512-VNNI") and found.cpu.int8_dot
    assert found.cpu.caches == {"L1d": 48 << 10, "L3": 8 << 20}
    assert found.pci_gpus == () and found.memory.limit is None


def test_x86_without_vnni(machine):
    found = machine(trees.old_server())
    assert found.cpu.isa == ("AVX2",) and not found.cpu.int8_dot
    assert found.pci_gpus == ("0000:01:00.0",)  # the card, not its sound device


def test_limits_of_a_container(machine):
    found = machine(trees.container())
    assert (found.cpu.quota, found.cpu.threads, found.cpu.threads_total) == (1.5, 1, 8)
    assert found.memory.total == found.memory.limit == 2 << 30
    assert found.memory.available == 1 << 30
    assert found.virtual == "container"


def test_affinity_counts_without_a_quota(machine):
    tree = {name: text for name, text in trees.container().items() if "cgroup/" not in name}
    tree["/proc/self/status"] = "Cpus_allowed_list:\t0,4\n"
    found = machine(tree)
    assert (found.cpu.threads, found.cpu.cores, found.cpu.quota) == (2, 1, None)  # two threads of one core


def test_cgroup_version_1_and_the_tightest_level(machine):
    tree = trees.laptop()
    tree["/proc/self/cgroup"] = "4:memory:/a/b\n1:cpu,cpuacct:/a/b\n"
    tree["/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us"] = "-1\n"
    tree["/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us"] = "100000\n"
    tree["/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us"] = "300000\n"
    tree["/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us"] = "100000\n"
    tree["/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes"] = "9223372036854771712\n"
    tree["/sys/fs/cgroup/memory/a/memory.limit_in_bytes"] = f"{4 << 30}\n"
    tree["/sys/fs/cgroup/memory/a/memory.usage_in_bytes"] = "0\n"
    found = machine(tree)
    assert (found.cpu.quota, found.cpu.threads, found.memory.limit) == (3.0, 3, 4 << 30)


def test_no_limit_is_no_limit(machine):
    tree = trees.container()
    tree["/sys/fs/cgroup/cpu.max"], tree["/sys/fs/cgroup/memory.max"] = "max 100000\n", "max\n"
    found = machine(tree)
    assert (found.cpu.quota, found.cpu.threads, found.memory.limit) == (None, 4, None)


def test_the_number_that_means_no_limit_in_cgroup_version_1(tmp_path):
    tree = {"/proc/self/cgroup": "4:memory:/\n", "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}
    assert memory_limit(trees.plant(tmp_path / "root", tree)) == (None, 0)


def test_big_and_little_cores_are_both_named(machine):
    tree = trees.raspberry_pi5()
    tree["/proc/cpuinfo"] = trees.arm_cpuinfo(2, "0xd05", trees.PI_FEATURES) + trees.arm_cpuinfo(2, "0xfff", "asimd")
    assert machine(tree).cpu.model == "Cortex-A55 + Arm implementer 0x41 part 0xfff"


def test_wsl_and_virtual_machine(machine):
    tree = trees.laptop()
    tree["/proc/version"] = "Linux version 5.15.167.4-microsoft-standard-WSL2\n"
    assert machine(tree).virtual == "WSL"
    tree = trees.laptop()
    tree["/proc/cpuinfo"] = tree["/proc/cpuinfo"].replace("fpu ", "fpu hypervisor ")
    assert machine(tree).virtual == "virtual machine"


def test_a_tree_with_nearly_nothing_does_not_fail(machine):
    found = machine({"/proc/cpuinfo": "garbage\n", "/proc/meminfo": "MemTotal: 1024 kB\n", "/etc/nvpmodel.conf": "<<<"})
    assert found.cpu.threads == 1 and found.cpu.model == "unknown"
    assert str(found) and found._repr_html_()


# GPUs


def test_nvidia_smi_output():
    header = "| NVIDIA-SMI 580.95.05    Driver Version: 580.95.05    CUDA Version: 13.0  |"
    (card,) = gpus.parse_nvidia_smi("NVIDIA H100 80GB HBM3, 81559, 9.0, 580.95.05\n", header)
    assert (card.memory, card.capability, card.driver, card.cuda) == (81559 << 20, "9.0", "580.95.05", "13.0")
    (board,) = gpus.parse_nvidia_smi("Orin (nvgpu), [N/A], [N/A], N/A\n", "")
    assert (board.name, board.memory, board.capability, board.driver) == ("Orin (nvgpu)", None, None, None)


def test_a_driver_without_its_tools_still_names_the_card(machine):
    tree = trees.old_server()
    tree["/proc/driver/nvidia/gpus/0000:01:00.0/information"] = "Model: \t\t NVIDIA GeForce GTX 1060 6GB\nIRQ: 1\n"
    tree["/proc/driver/nvidia/version"] = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12\n"
    (card,) = machine(tree).gpus
    assert (card.name, card.driver) == ("NVIDIA GeForce GTX 1060 6GB", "535.183.01")


@pytest.mark.gpu
def test_the_driver_and_torch_agree():
    if not device.describe().gpus:
        pytest.skip("no NVIDIA GPU with a driver on this machine")
    torch = pytest.importorskip("torch")
    card = device.describe().gpus[0]
    assert card.capability == "{}.{}".format(*torch.cuda.get_device_capability(0))
    assert card.name == torch.cuda.get_device_name(0)


# Views and provenance


@pytest.mark.parametrize("name", ["orin_nano", "thor", "raspberry_pi5", "laptop", "container"])
def test_views(machine, name):
    found = machine(getattr(trees, name)())
    assert json.loads(json.dumps(found.to_dict()))["cpu"]["model"] == found.cpu.model
    assert "recorded, not yours" in str(found)
    assert found.cpu.model in found._repr_html_() and "<table>" in found._repr_html_()


def test_text_from_files_is_escaped(machine):
    tree = trees.raspberry_pi5()
    tree["/proc/device-tree/model"] = "<script>alert(1)</script>"
    assert "<script>" not in machine(tree)._repr_html_()


def test_this_machine_agrees_with_the_operating_system():
    found = device.describe()
    assert not found.recorded and found.disk_free > 0
    if hasattr(os, "sched_getaffinity"):
        assert 1 <= found.cpu.threads <= len(os.sched_getaffinity(0))
        assert found.cpu.cores <= found.cpu.threads
        assert found.memory.total <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < found.memory.available <= found.memory.total


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot pin processes to CPUs")
def test_affinity_of_this_process_is_respected():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from edgekit import device; print(device.describe().cpu.threads)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"


def test_environment_is_flat_plain_and_fresh():
    first = device.environment()
    assert all(value is None or isinstance(value, (str, int, float)) for value in first.values())
    assert {"cpu", "isa", "cores", "threads", "power_mode", "gpu", "os", "python", "load", "torch", "numpy"} <= set(first)
    first["cpu"] = "scribbled over"
    assert device.environment()["cpu"] != "scribbled over"


@pytest.fixture
def on_a_board(machine, monkeypatch):
    """This process, on the recorded Orin Nano with TensorRT 10.3.0 among the board's packages."""
    found = machine(trees.orin_nano())
    monkeypatch.setattr(device, "describe", lambda: found)
    for cached in (device._static, device._installed):
        cached.cache_clear()
    yield
    for cached in (device._static, device._installed):
        cached.cache_clear()


def test_on_a_board_the_packages_version_counts_before_the_boards(on_a_board, tmp_path, monkeypatch):
    monkeypatch.setitem(device.PACKAGES, "tensorrt", ("edgekit-test-engine",))
    for found in (device.setup(), device.environment(), device.setup()):
        assert found["tensorrt"] == "10.3.0 (board)" and "board_tensorrt" not in found
        assert found["jetson"] and found["l4t"] == "36.4.3"
    about = tmp_path / "site" / "edgekit_test_engine-10.9.1.dist-info"  # as an isolated environment that has its own
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: edgekit-test-engine\nVersion: 10.9.1\n")
    monkeypatch.syspath_prepend(str(about.parent))
    device._installed.cache_clear()
    for found in (device.setup(), device.environment()):
        assert found["tensorrt"] == "10.9.1" and "board_tensorrt" not in found


def test_a_machine_that_is_no_board_has_no_boards_version(monkeypatch):
    monkeypatch.setitem(device.PACKAGES, "tensorrt", ("edgekit-test-engine",))
    device._installed.cache_clear()
    assert device.describe().jetson is not None or device.setup()["tensorrt"] is None
    assert "board_tensorrt" not in device.setup()


@pytest.mark.parametrize(("system", "line"), [("posix", "python -c 'print(\"a b\")'"), ("nt", 'python -c "print(\\"a b\\")"')])
def test_a_command_is_quoted_for_this_machines_shell(monkeypatch, system, line):
    monkeypatch.setattr(device.os, "name", system)
    assert device.command_line(["python", "-c", 'print("a b")']) == line


def test_environment_is_cheap_and_imports_no_engine():
    code = """\
import sys, time; start = time.process_time(); from edgekit import device; device.environment()
first = time.process_time() - start; start = time.process_time(); device.environment()
print([m for m in ('torch', 'onnx', 'onnxruntime', 'numpy', 'tensorrt', 'matplotlib') if m in sys.modules])
print(first, time.process_time() - start)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules, times = done.stdout.splitlines()
    first, again = map(float, times.split())
    assert modules == "[]"
    # Processor time and a wide margin: measured 0.13 s and 0.0005 s. An engine's import would take more than a second.
    assert first < 0.8 and again < 0.05


def test_versions_are_those_that_get_imported():
    import numpy

    assert device.versions()["numpy"] == numpy.__version__


def test_number_lists():
    assert number_list("0-3,8") == {0, 1, 2, 3, 8}
    assert number_list("") == set()
    assert number_list("0") == {0}


def test_describing_a_tree_is_quick(machine):
    start = time.process_time()
    machine(trees.orin_nano())
    assert time.process_time() - start < 1.0


class _Nvml:
    """As much of pynvml as `visible` asks for."""

    def __init__(self, *uuids):
        self.uuids = uuids

    def nvmlDeviceGetCount(self):
        return len(self.uuids)

    def nvmlDeviceGetHandleByIndex(self, index):
        return self.uuids[index]

    def nvmlDeviceGetUUID(self, handle):
        return handle.encode()


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        (None, [0, 1, 2]),
        ("2,0", [2, 0]),
        ("GPU-b", [1]),
        ("GPU-a, 2", [0, 2]),
        ("", []),
        ("1,7,0", [1]),  # the first entry that means nothing ends the list
        ("GPU-", []),  # fits more than one
        ("0,0", [0]),
    ],
)
def test_gpus_in_the_order_that_cuda_shows_them(monkeypatch, setting, shown):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if setting is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", setting)
    assert gpus.visible(_Nvml("GPU-aa", "GPU-bb", "GPU-cc")) == shown


def test_a_version_is_that_of_the_module_in_use(monkeypatch):
    """onnxruntime and onnxruntime-gpu can be installed together; then the metadata of one lies."""
    found = {"onnxruntime": "1.30.0", "onnxruntime-gpu": "1.31.1"}
    monkeypatch.setattr(device, "_installed", found.get)
    monkeypatch.setitem(sys.modules, "onnxruntime", types.SimpleNamespace(__version__="1.31.1"))
    assert device._version("onnxruntime", ("onnxruntime", "onnxruntime-gpu")) == "1.31.1 (onnxruntime-gpu)"
    monkeypatch.setitem(sys.modules, "onnxruntime", types.SimpleNamespace(__version__="1.30.0"))
    assert device._version("onnxruntime", ("onnxruntime", "onnxruntime-gpu")) == "1.30.0"
