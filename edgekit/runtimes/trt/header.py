"""The header that stands beside every engine file of ours: what it was built from, by what and for what.

TensorRT trusts the bytes it deserializes. A plan of another version, for another GPU, cut short or altered can stop the process, and one
made from a model that has changed since runs and is wrong. So nothing is deserialized before its header has been compared.
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path

from edgekit.files import sha256, write_whole
from edgekit.graphs.reading import model_sha256
from edgekit.runtimes.base import RunnerError
from edgekit.runtimes.trt import versions
from edgekit.runtimes.trt.profiles import OptimizationProfile

FORMAT = 1


@dataclass
class Header:
    """Facts about one engine file. Shapes in the profile: {input: [min, opt, max]}; sizes in bytes."""

    plan_sha256: str
    plan_bytes: int
    model: str  # file name
    model_sha256: str
    precision: str
    api: str  # "tensorrt" or "tensorrt_rtx"
    tensorrt: str  # its version
    platform: str  # "Linux-x86_64": a plan does not move between operating systems or processors
    gpu: str | None  # None: built ahead of time, without one
    capability: str | None
    driver: str | None
    targets: list[str]  # compute capabilities of an ahead-of-time build; [] is the builder's default
    profile: dict[str, list[list[int]]]
    version_compatible: bool = False
    hardware_compatible: str | None = None
    settings: dict = field(default_factory=dict)
    edgekit: str = ""
    date: str = ""
    format: int = FORMAT

    def write(self, plan) -> Path:
        """Write PLAN.json beside the plan."""
        path = header_path(plan)
        write_whole(path, json.dumps(asdict(self), indent=1) + "\n")
        return path

    @classmethod
    def read(cls, plan) -> Header:
        """The header of a plan. RunnerError if it is missing or not one of ours."""
        path = header_path(plan)
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RunnerError(
                f"{plan} has no header ({path.name} is missing), so nobody knows what it was built from and for. "
                "Fix: build it again with edgekit, or copy both files."
            ) from None
        except ValueError:
            raise RunnerError(f"{path} is not valid JSON: cut short or altered. Fix: build the engine again.") from None
        needed = {f.name for f in fields(cls)}
        missing = needed - set(found) if isinstance(found, dict) else needed
        if missing:
            raise RunnerError(f"{path} lacks {', '.join(sorted(missing))}. Fix: build the engine again.")
        if found["format"] != FORMAT:
            raise RunnerError(f"{path} has format {found['format']}, this edgekit reads {FORMAT}. Fix: build again.")
        return cls(**{name: found[name] for name in needed})

    def covers(self, shapes: dict[str, tuple[int, ...]]) -> list[str]:
        """Why these input shapes do not fit the profile; [] if they do."""
        return OptimizationProfile({k: tuple(map(tuple, v)) for k, v in self.profile.items()}).refuses(shapes)


def header_path(plan) -> Path:
    return Path(f"{plan}.json")


def asked(options: dict) -> dict:
    """The options of a build as they stand in a header; without those that change nothing in the engine."""
    plain = {name: value for name, value in options.items() if name not in ("progress", "timing_cache", "api")}
    return json.loads(json.dumps(plain, default=str))


def here(api: str | None = None) -> dict:
    """What a header is compared with: api, tensorrt, platform, gpu, capability, driver of this machine."""
    module, card = versions.api(api), versions.gpu()
    return {
        "api": module.__name__,
        "tensorrt": module.__version__,
        "platform": f"{platform.system()}-{platform.machine()}",
        "gpu": card.name if card else None,
        "capability": card.capability if card else None,
        "driver": card.driver if card else None,
    }


def made_here(module) -> dict:
    """The part of a header that tells about this machine, now."""
    from importlib import metadata

    return here(module.__name__) | {"edgekit": metadata.version("edgekit"), "date": datetime.now().isoformat(timespec="seconds")}


def refusals(plan, *, model=None, machine: dict | None = None) -> list[str]:
    """Why this engine file must not be deserialized here; [] if nothing speaks against it. Needs no GPU and no TensorRT object.

    model: the ONNX file it should have been built from. machine: what here() returns, default this machine with the TensorRT
    that the header names.
    """
    plan = Path(plan)
    if not plan.is_file():
        return [f"{plan}: no such file"]
    try:
        header = Header.read(plan)
        machine = machine or here(header.api)
    except RunnerError as error:
        return [str(error).rstrip(".")]
    return [*_file(plan, header), *_builder(header, machine), *_hardware(header, machine), *_source(header, model)]


def _file(plan: Path, header: Header) -> list[str]:
    size = plan.stat().st_size
    if size != header.plan_bytes:
        what = "cut short" if size < header.plan_bytes else "too long"
        return [f"{what}: {size:,} bytes, {header.plan_bytes:,} were written"]
    if (found := sha256(plan)) != header.plan_sha256:
        return [f"altered: its SHA-256 is {found[:12]}..., {header.plan_sha256[:12]}... was written"]
    return []


def _builder(header: Header, machine: dict) -> list[str]:
    if header.api != machine["api"]:
        return [f"built by {header.api}, here is {machine['api']}: their engines do not exchange"]
    reasons = []
    if header.platform != machine["platform"]:
        reasons.append(f"built on {header.platform}, here is {machine['platform']}: a plan does not move between them")
    built, runs = _numbers(header.tensorrt), _numbers(machine["tensorrt"])
    if built != runs and not (header.version_compatible and built[0] == runs[0] and built <= runs):
        how = (
            "version compatible means: the same major version, and not an older one"
            if header.version_compatible
            else "an engine runs with the very version that built it, unless it was built version compatible"
        )
        reasons.append(f"built by {header.api} {header.tensorrt}, here is {machine['tensorrt']}: {how}")
    return reasons


def _hardware(header: Header, machine: dict) -> list[str]:
    mine = machine["capability"]
    if mine is None:
        return []  # without a GPU there is nothing to compare; deserializing says the rest
    if header.targets:
        if mine in header.targets:
            return []
        return [f"built for compute capability {', '.join(header.targets)}, this GPU has {mine} ({machine['gpu']})"]
    rtx = header.api == "tensorrt_rtx"  # without targets it builds for every GPU from Ampere on
    if header.capability == mine or (rtx or header.hardware_compatible == "ampere+") and float(mine) >= 8.0:
        return []
    if header.capability is None:
        return [f"built for GPUs from compute capability 8.0 on, this one has {mine} ({machine['gpu']})"] if rtx else []
    return [f"built on a GPU of compute capability {header.capability} ({header.gpu}), this one has {mine} ({machine['gpu']})"]


def _source(header: Header, model) -> list[str]:
    if model is None:
        return []
    path = Path(model)
    if not path.is_file():
        return [f"{path}, which it should have been built from, is missing"]
    if model_sha256(path) != header.model_sha256:
        return [f"stale: {path.name} is not the {header.model} that it was built from ({header.date})"]
    return []


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
