"""What happens to a model that nobody trusts yet, in a process of its own: ``python -m edgekit.capstone.inside FOLDER``.

Reads FOLDER/in: model.onnx, baseline.onnx, pictures.npz (unseen and known, uint8 [N, 28, 28]) and job.json. Writes
FOLDER/out/result.json. The labels are not here: what runs here cannot know what is right.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from edgekit.formatting import one_line

SLOWER = 2.0  # a picture may take so many times the median one; beyond, the time depends on the picture
SUSPECTS, AGAIN = 8, 7  # the slowest pictures are timed again, the shortest of so many calls counts
NOISE = 2e-4  # seconds; a difference below is the machine's
DOMAINS = {"", "ai.onnx", "com.microsoft"}  # the operators of ONNX and of ONNX Runtime


class Refused(Exception):
    """The model is not measured any further; the message says why."""


def main(folder: str | Path) -> None:
    folder = Path(folder)
    given, out = folder / "in", folder / "out"
    out.mkdir(exist_ok=True)
    try:
        result = look(given)
    except Refused as refusal:
        result = {"refused": str(refusal)}
    (out / "result.json").write_text(json.dumps(result))


def look(given: Path) -> dict:
    from edgekit.runtimes.ort.session import cpu_session

    job, model = json.loads((given / "job.json").read_text()), given / "model.onnx"
    interface(model, job["input"])
    try:
        session = cpu_session(model)
    except Exception as error:
        raise Refused(f"ONNX Runtime does not load it: {one_line(error)}") from None
    with np.load(given / "pictures.npz", allow_pickle=False) as arrays:
        unseen, known = (arrays[name][:, None].astype(np.float32) / np.float32(255) for name in ("unseen", "known"))
    run = lambda x: session.run(None, {job["input"]: x})[0]
    logits, seconds = one_by_one(run, unseen)
    same_answer_twice(run, unseen, logits)
    same_time_for_all(run, unseen, seconds, known)
    return {
        "predictions": logits.argmax(1).tolist(),
        "latency": latency(given, unseen[: job["batch"]], job["seconds"], job["limit"]),
        **memory(given, job),
        **({"parser": parser(model)} if job["engine"] else {}),
    }


def interface(path: Path, name: str) -> None:
    """Refuse a file whose input, output or operators are not those of the task."""
    from edgekit.graphs import reading

    try:
        model = reading.load_model(path, external_data=False)
    except reading.ExportError as error:
        raise Refused(str(error).replace(str(path), path.name)) from None
    if reading.external_files(path):
        raise Refused("its weights stand in another file. Fix: export it with external_data=False.")
    strange = {node.domain for graph in reading.graphs(model) for node in graph.node} - DOMAINS
    if strange - {function.domain for function in model.functions}:
        raise Refused(f"operators of {', '.join(sorted(strange))}. Fix: use those of ONNX and com.microsoft.")
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = {v.name: reading.signature(v) for v in model.graph.input if v.name not in weights}
    if list(inputs) != [name]:
        raise Refused(f"its inputs are {', '.join(map(repr, inputs))}, and your budget says {name!r}: a wrong input name, or another student's file. Fix: export with input_names=[{name!r}].")  # fmt: skip
    dtype, shape = inputs[name]
    if (
        dtype != "float32"
        or shape is None
        or len(shape) != 4
        or shape[1:] != (1, 28, 28)
        or not isinstance(shape[0], str)
    ):
        raise Refused(f"input {name!r} is {reading.described(dtype, shape)}. Fix: float32 [N, 1, 28, 28] with N free.")
    if len(model.graph.output) != 1:
        raise Refused(f"it has {len(model.graph.output)} outputs. Fix: the logits [N, 10] are the only one.")


def one_by_one(run, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(logits [N, 10], seconds [N]): every picture in a call of its own."""
    logits, seconds = np.empty((len(pictures), 10), np.float32), np.empty(len(pictures))
    run(pictures[:1])
    for i in range(len(pictures)):
        start = time.perf_counter()
        answer = run(pictures[i : i + 1])
        seconds[i] = time.perf_counter() - start
        if answer.shape != (1, 10) or not np.isfinite(answer).all():
            raise Refused(
                f"for one picture it gives {list(answer.shape)}, or values that are not finite. Fix: [N, 10] logits."
            )
        logits[i] = answer
    if np.ptp(logits, axis=0).max() < 1e-6:
        raise Refused(
            "a constant output: it gives the same answer for every picture. A model that does not look is not timed."
        )
    return logits, seconds


def same_answer_twice(run, pictures: np.ndarray, logits: np.ndarray) -> None:
    """In groups, too: the answer to a picture must not depend on its neighbours, or on chance."""
    several = run(pictures[:64])
    if several.shape != (len(pictures[:64]), 10) or (several.argmax(1) != logits[:64].argmax(1)).mean() > 0.05:
        raise Refused(
            "another answer in a group of 64 than for each picture alone. Fix: no randomness, and rows that do not mix."
        )


def same_time_for_all(run, unseen: np.ndarray, seconds: np.ndarray, known: np.ndarray) -> None:
    """A budget holds for every picture, the slowest too; so a model whose time depends on the picture is refused."""

    def shortest(picture: np.ndarray) -> float:
        spent = []
        for _ in range(AGAIN):
            start = time.perf_counter()
            run(picture[None])
            spent.append(time.perf_counter() - start)
        return min(spent)

    order = np.argsort(seconds)
    usual = shortest(unseen[order[len(order) // 2]])
    for i in order[-SUSPECTS:]:
        slow = shortest(unseen[i])
        if slow > SLOWER * usual and slow - usual > NOISE:
            raise Refused(f"its time depends on the picture: picture {i} of the unseen ones takes {slow / usual:.1f}x the time of the median one. A deadline holds for the slowest.")  # fmt: skip
    seen = float(np.median([shortest(picture) for picture in known[:16]]))
    if usual > SLOWER * seen and usual - seen > NOISE:
        raise Refused(f"it takes {usual / seen:.1f}x as long for pictures that it has not seen as for the course's own: its time depends on the picture.")  # fmt: skip


def latency(given: Path, x: np.ndarray, seconds: float, limit: float) -> dict:
    """Time over the baseline's, paired, with the A/A control. An interval that reaches over the limit is measured once more, for three
    times as long, and then that one alone counts."""
    from edgekit import bench, runtimes

    with (
        runtimes.load(given / "baseline.onnx", threads=1) as base,
        runtimes.load(given / "model.onnx", threads=1) as own,
    ):
        both = {"baseline": base, "model": own}
        found = bench.compare(both, x, max_time=seconds)
        if found.control_failed or 1 / found["model"].high <= limit < 1 / found["model"].low:
            found = bench.compare(both, x, min_time=3 * seconds, max_time=3 * seconds)
    ratio, control = found["model"], found.control
    return {
        "value": 1 / ratio.speedup, "low": 1 / ratio.high, "high": 1 / ratio.low, "pairs": int(ratio.pairs.size),
        "control": [control.speedup, control.low, control.high], "failed": found.control_failed,
        "medians": found.medians(), "environment": {k: v for k, v in found.environment.items() if k != "runners"},
    }  # fmt: skip


def memory(given: Path, job: dict) -> dict:
    from edgekit import bench
    from edgekit.capstone.memory import activation_bytes
    from edgekit.graphs.reading import ExportError

    try:
        found = {"activations": activation_bytes(given / "model.onnx")}
        if job["kind"] == "resident":
            own, base = (bench.footprint(given / f"{name}.onnx", job["batch"]) for name in ("model", "baseline"))
            found |= {"resident": own.model, "baseline_resident": base.model}
    except (ExportError, RuntimeError) as error:
        raise Refused(f"its memory cannot be told: {str(error)[:300]}") from None
    return found


def parser(path: Path) -> dict:
    """Whether TensorRT's parser takes the file; ``ok`` is None where there is no TensorRT."""
    from edgekit.runtimes import RunnerError, trt

    try:
        return {"ok": True, "why": f"{trt.parse(path).layers} layers"}
    except trt.ParseError as error:
        return {"ok": False, "why": " ".join(str(error).split())[-400:]}
    except (RunnerError, ImportError) as error:
        return {"ok": None, "why": one_line(error, 200)}


if __name__ == "__main__":
    main(sys.argv[1])
