"""The check of `refuses`, lab 06a."""

from __future__ import annotations

import hashlib

import numpy as np

from edgekit.checks import Exercise, call, came, require, text

REASONS = ("cut short", "altered", "other version", "other GPU")


# name -> (what is done to the bytes, version, GPU), and the reasons that follow from it
_CASES = {
    "untouched": ("", "same", "first", []),
    "for the second of its targets": ("", "same", "second", []),
    "no GPU here": ("", "same", "none", []),
    "end missing": ("cut", "same", "first", ["cut short"]),
    "nothing left": ("empty", "same", "first", ["cut short"]),
    "one byte changed": ("flip", "same", "first", ["altered"]),
    "last build number differs": ("", "build", "first", ["other version"]),
    "longer version": ("", "longer", "first", ["other version"]),
    "other major version": ("", "major", "first", ["other version"]),
    "GPU not among the targets": ("", "same", "other", ["other GPU"]),
    "GPU whose number contains a target's": ("", "same", "prefix", ["other GPU"]),
    "altered, and everything else differs too": ("flip", "major", "other", ["altered", "other version", "other GPU"]),
    "cut, on another GPU": ("cut", "same", "other", ["cut short", "other GPU"]),
    "bytes behind the end": ("longer", "same", "first", ["altered"]),
    "machine with an older version": ("", "older", "first", ["other version"]),
    "no GPU, another version": ("", "major", "none", ["other version"]),
    "GPU of the same generation as the targets": ("", "same", "sibling", ["other GPU"]),
}


def inputs(rng: np.random.Generator) -> dict:
    """Plans with headers and machines; which case is which stays with the judge."""
    cases, names = [], [list(_CASES)[i] for i in rng.permutation(len(_CASES))]
    for name in names:
        damage, version, gpu, _ = _CASES[name]
        plan = rng.integers(0, 256, int(rng.integers(200, 900)), dtype=np.uint8)
        release, build = (f"{int(rng.integers(10, 12))}.{int(rng.integers(1, 9))}.{int(rng.integers(1, 9))}", int(rng.integers(11, 98)))
        written = f"{release}.{build}"
        here = {
            "same": written,
            "build": f"{release}.{build + 1}",
            "older": f"{release}.{build - 1}",
            "longer": written + "7",
            "major": f"{int(written[:2]) + 1}{written[2:]}",
        }[version]
        targets = [["8.0", "12.1"], ["8.6", "8.9"], ["8.9", "12.0"]][int(rng.integers(3))]
        card = {"first": targets[0], "second": targets[1], "none": None, "other": "7.5"}.get(gpu)
        if gpu == "prefix":  # "2.1" is part of "12.1", and of nothing that a GPU has
            targets, card = ["8.6", "12.1"], "2.1"
        if gpu == "sibling":
            targets, card = ["8.6", "8.9"], "8.7"
        data = plan.tobytes()
        cases.append(
            {
                "plan": np.frombuffer(_damaged(data, damage, rng), dtype=np.uint8),
                "header": {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "version": written, "targets": targets},
                "machine": {"version": here, "capability": card},
            }
        )
    return {"cases": cases, "_names": names}


def _damaged(data: bytes, damage: str, rng) -> bytes:
    if damage == "cut":
        return data[: len(data) - int(rng.integers(1, 100))]
    if damage == "flip":
        at = int(rng.integers(len(data)))
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    if damage == "longer":
        return data + rng.bytes(int(rng.integers(1, 100)))
    return b"" if damage == "empty" else data


def probe(answer, inputs: dict) -> dict:
    return {"answers": [call(answer, c["plan"].tobytes(), c["header"], c["machine"]) for c in inputs["cases"]]}


_REFUSES_SAYS = {
    "untouched": "nothing speaks against it. Look for a comparison the wrong way round, and compare hex digits with .hexdigest()",
    "no GPU here": "a machine without a GPU has capability None: there is nothing to compare, so that is no reason",
    "for the second of its targets": "any of the targets will do",
    "end missing": "what is cut short is not called altered as well, of course its bytes differ",
    "nothing left": "an empty file is shorter than what was written",
    "one byte changed": "the size is right, so only the SHA-256 of the bytes tells",
    "last build number differs": "the whole version must be the same, to the last number",
    "longer version": "compare the whole version: one that only begins like the other is another one",
    "GPU whose number contains a target's": (
        "'2.1' is a part of the text '12.1', and not one of the targets: compare with the list's entries"
    ),
    "altered, and everything else differs too": (
        "list *every* reason, in the order of the docstring: who moves to another GPU wants to know about the version too"
    ),
    "cut, on another GPU": "list every reason; what is cut short is not called altered as well",
    "bytes behind the end": "the file has *more* bytes than were written, so it is not cut short. All of them count for the SHA-256",
    "machine with an older version": "the very version that built it must be there: neither a newer nor an older one will do",
    "no GPU, another version": "without a GPU only the last question falls away, the others stay",
    "GPU of the same generation as the targets": (
        "8.7 is not among them. That it is of the same generation, or newer than one of them, does not help"
    ),
}


def judge(inputs: dict, outputs: dict) -> str:
    for name, (*_, expected) in _CASES.items():
        place = inputs["_names"].index(name)
        got, case = outputs["answers"][place], inputs["cases"][place]
        require(isinstance(got, list), f"refuses should return a list of reasons, empty if there are none, got {came(got)}.", "wrong type")
        got = [text(reason, "a reason", REASONS) for reason in got]
        about = (
            f"header {case['header']['bytes']} bytes, version {case['header']['version']}, targets {case['header']['targets']}; file"
            f" {len(case['plan'])} bytes; machine {case['machine']}"
        )
        hint = f": {_REFUSES_SAYS[name]}" if name in _REFUSES_SAYS else ""
        require(got == expected, f"case '{name}': got {got}, expected {expected}{hint}. ({about})", name)
    return f"{len(_CASES)} plans: the good ones are loaded, and each bad one is refused with all of its reasons."


refuses = Exercise("refuses", inputs, probe, judge)
