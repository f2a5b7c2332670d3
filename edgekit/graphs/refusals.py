"""What ONNX Runtime says when it refuses a file, in plain words and with a fix that helps."""

from __future__ import annotations

import re

# (pattern in ONNX Runtime's own words, what it means, fix). The first that fits counts.
_KNOWN = [
    (
        "Please install TensorRT libraries",
        "its TensorRT provider needs TensorRT's libraries (libnvinfer.so.10), which are not on the loader's path",
        (
            "install TensorRT 10 from NVIDIA's packages (the course's own is 11, which this provider does not take), or leave this"
            " provider out"
        ),
    ),
    (
        r"IR version: (\d+), max supported IR version: (\d+)",
        "its IR version is {0}, and this ONNX Runtime reads versions up to {1}",
        "update onnxruntime, or lower the number: model = onnx.load(path); model.ir_version = {1}; onnx.save(model, path)",
    ),
    (
        r"[Oo]pset (\d+) is under development.*?domain (\S+) is till opset (\d+)",
        "it has opset {0} of {1}, and this ONNX Runtime knows opsets up to {2}",
        "update onnxruntime, or export with an opset of at most {2}",
    ),
    (
        r"(?:Fatal error: )?([\w.]+):(\w+)\(-?\d*\) is not a registered function/op",
        "it has the operator {1} of the domain {0!r}, which neither ONNX nor this ONNX Runtime has",
        (
            "register the library that brings it (onnxruntime.SessionOptions().register_custom_ops_library, passed as session_options=), or"
            " export the model with standard operators"
        ),
    ),
    (
        r"No [Oo]p registered for (\w+) with domain_version of (\d+)",
        "opset {1} has no operator {0}",
        "export it again: the operator and the opset of the file do not go together",
    ),
    (
        r"Could not find an implementation for (\w+)\((\d+)\) node with name '([^']*)'",
        "NOT_IMPLEMENTED: it has no kernel for {0} of opset {1} with these types (node {2!r})",
        "a newer opset (onnx.version_converter.convert_version(model, 17)), other types, or a newer onnxruntime",
    ),
    (
        r"Numpy_type \d+ can't be converted to MLDataType",
        (
            "an input has a type that NumPy itself does not have (bfloat16, or one of 8 or 4 bits), and ONNX Runtime takes no such arrays"
            " from Python"
        ),
        "export it with inputs of float32 or float16, which the graph then casts",
    ),
    (
        r"MLDataType for: tensor\((\w+)\) is not currently registered or supported",
        "it has tensors of {0}, which this ONNX Runtime does not compute with",
        "export it without them (a complex number as two real ones)",
    ),
]


def explained(error) -> tuple[str, str]:
    """(reason, fix) of an exception of ONNX Runtime, or of its text; fix is "" where none is known."""
    text = " ".join(str(error).split())
    for pattern, reason, fix in _KNOWN:
        if found := re.search(pattern, text):
            return reason.format(*found.groups()), fix.format(*found.groups())
    return _plain(text)[:400] or type(error).__name__, ""


def _plain(text: str) -> str:
    """Without numbers of errors, paths of temporary files and places in C++ sources."""
    text = re.sub(r"(?:[\w.]+\.)?\w+: \[ONNXRuntimeError\]", "[ONNXRuntimeError]", text)
    text = re.sub(r"\[ONNXRuntimeError\] : \d+ : ", "", text)
    text = re.sub(r"Load model from .*? failed:", "", text)
    return re.sub(r"/\S+\.(?:cc|cpp|h):\d+ .*?\)(?: const)? (?=[^,)>])", "", text).strip()
