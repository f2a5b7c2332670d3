"""The sensors that can say how much energy a machine uses, and for each one that is missing, what was looked for.

    INA3221   the power monitors of a Jetson, through sysfs: voltage times current of every rail, sampled
    NVML      the total-energy counter of an NVIDIA GPU (Volta or later), in millijoules
    RAPL      the energy counters of an x86 processor package, through powercap

Every sysfs reader takes a root folder, so that a tree recorded on another machine can be read. A meter has ``name``, ``covers``,
``joules()`` and ``close()``.
"""

from __future__ import annotations

import glob
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgekit.device.gpu import visible

WHOLE_MODULE = ("VDD_IN", "VIN", "POM_5V_IN")  # rails that feed everything else on the module, where a board has one


@dataclass(frozen=True)
class Missing:
    """A sensor that is not there: what was looked for, and what would help ("" if nothing would)."""

    sensor: str
    why: str
    fix: str = ""


class Ina3221:
    """Power of a Jetson module from its INA3221 monitors (kernel.org, hwmon/ina3221: in*_input in mV, curr*_input in mA).

    A power reading is integrated over time by a thread that samples every `period` seconds; the chip itself averages over a few
    milliseconds. Reads the rail that feeds the module (VDD_IN on Orin Nano and NX) or, where there is none (AGX Orin), the
    sum of all rails: `covers` says which. On Thor the module's input goes through an INA238 (kernel.org, hwmon/ina238: in1_input in
    mV, curr1_input in mA), which has no label and is called VIN here. Not verified on a real board.
    """

    name = "INA3221"
    PATTERN = "sys/bus/i2c/drivers/ina3221/*/hwmon/hwmon*"
    INPUT = "sys/bus/i2c/drivers/ina238/*/hwmon/hwmon*"

    def __init__(self, root: str | os.PathLike = "/", period: float = 0.01):
        self.rails = self._find(Path(root))
        if not self.rails:
            raise LookupError(f"no power monitor at {Path(root) / self.PATTERN}")
        whole = [rail for rail in WHOLE_MODULE if rail in self.rails]
        self.used = whole[:1] or list(self.rails)
        self.covers = f"rail {self.used[0]} (whole module)" if whole else f"sum of rails {', '.join(self.used)}"
        self.watts()  # fails now rather than in the thread
        self._joules, self._stop = 0.0, threading.Event()
        self._lock = threading.Lock()
        self._last = (time.perf_counter(), self.watts())
        self._thread = threading.Thread(target=self._sample, args=(period,), daemon=True)
        self._thread.start()

    def _find(self, root: Path) -> dict[str, tuple[Path, Path]]:
        rails = {}
        for folder in sorted(map(Path, glob.glob(str(root / self.PATTERN)))):
            for channel in (1, 2, 3):  # 4 to 7 are shunt voltages and sums
                files = folder / f"in{channel}_input", folder / f"curr{channel}_input"
                try:
                    label = (folder / f"in{channel}_label").read_text().strip()
                    for file in files:
                        int(file.read_text())
                except (OSError, ValueError):  # not wired, or disabled: reading then fails with ENODATA
                    continue
                if label and label != "NC":
                    rails[label] = files
        for folder in glob.glob(str(root / self.INPUT)):
            files = Path(folder) / "in1_input", Path(folder) / "curr1_input"
            if all(file.is_file() for file in files):
                rails["VIN"] = files
        return rails

    def watts(self, rail: str | None = None) -> float:
        """Power now, of the used rails or of the one named."""
        power = 0.0
        for name in [rail] if rail else self.used:
            millivolts, milliamperes = (int(file.read_text()) for file in self.rails[name])
            power += millivolts * milliamperes * 1e-6
        return power

    def _sample(self, period: float) -> None:
        while not self._stop.wait(period):
            self.joules()

    def joules(self) -> float:
        """Energy since this object was made (trapezoid rule between readings)."""
        with self._lock:
            now, watts = time.perf_counter(), self.watts()
            then, before = self._last
            self._joules += (now - then) * (watts + before) / 2
            self._last = (now, watts)
            return self._joules

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


class Nvml:
    """Energy of one NVIDIA GPU: the driver's counter since it was loaded (nvmlDeviceGetTotalEnergyConsumption, mJ)."""

    name = "NVML"

    def __init__(self, index: int = 0):
        try:
            import pynvml
        except ImportError:
            raise LookupError("the package nvidia-ml-py is not installed") from None
        self._nvml = pynvml
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            raise LookupError(f"NVML does not start: {error}") from None
        try:
            shown = visible(pynvml)
            if index >= len(shown):
                raise LookupError(f"CUDA shows {len(shown)} GPUs to this process (CUDA_VISIBLE_DEVICES), and none has the number {index}")
            self._gpu = pynvml.nvmlDeviceGetHandleByIndex(shown[index])
            label = pynvml.nvmlDeviceGetName(self._gpu)
            self.covers = f"GPU {index}, {label.decode() if isinstance(label, bytes) else label}, without the host"
            self.joules()
        except pynvml.NVMLError as error:
            pynvml.nvmlShutdown()
            raise LookupError(f"GPU {index} has no energy counter: {error}") from None

    def joules(self) -> float:
        return self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._gpu) / 1e3

    def close(self) -> None:
        self._nvml.nvmlShutdown()


class Rapl:
    """Energy of all x86 processor packages (kernel.org, power/powercap: energy_uj in microjoules, which starts again from
    0 after max_energy_range_uj). Zones below a package are part of it and are not added."""

    name = "RAPL"
    PATTERN = "sys/class/powercap/intel-rapl:*"

    def __init__(self, root: str | os.PathLike = "/"):
        self.zones = [zone for zone in map(Path, sorted(glob.glob(str(Path(root) / self.PATTERN)))) if self._package(zone)]
        if not self.zones:
            raise LookupError(f"no processor package at {Path(root) / self.PATTERN}")
        self._ranges = [int((zone / "max_energy_range_uj").read_text()) for zone in self.zones]
        self._last = self._read()
        self._total = 0
        self.covers = f"{len(self.zones)} processor package(s): cores, caches and integrated GPU, without the rest of the board"

    @staticmethod
    def _package(zone: Path) -> bool:
        try:
            return (zone / "name").read_text().startswith("package")
        except OSError:
            return False

    def _read(self) -> list[int]:
        return [int((zone / "energy_uj").read_text()) for zone in self.zones]

    def joules(self) -> float:
        """Energy since this object was made. Call it at least once per turn of the counter (minutes at full power)."""
        now = self._read()
        for before, after, size in zip(self._last, now, self._ranges, strict=True):
            self._total += after - before if after >= before else after - before + size
        self._last = now
        return self._total / 1e6

    def close(self) -> None:
        pass


def sensors(root: str | os.PathLike = "/") -> tuple[list, list[Missing]]:
    """(what is here, what is missing and why). The sensors run: close() each when done. NVML is asked only for the
    live machine, root "/"."""
    found, missing = [], []
    tries: list[tuple[str, Callable, str]] = [
        ("INA3221", lambda: Ina3221(root), "only a Jetson has one; there, the file must be readable by this user"),
        ("RAPL", lambda: Rapl(root), "virtual machines, containers and ARM boards have none"),
    ]
    if Path(root) == Path("/"):
        tries.insert(1, ("NVML", Nvml, "needs an NVIDIA GPU with its driver, and the package nvidia-ml-py"))
    for name, make, fix in tries:
        try:
            found.append(make())
        except LookupError as error:
            missing.append(Missing(name, str(error), fix))
        except PermissionError as error:
            grant = f"sudo chmod a+r {Path(root) / Rapl.PATTERN}/energy_uj (until the next boot)"
            why = f"{error.filename} may be read by root only"
            missing.append(Missing(name, why, grant if name == "RAPL" else "run as root, or ask for read permission"))
        except (OSError, ValueError) as error:
            missing.append(Missing(name, f"unreadable: {error}", fix))
    return found, missing
