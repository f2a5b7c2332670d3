"""Energy sensors, read from trees as the kernel lays them out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from edgekit.bench import power
from edgekit.device import power_meters


def write(folder: Path, **files) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(f"{content}\n")
    return folder


def monitor(root: Path, address: str, number: int, rails: list[tuple[str, int, int]]) -> Path:
    """One INA3221 as on JetPack 6: (label, mV, mA) per channel, plus the sums that must not be counted."""
    folder = write(root / f"sys/bus/i2c/drivers/ina3221/{address}/hwmon/hwmon{number}", name="ina3221")
    for channel, (label, millivolts, milliamperes) in enumerate(rails, 1):
        write(
            folder,
            **{
                f"in{channel}_label": label,
                f"in{channel}_enable": 1,
                f"in{channel}_input": millivolts,
                f"curr{channel}_input": milliamperes,
                f"in{channel + 3}_input": 3,
            },
        )
    return write(folder, in7_label="sum of shunt voltages", in7_input=9, curr4_input=99999)


@pytest.fixture
def orin_nano(tmp_path):
    monitor(tmp_path, "1-0040", 1, [("VDD_IN", 5000, 1200), ("VDD_CPU_GPU_CV", 5000, 320), ("VDD_SOC", 4992, 300)])
    return tmp_path


def package(root: Path, zone: str, name: str, energy: int, size: int = 262143328850) -> Path:
    return write(root / f"sys/class/powercap/{zone}", name=name, energy_uj=energy, max_energy_range_uj=size, enabled=1)


@pytest.fixture
def two_sockets(tmp_path):
    package(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    package(tmp_path, "intel-rapl:0:0", "core", 900_000)
    package(tmp_path, "intel-rapl:1", "package-1", 262143328850 - 500_000)
    package(tmp_path, "intel-rapl:2", "psys", 7_000_000)
    return tmp_path


def test_the_rail_that_feeds_the_module_is_read(orin_nano):
    sensor = power_meters.Ina3221(orin_nano)
    try:
        assert sensor.used == ["VDD_IN"] and "whole module" in sensor.covers
        assert sensor.watts() == pytest.approx(6.0)
        assert sensor.watts("VDD_SOC") == pytest.approx(4.992 * 0.3)
    finally:
        sensor.close()


def test_thors_input_is_measured_by_another_chip(tmp_path):
    """Its INA3221 has three of the rails: their sum is not the module."""
    monitor(tmp_path, "2-0040", 3, [("VDD_GPU", 12000, 500), ("VDD_CPU_SOC_MSS", 12000, 900), ("VIN_SYS_5V0", 5000, 800)])
    folder = tmp_path / "sys/bus/i2c/drivers/ina238/2-0044/hwmon/hwmon4"
    write(folder, name="ina238", in0_input=3, in1_input=20000, curr1_input=1500, power1_input=30000000)
    sensor = power_meters.Ina3221(tmp_path)
    try:
        assert sensor.used == ["VIN"] and "whole module" in sensor.covers
        assert sensor.watts() == pytest.approx(30.0)
    finally:
        sensor.close()


def test_power_is_integrated_while_it_changes(orin_nano):
    sensor = power_meters.Ina3221(orin_nano)
    try:
        start, before = time.perf_counter(), sensor.joules()
        time.sleep(0.3)
        half = time.perf_counter() - start
        (next(orin_nano.rglob("curr1_input"))).write_text("2400\n")
        time.sleep(0.3)
        whole = time.perf_counter() - start
        assert sensor.joules() - before == pytest.approx(6 * half + 12 * (whole - half), rel=0.1)
    finally:
        sensor.close()
    assert not sensor._thread.is_alive()


def test_rails_are_added_where_none_feeds_all(tmp_path):
    """AGX Orin: two chips, no VDD_IN; an unused channel and one that is switched off."""
    monitor(tmp_path, "1-0040", 3, [("VDD_GPU_SOC", 20000, 200), ("VDD_CPU_CV", 20000, 100), ("VIN_SYS_5V0", 5000, 400)])
    second = monitor(tmp_path, "1-0041", 4, [("NC", 5000, 900), ("VDDQ_VDD2_1V8AO", 5000, 100), ("OFF", 5000, 900)])
    (second / "in3_input").unlink()
    sensor = power_meters.Ina3221(tmp_path)
    try:
        assert sorted(sensor.used) == ["VDDQ_VDD2_1V8AO", "VDD_CPU_CV", "VDD_GPU_SOC", "VIN_SYS_5V0"]
        assert sensor.watts() == pytest.approx(4 + 2 + 2 + 0.5)
        assert all(rail in sensor.covers for rail in sensor.used)
    finally:
        sensor.close()


def test_packages_are_added_and_the_counter_wraps(two_sockets):
    sensor = power_meters.Rapl(two_sockets)
    assert [zone.name for zone in sensor.zones] == ["intel-rapl:0", "intel-rapl:1"]
    assert sensor.joules() == 0
    package(two_sockets, "intel-rapl:0", "package-0", 3_000_000)
    package(two_sockets, "intel-rapl:1", "package-1", 1_000_000)  # 0.5 J to the end of the range, 1 J after it
    package(two_sockets, "intel-rapl:0:0", "core", 5_000_000)
    assert sensor.joules() == pytest.approx(2 + 1.5)
    assert sensor.joules() == pytest.approx(3.5), "reading twice must not count twice"


def test_counters_for_root_only_are_explained():
    """The child gives up root's rights, where it has them, once everything is imported: root may read anything."""
    code = """\
import os, sys; from edgekit.device import power_meters
if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)
found, missing = power_meters.sensors(sys.argv[1])
assert not found; print(missing)"""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        zone = package(Path(folder), "intel-rapl:0", "package-0", 5)
        (zone / "energy_uj").chmod(0)
        here = Path(__file__).resolve().parents[1]
        out = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, cwd=here)
    assert out.returncode == 0, out.stderr
    assert "RAPL" in out.stdout and "root only" in out.stdout and "sudo chmod a+r" in out.stdout


def test_without_a_sensor_it_says_what_was_looked_for(tmp_path):
    result = power.energy(lambda: None, root=tmp_path)
    assert not result and result.total is None and result.net is None
    text = str(result)
    assert "no sensor" in text and "INA3221" in text and "RAPL" in text and "powercap" in text
    assert "no sensor" in result._repr_html_()
    assert [m["sensor"] for m in json.loads(json.dumps(result.to_dict()))["missing"]] == ["INA3221", "RAPL"]


def test_nvml_counts_or_says_why_not():
    try:
        sensor = power_meters.Nvml()
    except LookupError as error:
        assert "NVML" in str(error) or "nvidia-ml-py" in str(error) or "energy counter" in str(error)
        return
    try:
        assert sensor.joules() > 0 and "GPU 0" in sensor.covers
    finally:
        sensor.close()


class Bench:
    """A sensor with a known truth: 10 W at idle and half a joule per call on top."""

    name, covers = "known", "a truth made up for the test"

    def __init__(self):
        self.calls, self.start = 0, time.perf_counter()

    def __call__(self):
        self.calls += 1
        time.sleep(1e-3)

    def joules(self):
        return 10 * (time.perf_counter() - self.start) + 0.5 * self.calls

    def close(self):
        raise AssertionError("a sensor that was handed in belongs to the caller")


def test_idle_is_taken_off():
    bench = Bench()
    result = power.energy(bench, seconds=0.3, idle=0.1, sensor=bench)
    assert result.net == pytest.approx(0.5, rel=0.01) and result.idle_watts == pytest.approx(10, rel=0.01)
    assert result.total > result.net + 9e-3
    assert result.calls > 20 and result.seconds >= 0.3
    assert result.watts == pytest.approx(result.total * result.calls / result.seconds)
    assert "500 mJ above idle" in str(result)


def test_idle_left_in_is_noted():
    bench = Bench()
    result = power.energy(bench, seconds=0.1, idle=0, sensor=bench)
    assert result.net is None and result.idle_watts is None
    assert any("idle power is included" in note for note in result.notes)


def test_a_load_that_cannot_be_told_from_idle_is_noted(orin_nano):
    result = power.energy(lambda: time.sleep(1e-3), seconds=0.2, idle=0.1, root=orin_nano)
    assert result.sensor == "INA3221" and result.watts == pytest.approx(6, rel=0.05)
    assert result.net == pytest.approx(0, abs=1e-3)
    assert any("within 5% of idle" in note for note in result.notes)
    assert [m.sensor for m in result.missing] == ["RAPL"]
