"""The check of `build_engine`, lab 06a."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import AnswerRaised, CheckFailed, Exercise, call, require
from edgekit.checks.fake_tensorrt import BUILT, build_standin, small_net


def inputs(rng: np.random.Generator) -> dict:
    low, best, high = sorted(int(n) for n in rng.choice(np.arange(1, 40), 3, replace=False))
    long = [int(n) for n in np.sort(rng.choice(np.arange(8, 200), 3, replace=False))]
    names = [str(name) for name in rng.choice(["pixels", "frame", "tokens", "mask", "audio"], 2, replace=False)]
    shapes = {
        names[0]: [[low, 3, 32, 32], [best, 3, 32, 32], [high, 3, 32, 32]],
        names[1]: [[n, length] for n, length in zip((low, best, high), long, strict=True)],
    }
    return {"shapes": shapes, "workspace": int(rng.integers(1, 64)) << 20, "good": small_net(rng)}


def probe(answer, inputs: dict) -> dict:
    works, fails = {}, {}
    shapes = {name: tuple(map(tuple, three)) for name, three in inputs["shapes"].items()}
    plan = call(answer, *build_standin(works), dict(shapes), inputs["workspace"])
    found = {"log": works, "type": type(plan).__name__, "whole": isinstance(plan, bytes | bytearray) and bytes(plan) == BUILT}
    try:
        call(answer, *build_standin(fails, works=False), dict(shapes), inputs["workspace"])
        found["failed"] = ""
    except AnswerRaised as error:
        found["failed"] = type(error.__cause__).__name__
    return found | {"real": _really(answer, inputs)}


def _really(answer, inputs: dict) -> dict | None:
    """The same with the TensorRT of this machine, if it has one that can build."""
    from edgekit.runtimes import RunnerError
    from edgekit.runtimes import trt as engines

    try:
        module = engines.api()
        engines.new_builder(module, engines.collecting(module, engines.Log()))
    except RunnerError:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(inputs["good"])
        parsed = engines.parse(path)
        side = [int(n) for n in parsed.network.get_input(0).shape][1:]
        shapes = {parsed.network.get_input(0).name: tuple((n, *side) for n in (1, 2, 4))}
        try:
            plan = answer(module, parsed.builder, parsed.network, shapes, 1 << 26)
        except Exception as error:
            return {"api": module.__name__, "error": f"{type(error).__name__}: {error}"}
        return {"api": module.__name__, "bytes": len(plan) if isinstance(plan, bytes | bytearray) else 0}


def judge(inputs: dict, outputs: dict) -> str:
    log = outputs["log"]
    require(log["configs"], "no configuration was made: builder.create_builder_config().", "no configuration")
    _profile(inputs, log)
    require(
        log["workspace"] is not None,
        "the workspace has no limit: config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace). Without it a layer may take the"
        " whole memory of the GPU.",
        "no workspace limit",
    )
    require(
        log["workspace"] == inputs["workspace"],
        f"the workspace is limited to {log['workspace']:,}, expected {inputs['workspace']:,}: `workspace` is in bytes, and so is the"
        " limit.",
        "wrong workspace",
    )
    require(log["builds"], "nothing was built: builder.build_serialized_network(network, config).", "not built")
    right, configured, _ = log["builds"][0]
    require(
        right and configured,
        "build_serialized_network got something else than the network and the configuration, in this order.",
        "wrong arguments",
    )
    _returned(outputs)
    real = outputs["real"]
    if real is None:
        return (
            "The right calls, in the right order, and a failed build is told. (No TensorRT on this machine can build: the calls were"
            " checked on a stand-in.)"
        )
    require("error" not in real, f"{real['api']} itself did not take it: {real.get('error')}", "refused by TensorRT")
    require(real["bytes"] > 1000, f"{real['api']} built a small model, and {real['bytes']} bytes came back.", "no engine")
    return f"The right calls, a failed build is told, and {real['api']} built an engine of {real['bytes']:,} bytes with them."


def _profile(inputs: dict, log: dict) -> None:
    wanted, found = inputs["shapes"], log["profiles"]
    require(
        found,
        "the configuration got no optimization profile: make one (builder.create_optimization_profile()), set its shapes, then"
        " config.add_optimization_profile(profile). A network with a dynamic input cannot be built without.",
        "no profile",
    )
    require(
        len(found) == 1,
        f"{len(found)} profiles were added. One profile holds the shapes of *all* inputs; a second one is another way to run the whole"
        " network.",
        "a profile for each input",
    )
    got = found[0]
    require(got, "the profile was added before its shapes were set: what is set later is not in it.", "profile added too early")
    require(
        set(got) == set(wanted),
        f"the profile has shapes for {sorted(got)}, expected {sorted(wanted)}: each dynamic input needs its own, by the name that `shapes`"
        " gives.",
        "inputs missing in the profile",
    )
    for name, three in wanted.items():
        if got[name] != three:
            raise CheckFailed(f"the profile of {name!r} is {got[name]}, expected {three}: set_shape(name, min, opt, max).", "wrong shapes")


def _returned(outputs: dict) -> None:
    require(
        outputs["type"] != "IHostMemory",
        "what build_serialized_network gives was returned as it is: memory that belongs to TensorRT. Make bytes of it: then it can be"
        " written to a file, and outlives the builder.",
        "not bytes",
    )
    require(outputs["whole"], f"build_engine should return the whole engine as bytes, got {outputs['type']}.", "wrong type")
    require(
        outputs["failed"] != "",
        "a build that fails: build_engine returned as if all were well. build_serialized_network raises nothing, it returns None: look at"
        " it and raise RuntimeError.",
        "None not noticed",
    )
    require(
        outputs["failed"] == "RuntimeError",
        f"a build that fails: {outputs['failed']}, expected RuntimeError. build_serialized_network returns None then: look at it before you"
        " use it.",
        "None used",
    )


build_engine = Exercise("build_engine", inputs, probe, judge)
