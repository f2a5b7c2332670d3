"""The doctor: what this machine can do for the course, what is missing, what that means, and the command that fixes it.

    >>> from edgekit.course import doctor
    >>> doctor.examine()          # in a notebook a table, in a terminal text

Not having a GPU is not a problem. Problems are things that make a lab fail; hints cost speed or honesty of a measurement.
"""

from __future__ import annotations

import html
import json
import re
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from edgekit import device as devices
from edgekit import paths, processes
from edgekit.course.doctor import lab_imports, machine, packages
from edgekit.course.doctor.findings import HINT, INFO, PROBLEM, Finding
from edgekit.device import Device
from edgekit.formatting import Html, table

__all__ = ["HINT", "INFO", "PROBLEM", "Diagnosis", "Finding", "examine"]

ESSENTIAL = ("pytorch", "onnxruntime", "onnxruntime:CPUExecutionProvider")  # without them no lab runs
MEASURES_INT8 = ("torch", "onnx", "onnxruntime")  # what doctor.int8 needs
SPLITS = ("train", "val", "test", "real")
SIGNS = {PROBLEM: ("✗", "red"), HINT: ("!", "yellow"), INFO: ("·", "cyan")}


@dataclass(frozen=True)
class Diagnosis:
    """The result of an examination."""

    device: Device
    versions: dict[str, str | None]
    runtimes: dict[str, tuple[bool, str, str]]  # name -> works, what was found out, what to do
    findings: tuple[Finding, ...] = field(default=())
    labs: dict[str, str] = field(default_factory=dict)  # lab -> "" or the imports that fail; {} if they were not tried

    @property
    def problems(self) -> list[Finding]:
        """What makes a lab fail."""
        return [finding for finding in self.findings if finding.severity == PROBLEM]

    @property
    def hints(self) -> list[Finding]:
        """What works, but less well than it could."""
        return [finding for finding in self.findings if finding.severity == HINT]

    @property
    def ok(self) -> bool:
        """True if there is no problem."""
        return not self.problems

    @property
    def exit_status(self) -> int:
        """For the command line: 1 if there are problems, else 0."""
        return 0 if self.ok else 1

    @property
    def summary(self) -> str:
        """One sentence."""
        problems, hints = len(self.problems), len(self.hints)
        if problems:
            return f"{problems} problem{'s' * (problems > 1)} to fix, {hints} hint{'s' * (hints != 1)}."
        ready = "Ready for every lab" if self.labs else "No problem found; the labs' imports were not tried"
        return ready + (f", {hints} hint{'s' * (hints > 1)}." if hints else ".")

    def to_dict(self) -> dict:
        """Plain data for JSON."""
        return {
            "ok": self.ok,
            "summary": self.summary,
            "device": self.device.to_dict(),
            "versions": self.versions,
            "runtimes": {n: {"ok": ok, "detail": detail, "fix": fix} for n, (ok, detail, fix) in self.runtimes.items()},
            "labs": self.labs,
            "findings": [asdict(finding) for finding in self.findings],
        }

    def to_json(self) -> str:
        """`to_dict()` as indented JSON."""
        return json.dumps(self.to_dict(), indent=2)

    def _engines(self) -> list[tuple[str, str]]:
        """Each engine and what was found out. One that needs a GPU to run builds without one."""
        verb = lambda name: "builds" if not self.device.gpus and _for_gpus(name) else "runs"
        return [(name, f"{verb(name) if ok else 'does not run'}: {detail}") for name, (ok, detail, _) in self.runtimes.items()]

    def render(self, console) -> None:
        """Print to a rich console."""
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        def table(title: str, rows: list[tuple[str, str]]) -> Table:
            grid = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False, pad_edge=False)
            grid.add_column(style="cyan", no_wrap=True)
            grid.add_column(overflow="fold")
            for label, text in rows:
                grid.add_row(Text(label), Text(text))
            return grid

        console.print(table("Device", self.device.rows()), "")
        console.print(table("Packages", [(name, version or "-") for name, version in self.versions.items()]), "")
        if self.runtimes:
            console.print(table("Runtimes, found out by running a session", self._engines()), "")
        if self.labs:
            console.print(table("Labs, their imports tried", [("labs", _ready(self.labs))]), "")
        for finding in self.findings:
            sign, colour = SIGNS[finding.severity]
            console.print(Text(f"{sign} {finding.severity}: {finding.title}", style=f"bold {colour}"))
            console.print(Padding(Text(f"{finding.meaning} Concerns: {finding.topics}."), (0, 0, 0, 2)))
            if finding.fix:
                # soft_wrap: a command that is broken into lines cannot be copied.
                console.print(Text(f"  fix: {finding.fix}", style="green"), soft_wrap=True)
        console.print(Text(self.summary, style="bold red" if self.problems else "bold green"))

    def __str__(self) -> str:
        lines = [str(self.device), ""]
        lines += ["packages: " + ", ".join(f"{name} {version}" for name, version in self.versions.items() if version)]
        lines += [f"{name}: {text}" for name, text in self._engines()]
        lines += [_ready(self.labs)] if self.labs else []
        for finding in self.findings:
            lines += ["", f"{SIGNS[finding.severity][0]} {finding.severity}: {finding.title}"]
            lines += [f"  {finding.meaning} Concerns: {finding.topics}."]
            lines += [f"  fix: {finding.fix}"] if finding.fix else []
        return "\n".join([*lines, "", self.summary])

    def _repr_html_(self) -> str:
        e, engines = html.escape, self._engines()
        rows = []
        for one in self.findings:
            fix = f"<br><code>{e(one.fix)}</code>" if one.fix else ""
            rows.append((one.severity, Html(f"<b>{e(one.title)}</b><br>{e(one.meaning)} Concerns: {e(one.topics)}.{fix}")))
        tried = table([], engines, caption="Runtimes, found out by running a session") if engines else ""
        return f"<p><b>{e(self.summary)}</b></p>{table([], rows)}{self.device._repr_html_()}{tried}"


def examine(
    root: str | Path = "/", *, site: list[str] | None = None, python: tuple[int, int] = sys.version_info[:2], full: bool = False
) -> Diagnosis:
    """Examine this machine, or a recorded one.

    root: "/" or a recorded tree; of a recorded tree only the hardware and the packages in `site` are judged.
    site: folders with installed packages (their .dist-info), None for those of this Python.
    python: the version of the interpreter that `site` belongs to.
    full: also try torch.compile, which calls the C++ compiler and takes longest.
    """
    device = devices.describe(root)
    findings, versions = list(machine.examine(device)), {}
    if site is not None or not device.recorded:
        installed = packages.Site(site)
        findings += packages.examine(device, installed, python)
        versions = installed.versions()
    engines: dict[str, tuple[bool, str, str]] = {}
    labs: dict[str, str] = {}
    if not device.recorded and site is None:
        absent = packages.absent(device, installed)
        engines, troubles = _runtimes(device, full, absent)
        labs, stopped = _labs(device, absent)
        findings += [*troubles, *stopped, *_data(), *_kernel(), *_work_folder()]
        findings += _int8() if absent.isdisjoint(MEASURES_INT8) else []
    order = [PROBLEM, HINT, INFO]
    findings.sort(key=lambda finding: order.index(finding.severity))
    return Diagnosis(device, versions, engines, tuple(findings), labs)


def _runtimes(device: Device, full: bool = False, absent: set[str] = frozenset()) -> tuple[dict[str, tuple[bool, str, str]], list[Finding]]:
    """What `runtimes.available()` found out by running a session, and a finding for each engine that should run here.

    absent: modules that a finding names already.
    """
    try:
        from edgekit import runtimes

        found = runtimes.available(quick=not full)
    except Exception as error:  # whatever it is, the doctor has to survive it and say so
        reason = f"{type(error).__name__}: {error}"
        fix = packages.install(device)
        return {}, [Finding(PROBLEM, f"the engines cannot be examined: {reason}", "No model can be run.", "all", fix, "runtimes")]
    engines = {name: (bool(a.ok), a.detail or "", a.fix or "") for name, a in found.items()}
    return engines, [
        _trouble(device, name, detail, fix)
        for name, (ok, detail, fix) in engines.items()
        # Without a GPU it is no news that these do not run: the finding about the GPU says what happens instead.
        if not ok
        and (device.gpus or not _needs_gpu(name))
        and not (detail == "not installed" and _expected(device, name, runtimes.ENGINES, absent))
    ]


def _expected(device: Device, name: str, engines: dict, absent: set[str]) -> bool:
    """Whether it is no news that this engine is not installed: one of the extras, told already, or (TensorRT-RTX) not made for the
    board."""
    base = name.partition(":")[0]
    package = engines[base].package if base in engines else ""
    return bool(base in engines and engines[base].extra) or package in absent or (bool(device.jetson) and base == "tensorrt_rtx")


def _ready(labs: dict[str, str]) -> str:
    """How many labs can import all, and which import stops which: a notebook stops at its first one that fails."""
    stopped: dict[str, list[str]] = {}
    for slug, failed in labs.items():
        if failed:
            stopped.setdefault(failed.split("; ")[0], []).append(slug)
    good = len(labs) - sum(map(len, stopped.values()))
    bad = [f"`{statement}` stops {', '.join(slugs)}" for statement, slugs in stopped.items()]
    return "; ".join([f"{good} of {len(labs)} labs can import all that they need", *bad])


def _labs(device: Device, absent: set[str] = frozenset()) -> tuple[dict[str, str], list[Finding]]:
    """Every import of every lab's notebook, tried: lab -> those that fail, and a finding for each package behind them.

    absent: modules that a finding names already.
    """
    from edgekit.course import catalog

    try:
        wanted = {lab.slug: lab_imports.statements(lab.notebook) for lab in catalog.labs()}
    except (catalog.CourseError, OSError, ValueError, KeyError) as error:
        title = f"the labs cannot be read: {error}"
        return {}, [Finding(PROBLEM, title, "No lab can be opened.", "all", "unpack the course again", "labs")]
    failed = lab_imports.failures([text for texts in wanted.values() for text in texts])
    labs = {slug: "; ".join(text for text in texts if text in failed) for slug, texts in wanted.items()}
    by_package: dict[str, list[str]] = {}
    for text, why in failed.items():
        lacking = re.search(r"No module named '([^'.]+)", why)
        if not (lacking and lacking.group(1) in absent):
            by_package.setdefault(lacking.group(1) if lacking else text.split()[1].split(".")[0], []).append(text)
    return labs, [
        Finding(
            PROBLEM,
            f"`{texts[0]}` fails: {failed[texts[0]]}",
            f"These labs stop there: {', '.join(slug for slug, own in wanted.items() if set(texts) & set(own))}.",
            "all",
            packages.import_fix(device, failed[texts[0]]),
            f"lab-import-{package}",
        )
        for package, texts in by_package.items()
    ]


def _work_folder() -> list[Finding]:
    """Whether the labs can write their models: tried, because a file system can be read-only whatever the mode says."""
    try:
        with tempfile.TemporaryFile(dir=paths.work()) as file:
            file.write(b"x")
    except OSError as error:
        return [
            Finding(
                PROBLEM,
                f"the work folder cannot be written: {error}",
                "Every lab writes its models and your ledger there.",
                "all",
                "export EDGEKIT_WORK=$HOME/edgekit-work   (any folder that you may write to)",
                "work-folder",
            )
        ]
    return []


def _int8() -> list[Finding]:
    """Whether INT8 is faster here, measured in a process of its own."""
    try:
        found = processes.ask("-m", "edgekit.course.doctor.int8", timeout=120)
    except processes.NoAnswer as error:
        title = f"INT8 could not be measured: it {error}"
        return [Finding(INFO, title, "Lab 05b measures it.", "quantization", key="int8-unknown")]
    return [
        Finding(
            INFO,
            f"INT8 here, measured just now: {found['text']}",
            "EdgeCNN, batch 1, one thread, ONNX Runtime on the CPU. Another model can come out otherwise: lab 05b measures more.",
            "quantization",
            key="int8",
        )
    ]


def _for_gpus(name: str) -> bool:
    """Whether this engine, or this provider of it, runs on a GPU only."""
    from edgekit.runtimes.engines import ENGINES

    engine, _, provider = name.partition(":")
    return ENGINES[engine].needs_gpu(provider)


def _needs_gpu(name: str) -> bool:
    """Whether it cannot be tried without one. An engine that only builds can."""
    from edgekit.runtimes.engines import ENGINES

    return ENGINES[name.partition(":")[0]].loads and _for_gpus(name)


def _trouble(device: Device, name: str, detail: str, fix: str) -> Finding:
    if device.jetson and ".so" in detail:
        fix = packages.import_fix(device, detail)
    elif device.jetson and _needs_gpu(name):
        fix = ""  # a general wheel would hide the board's own build; the findings about the board say what to do
    if name in ESSENTIAL:
        return Finding(PROBLEM, f"{name} does not run: {detail}", "No lab runs without it.", "all", fix, f"runtime-{name}")
    return Finding(
        HINT if device.gpus and _needs_gpu(name) else INFO,
        f"{name} does not run: {detail.rstrip('.')}",
        "Labs that use it say so and go on without it.",
        "TensorRT" if "tensorrt" in name.lower() else "ONNX Runtime" if "onnx" in name else "training",
        fix or None,
        f"runtime-{name}",
    )


def _data() -> list[Finding]:
    """The shipped data set, read once in full: `data.load` compares the files with their checksums."""
    for split in SPLITS:
        try:
            from edgekit.zoo import data

            data.load("digits", split)
        except Exception as error:
            return [
                Finding(
                    PROBLEM,
                    f"the shipped data set cannot be read: {error}",
                    "Every lab trains or tests on it.",
                    "all",
                    "git checkout -- data   (or unpack the course again)",
                    "data",
                )
            ]
    return []


def _kernel() -> list[Finding]:
    """The kernel that notebooks start: there, and this Python."""
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError:
        return []  # the missing package is a finding already
    try:
        program = Path(KernelSpecManager().get_kernel_spec("python3").argv[0])
    except NoSuchKernel:
        title = "there is no Jupyter kernel named python3"
    else:
        # A bare "python" is replaced by the running interpreter when the kernel starts.
        if not program.is_absolute() or program.parent == Path(sys.executable).parent:
            return []
        title = f"the Jupyter kernel python3 is another Python: {program}"
    return [
        Finding(
            PROBLEM,
            title,
            "Notebooks would not see the course's packages.",
            "all",
            f"{sys.executable} -m ipykernel install --sys-prefix --name python3",
            "kernel",
        )
    ]
