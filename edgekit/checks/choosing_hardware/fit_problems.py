"""Lab 02, exercise 4: flash, RAM and deadline."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, call, came, in_order, require, shuffled

_WORDS = ("flash", "ram", "deadline")


def _inputs(rng: np.random.Generator) -> dict:
    weights, activations = (int(v) * 1000 for v in rng.integers([600, 300], [900, 500]))
    seconds = float(rng.uniform(0.01, 0.03))
    model = {"weights": weights, "activations": activations, "seconds": seconds}
    roomy = {"flash": 10 * weights, "ram": 10 * (weights + activations), "in_place": False}
    between = activations + weights // 2  # room for the activations, and not for the weights beside them
    rows = [
        (roomy, 2 * seconds, [], "fits"),
        ({**roomy, "flash": weights + 1, "ram": activations + 1, "in_place": True}, 2 * seconds, [], "in place"),
        ({**roomy, "ram": between}, 2 * seconds, ["ram"], "loaded"),
        ({**roomy, "flash": weights - 1}, 2 * seconds, ["flash"], "flash"),
        (roomy, seconds / 2, ["deadline"], "deadline"),
        ({"flash": weights // 2, "ram": activations // 2, "in_place": True}, seconds / 2, list(_WORDS), "all"),
        ({**roomy, "ram": None}, 2 * seconds, ["ram"], "unknown"),
        ({**roomy, "flash": None}, 2 * seconds, ["flash"], "unknown"),
        ({**roomy, "flash": weights, "ram": weights + activations}, seconds, [], "exact"),
    ]
    cases = [{"device": device, "deadline": d, "_expected": e, "_why": why} for device, d, e, why in rows]
    return {"model": model, "cases": shuffled(cases, rng)}


def _probe(answer, inputs: dict) -> dict:
    return {"problems": [call(answer, inputs["model"], c["device"], c["deadline"]) for c in inputs["cases"]]}


_SAYS = {
    "fits": ("everything fits, with room", "false alarm"),
    "in place": ("this device reads the weights in place, from its flash: they take no RAM", "weights in RAM"),
    "loaded": ("in_place is False: the weights are loaded into the RAM, beside the activations", "weights not in RAM"),
    "flash": ("the weights are stored in the flash, also where they are loaded from it", "flash"),
    "deadline": ("the model takes longer than the deadline", "deadline"),
    "all": ("name every problem, not only the first", "first only"),
    "unknown": ("what is not known (None) cannot be promised: it is a problem, not a fit", "unknown fits"),
    "exact": ("exactly as much as there is fits", "border"),
}


def _judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["problems"]):
        asked = f"fit_problems({inputs['model']}, {case['device']}, {case['deadline']:.4g})"
        if not isinstance(got, list) or not all(isinstance(word, str) for word in got):
            raise CheckFailed(f"{asked} should return a list of words, got {came(got)}.", "wrong type")
        strange = sorted(set(got) - set(_WORDS))
        require(not strange, f"{asked} gave {got}: the words are {', '.join(_WORDS)}.", "wrong word")
        hint, cause = _SAYS[case["_why"]]
        require(sorted(got) == sorted(case["_expected"]), f"{asked} gave {got}, expected {case['_expected']}: {hint}.", cause)
    return "Weights are counted where they lie, what is unknown is a problem, and all problems are named."


fit_problems = Exercise("fit_problems", _inputs, _probe, _judge)
