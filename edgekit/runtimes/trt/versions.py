"""Which TensorRT is here, and what differs between them: the one place for both.

Code that names something which a version lacks stands under ``if features(trt).<name>``; tests/test_trt_contract.py holds the
package and the labs to that, against the real bindings of every version.
"""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass, fields

from edgekit.formatting import one_line
from edgekit.runtimes.base import RunnerError

APIS = ("tensorrt", "tensorrt_rtx")

# Feature -> the names it stands for, as seen from the module.
FEATURES: dict[str, tuple[str, ...]] = {
    # The precision stands in the model alone; since 10.0.
    "strongly_typed": ("NetworkDefinitionCreationFlag.STRONGLY_TYPED",),
    # The builder is told which precisions it may use; until 10.x, gone in 11.
    "precision_flags": ("NetworkDefinitionCreationFlag.EXPLICIT_BATCH", "BuilderFlag.FP16", "BuilderFlag.INT8"),
    # More execution contexts than one on a profile must be asked for; 10.0 lets them.
    "profile_sharing": ("PreviewFeature.PROFILE_SHARING_0806",),
    # A build that says how far it is, and can be stopped; since 10.0.
    "progress": (
        "IProgressMonitor",
        "IProgressMonitor.phase_start",
        "IProgressMonitor.phase_finish",
        "IProgressMonitor.step_complete",
        "IBuilderConfig.progress_monitor",
    ),
    # An error of the parser that names its node; before, it gives the node's place in the graph.
    "node_names": ("ParserError.node_name", "ParserError.node_operator"),
    # TensorRT-RTX builds for GPUs that are not there; TensorRT for the GPU it runs on.
    "targets": ("ComputeCapability", "IBuilderConfig.num_compute_capabilities", "IBuilderConfig.set_compute_capability"),
    # An engine for all GPUs of the same compute capability, not only for this model; since 10.8.
    "same_capability": ("HardwareCompatibilityLevel.SAME_COMPUTE_CAPABILITY",),
    # How a context compiles kernels for new shapes and captures graphs: TensorRT-RTX.
    "runtime_config": (
        "ICudaEngine.create_runtime_config",
        "IRuntimeConfig.cuda_graph_strategy",
        "IRuntimeConfig.dynamic_shapes_kernel_specialization_strategy",
        "CudaGraphStrategy",
        "CudaGraphStrategy.WHOLE_GRAPH_CAPTURE",
        "DynamicShapesKernelSpecializationStrategy",
        "DynamicShapesKernelSpecializationStrategy.EAGER",
    ),
}


@dataclass(frozen=True)
class Features:
    """What this TensorRT can do, found out by looking for the names."""

    strongly_typed: bool
    precision_flags: bool
    profile_sharing: bool
    progress: bool
    node_names: bool
    targets: bool
    same_capability: bool
    runtime_config: bool


def features(module) -> Features:
    """The feature tests, on a module of bindings."""
    return Features(**{f.name: all(has(module, path) for path in FEATURES[f.name]) for f in fields(Features)})


def has(owner, path: str) -> bool:
    """Whether "Class.member" is there, seen from the module ``owner``."""
    for name in path.split("."):
        if not hasattr(owner, name):
            return False
        owner = getattr(owner, name)
    return True


def api(name: str | None = None):
    """The module ``tensorrt`` or ``tensorrt_rtx``.

    name: None takes tensorrt where there is a GPU, else tensorrt_rtx, which builds without one. RunnerError if neither is
    installed, or the one asked for.
    """
    if name is not None and name not in APIS:
        raise RunnerError(f"no TensorRT called {name!r}. Fix: one of {', '.join(APIS)}.")
    order = [name] if name else (APIS if gpu() else APIS[::-1])
    failed = []
    for candidate in order:
        try:
            return importlib.import_module(candidate)
        except ImportError as error:
            missing = isinstance(error, ModuleNotFoundError) and error.name == candidate
            failed.append(f"{candidate}: {'not installed' if missing else one_line(error, 200)}")
    from edgekit import device

    fix = "pip install tensorrt-rtx (x86-64; builds engines without a GPU), or pip install tensorrt on a machine with one"
    if device.jetson():
        fix = "apt install python3-libnvinfer from JetPack, and an environment that sees it (python -m venv --system-site-packages)"
    raise RunnerError(f"no TensorRT here ({'; '.join(failed)}). Fix: {fix}.")


def is_rtx(module) -> bool:
    return module.__name__ == "tensorrt_rtx"


@functools.cache
def gpu():
    """The first GPU that the driver offers (device.Gpu: name, capability "8.6", driver), or None. Asked once.

    A Jetson's is there whatever the driver's file says: boards without the desktop driver have no /proc/driver/nvidia.
    """
    from edgekit import device

    found = device.describe().gpus
    return found[0] if found and (found[0].driver or found[0].integrated) else None


def targets(module) -> dict[str, object]:
    """Compute capabilities that engines can be built for ahead of time: {"8.6": member of the enum}; {} for TensorRT itself."""
    if not features(module).targets:
        return {}
    known = {}
    for name, member in module.ComputeCapability.__members__.items():
        digits = name.removeprefix("SM")
        if digits.isdigit():
            known[f"{digits[:-1]}.{digits[-1]}"] = member
    return known
