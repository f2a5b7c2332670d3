"""The check of `sensitivity`, lab 05b."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgekit.checks import Exercise, OnnxFile, no_slip, number, onnx_path, require, text
from edgekit.checks.onnx_files import on_file, onnx_file
from edgekit.runtimes.ort.session import cpu_run

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


def inputs(rng: np.random.Generator) -> dict:
    return {
        "model": _layered_model(int(rng.integers(2**31)), str(rng.choice(LAYERS[1:3]))),
        "layers": [str(layer) for layer in rng.permutation(LAYERS)],
        "x": 0.6 * rng.random((24, 1, 28, 28), dtype=np.float32),  # whoever calibrates on x gets finer grids
        "calibration": rng.random((24, 1, 28, 28), dtype=np.float32),
    }


def probe(answer, inputs: dict) -> dict:
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
    """SQNR at the output in dB, by ONNX Runtime's own function, with each layer alone quantized (``only``) or alone left out
    (``exclude``)."""
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
)


def judge(inputs: dict, outputs: dict) -> str:
    require("result" in outputs, f"sensitivity returned a {outputs.get('shape')}, expected a list of (layer, SQNR in dB).", "wrong type")
    pairs = [(text(name, "a layer"), number(value, "an SQNR")) for name, value in outputs["result"]]
    names, values = [name for name, _ in pairs], [value for _, value in pairs]
    require(
        sorted(names) == sorted(inputs["layers"]),
        f"the result is about {names}, asked for were {inputs['layers']}: one pair for each of them.",
        "layer missing",
    )
    _ratios_are_right(dict(pairs), inputs)
    require(
        values == sorted(values),
        f"the list starts with {names[0]} at {values[0]:.1f} dB and ends with {names[-1]} at {values[-1]:.1f} dB: the most sensitive layer,"
        " which is the one with the *lowest* ratio, comes first. Whoever leaves the first one in float32 would spare the wrong layer.",
        "least sensitive first",
    )
    return f"{names[0]} is the most sensitive with {values[0]:.1f} dB, {names[-1]} the least with {values[-1]:.1f} dB."


def _ratios_are_right(found: dict[str, float], inputs: dict) -> None:
    expected, within = _noise(inputs, "only"), 1.5  # dB; kernels of different machines round differently

    def all_are(values: dict[str, float], factor: float = 1, within: float = within) -> bool:
        return all(abs(found[name] - factor * values[name]) < within for name in found)

    if all_are(expected):
        return
    worst = max(found, key=lambda name: abs(found[name] - expected[name]))
    shown = f"{worst} got {found[worst]:.1f} dB, expected about {expected[worst]:.1f} dB"
    factors = [(all_are(expected, f, within * min(1, 3 * f)), f", {why}.", cause) for f, why, cause in _FACTORS]
    slips = [
        (
            len({round(value, 3) for value in found.values()}) == 1,
            ", and all layers got the same. Is the one layer passed on, as only=[layer], and each file read after it was written?",
            "the same for all layers",
        ),
        (
            all_are(_noise(inputs, "exclude")),
            (
                ": that is the noise with all layers quantized *but* this one. Quantize only the one (only=, not exclude=): otherwise every"
                " row shows the noise of the others."
            ),
            "all but one quantized",
        ),
        (
            all_are(expected, -1),
            ": the sign is turned round. Signal over noise, so that a large number of dB means little noise.",
            "ratio upside down",
        ),
        *factors,
        (
            True,
            (
                ". The reference is the output of the float32 file for x, the noise is the difference to it, both squared and summed over"
                " all pictures, and of the ratio 10 · log10. Every file is calibrated with a fresh reader of make_calibration(), x is only"
                " for comparing."
            ),
            "wrong ratio",
        ),
    ]
    no_slip(slips, shown)


sensitivity = Exercise("sensitivity", inputs, probe, judge)
