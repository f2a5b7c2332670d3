"""One probe: run a tiny model in one engine and print an Availability as JSON. Started by probe.py in its own process."""

from __future__ import annotations

import importlib
import json
import platform
import sys

import numpy as np

from edgekit.formatting import one_line
from edgekit.runtimes.engines import ENGINES


def tiny_model() -> bytes:
    """relu(x @ w) with x [batch, 4] and w [4, 3] all ones, as a serialized ONNX model that every runtime can read."""
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node("MatMul", ["input", "w"], ["y"], "matmul"), helper.make_node("Relu", ["y"], ["logits"], "relu")],
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(np.ones((4, 3), np.float32), "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


# The same model for a batch of 2, as litert-torch 0.10 wrote it, compressed: engines that read .tflite files must be tried where nothing
# can write one.
_TFLITE = (
    "c-oay%`OB%5Uyd+mMn?Qa@fQk92{gK>_I}1NQ8uo?7c19nAq*v%+5$Sc@U4`0USMq=WxRKs=FpD;bM|6_0#p&U-dMIsC{^{S)(R}"
    "q-d7rsRrK?HJls=c7S!@C?K2@J&QdF>?2?Ycp4*WK`O+&!XI#6;N_dhdE&1EIg3sqG+(a)G=Vu_XwtjbUhA&8>g2u5<<+F#Dxf4+"
    "K}Sny<n$!Z26?7=EPDSeicse3q}N0Ca_o`BzZONoITOGlaBIv!53|li&)oD9eVJGoHly7yUx$&Ux#8a2SxHa!F97}6>NK}m+&B8p"
    "q{BF|^dPx>=Z$DRa)Zgo_dGp0K5HH%7V(+sM(|X@`Dg=Gc(#Bw;ie}282wIcNjPbV91}^hvvU|PkOSwbQeC*4LiMT-Q>(&#xfg{~"
    "X077vASmmOOI@}>UBMI1xZQ<rf7AYWn)!@y&Y>;IQ!?Z7@7?NhXQH@XWxodMJV>n-@hf=)Jipe=g4R(xw)fkkJkQajlYAHDEbsR_"
    "c-;FR>e!2NxAlJpe^ZW6o^4HdQL?N0ANTzE2Fo}5QSkc+o&F6Sw|Y|"
)


def _check(run) -> None:
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    got, want = run(x), np.repeat(x.sum(1, keepdims=True), 3, 1)
    if not np.allclose(got, want, rtol=1e-2):  # providers may compute in half precision
        raise RuntimeError(f"it ran, but gave {got.tolist()} instead of {want.tolist()}")


def _module():
    """The same model as a torch.nn.Module."""
    import torch

    class Tiny(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.ones(4, 3))

        def forward(self, x):
            return torch.relu(x @ self.w)

    return Tiny()


def pytorch(name: str, _: str) -> tuple[bool, str, str]:
    import torch

    from edgekit import runtimes

    cuda = torch.cuda.is_available()
    for device in ["cpu"] + (["cuda"] if cuda else []):
        _check(runtimes.load(_module(), name, device=device, threads=1))
    where = f"CPU and {torch.cuda.get_device_name()}" if cuda else "CPU (torch sees no CUDA device)"
    return True, f"torch {torch.__version__} ran a tiny model on {where}", ""


def onnxruntime(_: str, provider: str) -> tuple[bool, str, str]:
    """One provider; without a name of one, which there are."""
    return _provider(provider) if provider else _providers()


def _providers() -> tuple[bool, str, str]:
    """The providers worth asking: those compiled in, installed plug-ins, and CUDA, whose absence people ask about."""
    import importlib.util

    import onnxruntime

    from edgekit.runtimes.ort.runner import PLUGINS

    # Azure's provider sends the input to a server of yours: there is nothing local to run.
    here = [p for p in onnxruntime.get_available_providers() if p != "AzureExecutionProvider"]
    plugins = [p for p, (module, _) in PLUGINS.items() if importlib.util.find_spec(module)]
    return True, json.dumps(sorted({"CPUExecutionProvider", "CUDAExecutionProvider", *here, *plugins})), ""


def _provider(name: str) -> tuple[bool, str, str]:
    import onnxruntime

    from edgekit.runtimes.base import RunnerError
    from edgekit.runtimes.ort.runner import OnnxRuntimeRunner

    try:
        run = OnnxRuntimeRunner(tiny_model(), providers=[name], threads=1)
    except RunnerError as error:
        detail, _, fix = str(error).partition(" Fix: ")
        return False, detail, fix
    _check(run)
    placed = list(run.providers_by_node().values())
    own = placed.count(name)
    if not own:
        return (False, f"onnxruntime {onnxruntime.__version__}: the session starts, but every node ran on {placed[0]}", "")
    return (True, f"onnxruntime {onnxruntime.__version__} ran a tiny model, {own} of {len(placed)} nodes on this provider", "")


def openvino(_: str, __: str) -> tuple[bool, str, str]:
    import openvino as package

    from edgekit.runtimes.openvino import OpenVINORunner

    with OpenVINORunner(tiny_model(), threads=1) as run:
        _check(run)
    devices = ", ".join(package.Core().available_devices)
    return True, f"openvino {package.__version__} ran a tiny model on the CPU; its devices here: {devices}", ""


def torchscript(name: str, _: str) -> tuple[bool, str, str]:
    import torch

    from edgekit import runtimes

    with runtimes.load(_module(), name, example=np.zeros((2, 4), np.float32), threads=1) as run:
        _check(run)
    return True, f"torch {torch.__version__} traced a tiny model and ran the graph on the CPU", ""


def aotinductor(name: str, _: str) -> tuple[bool, str, str]:
    import torch

    from edgekit import runtimes

    with runtimes.load(_module(), name, example=np.zeros((2, 4), np.float32), threads=1) as run:
        _check(run)
    return True, f"torch {torch.__version__} compiled a tiny model to machine code and ran it on the CPU", ""


def executorch(name: str, _: str) -> tuple[bool, str, str]:
    from importlib.metadata import version

    from edgekit import runtimes

    here = version("executorch")  # where it is missing, this says so before PyTorch is imported
    with runtimes.load(_module(), name, example=np.zeros((2, 4), np.float32), threads=1) as run:
        _check(run)
    return True, f"executorch {here} lowered a tiny model to XNNPACK and ran it on the CPU", ""


def litert(name: str, _: str) -> tuple[bool, str, str]:
    import importlib.util

    from edgekit.runtimes import litert as room

    version = _ran_tflite(name, "ai-edge-litert")
    converts = "and litert-torch, which converts PyTorch models, is here"
    if not importlib.util.find_spec("litert_torch"):
        converts = f"but litert-torch, which converts PyTorch models, is not ({room.INSTALL})"
    return True, f"{version} ran a tiny .tflite file on the CPU, {converts}", ""


def tflite_micro(name: str, _: str) -> tuple[bool, str, str]:
    return True, f"{_ran_tflite(name, 'tflite-micro')} ran a tiny .tflite file, with a microcontroller's kernels", ""


def _ran_tflite(name: str, package: str) -> str:
    """Package and version, when the engine has run the tiny model as a .tflite file."""
    import base64
    import tempfile
    import zlib
    from importlib.metadata import version
    from pathlib import Path

    from edgekit import runtimes

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.tflite"
        path.write_bytes(zlib.decompress(base64.b85decode(_TFLITE)))
        with runtimes.load(path, name, threads=1) as run:
            _check(run)
    return f"{package} {version(package)}"


def tensorrt(api: str, _: str) -> tuple[bool, str, str]:
    """Build an engine; where there is a GPU, run it too."""
    import tempfile
    from pathlib import Path

    from edgekit.runtimes import trt
    from edgekit.runtimes.base import RunnerError
    from edgekit.runtimes.trt.runner import TensorRTRunner

    version = f"{api} {importlib.import_module(api).__version__}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.onnx"
        path.write_bytes(tiny_model())
        try:
            built = trt.build(path, api=api, batches=(1, 2, 4))
            if trt.gpu() is None:
                return True, f"{version} built a tiny engine; engines can be built, not run: no NVIDIA driver here", ""
            with TensorRTRunner(built) as run:
                _check(run)
                return (True, f"{version} built and ran a tiny engine on {trt.gpu().name} ({run.describe()['buffers']})", "")
        except RunnerError as error:
            detail, _, fix = str(error).partition(" Fix: ")
            return False, detail, fix


def probe(name: str) -> tuple[bool, str, str]:
    """(ok, detail, fix) for one name of probe.available()."""
    engine, _, provider = name.partition(":")
    try:
        return globals()[ENGINES[engine].probe](engine, provider)
    except Exception as error:
        package = ENGINES[engine].package
        text = f"{type(error).__name__}: {one_line(error)}"
        if isinstance(error, ModuleNotFoundError) and error.name == package.replace("-", "_"):
            return False, "not installed", _install(package)
        if isinstance(error, ImportError):
            return False, f"installed, but its import fails: {text}", _install(package, again=True)
        return False, text, ENGINES[engine].fix


def _install(package: str, again: bool = False) -> str:
    from edgekit import device

    if package == "tensorrt-rtx" and (device.jetson() or platform.machine() not in ("x86_64", "AMD64")):
        return ""  # there is none to install
    extra = any(engine.extra for engine in ENGINES.values() if engine.package == package)
    if device.jetson() and not extra:
        return f"take {package} from JetPack (or NVIDIA's wheels for it); pip would replace the board's own"
    return f"pip install {'--force-reinstall ' if again else ''}{package}"


if __name__ == "__main__":
    ok, detail, fix = probe(sys.argv[1])
    print(json.dumps({"ok": ok, "detail": detail, "fix": fix}))
