"""The check of `streaming_budget`, lab 03g."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, call, close, mapping, number, require, slip

KEYS = ("flash", "ram", "time")


def inputs(rng: np.random.Generator) -> dict:
    """Two networks, with weights in float16 and in int8, on devices of other sizes."""
    cases = []
    for size in (2, 1):
        draw = lambda low, high: int(rng.integers(low, high))
        model = {
            "parameters": draw(5_000, 60_000),
            "bytes_per_weight": size,
            "state": draw(40, 400),
            "activations": draw(500, 900),
            "window": draw(1000, 1600),
            "macs": draw(20_000, 90_000),
        }
        device = {"flash": draw(200, 900) * 1000, "ram": draw(60, 200) * 1000, "macs_per_second": draw(30, 90) * 1_000_000}
        cases.append({"model": model, "hop": draw(50, 300), "rate": draw(4, 17) * 1000, "device": device})
    return {"cases": cases}


def probe(answer, inputs: dict) -> dict:
    return {"found": [call(answer, c["model"], c["hop"], c["rate"], c["device"]) for c in inputs["cases"]]}


def _shares(model: dict, hop: int, rate: int, device: dict) -> dict[str, tuple[float, dict[str, float]]]:
    """For every key the right share, and what the usual slips compute."""
    weights, values = (model["parameters"] * model["bytes_per_weight"], 2 * model["state"] + model["activations"] + model["window"])
    busy, period = model["macs"] / device["macs_per_second"], hop / rate
    ram = lambda count, more=0: (4 * count + more) / device["ram"]
    flash = lambda size: size / device["flash"]
    return {
        "flash": (
            flash(weights),
            {
                "parameters, not bytes": flash(model["parameters"]) if model["bytes_per_weight"] != 1 else np.nan,
                "float32 assumed": flash(4 * model["parameters"]),
                "bits": flash(8 * weights),
            },
        ),
        "ram": (
            ram(values),
            {
                "weights in RAM": ram(values, weights),
                "one state": ram(values - model["state"]),
                "no window": ram(values - model["window"]),
                "no state": ram(values - 2 * model["state"]),
                "no activations": ram(values - model["activations"]),
                "values, not bytes": values / device["ram"],
                "size of a weight": model["bytes_per_weight"] * values / device["ram"],
            },
        ),
        "time": (
            busy / period,
            {
                "upside down": period / busy,
                "seconds, not a share": busy,
                "period of a sample": busy * rate,
                "FLOPs": 2 * busy / period,
                "time of the window": busy / (model["window"] / rate),
            },
        ),
    }


_SAYS = {
    "parameters, not bytes": "that counts weights, not bytes: each takes bytes_per_weight.",
    "float32 assumed": "that is 4 bytes a weight: this model says bytes_per_weight.",
    "bits": "that is in bits.",
    "weights in RAM": "the weights are in it. They stay in flash, where the processor reads them in place.",
    "one state": "the state counts once. While the next one is written, the old one is still read: two of them.",
    "no window": "the samples of the window are missing: they wait in RAM for the next frame.",
    "no state": "the state is missing: it is what a streaming model has to remember.",
    "no activations": "the activations are missing.",
    "values, not bytes": "that counts values, not bytes: a float32 has 4.",
    "size of a weight": "states, activations and samples are float32 here, whatever the weights are: 4 bytes each.",
    "upside down": "it is upside down: how much of the time between two hops is the processor busy?",
    "seconds, not a share": "that is the time in seconds. Divide it by the time between two hops.",
    "period of a sample": "the network runs once for each hop, not for each sample.",
    "FLOPs": "twice as much: the device's speed is in MACs too.",
    "time of the window": "that divides by the length of the window. The next call comes after one *hop*.",
}


def judge(inputs: dict, outputs: dict) -> str:
    for case, got in zip(inputs["cases"], outputs["found"], strict=True):
        what = f"streaming_budget for {case['model']['bytes_per_weight']} byte(s) a weight"
        found = mapping(got, what)
        missing = [key for key in KEYS if key not in found]
        require(not missing, f"{what} has no {', '.join(missing)}: {list(found)}. The keys are {', '.join(KEYS)}.", "keys")
        for key, (expected, slips) in _shares(case["model"], case["hop"], case["rate"], case["device"]).items():
            _one(f"{key!r} of {what}", number(found[key], f"{key!r} of {what}"), expected, slips)
    return "Flash, RAM and time of two networks as shares of what two devices have."


def _one(what: str, got: float, expected: float, slips: dict[str, float]) -> None:
    near = lambda value: close(got, value, 1e-4, 0)
    if near(expected):
        return
    for cause, value in slips.items():
        if near(value):
            raise CheckFailed(f"{what} is {got:.4g}, expected {expected:.4g}: {_SAYS[cause]}", cause)
    raise CheckFailed(f"{what} is {got:.4g}, expected {expected:.4g}.{slip(got, expected)}", "another number")


streaming_budget = Exercise("streaming_budget", inputs, probe, judge)
