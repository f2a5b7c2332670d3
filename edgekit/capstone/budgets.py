"""Budgets: what a model may cost on a class of devices, and the contract of its input and output, drawn for each student.

A budget follows from four words (course, student, task, device class) by a hash, so nobody has to keep a list of them. Another
student's file does not fit: its input has another name, and its classes stand in another order.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace

import numpy as np

from edgekit import paths
from edgekit.capstone.failure import SubmissionError

DIVISIONS = ("closed", "open")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True)
class DeviceClass:
    """A class of devices, and the ranges from which budgets are drawn. ``file`` is a share of the baseline's float32 weights,
    ``latency`` a share of the baseline's time on the same machine, ``memory`` bytes or a multiple of the baseline's (see ``kind``).
    ``kind``: "activations" are counted on paper, "resident" memory is measured. ``engine``: whose parser must take the file.
    ``energy``: a share of the baseline's joules for a call, which counts where a meter can be read; None where it is not asked. No meter
    could be read where these ranges were chosen: they are near the shares of latency, and not measured."""

    title: str
    batch: int
    kind: str
    accuracy: tuple[float, float]
    latency: tuple[float, float]
    file: tuple[float, float]
    memory: tuple[float, float]
    engine: str = ""
    energy: tuple[float, float] | None = None


DEVICES = {
    "microcontroller": DeviceClass(
        "Microcontroller: weights in flash, activations in RAM",
        batch=1,
        kind="activations",
        accuracy=(0.970, 0.974),
        latency=(0.50, 0.60),
        file=(0.110, 0.125),
        memory=(21_000, 26_000),
    ),
    "cpu-board": DeviceClass(
        "CPU board: one core of a single-board computer",
        batch=1,
        kind="resident",
        accuracy=(0.970, 0.974),
        latency=(0.45, 0.55),
        file=(0.110, 0.125),
        memory=(1.20, 1.40),
        energy=(0.55, 0.65),
    ),
    "gpu-box": DeviceClass(
        "GPU box or Jetson: TensorRT takes the file, pictures come in groups of 16",
        batch=16,
        kind="resident",
        accuracy=(0.970, 0.974),
        latency=(0.60, 0.70),
        file=(0.160, 0.185),
        memory=(1.20, 1.40),
        engine="tensorrt",
    ),
}


@dataclass(frozen=True)
class Task:
    """What a model is asked to do. input: how the name of the model's input begins. unit: what one input is called, in the plural. shape:
    of one input. baseline: the shipped network that every submission is compared with, in float32. devices: the classes of devices for
    which there are budgets."""

    title: str
    input: str
    unit: str
    values: str
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    baseline: str
    devices: dict[str, DeviceClass]


TASKS = {
    "digits": Task(
        "read a digit in a grey picture of 28 x 28 pixels, also in a typeface that was never trained",
        input="image",
        unit="pictures",
        values="grey values in 0..1",
        shape=(1, 28, 28),
        classes=tuple("0123456789"),
        baseline="edgecnn",
        devices=DEVICES,
    ),
    # tests/benchmarks/keyword_budget.py, AMD EPYC with two busy cores, 26 November 2026, twenty students: narrow + INT8 (23,104 bytes,
    # 0.47x) keeps everything for all of them. INT8 alone (42,088 bytes, 0.47x) misses the file, a narrow net alone (51,153 bytes, 0.69x)
    # the file and for most the latency, for every one of them. On a quiet core of the same kind narrow + INT8 took 0.53x [0.50, 0.56].
    "keyword": Task(
        "tell one of eight words in 0.768 s of sound, also where the noise is as loud as the word",
        input="audio",
        unit="recordings",
        values="samples at 4000 Hz",
        shape=(1, 3072),
        classes=("io", "oi", "au", "ua", "iai", "aia", "uou", "oao"),
        baseline="wavecnn",
        devices={
            "microcontroller": replace(
                DEVICES["microcontroller"], accuracy=(0.865, 0.875), latency=(0.62, 0.70), file=(0.205, 0.225), memory=(17_000, 19_000)
            ),
            "cpu-board": replace(
                DEVICES["cpu-board"], accuracy=(0.865, 0.875), latency=(0.62, 0.70), file=(0.205, 0.225), memory=(1.20, 1.40), energy=None
            ),
        },
    ),
}


@dataclass(frozen=True)
class Budget:
    """What a submission must keep.

    input: the name of the model's only input, float32 [N, *shape of the task]. classes: ``classes[i]`` is the number of the class that
    output i stands for; of digits, the digit. accuracy: the lower end of the 95% interval must reach it, 0..1. latency: time for a call of
    ``batch`` pictures over that of the baseline, at most. file: bytes, at most. memory: bytes of activations, or a multiple of the
    baseline's resident memory, at most. energy: joules for a call over those of the baseline, at most; None where they are not asked.
    """

    course: str
    student: str
    task: str
    device: str
    input: str
    classes: str
    accuracy: float
    latency: float
    file: int
    memory: float
    energy: float | None = None

    @property
    def of(self) -> DeviceClass:
        return self.asks.devices[self.device]

    @property
    def asks(self) -> Task:
        return TASKS[self.task]

    def to_dict(self) -> dict:
        return asdict(self)

    def lines(self) -> list[str]:
        task = self.asks
        kind = "bytes of activations" if self.of.kind == "activations" else "x the baseline's resident memory"
        energy = (
            [f"energy, where this machine has a meter: at most {self.energy:.2f}x the baseline's joules for a call"] if self.energy else []
        )
        engine = [f"TensorRT's parser takes the file ({self.of.engine})"] if self.of.engine else []
        return [
            f"input {self.input!r}: float32 [{', '.join(map(str, ('N', *task.shape)))}], {task.values}; N is free",
            (
                f"output: one logit for each class, [N, {len(task.classes)}], in the order"
                f" {' '.join(task.classes[int(c)] for c in self.classes)}"
            ),
            f"accuracy on {task.unit} that nobody has seen: lower end of the 95% interval at least {self.accuracy:.1%}",
            (
                f"latency, {self.of.batch} at a time, one thread: at most {self.latency:.2f}x the baseline's ({task.baseline}, float32,"
                " same machine)"
            ),
            f"file: at most {self.file:,} bytes",
            f"memory: at most {self.memory:,.{0 if self.memory > 100 else 2}f} {kind}",
            *energy,
            *engine,
        ]

    def __str__(self) -> str:
        head = f"{self.student}, {self.task} on {self.device} ({self.of.title}), course {self.course!r}"
        return "\n".join([head, *(f"  {line}" for line in self.lines())])


def draw(student: str, device: str, task: str = "digits", course: str = "open") -> Budget:
    """The budget of one student: the same four words always give the same one.

    Raises:
        SubmissionError: for a device class or task that there is not, or a name that is none.
    """
    for what, value, known in (("device class", device, DEVICES), ("task", task, TASKS)):
        if value not in known:
            raise SubmissionError(f"there is no {what} {value!r}. Fix: use one of {', '.join(known)}.")
    if device not in TASKS[task].devices:
        raise SubmissionError(f"there are no budgets of {task!r} for {device!r}. Fix: use one of {', '.join(TASKS[task].devices)}.")
    for what, value in (("student", student), ("course", course)):
        if not isinstance(value, str) or not NAME.fullmatch(value):
            raise SubmissionError(f"{what} {str(value)[:70]!r}: up to 64 letters, digits and . _ @ - are allowed. Fix: use your login.")
    digest = hashlib.sha256("\0".join((course, student, task, device)).encode()).digest()
    rng, of = np.random.default_rng(list(digest)), TASKS[task].devices[device]
    among = lambda limits: float(rng.uniform(*limits))
    memory = among(of.memory)
    return Budget(
        course,
        student,
        task,
        device,
        input=f"{TASKS[task].input}_{digest[:3].hex()}",
        classes="".join(map(str, rng.permutation(len(TASKS[task].classes)))),
        accuracy=round(among(of.accuracy), 3),
        latency=round(among(of.latency), 2),
        file=round(among(of.file) * baseline_bytes(task) / 1000) * 1000,
        memory=round(memory, -2) if of.kind == "activations" else round(memory, 2),
        energy=round(among(of.energy), 2) if of.energy else None,
    )


def baseline_bytes(task: str) -> int:
    """Of the baseline's float32 weights, from what is recorded about its checkpoint."""
    return 4 * json.loads((paths.data() / "checkpoints" / f"{TASKS[task].baseline}.json").read_text())["parameters"]
