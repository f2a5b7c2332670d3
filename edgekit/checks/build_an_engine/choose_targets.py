"""The check of `choose_targets`, lab 06a."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, came, require, text


def inputs(rng: np.random.Generator) -> dict:
    available = ["7.5", "8.0", "8.6", "8.9", "12.0", "12.1"]
    fleets = [["8.6", "8.7", "8.6", "8.9"], ["12.0", "8.0", "9.0"], ["7.5"], ["8.7", "11.0", "8.7"]]
    for _ in range(4):
        fleets.append([str(c) for c in rng.choice([*available, "8.7", "9.0", "10.3"], size=int(rng.integers(4, 9)))])
    fleets = [[fleet[i] for i in rng.permutation(len(fleet))] for fleet in fleets]
    return {"available": available, "fleets": [*fleets, available[::-1]]}


def probe(answer, inputs: dict) -> dict:
    return {"answers": [call(answer, fleet, inputs["available"]) for fleet in inputs["fleets"]]}


def judge(inputs: dict, outputs: dict) -> str:
    available = inputs["available"]
    for fleet, got in zip(inputs["fleets"], outputs["answers"], strict=True):
        require(
            isinstance(got, list) and len(got) == 2 and all(isinstance(part, list) for part in got),
            f"choose_targets should return two lists, (targets, left_out), got {came(got)}.",
            "wrong type",
        )
        targets, left = ([text(one, f"a capability in {part}") for one in part] for part in got)
        about = f"for the fleet {fleet}"
        unserved = {c for c in fleet if c not in available}
        require(
            targets == left or set(targets) != unserved or not set(left) <= set(available),
            f"{about}: targets and left_out have changed places, got ({targets}, {left}).",
            "changed places",
        )
        extra = [t for t in targets if t not in fleet]
        require(
            not extra,
            f"{about}: built for {', '.join(extra)}, which nobody has. A kernel for 8.6 is not one for 8.7, and each target costs build"
            " time.",
            "not in the fleet",
        )
        wrong = [t for t in targets if t not in available]
        require(
            not wrong, f"{about}: {', '.join(wrong)} is not among what the builder can make ({', '.join(available)}).", "cannot be built"
        )
        require(
            len(set(targets)) == len(targets), f"{about}: {targets} names a target twice: a fleet has many devices of one kind.", "twice"
        )
        missing = [c for c in available if c in fleet and c not in targets]
        require(not missing, f"{about}: {', '.join(missing)} can be built and was left out.", "left out")
        require(
            targets == [c for c in available if c in targets],
            f"{about}: {targets} should stand in the order of `available`. Sorted as text, '12.0' comes before '8.0', and the fleet comes"
            " in any order.",
            "another order",
        )
        require(
            set(left) == unserved and len(left) == len(unserved),
            f"{about}: left_out is {left}; the devices that cannot be served are {sorted(unserved)}, each named once.",
            "what is left out",
        )
    return f"{len(inputs['fleets'])} fleets: every device is either built for, once, or named as left out."


choose_targets = Exercise("choose_targets", inputs, probe, judge)
