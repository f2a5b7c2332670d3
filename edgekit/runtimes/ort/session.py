"""A plain ONNX Runtime session, for whoever wants an answer and no measurement: checks, references, parity."""

from __future__ import annotations

from pathlib import Path

# On x86 without VNNI, ONNX Runtime's int8 kernels add two products in 16 bits, where a large sum saturates. With this entry
# they take the slower way that does not, so that the answer is what the file says, on every machine. Other CPUs ignore it.
# Source: onnxruntime_session_options_config_keys.h, kOrtSessionOptionsAvx2PrecisionMode.
EXACT_INT8 = {"session.x64quantprecision": "1"}


def cpu_session(model, *, optimize: bool = True):
    """An onnxruntime.InferenceSession on the CPU with one thread. What fails is raised, and not logged as well.

    8-bit products are summed without saturation (`EXACT_INT8`): the answer belongs to the file, not to this machine's kernels.
    model: a path, the bytes of a file, or an onnx.ModelProto. optimize=False runs the nodes as the file has them: pairs of Q and
    DQ are then computed in float, the same on every machine, whatever its integer kernels do. Raises what ONNX Runtime raises.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    for key, value in EXACT_INT8.items():
        options.add_session_config_entry(key, value)
    if not optimize:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    if hasattr(model, "SerializeToString"):
        model = model.SerializeToString()
    source = str(model) if isinstance(model, str | Path) else bytes(model)
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def cpu_run(model, x, *, optimize: bool = True):
    """The first output for ``x``, fed to the first input; see :func:`cpu_session`."""
    session = cpu_session(model, optimize=optimize)
    return session.run(None, {session.get_inputs()[0].name: x})[0]
