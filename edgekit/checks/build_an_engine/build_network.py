"""The check of `build_network`, lab 06a."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import CheckFailed, Exercise, call, came, require
from edgekit.checks.fake_tensorrt import small_net, standin


def inputs(rng: np.random.Generator) -> dict:
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


def probe(answer, inputs: dict) -> dict:
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


def judge(inputs: dict, outputs: dict) -> str:
    for name in ("with", "without"):
        _judge_standin(outputs[name], inputs["errors"] if name == "with" else [])
    real = outputs["real"]
    if real is None:
        return (
            "The right calls, and every error is reported. (There is no TensorRT on this machine that can parse: the calls were checked on"
            " a stand-in.)"
        )
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
    return f"The right calls, and {real['api']} read a good model without an error and a bad one with both of its errors."


def _judge_standin(got: dict, errors: list) -> None:
    if "returned" in got:
        what = got["returned"]
        raise CheckFailed(
            f"build_network should return two things, (network, errors), got {came(None) if what is None else what}.", "wrong type"
        )
    names = [step[0] for step in got["calls"]]
    require("create_network" in names, "no network was made: builder.create_network(flags).", "no network")
    flags = next(step[1] for step in got["calls"] if step[0] == "create_network")
    require(
        flags & (1 << 5),
        f"create_network got flags {flags}, without the bit of STRONGLY_TYPED. The flags are a bit mask, and the member of the enum is the"
        " *number* of its bit, another one in TensorRT-RTX than in TensorRT 10: shift 1 by it. In TensorRT 10 a network without it is"
        " weakly typed, and ignores the precision of your model.",
        "not strongly typed",
    )
    require("parse" in names, "nothing was parsed: parser.parse_from_file(str(path)).", "not parsed")
    require(
        all(step[1] for step in got["calls"] if step[0] == "logger"),
        "the builder or the parser got another logger than the one that was passed in: whoever calls build_network looks there for what"
        " TensorRT said.",
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
        f"the parser had {len(errors)} errors, {len(found)} were returned. Parsing does not raise: ask parser.num_errors, and get_error(i)"
        " for each.",
        "errors lost",
    )
    require(
        found == errors,
        f"errors should be (operator, node name) pairs in the parser's order, {errors[:1]} first; got {found[:1]}. "
        "node_operator() and node_name() are methods: call them, in this order.",
        "wrong pairs",
    )


build_network = Exercise("build_network", inputs, probe, judge)
