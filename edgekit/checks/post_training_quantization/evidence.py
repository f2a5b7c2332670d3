"""The checks of lab 05b on evidence: the layer that hurts, and a conclusion."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgekit.checks import Exercise, OnnxFile, call, number, onnx_path, require, text
from edgekit.checks.small_models import on_file, onnx_file
from edgekit.runtimes.ort.session import cpu_run

# ------------------------------------------------------------------------------------------------------------- sensitivity
LAYERS = ["first", "second", "third", "last"]


def _layered_model(seed: int, spoiled: str) -> OnnxFile:
    """Three convolutions and a Gemm; the ``spoiled`` one has an outlier in every output channel, which coarsens its grid."""
    from onnx import helper

    rng = np.random.default_rng(seed)
    shapes = {"first": (4, 1, 3, 3), "second": (6, 4, 3, 3), "third": (6, 6, 3, 3), "last": (10, 6)}
    tensors, nodes, tensor = {}, [], "input"
    for layer, shape in shapes.items():
        w = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        if layer == spoiled:
            w.reshape(len(w), -1)[:, 0] *= 40
        tensors[f"w_{layer}"] = w
        if layer == "last":
            nodes += [
                helper.make_node("GlobalAveragePool", [tensor], ["p"], name="pool"),
                helper.make_node("Flatten", ["p"], ["f"], name="flatten"),
                helper.make_node("Gemm", ["f", "w_last"], ["logits"], name="last", transB=1),
            ]
        else:
            nodes.append(helper.make_node("Conv", [tensor, f"w_{layer}"], [f"c_{layer}"], name=layer, strides=[2, 2]))
            nodes.append(helper.make_node("Relu", [f"c_{layer}"], [f"r_{layer}"], name=f"relu_{layer}"))
            tensor = f"r_{layer}"
    return onnx_file(nodes, tensors)


def _sensitivity_inputs(rng: np.random.Generator) -> dict:
    return {
        "model": _layered_model(int(rng.integers(2**31)), str(rng.choice(LAYERS[1:3]))),
        "layers": [str(layer) for layer in rng.permutation(LAYERS)],
        "x": 0.6 * rng.random((24, 1, 28, 28), dtype=np.float32),  # whoever calibrates on x gets finer grids
        "calibration": rng.random((24, 1, 28, 28), dtype=np.float32),
    }


def _sensitivity_probe(answer, inputs: dict) -> dict:
    from edgekit.compression.quantization import Reader

    class Once:
        """A reader that cannot be rewound: a second model that is calibrated with it gets nothing."""

        def __init__(self):
            self.batches = list(Reader(inputs["calibration"]))

        def get_next(self):
            return self.batches.pop(0) if self.batches else None

    result = on_file(answer, inputs["model"], inputs["layers"], Once, inputs["x"])
    try:
        return {"result": [[name, value] for name, value in result]}
    except (TypeError, ValueError):
        return {"shape": type(result).__name__}


def _noise(inputs: dict, how: str) -> dict[str, float]:
    """SQNR at the output in dB, by ONNX Runtime's own function, with each layer alone quantized (``only``) or alone left out (``exclude``)."""
    from onnxruntime.quantization.qdq_loss_debug import compute_signal_to_quantization_noice_ratio

    from edgekit.compression import quantization

    with onnx_path(inputs["model"]) as path:
        reference, found = cpu_run(path, inputs["x"]), {}
        for layer in inputs["layers"]:
            target = Path(path).parent / "one.onnx"
            quantization.quantize(path, target, inputs["calibration"], **{how: [layer]})
            found[layer] = compute_signal_to_quantization_noice_ratio(reference, cpu_run(target, inputs["x"]))
        return found


# What a ratio in dB was multiplied by, and what may have happened.
_FACTORS = (
    (2, "a factor of two: 10 · log10 of a ratio of *squares*, or 20 · log10 of a ratio of lengths", "factor of two in dB"),
    (0.5, "a factor of two: 10 · log10 of a ratio of *squares*, or 20 · log10 of a ratio of lengths", "factor of two in dB"),
    (np.log(10), "a factor of 2.3: take the logarithm to base 10 (np.log10), not the natural one", "natural logarithm"),
    (0.1, "a tenth: a decibel is a tenth of a bel, so multiply log10 by 10", "bel for decibel"),
)  # fmt: skip


def _sensitivity_judge(inputs: dict, outputs: dict) -> str:
    require(
        "result" in outputs,
        f"sensitivity returned a {outputs.get('shape')}, expected a list of (layer, SQNR in dB).",
        "wrong type",
    )
    pairs = [(text(name, "a layer"), number(value, "an SQNR")) for name, value in outputs["result"]]
    names = [name for name, _ in pairs]
    require(
        sorted(names) == sorted(inputs["layers"]),
        f"the result is about {names}, asked for were {inputs['layers']}: one pair for each of them.",
        "layer missing",
    )
    found, expected = dict(pairs), _noise(inputs, "only")
    rest = _noise(inputs, "exclude")
    off = {name: abs(found[name] - expected[name]) for name in names}
    worst = max(off, key=off.get)
    shown = f"{worst} got {found[worst]:.1f} dB, expected about {expected[worst]:.1f} dB"
    within = 1.5  # dB; kernels of different machines round differently
    require(
        max(off.values()) < within or len({round(value, 3) for value in found.values()}) > 1,
        f"{shown}, and all layers got the same. Is the one layer passed on, as only=[layer], and each file read after it was written?",
        "the same for all layers",
    )
    require(
        max(off.values()) < within or not all(abs(found[n] - rest[n]) < within for n in names),
        f"{shown}: that is the noise with all layers quantized *but* this one. Quantize only the one (only=, not exclude=): otherwise every row shows the noise of the others.",
        "all but one quantized",
    )
    require(
        max(off.values()) < within or not all(abs(found[n] + expected[n]) < within for n in names),
        f"{shown}: the sign is turned round. Signal over noise, so that a large number of dB means little noise.",
        "ratio upside down",
    )
    for factor, why, cause in _FACTORS:
        require(
            max(off.values()) < within
            or not all(abs(found[n] - factor * expected[n]) < within * min(1, 3 * factor) for n in names),
            f"{shown}, {why}.",
            cause,
        )
    require(
        max(off.values()) < within,
        f"{shown}. The reference is the output of the float32 file for x, the noise is the difference to it, both squared and summed over all pictures, and of "
        "the ratio 10 · log10. Every file is calibrated with a fresh reader of make_calibration(), x is only for comparing.",
        "wrong ratio",
    )
    values = [value for _, value in pairs]
    require(
        values == sorted(values),
        f"the list starts with {names[0]} at {values[0]:.1f} dB and ends with {names[-1]} at {values[-1]:.1f} dB: the most sensitive layer, which is the one with the *lowest* "
        "ratio, comes first. Whoever leaves the first one in float32 would spare the wrong layer.",
        "least sensitive first",
    )
    return f"{names[0]} is the most sensitive with {values[0]:.1f} dB, {names[-1]} the least with {values[-1]:.1f} dB."


sensitivity = Exercise("sensitivity", _sensitivity_inputs, _sensitivity_probe, _sensitivity_judge)


# --------------------------------------------------------------------------------------------------------------- conclude
VERDICTS = ("not comparable", "too inaccurate", "slower", "faster", "smaller only")


def _conclude_inputs(rng: np.random.Generator) -> dict:
    drop = float(rng.choice([0.003, 0.01, 0.02]))
    e = drop * float(rng.uniform(0.2, 0.45))
    fine, better = [-drop + e, e], [e, 3 * e]
    cases = [
        ("faster", fine, [1.3, 1.5], [1, 1], "all of the speed-up's interval is above 1"),
        ("slower", fine, [0.5, 0.9], [1, 1], "all of the speed-up's interval is below 1"),
        ("smaller only", fine, [0.9, 1.6], [1, 1], "the speed-up's interval contains 1, so it is not clear"),
        ("smaller only", fine, [0.7, 1.1], [1, 1], "the speed-up's interval contains 1, so it is not clear"),
        ("too inaccurate", [-drop - e, e], [1.3, 1.5], [1, 1], "the low end of the change allows a loss larger than max_drop, whatever the middle of the interval says"),
        ("too inaccurate", [-0.4, -0.3], [0.5, 0.9], [1, 1], "accuracy is judged before speed, and the loss is far above max_drop"),
        ("faster", better, [1.1, 1.2], [2, 2], "all of the speed-up's interval is above 1, and a gain of accuracy is no loss: mind the sign of the change"),
        ("faster", [2 * drop, 3 * drop], [1.1, 1.2], [2, 2], "all of the speed-up's interval is above 1, and a gain of accuracy is no loss: mind the sign of the change"),
        ("not comparable", fine, [1.8, 2.0], [1, 2], "the two ran on different numbers of threads: the ratio measures the threads"),
        ("not comparable", [-0.4, -0.3], [1.8, 2.0], [4, 2], "the two ran on different numbers of threads, and that comes first"),
    ]  # fmt: skip
    rows = []
    for expected, change, speedup, threads, why in cases:
        bytes_ = [int(b) for b in rng.integers(30_000, 90_000, 4)]
        row = {
            "fp32": {"threads": threads[0], "file": bytes_[0], "external": int(rng.integers(2, 9)) * 100_000},
            "int8": {"threads": threads[1], "file": bytes_[1], "external": int(rng.choice([0, bytes_[2]]))},
            "change": change,
            "speedup": speedup,
        }
        rows.append({"row": row, "_expected": expected, "_why": why})
    return {"cases": [rows[i] for i in rng.permutation(len(rows))], "max_drop": drop}


def _conclude_probe(answer, inputs: dict) -> dict:
    return {"answers": [call(answer, case["row"], inputs["max_drop"]) for case in inputs["cases"]]}


def _conclude_judge(inputs: dict, outputs: dict) -> str:
    for case, answer in zip(inputs["cases"], outputs["answers"], strict=True):
        row, shown = case["row"], "change [{:+.4f}, {:+.4f}], speed-up [{:.2f}, {:.2f}]".format(*case["row"]["change"], *case["row"]["speedup"])  # fmt: skip
        require(
            isinstance(answer, list) and len(answer) == 2,
            f"expected a pair (verdict, times smaller), got {answer!r:.60}.",
            "wrong type",
        )
        said = text(answer[0], "the verdict", among=VERDICTS)
        require(
            answer[1] is not None and answer[1] == answer[1],
            f"with the verdict {said!r} came {answer[1]} for times smaller: bytes do not depend on threads or speed, so the number is part of every answer.",
            "size left out",
        )
        smaller = number(answer[1], "times smaller")
        require(
            said == case["_expected"],
            f"{shown}, threads {row['fp32']['threads']} and {row['int8']['threads']}: your verdict is {said!r}, expected {case['_expected']!r}, because {case['_why']}.",
            "threads ignored" if case["_expected"] == "not comparable" else f"{said} for {case['_expected']}",
        )
        whole = [row[kind]["file"] + row[kind]["external"] for kind in ("fp32", "int8")]
        right = whole[0] / whole[1]
        alone = row["fp32"]["file"] / row["int8"]["file"]
        require(
            abs(smaller / right - 1) < 1e-3 or abs(smaller / alone - 1) > 1e-3,
            f"times smaller is {smaller:.2f}, expected {right:.2f}: the weights of the float32 model stand in its external data, which counts too.",
            "external data left out",
        )
        require(
            abs(smaller * right - 1) > 1e-3 or abs(right - 1) < 1e-3,
            f"times smaller is {smaller:.2f}, expected {right:.2f}: that is new size over old size. Smaller means the old size is divided by the new one.",
            "ratio upside down",
        )
        require(
            abs(smaller - right) < 0.006 or smaller not in (round(right, 1), round(right), right // 1),
            f"times smaller is {smaller}, expected {right:.4g}: return it as it is, rounding is for whoever prints it.",
            "rounded",
        )
        require(abs(smaller - right) < 0.006, f"times smaller is {smaller:.3f}, expected {right:.3f}: bytes of the float32 model, both files, over bytes of the INT8 model, both files.", "wrong size")  # fmt: skip
    return "Ten rows judged: threads first, then the pessimistic end of the accuracy, then the speed, with external data counted."


conclude = Exercise("conclude", _conclude_inputs, _conclude_probe, _conclude_judge)
