"""Lab 02, exercise 5: a shortlist with a reason for everyone, judged by its properties."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, in_order, mapping, require, shuffled, text

_COSTS = ("price", "watts", "seconds")
_NEEDS = ("coldest", "hottest", "until", "seconds")
_NAMES = ["Ash", "Birch", "Cedar", "Elm", "Fir", "Hazel", "Maple", "Oak", "Pine", "Rowan"]


def _inputs(rng: np.random.Generator) -> dict:
    names = [str(n) for n in rng.permutation(_NAMES)]
    price, watts, seconds = (float(np.round(v, 3)) for v in rng.uniform([80, 4, 0.005], [120, 8, 0.01]))
    needs = {"coldest": -20, "hottest": 60, "until": 2036, "seconds": round(6 * seconds, 4)}
    good = {"coldest": -40, "hottest": 85, "until": 2040, "price": price, "watts": watts, "seconds": seconds}
    cheap = {**good, "price": price / 2, "seconds": 3 * seconds}
    rows = [
        good,
        cheap,
        {**good, "price": price / 4, "until": 2030},  # better than both, and gone too early
        {**good, "price": price / 5, "hottest": None},  # a figure that was not found
        {**good, "watts": 1.5 * watts},  # dominated by the first
        {**cheap, "price": price, "seconds": 4 * seconds},  # dominated by the first two
        {**good, "coldest": 0, "price": price / 6},
        {**good, "price": price / 8, "watts": watts / 2, "seconds": 9 * seconds},
        dict(good),  # a tie with the first
        {
            **good,
            "coldest": -20,
            "hottest": 60,
            "until": 2036,
            "seconds": needs["seconds"],
            "price": price / 3,
        },  # keeps every limit, exactly
    ]
    devices = [{"name": name, **row} for name, row in zip(names, rows, strict=True)]
    few = [devices[i] for i in (2, 3, 6, 7)]
    order = lambda rows: [rows[i] for i in rng.permutation(len(rows))]
    return {"needs": needs, "cases": shuffled([{"devices": order(devices)}, {"devices": order(few)}], rng)}


def _probe(answer, inputs: dict) -> dict:
    return {"verdicts": [call(answer, case["devices"], inputs["needs"]) for case in inputs["cases"]]}


def broken(device: dict, needs: dict) -> list[str]:
    """The needs that a device does not keep, or of which nobody knows."""
    keeps = {
        "coldest": lambda value: value <= needs["coldest"],
        "hottest": lambda value: value >= needs["hottest"],
        "until": lambda value: value >= needs["until"],
        "seconds": lambda value: value <= needs["seconds"],
    }
    return [need for need in _NEEDS if device[need] is None or not keeps[need](device[need])]


def _beats(a: dict, b: dict) -> bool:
    return all(a[c] <= b[c] for c in _COSTS) and any(a[c] < b[c] for c in _COSTS)


def _judge(inputs: dict, outputs: dict) -> str:
    needs = inputs["needs"]
    for case, got in in_order(inputs["cases"], outputs["verdicts"]):
        devices = {device["name"]: device for device in case["devices"]}
        got = mapping(got, "shortlist(devices, needs)")
        missing = [name for name in devices if name not in got]
        require(not missing, f"shortlist gave no word for {', '.join(missing)}: every device gets one.", "device missing")
        words = ("keep", *_NEEDS, *devices)
        given = {name: text(got[name], f"the word for {name}", words) for name in devices}
        # What is wrongly kept explains what it wrongly beats, so it comes first; and a plain breach before an unknown.
        for name in sorted(devices, key=lambda name: (given[name] != "keep", None in devices[name].values())):
            _judge_one(devices, name, given[name], needs)
    return "Nothing is kept that breaks a need or is beaten, nothing is dropped without a reason that holds."


def _judge_one(devices: dict, name: str, word: str, needs: dict) -> None:
    device = devices[name]
    breaks = broken(device, needs)
    able = [d for d in devices.values() if not broken(d, needs)]
    beaten = [d["name"] for d in able if _beats(d, device)]
    facts = {key: value for key, value in device.items() if key != "name"}
    said = f"{name} ({facts}) got {word!r}"
    if word == "keep":
        for need in breaks:
            require(device[need] is not None, f"{said}, but nobody knows its {need!r}: what is unknown is not kept.", "unknown kept")
            require(False, f"{said}, but it breaks the need {need!r} ({device[need]} against {needs[need]}).", "breaks a need")
        require(
            not beaten,
            f"{said}, but it is dominated by {' and '.join(beaten)}: as good in price, watts and seconds, and better in one.",
            "dominated kept",
        )
        return
    if word in _NEEDS:
        exact = device[word] is not None and device[word] == needs[word]
        require(
            word in breaks,
            f"{said}, but it keeps that need: {device[word]} against {needs[word]}" + (", exactly at the limit" if exact else "") + ".",
            "wrong need",
        )
        return
    require(word != name, f"{said}: a device does not beat itself.", "itself")
    other = devices[word]
    require(
        not broken(other, needs),
        f"{said}, but {word} itself breaks a need ({', '.join(broken(other, needs))}): it cannot push anyone out.",
        "beaten by an unfit one",
    )
    require(
        any(other[c] != device[c] for c in _COSTS),
        f"{said}, but the two are equal, a tie: equal in price, watts and seconds, so neither beats the other.",
        "tie",
    )
    require(_beats(other, device), f"{said}, but {word} is not as good in all of price, watts and seconds.", "not dominated")


shortlist = Exercise("shortlist", _inputs, _probe, _judge)
