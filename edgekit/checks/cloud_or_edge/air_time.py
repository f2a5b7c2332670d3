"""air_time: the share of a link's day that messages need."""

from __future__ import annotations

import math

import numpy as np

from edgekit.checks import Exercise, call, close, number, require, slip

DAY = 86_400


def _inputs(rng: np.random.Generator) -> dict:
    links = [
        {"rate": 5470.0, "duty": 0.01, "payload": 242, "header": 13},
        {"rate": float(rng.integers(20, 90)) * 1e3, "duty": 1.0, "payload": 1472, "header": 28},
        {"rate": float(rng.integers(1, 9)) * 1e6, "duty": 0.1, "payload": 1460, "header": 40},
    ]
    sizes = [int(rng.integers(500, 900)), int(rng.integers(3000, 9000)), int(rng.integers(2, 90))]
    return {
        "cases": (
            [{"size": size, "per_day": int(rng.integers(20, 2000)), "link": link} for size, link in zip(sizes, links, strict=True)]
            + [{"size": 484, "per_day": int(rng.integers(20, 200)), "link": links[0]}]
        )  # fills two messages to the last byte
    }


def _probe(answer, inputs: dict) -> dict:
    return {"shares": [call(answer, case["size"], case["per_day"], case["link"]) for case in inputs["cases"]]}


def _judge(inputs: dict, outputs: dict) -> str:
    for case, share in zip(inputs["cases"], outputs["shares"], strict=True):
        _one(case, number(share, "the share"))
    return "Bits over what the link may send in a day; every message pays its header."


def _one(case: dict, got: float) -> None:
    size, link, per_day = case["size"], case["link"], case["per_day"]
    messages = math.ceil(size / link["payload"])

    def share(count=messages, bits=8, duty=link["duty"], seconds=DAY, header=link["header"], times=per_day):
        return times * bits * (size + count * header) / (link["rate"] * duty * seconds)

    expected = share()
    if close(got, expected, rtol=1e-6, atol=0):
        return
    shown = f"{size} bytes, {per_day} times a day, over {link}: your share is {got:.4g}, expected {expected:.4g}"
    slips = [
        (share(bits=1), "bytes for bits", "rate counts bits, the sizes are bytes: a factor of 8."),
        (share(duty=1), "duty cycle forgotten", "The duty cycle is missing: the radio may send only that part of the day."),
        (share() * link["duty"] ** 2, "duty cycle upside down", "The duty cycle makes the day shorter: it belongs to the denominator."),
        (
            share(count=1),
            "one header",
            f"{size} bytes need {messages} messages of at most {link['payload']}: each of them carries a header.",
        ),
        (share(count=0), "no header", f"Every message carries a header of {link['header']} bytes on top."),
        (share(count=size // link["payload"]), "rounded down", "The rest that fills no whole message needs one too: round up."),
        (
            share(count=size // link["payload"] + 1),
            "one too many",
            "A size that fills its messages to the last byte needs no message more.",
        ),
        (share(count=size / link["payload"]), "not rounded", "There is no part of a message: round their number up."),
        (share(times=1), "one message only", "That is one result: there are many in a day."),
        (1 / expected, "upside down", "That is capacity over need: turn it round."),
        (100 * expected, "per cent", "That is per cent: 1 stands for the whole day."),
        (share(seconds=3600), "an hour", "A day has 86,400 seconds, an hour has 3,600."),
    ]
    for value, cause, why in slips:
        require(not close(got, value, rtol=1e-6, atol=0), f"{shown}. {why}", cause)
    require(not slip(got, expected, share=True), f"{shown}.{slip(got, expected, share=True)}", "sign or unit")
    require(False, f"{shown}. Bits to send, headers included, over rate x duty x seconds of a day.", "wrong share")


air_time = Exercise("air_time", _inputs, _probe, _judge)
