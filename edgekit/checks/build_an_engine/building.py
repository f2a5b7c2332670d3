"""The checks of lab 06a on the build: parsing, profiles, the GPUs to build for."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import (
    CheckFailed,
    Exercise,
    array,
    call,
    came,
    integer,
    require,
    text,
)
from edgekit.checks._tensorrt import small_net, standin


# ------------------------------------------------------------------------------------------------------------ build_network
def _network_inputs(rng: np.random.Generator) -> dict:
    ops = [str(op) for op in rng.choice(["Det", "Bernoulli", "ConvInteger", "MatMulInteger"], size=3)]
    return {
        "errors": [[op, f"node_{int(rng.integers(1000))}_{i}"] for i, op in enumerate(ops)],
        "good": small_net(rng),
        "bad": small_net(rng, broken=True),
    }


def _told(value):
    """Lists, tuples and strings as they are, everything else as its type: an object of TensorRT is no plain data."""
    if isinstance(value, list | tuple):
        return [_told(part) for part in value]
    return value if value is None or isinstance(value, str) else f"<{type(value).__name__}>"


def _returned(result) -> dict:
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        return {"returned": _told(result)}
    network, errors = result
    layers = getattr(network, "num_layers", None)
    return {"network": _told(network), "layers": layers if isinstance(layers, int) else None, "errors": _told(errors)}


def _network_probe(answer, inputs: dict) -> dict:
    found = {"with": [], "without": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(inputs["good"])
        for name, errors in (("with", inputs["errors"]), ("without", [])):
            calls: list = []
            result = _returned(call(answer, *standin(errors, calls), path))
            found[name] = {"calls": calls, **result}
        return found | {"real": _really(answer, path, inputs)}


def _really(answer, path: Path, inputs: dict) -> dict | None:
    """The same with the TensorRT of this machine, if it has one that can parse."""
    from edgekit.runtimes import RunnerError
    from edgekit.runtimes import trt as engines

    try:
        module = engines.api()
        engines.new_builder(module, engines.collecting(module, engines.Log()))
    except RunnerError:
        return None
    found = {}
    for name in ("good", "bad"):
        path.write_bytes(inputs[name])
        try:
            result = answer(module, engines.collecting(module, engines.Log()), path)
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}", "api": module.__name__}
        found[name] = _returned(result)
    return found | {"api": module.__name__}


def _pairs(value) -> list[list[str]]:
    is_pair = lambda one: isinstance(one, list) and len(one) == 2 and all(isinstance(part, str) for part in one)
    if not isinstance(value, list) or not all(map(is_pair, value)):
        raise CheckFailed(
            f"errors should be a list of pairs (operator, node name), empty if there are none; got {str(value)[:120]}. An error has "
            "node_operator() and node_name().",
            "wrong type",
        )
    return value


def _network_judge(inputs: dict, outputs: dict) -> str:
    for name in ("with", "without"):
        _judge_standin(outputs[name], inputs["errors"] if name == "with" else [])
    real = outputs["real"]
    if real is None:
        return "The right calls, and every error is reported. (There is no TensorRT on this machine that can parse: the calls were checked on a stand-in.)"
    require("error" not in real, f"{real['api']} itself did not take it: {real.get('error')}", "refused by TensorRT")
    good, bad = real["good"], real["bad"]
    require(
        good["layers"] and not good["errors"],
        f"{real['api']} parsed a good model into {good['layers']} layers with the errors {good['errors']}.",
        "wrong network",
    )
    operators = [pair[0] for pair in _pairs(bad["errors"])]
    require(
        operators == ["Bernoulli", "Whiten"],
        f"a model with Bernoulli and Whiten, which TensorRT does not have, gave the errors of {operators}.",
        "errors lost",
    )
    return (
        f"The right calls, and {real['api']} read a good model without an error and a bad one with both of its errors."
    )


def _judge_standin(got: dict, errors: list) -> None:
    if "returned" in got:
        what = got["returned"]
        raise CheckFailed(
            f"build_network should return two things, (network, errors), got {came(None) if what is None else what}.",
            "wrong type",
        )
    names = [step[0] for step in got["calls"]]
    require("create_network" in names, "no network was made: builder.create_network(flags).", "no network")
    flags = next(step[1] for step in got["calls"] if step[0] == "create_network")
    require(
        flags & (1 << 5),
        f"create_network got flags {flags}, without the bit of STRONGLY_TYPED. The flags are a bit mask, and the member of the enum is the *number* "
        "of its bit, another one in TensorRT-RTX than in TensorRT 10: shift 1 by it. In TensorRT 10 a network without it is weakly typed, and ignores "
        "the precision of your model.",
        "not strongly typed",
    )
    require("parse" in names, "nothing was parsed: parser.parse_from_file(str(path)).", "not parsed")
    require(
        all(step[1] for step in got["calls"] if step[0] == "logger"),
        "the builder or the parser got another logger than the one that was passed in: whoever calls build_network looks there for what TensorRT said.",
        "another logger",
    )
    require(
        got["layers"],
        f"the first thing returned should be the network that was parsed into, also if there were errors; got {str(got['network'])[:80]}.",
        "wrong network",
    )
    found = _pairs(got["errors"])
    require(
        len(found) == len(errors),
        f"the parser had {len(errors)} errors, {len(found)} were returned. Parsing does not raise: ask parser.num_errors, and get_error(i) for each.",
        "errors lost",
    )
    require(
        found == errors,
        f"errors should be (operator, node name) pairs in the parser's order, {errors[:1]} first; got {found[:1]}. "
        "node_operator() and node_name() are methods: call them, in this order.",
        "wrong pairs",
    )


build_network = Exercise("build_network", _network_inputs, _network_probe, _network_judge)


# ------------------------------------------------------------------------------------------------------------ batch_profile
def _profile_inputs(rng: np.random.Generator) -> dict:
    """Days of requests in which smallest, largest, commonest, mean and median batch all differ."""
    days = []
    for _ in range(3):
        small, common, middle, big = (int(n) for n in np.cumsum(rng.integers([2, 1, 4, 12], [4, 3, 7, 20])))
        requests = [common] * 9 + [small] * 2 + [middle] * 8 + [middle + 1] * 3 + [big] * 2
        days.append(
            {
                "batches": [requests[i] for i in rng.permutation(len(requests))],
                "image": [int(rng.integers(1, 4)), 28, int(rng.integers(20, 40))],
            }
        )
    return {"days": days}


def _profile_probe(answer, inputs: dict) -> dict:
    return {"profiles": [call(answer, day["batches"], tuple(day["image"])) for day in inputs["days"]]}


def _profile_judge(inputs: dict, outputs: dict) -> str:
    for day, got in zip(inputs["days"], outputs["profiles"], strict=True):
        batches, image = day["batches"], day["image"]
        got = list(got) if isinstance(got, np.ndarray) and got.ndim else got  # three rows of one array
        require(
            isinstance(got, list) and len(got) == 3,
            f"a profile is three shapes, (min, opt, max), got {came(got)}.",
            "wrong type",
        )
        shapes = [array(shape, f"shape {i}").tolist() for i, shape in enumerate(got)]
        require(
            all(isinstance(s, list) and len(s) == 4 for s in shapes),
            f"each of the three is a whole shape, [batch, {', '.join(map(str, image))}], got {shapes}.",
            "not whole shapes",
        )
        shapes = [[integer(n, f"dimension {i} of {s}") for i, n in enumerate(s)] for s in shapes]
        require(
            all(s[1:] == image for s in shapes),
            f"only the batch is dynamic: the rest of each shape is {image}, got {shapes}.",
            "other dimensions changed",
        )
        low, best, high = (s[0] for s in shapes)
        asked = f"the batches asked for were {sorted(batches)}"
        require(low > 0, f"min is {low}: -1 stands in the network, and a profile says what it may be, from 1 on.", "-1")
        require(low <= best <= high, f"min {low}, opt {best}, max {high} are not in order; {asked}.", "order")
        require(
            low <= min(batches),
            f"min is {low}, and a batch of {min(batches)} would be refused; {asked}.",
            "smallest not covered",
        )
        require(
            high >= max(batches),
            f"max is {high}, and a batch of {max(batches)} would be refused; {asked}.",
            "largest not covered",
        )
        require(
            low == min(batches) and high == max(batches),
            f"min {low} and max {high} cover more than was asked for. Memory is reserved for max, and tactics must work for all of the range; {asked}.",
            "wider than needed",
        )
        common = max(set(batches), key=batches.count)
        is_count = f" {best} is how often it comes." if best == batches.count(common) else ""
        require(
            best == common,
            f"opt is {best}; {asked}. TensorRT chooses the kernels that are fastest at opt, so opt is the batch that comes most often, {common}: "
            f"not the mean, the middle or the largest.{is_count}",
            "opt is not the commonest",
        )
    return "Three days of requests: everything is covered, nothing more, and the engine is tuned for what comes most often."


batch_profile = Exercise("batch_profile", _profile_inputs, _profile_probe, _profile_judge)


# ---------------------------------------------------------------------------------------------------------- choose_targets
def _targets_inputs(rng: np.random.Generator) -> dict:
    available = ["7.5", "8.0", "8.6", "8.9", "12.0", "12.1"]
    fleets = [["8.6", "8.7", "8.6", "8.9"], ["12.0", "8.0", "9.0"], ["7.5"], ["8.7", "11.0", "8.7"]]
    for _ in range(4):
        fleets.append([str(c) for c in rng.choice([*available, "8.7", "9.0", "10.3"], size=int(rng.integers(4, 9)))])
    fleets = [[fleet[i] for i in rng.permutation(len(fleet))] for fleet in fleets]
    return {"available": available, "fleets": [*fleets, available[::-1]]}


def _targets_probe(answer, inputs: dict) -> dict:
    return {"answers": [call(answer, fleet, inputs["available"]) for fleet in inputs["fleets"]]}


def _targets_judge(inputs: dict, outputs: dict) -> str:
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
            f"{about}: built for {', '.join(extra)}, which nobody has. A kernel for 8.6 is not one for 8.7, and each target costs build time.",
            "not in the fleet",
        )
        wrong = [t for t in targets if t not in available]
        require(
            not wrong,
            f"{about}: {', '.join(wrong)} is not among what the builder can make ({', '.join(available)}).",
            "cannot be built",
        )
        require(
            len(set(targets)) == len(targets),
            f"{about}: {targets} names a target twice: a fleet has many devices of one kind.",
            "twice",
        )
        missing = [c for c in available if c in fleet and c not in targets]
        require(not missing, f"{about}: {', '.join(missing)} can be built and was left out.", "left out")
        require(
            targets == [c for c in available if c in targets],
            f"{about}: {targets} should stand in the order of `available`. Sorted as text, '12.0' comes before '8.0', and the fleet comes in any order.",
            "another order",
        )
        require(
            set(left) == unserved and len(left) == len(unserved),
            f"{about}: left_out is {left}; the devices that cannot be served are {sorted(unserved)}, each named once.",
            "what is left out",
        )
    return f"{len(inputs['fleets'])} fleets: every device is either built for, once, or named as left out."


choose_targets = Exercise("choose_targets", _targets_inputs, _targets_probe, _targets_judge)
