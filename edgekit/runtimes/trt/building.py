"""A network to an engine: profiles, settings, progress, and a result that can be saved with its header."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from edgekit.formatting import ShownAsText
from edgekit.graphs.reading import model_sha256
from edgekit.graphs.signatures import with_batch
from edgekit.runtimes.base import RunnerError
from edgekit.runtimes.trt import versions
from edgekit.runtimes.trt.buildlog import EngineLayer, Log, collecting
from edgekit.runtimes.trt.header import Header, asked, made_here
from edgekit.runtimes.trt.parsing import Parsed, parse
from edgekit.runtimes.trt.profiles import OptimizationProfile, Shape
from edgekit.runtimes.trt.progress import watch


@dataclass
class Built(ShownAsText):
    """An engine, not yet on disk: its bytes, the header that belongs to it, the log, and how long it took."""

    data: bytes
    header: Header
    log: Log
    seconds: float
    network_layers: int

    @property
    def layers(self) -> list[EngineLayer]:
        """The engine's layers as the build log lists them; the inspector says the same on a machine that can load the engine."""
        return self.log.layers()

    def save(self, path) -> Path:
        """Write the plan in one step, and its header beside it (PATH.json)."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            file.write(self.data)
        os.replace(file.name, path)
        self.header.write(path)
        return path

    def lines(self) -> list[str]:
        h, weights, scratch = self.header, self.log.bytes_of("Weights"), self.log.bytes_of("Activation")
        where = f"ahead of time, for {', '.join(h.targets) or 'the default GPUs'}" if not h.gpu or h.targets else f"for {h.gpu}"
        computing = sum(one.computes for one in self.layers)
        lines = [
            f"{h.model} ({h.precision}) built by {h.api} {h.tensorrt} in {self.seconds:.2f} s, {where}",
            f"{len(self.data):,} bytes" + (f", of them {weights:,} weights" if weights is not None else ""),
            f"{self.network_layers} layers in the network" + (f", {computing} that compute in the engine" if computing else ""),
        ]
        if scratch is not None:
            lines.append(f"{scratch:,} bytes of activations at the profile's maximum")
        for name, shapes in h.profile.items():
            lines.append(f"profile of '{name}': " + ", ".join(f"{k} {s}" for k, s in zip(("min", "opt", "max"), shapes, strict=True)))
        return lines + [f"warning: {text}" for text in self.log.warnings()]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def build(
    model,
    *,
    api: str | None = None,
    batches: tuple[int, int, int] | None = None,
    shapes: dict[str, tuple[Shape, Shape, Shape]] | None = None,
    targets=None,
    workspace: int | None = None,
    level: int | None = None,
    sparse: bool = False,
    tf32: bool = True,
    version_compatible: bool = False,
    hardware_compatible: str | None = None,
    timing_cache=None,
    progress: bool = False,
) -> Built:
    """Build an engine from an ONNX file (or from what parse() returned).

    batches: (min, opt, max) batch where only the batch is dynamic; shapes: the same as whole shapes, {input: (min, opt, max)}. A model with
    dynamic dimensions needs one of them. api: "tensorrt" or "tensorrt_rtx" (see api()). targets: compute capabilities such as
    ["8.6", "8.9"] to build for ahead of time, tensorrt_rtx only; default its own choice. workspace: bytes a layer may use as
    scratch. level: builder optimization level 0 to 5. sparse: use 2:4 sparse kernels where weights are. tf32=False: float32 stays
    float32 on the tensor cores too. version_compatible: also loads in newer versions of the same major. hardware_compatible: "ampere+" or
    "same" (compute capability); not in tensorrt_rtx. timing_cache: a file that is read if there and written; needs a GPU, nothing in
    tensorrt_rtx. progress: a bar (Ctrl-C, or the notebook's stop button, ends the build: KeyboardInterrupt).

    Raises ParseError, RunnerError with TensorRT's own words and a fix where one is known.
    """
    parsed = model if isinstance(model, Parsed) else parse(model, api=api)
    trt = parsed.module
    collecting(trt, parsed.log)
    profile = _profile(parsed, batches, shapes)
    switches = {"workspace": workspace, "level": level, "sparse": sparse, "tf32": tf32}
    switches |= {"version_compatible": version_compatible, "hardware_compatible": hardware_compatible}
    config = _config(parsed, switches)
    _set_before_10(parsed, config)
    _set_profile(parsed, config, profile)
    chosen = _set_targets(trt, config, targets)
    cache = _load_cache(trt, config, timing_cache, parsed.log)
    data, seconds = _serialize(parsed, config, progress)
    if cache is not None:
        Path(timing_cache).write_bytes(bytes(config.get_timing_cache().serialize()))
    header = Header(
        plan_sha256=hashlib.sha256(data).hexdigest(),
        plan_bytes=len(data),
        model=Path(parsed.path).name,
        model_sha256=model_sha256(parsed.path),
        precision=parsed.precision,
        targets=chosen,
        profile={name: [list(s) for s in rows] for name, rows in profile.shapes.items()},
        version_compatible=version_compatible,
        hardware_compatible=hardware_compatible,
        settings=asked({**switches, "batches": batches, "shapes": shapes, "targets": targets}),
        **made_here(trt),
    )
    return Built(data, header, parsed.log, seconds, parsed.layers)


def _config(parsed: Parsed, switches: dict):
    """A builder configuration with ``switches``, which are those arguments of `build` that say how, and not for what sizes."""
    trt, config = parsed.module, parsed.builder.create_builder_config()
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    if switches["workspace"] is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, switches["workspace"])
    if switches["level"] is not None:
        if switches["level"] not in range(6):
            raise RunnerError(f"level={switches['level']!r}: the builder optimization level is 0 to 5.")
        config.builder_optimization_level = switches["level"]
    if switches["sparse"]:
        config.set_flag(trt.BuilderFlag.SPARSE_WEIGHTS)
    if switches["version_compatible"]:
        config.set_flag(trt.BuilderFlag.VERSION_COMPATIBLE)
    if not switches["tf32"]:
        config.clear_flag(trt.BuilderFlag.TF32)
    _set_hardware(trt, config, switches["hardware_compatible"])
    return config


def _profile(parsed: Parsed, batches, shapes) -> OptimizationProfile:
    inputs = parsed.inputs
    if shapes is not None:
        return OptimizationProfile({n: tuple(tuple(s) for s in rows) for n, rows in shapes.items()}).check(inputs)
    dynamic = {n: s for n, s in inputs.items() if any(isinstance(d, str) for d in s.shape)}
    if dynamic and batches is None:
        left = with_batch({name: spec.shape for name, spec in inputs.items()}, 1)
        more = any(isinstance(d, str) for shape in left.values() for d in shape)
        fix = "shapes={input: (min, opt, max)} with whole shapes" if more else "batches=(min, opt, max)"
        raise RunnerError(
            f"{parsed.path}: {', '.join(f'{n} {s}' for n, s in dynamic.items())} is dynamic, and an engine is built for a range. Fix:"
            f" {fix}."
        )
    return OptimizationProfile.of_batches(inputs, batches or (1, 1, 1)).check(inputs)


def _set_profile(parsed: Parsed, config, profile: OptimizationProfile) -> None:
    added = parsed.builder.create_optimization_profile()
    for name, (low, best, high) in profile.shapes.items():
        added.set_shape(name, low, best, high)
    if config.add_optimization_profile(added) < 0:
        raise RunnerError(f"TensorRT refuses the profile {profile.shapes}: {parsed.log.said()}")


def _set_before_10(parsed: Parsed, config) -> None:
    """What TensorRT 8.6 must be told, and later ones do by themselves.

    Its networks are not strongly typed: the precision that stands in the model must be allowed as well. And a second execution context
    finds no free profile unless contexts may share one: seen on an H200 with 8.6.0, its first run failed with "Assertion
    mOptimizationProfile >= 0".
    """
    trt = parsed.module
    if versions.features(trt).strongly_typed:
        return
    if versions.features(trt).profile_sharing:
        config.set_preview_feature(trt.PreviewFeature.PROFILE_SHARING_0806, True)
    if versions.features(trt).precision_flags:
        if parsed.precision.startswith("int8"):
            config.set_flag(trt.BuilderFlag.INT8)
        if parsed.holds("float16"):
            config.set_flag(trt.BuilderFlag.FP16)


def _set_targets(trt, config, wanted) -> list[str]:
    if wanted is None:
        return []
    known = versions.targets(trt)
    wanted = [str(w) for w in ([wanted] if isinstance(wanted, (str, float)) else wanted)]
    if not known:
        raise RunnerError(f"{trt.__name__} builds for the GPU of this machine only, not for {', '.join(wanted)}. Fix: api='tensorrt_rtx'.")
    unknown = [w for w in wanted if w not in known]
    if unknown or not wanted:
        raise RunnerError(
            f"{', '.join(unknown) or 'nothing'} is not among the compute capabilities that {trt.__name__} {trt.__version__} builds for: "
            f"{', '.join(known)}."
        )
    if versions.features(trt).targets:
        config.num_compute_capabilities = len(wanted)
        for i, name in enumerate(wanted):
            config.set_compute_capability(known[name], i)
    return wanted


def _set_hardware(trt, config, level: str | None) -> None:
    if level is None:
        return
    if versions.is_rtx(trt):
        raise RunnerError("tensorrt_rtx has no hardware compatibility levels. Fix: targets=[...] names the GPUs instead.")
    if level == "ampere+":
        config.hardware_compatibility_level = trt.HardwareCompatibilityLevel.AMPERE_PLUS
    elif level == "same" and versions.features(trt).same_capability:
        config.hardware_compatibility_level = trt.HardwareCompatibilityLevel.SAME_COMPUTE_CAPABILITY
    else:
        raise RunnerError(f"hardware_compatible={level!r} is not in TensorRT {trt.__version__}. Fix: 'ampere+'.")


def _load_cache(trt, config, path, log: Log):
    """A timing cache where it does something: TensorRT-RTX tunes on the device that runs the engine, and has none."""
    if path is None:
        return None
    if versions.is_rtx(trt) or versions.gpu() is None:
        log.lines.append(("WARNING", "timing_cache is not used: it needs TensorRT (not RTX) and a GPU to time on"))
        return None
    path = Path(path)
    cache = config.create_timing_cache(path.read_bytes() if path.is_file() else b"")
    if not config.set_timing_cache(cache, False):
        log.lines.append(("WARNING", f"{path} is of another TensorRT or GPU: timed anew, and written anew"))
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, False)
    return cache


def _serialize(parsed: Parsed, config, progress: bool) -> tuple[bytes, float]:
    start = time.perf_counter()
    with watch(parsed.module, config, show=progress) as stopped:
        plan = parsed.builder.build_serialized_network(parsed.network, config)
    if stopped():
        raise KeyboardInterrupt("the build was stopped")
    if plan is None:
        raise RunnerError(_failed(parsed))
    return bytes(plan), time.perf_counter() - start


# (words in the log, fix); the first that fits counts.
_FIXES = [
    ("no optimization profile", "batches=(min, opt, max)"),
    ("workspace limit|insufficient workspace|insufficient memory", "a larger workspace=, or none"),
    ("libnvinfer_lean", "version_compatible=False: this package comes without the lean runtime that such an engine carries"),
    ("for Turing|SM75", "leave 7.5 out of targets, or give it an FP16 model"),
    ("[Oo]ut of memory|OutOfMemory", "a smaller max batch, a smaller workspace=, or a larger GPU"),
    ("cudaError 35|driver version is insufficient", "install the NVIDIA driver, or build ahead of time with api='tensorrt_rtx'"),
]


def _failed(parsed: Parsed) -> str:
    said = parsed.log.said()
    fix = next((f" Fix: {fix}." for words, fix in _FIXES if re.search(words, said)), "")
    return f"{parsed.path}: {parsed.module.__name__} {parsed.module.__version__} built no engine: {said}.{fix}"
