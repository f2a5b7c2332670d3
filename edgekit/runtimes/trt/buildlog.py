"""The build log: collected line by line, and what can be read out of it."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, field

_ERRORS = ("ERROR", "INTERNAL_ERROR")


@dataclass(frozen=True)
class Stage:
    """One step of the graph optimizer and the number of layers it left."""

    name: str
    layers: int


@dataclass(frozen=True)
class EngineLayer:
    """One layer of an engine: what runs as one launch (or a few).

    kind: TensorRT's word for it ("correlation" is a convolution, "kgen" a kernel generated for a fusion). tactic: the chosen kernel, ""
    where the log names none. onnx: names of the ONNX nodes in it. inputs, outputs: "Int8 [-1,32,14,14]" per tensor.
    """

    name: str
    kind: str
    tactic: str = ""
    onnx: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def computes(self) -> bool:
        """False for what only synchronizes streams or computes shapes."""
        return self.kind not in ("signal", "wait", "shape_call")


@dataclass
class Log:
    """Lines of a build: (severity, text). What is read out of them is whatever this version writes; an empty list otherwise."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def errors(self) -> list[str]:
        """Errors, without the noise of a missing GPU and of the parser, whose errors come with the parser."""
        noise = ("catchCudaError", "ModelImporter.cpp")
        return [text for severity, text in self.lines if severity in _ERRORS and not any(n in text for n in noise)]

    def said(self) -> str:
        """The last errors in one line, without the places in TensorRT's own sources."""
        text = " | ".join(self.errors()[-3:])
        text = re.sub(r"\(?In \w+ at /\S+(?= \()| In \w+ at /\S+(?=\))|In \w+ at /\S+", "", text)
        return " ".join(text.split())[:600] or "it gave no reason"

    def warnings(self) -> list[str]:
        return [text for severity, text in self.lines if severity == "WARNING"]

    def stages(self) -> list[Stage]:
        """Layer counts, from the original network to the last pass."""
        found = []
        for _, text in self.lines:
            match = re.fullmatch(r"(Original|After [\w /-]+): (\d+) layers", text)
            if match:
                found.append(Stage(match[1].removeprefix("After "), int(match[2])))
        return found

    def bytes_of(self, what: str) -> int | None:
        """Bytes of "Weights", "Activation", "Host Persistent" or "Device Persistent" memory ("Total ... Memory: N bytes")."""
        for _, text in self.lines:
            match = re.search(rf"Total {re.escape(what)} Memory:? (\d+)", text)
            if match:
                return int(match[1])
        return None

    def layers(self) -> list[EngineLayer]:
        """The layers of the engine, where the log lists them (verbosity of profiling DETAILED)."""
        for _, text in self.lines:
            if text.startswith("Layers:\n"):
                rows = text.partition("\n\n")[0].splitlines()[1:]
                return [_from_line(row) for row in rows if row.startswith("Name: ")]
            if text.startswith("Engine Layer Information:"):
                return [_from_short(row) for row in text.splitlines()[1:] if row.startswith("Layer(")]
        return []


def _from_line(row: str) -> EngineLayer:
    """'Name: a, LayerType: b, Inputs: [...], Constants: [...], Outputs: [...], TacticName: t, StreamId: 0, Metadata: [ONNX Layer: x]...'"""
    part = lambda key, end: (re.search(rf"{key}: (.*?)(?=, {end})", row) or [None, ""])[1]
    tensors = lambda text: tuple(f"{dtype} [{shape}]" for shape, dtype in re.findall(r"Dimensions: \[([^]]*)\].*?Datatype: (\w+)", text))
    return EngineLayer(
        name=part("Name", "LayerType"),
        kind=part("LayerType", "Inputs"),
        tactic=part("TacticName", "StreamId"),
        onnx=_onnx(row.partition("Metadata:")[2]),
        inputs=tensors(part("Inputs", "Constants")),
        outputs=tensors(part("Outputs", "TacticName")),
    )


def _from_short(row: str) -> EngineLayer:
    """'Layer(CaskConvolution): name, Tactic: 0x..., input (Float[1,3]) -> output (Float[1,8])', as TensorRT 10 prints it."""
    kind, _, rest = row.removeprefix("Layer(").partition("): ")
    name, _, rest = rest.partition(", Tactic: ")
    tactic, _, tensors = rest.partition(", ")
    sides = tensors.partition(" -> ")
    clean = lambda text: tuple(f"{d} [{s}]" for d, s in re.findall(r"\((\w+)\[([^]]*)\]", text))
    return EngineLayer(name, kind, tactic, _onnx(row), clean(sides[0]), clean(sides[2]))


def from_inspector(text: str) -> list[EngineLayer]:
    """Layers out of EngineInspector.get_engine_information(JSON). Without DETAILED profiling verbosity there are only names."""
    layers = []
    # strict=False: TensorRT 8.6 writes line breaks into strings as they are.
    for entry in json.loads(text, strict=False).get("Layers", []):
        if isinstance(entry, str):
            layers.append(EngineLayer(entry, ""))
            continue
        tensors = lambda key, entry=entry: tuple(
            f"{t.get('Datatype') or t.get('Format/Datatype', '')} {t.get('Dimensions', '')}".strip() for t in entry.get(key, [])
        )
        kind = entry.get("LayerType", "")
        tactic = str(entry.get("TacticName") or entry.get("TacticValue") or "")
        onnx = _onnx(str(entry.get("Metadata", "")))
        layers.append(EngineLayer(entry.get("Name", ""), kind, tactic, onnx, tensors("Inputs"), tensors("Outputs")))
    return layers


def _onnx(metadata: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(re.findall(r"\[ONNX Layer: ([^\]\x1e]+)\]", metadata)))


@functools.cache
def _logger(module):
    class Collecting(module.ILogger):
        """Keeps every line. TensorRT calls it from its own threads too; appending to a list is atomic."""

        def __init__(self):
            module.ILogger.__init__(self)
            self.kept = Log()

        def log(self, severity, text):
            self.kept.lines.append((severity.name, text))

    return Collecting()


def collecting(module, log: Log):
    """The logger for every Builder, Runtime and OnnxParser of ``module``; from now on it writes into ``log``.

    TensorRT keeps one logger for the whole process and ignores a second one while the first is in use. So there is one, and
    what changes is where its lines go: to the Log of the build or runner that was started last.
    """
    logger = _logger(module)
    logger.kept = log
    return logger


def said(module) -> str:
    """The last errors of ``module``, in one line."""
    return _logger(module).kept.said()
