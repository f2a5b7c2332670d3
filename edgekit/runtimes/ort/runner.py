"""ONNX Runtime as an engine. A provider that was asked for and is not used is an error, never a silent fallback."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import tempfile
from pathlib import Path

from edgekit.graphs import reading, signatures
from edgekit.graphs.refusals import explained
from edgekit.runtimes.base import InputError, Runner, RunnerError, Spec, default_threads
from edgekit.runtimes.engines import ENGINES
from edgekit.silence import quiet

SHORT_NAMES = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "tensorrt-rtx": "NvTensorRTRTXExecutionProvider",
}
# Providers that come as a package of their own: provider -> (module, distribution).
PLUGINS = {
    "OpenVINOExecutionProvider": ("onnxruntime_ep_openvino", "onnxruntime-ep-openvino"),
    "NvTensorRTRTXExecutionProvider": ("onnxruntime_ep_nv_tensorrt_rtx", "onnxruntime-ep-nv-tensorrt-rtx"),
}
_registered: set[str] = set()  # plug-ins whose library this process has loaded: a second time is an error
_GPU = set(ENGINES["onnxruntime"].on_gpu)
_broken: dict[str, str] = {}  # plug-ins whose library does not load, and why
_LEVELS = {
    "disable": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "layout": "ORT_ENABLE_LAYOUT",
    "all": "ORT_ENABLE_ALL",
}


class OnnxRuntimeRunner(Runner):
    """Runs an ONNX file (or an onnx.ModelProto, or its bytes) in ONNX Runtime.

    providers: names, or (name, options) pairs, best first; "cpu", "cuda", "tensorrt", "openvino" are short names.
    Default: the CPU provider. Nodes that a provider does not take run on the CPU: providers_by_node() shows which.
    provider_options: a dict per provider, in the same order. optimization: "disable", "basic", "extended", "layout"
    (not in every version), "all". threads: inside one operator; operators run one after the other.
    session_options: a dict of configuration entries ({"session.intra_op.allow_spinning": "0"}), or an
    onnxruntime.SessionOptions that is used as it is, except for threads and optimization given here.
    OpenVINO gets the same threads and computes in float32 unless provider_options has a load_config of its own.
    io_binding: keep inputs and outputs in bindings, as a deployment would. Raises RunnerError.
    """

    engine = "onnxruntime"

    def __init__(
        self,
        model,
        *,
        threads: int | None = None,
        providers=None,
        provider_options=None,
        optimization: str | None = None,
        session_options=None,
        io_binding: bool = False,
        name: str | None = None,
    ):
        import onnxruntime

        self._ort = onnxruntime
        proto, self._source, label = _open(model)
        self._providers = _wanted(onnxruntime, providers, provider_options)
        self._settings = (threads, optimization, session_options)
        self.io_binding = io_binding
        self.optimization = optimization or "all"
        self._session = self._start(self._options())
        self.threads = self._session.get_session_options().intra_op_num_threads or default_threads()
        self.providers = self._session.get_providers()
        self.precision = reading.precision(proto)
        first = self._providers[0]
        self.device = f"cuda:{first[1].get('device_id', 0)}" if first[0] in _GPU else "cpu"
        declared = {v.name: Spec(*signatures.signature(v)) for v in [*proto.graph.input, *proto.graph.output]}
        super().__init__(
            name or label,
            {i.name: declared[i.name] for i in self._session.get_inputs()},
            {o.name: declared[o.name] for o in self._session.get_outputs()},
        )
        optional = [i.name for i in self._session.get_overridable_initializers()]
        self.optional = {n: declared[n] for n in optional if n in declared}
        self._output_names = list(self.outputs)
        self._binding = self._session.io_binding() if io_binding else None

    def _options(self, profile: str | None = None):
        threads, optimization, given = self._settings
        if threads is not None and threads < 1:
            raise RunnerError(f"threads={threads}: at least 1 is needed.")
        own = isinstance(given, self._ort.SessionOptions)
        if own and profile:  # a SessionOptions cannot be copied: profile the same graph with default options
            given = None
        options = given if own and not profile else self._ort.SessionOptions()
        if not own:
            options.log_severity_level = 3  # its warnings would stand beside our one line
            options.inter_op_num_threads = 1
            options.intra_op_num_threads = threads or default_threads()
        elif threads is not None:
            options.intra_op_num_threads = threads
        if optimization is not None:
            options.graph_optimization_level = _level(self._ort, optimization)
        if isinstance(given, dict):
            for key, value in given.items():
                options.add_session_config_entry(key, str(value))
        if profile:
            options.enable_profiling = True
            options.profile_file_prefix = profile
        return options

    def _start(self, options):
        ort, names = self._ort, [n for n, _ in self._providers]
        if _GPU.intersection(names):
            _preload(ort)
        plugin = names[0] in PLUGINS and names[0] in _register(ort, names[0])
        try:
            if plugin:
                devices = [d for d in ort.get_ep_devices() if d.ep_name == names[0]]
                settings = _plugin_settings(names[0], self._providers[0][1], options.intra_op_num_threads)
                options.add_provider_for_devices(devices[:1], settings)
                session = ort.InferenceSession(self._source, options, enable_fallback=0)
            else:
                session = ort.InferenceSession(self._source, options, providers=self._providers, enable_fallback=0)
        except Exception as error:
            raise RunnerError(_refused(ort, self._source, names, error)) from error
        session.disable_fallback()
        missing = [n for n in names if n not in session.get_providers()]
        if missing:
            cause = _does_not_load(ort, missing[0]) or "The cause stands in its log."
            raise RunnerError(
                f"{', '.join(missing)} was asked for, but ONNX Runtime {ort.__version__} fell back to "
                f"{', '.join(session.get_providers())}. {cause} Fix: {_fix(cause, missing[0])}"
            )
        return session

    def _run(self, feed):
        try:
            if self._binding is None:
                return self._session.run(self._output_names, feed)
            for name, array in feed.items():
                self._binding.bind_cpu_input(name, array)
            for name in self._output_names:
                self._binding.bind_output(name)
            self._session.run_with_iobinding(self._binding)
            return self._binding.copy_outputs_to_cpu()
        except Exception as error:
            kind = InputError if "INVALID_ARGUMENT" in str(error) else RunnerError
            reason, fix = explained(error)
            text = f"{reason}. Fix: {fix}." if fix else reason
            raise kind(f"{self.name}: ONNX Runtime {self._ort.__version__}: {text}") from error

    def synchronize(self) -> None:
        if self._binding is not None:
            self._binding.synchronize_outputs()

    def providers_by_node(self, x=None) -> dict[str, str]:
        """Which provider ran each node of the optimized graph, in order of execution: {"Conv /conv1": "CPUExecutionProvider"}.

        Found out by running x (default: random inputs) once in a second session with the profiler on. A provider that
        compiles several nodes into one shows that one.
        """
        if self.closed:
            raise RunnerError(f"{self.name} is closed.")
        feed = self.example() if x is None else x if isinstance(x, dict) else {next(iter(self.inputs)): x}
        with tempfile.TemporaryDirectory() as folder:
            session = self._start(self._options(profile=str(Path(folder) / "profile")))
            session.run(None, feed)
            events = json.loads(Path(session.end_profiling()).read_text())
        placed: dict[str, str] = {}
        for event in events:
            details = event.get("args", {})
            if event.get("cat") == "Node" and event["name"].endswith("_kernel_time") and details.get("provider"):
                node = f"{details.get('op_name', '')} {event['name'].removesuffix('_kernel_time')}".strip()
                placed.setdefault(node, details["provider"])
        return placed

    def describe(self) -> dict:
        return super().describe() | {
            "onnxruntime": self._ort.__version__,
            "providers": self.providers,
            "optimization": self.optimization,
            "io_binding": self.io_binding,
        }

    def close(self) -> None:
        super().close()
        self._binding = self._session = self._source = None


def _open(model):
    """(ModelProto without external weights, what InferenceSession takes, a name)."""
    import onnx

    if isinstance(model, onnx.ModelProto):
        return model, model.SerializeToString(), model.graph.name or "model"
    if isinstance(model, bytes):
        return onnx.load_model_from_string(model), model, "model"
    if hasattr(model, "state_dict"):
        raise RunnerError(
            f"onnxruntime runs an ONNX file, got the module {type(model).__name__}. "
            "Fix: edgekit.export.to_onnx(model, 'model.onnx'), then load 'model.onnx'."
        )
    try:
        return reading.load_model(model, external_data=False), str(model), Path(model).name
    except reading.ExportError as error:
        raise RunnerError(str(error)) from error


def _level(ort, name: str):
    level = getattr(ort.GraphOptimizationLevel, _LEVELS.get(name, ""), None)
    if level is None:
        known = [n for n, attribute in _LEVELS.items() if hasattr(ort.GraphOptimizationLevel, attribute)]
        raise RunnerError(f"optimization={name!r} is not in ONNX Runtime {ort.__version__}. Fix: one of {', '.join(known)}.")
    return level


def _wanted(ort, providers, provider_options) -> list[tuple[str, dict]]:
    """The requested providers as (full name, options), all of them present in this build or as a plug-in."""
    providers = ["CPUExecutionProvider"] if providers is None else providers
    providers = [providers] if isinstance(providers, str) else list(providers)
    extra = list(provider_options or [{}] * len(providers))
    if len(extra) != len(providers) or not providers:
        raise RunnerError(f"{len(providers)} providers and {len(extra)} provider_options: one dict per provider is needed.")
    wanted = []
    for provider, more in zip(providers, extra, strict=True):
        name, options = (provider, {}) if isinstance(provider, str) else provider
        wanted.append((SHORT_NAMES.get(name.lower(), name), {**options, **more}))
    for name, _ in wanted:
        if name not in ort.get_available_providers() and name not in _register(ort, name):
            if reason := plugin_without_device(ort, name):
                raise RunnerError(f"{reason} Fix: {_fix(reason, name)}")
            here = ", ".join(n for n in ort.get_available_providers() if n != "AzureExecutionProvider")
            raise RunnerError(f"{name} is not in this ONNX Runtime {ort.__version__} (it has {here}). Fix: {provider_fix(name)}")
    return wanted


def _register(ort, name: str) -> set[str]:
    """Provider names that plug-in packages offer, after registering the one for `name` if it is installed."""
    if name not in PLUGINS or not hasattr(ort, "register_execution_provider_library"):
        return set()
    if name not in _registered and name not in {d.ep_name for d in ort.get_ep_devices()}:
        with contextlib.suppress(ImportError):
            plugin = importlib.import_module(PLUGINS[name][0])
            try:
                ort.register_execution_provider_library(name, plugin.get_library_path())
                _registered.add(name)
            except Exception as error:  # a class of ONNX Runtime's own, which has no public name
                _broken[name] = str(error).partition(" with error: ")[2] or str(error)
    return {d.ep_name for d in ort.get_ep_devices()}


def _does_not_load(ort, name: str) -> str:
    """What the loader lacks for a provider of this build, "" if its library loads: ONNX Runtime only logs it."""
    short = {"CUDAExecutionProvider": "cuda", "TensorrtExecutionProvider": "tensorrt"}.get(name)
    try:
        if short:
            folder = Path(ort.__file__).parent / "capi"
            ctypes.CDLL(str(folder / "libonnxruntime_providers_shared.so"), mode=ctypes.RTLD_GLOBAL)
            ctypes.CDLL(str(folder / f"libonnxruntime_providers_{short}.so"))
    except OSError as error:
        return f"Its library does not load: {error}."
    return ""


def _fix(reason: str, name: str) -> str:
    """libcuda comes with the driver and in no package."""
    if "libcuda.so" in reason:
        return "install the NVIDIA driver (nvidia-smi must list the GPU), or providers=['CPUExecutionProvider']."
    return "providers=['CPUExecutionProvider']." if name in PLUGINS else provider_fix(name)


def _preload(ort) -> None:
    """Load CUDA and cuDNN from the wheels that torch brought, which the loader does not search; what is missing shows when the
    provider starts. Source: ONNX Runtime's documentation of `preload_dlls`."""
    if hasattr(ort, "preload_dlls"):
        with quiet():  # it prints what it does not find
            ort.preload_dlls()


def plugin_without_device(ort, name: str) -> str:
    """Why a plug-in provider that is installed cannot be used here, or "": installed, present and usable are three answers.

    A plug-in names the devices it can compute on when its library is registered. OpenVINO's names none on a CPU that is not Intel's.
    """
    if name not in PLUGINS or name in _register(ort, name):
        return ""
    module, distribution = PLUGINS[name]
    try:
        importlib.import_module(module)
    except ImportError:
        return ""
    if not hasattr(ort, "register_execution_provider_library"):
        return f"{distribution} is installed, but ONNX Runtime {ort.__version__} takes no plug-ins (1.23 or newer does)."
    if name in _broken:
        return f"{distribution} is installed, but its library does not load: {_broken[name].rstrip('.')}."
    return f"{distribution} is installed, but its library finds no device on this machine that it computes on."


def _plugin_settings(name: str, given: dict, threads: int) -> dict[str, str]:
    """Options of a plug-in provider as strings. OpenVINO gets the runner's threads, and computes what the file says."""
    settings = {k: str(v) for k, v in given.items()}
    if name == "OpenVINOExecutionProvider" and "load_config" not in settings:
        # Left alone, it runs a float32 model in bfloat16 where the CPU can, and on as many threads as it likes.
        cpu = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": str(threads or default_threads())}
        settings["load_config"] = json.dumps({"CPU": cpu})
    return settings


def provider_fix(name: str) -> str:
    """The command that brings a provider, as far as there is one."""
    if name in PLUGINS:
        return f"pip install {PLUGINS[name][1]} (needs onnxruntime 1.23 or newer)."
    if name in _GPU:
        return (
            "pip uninstall onnxruntime, then pip install onnxruntime-gpu (the two exclude each other), with an NVIDIA driver; "
            "on a Jetson the wheel for your JetPack. Or providers=['CPUExecutionProvider']."
        )
    return "providers=['CPUExecutionProvider'], or a build of ONNX Runtime with this provider."


def _refused(ort, source, names, error: Exception) -> str:
    where = source if isinstance(source, str) else "the model"
    reason, fix = explained(error)
    fix = fix or "check the model with edgekit.export.report(path)"
    return f"{where}: ONNX Runtime {ort.__version__} with {', '.join(names)} cannot load it: {reason}. Fix: {fix}."
