"""Wrong answers to `build_engine`, lab 06a."""

from tests.mistakes import Mistake, changed

_BUILD = """
def build_engine(trt, builder, network, shapes, workspace):
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace)
    profile = builder.create_optimization_profile()
    for name, (low, best, high) in shapes.items():
        profile.set_shape(name, low, best, high)
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise RuntimeError("nothing was built")
    return bytes(plan)
"""
_ADD, _LIMIT = (
    "    config.add_optimization_profile(profile)\n",
    "    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace)\n",
)
_SET = "        profile.set_shape(name, low, best, high)\n"
_NONE = '    if plan is None:\n        raise RuntimeError("nothing was built")\n'


def _build(*pairs):
    return changed(_BUILD, *pairs)


MISTAKES = [
    Mistake("no limit", _build((_LIMIT, "")), says="has no limit"),
    Mistake("limit in megabytes", _build(("WORKSPACE, workspace", "WORKSPACE, workspace >> 20")), says="in bytes"),
    Mistake("limit of another pool", _build(("Type.WORKSPACE", "Type.TACTIC_DRAM")), says="has no limit"),
    Mistake("limit as in TensorRT 8", _build((_LIMIT, "    config.max_workspace_size = workspace\n")), says="max_workspace_size"),
    Mistake(
        "build_engine of TensorRT 8",
        _build(("build_serialized_network(network", "build_engine(network")),
        says="build_engine is not in every TensorRT",
    ),
    Mistake("profile never added", _build((_ADD, "")), says="got no optimization profile"),
    Mistake("profile added before its shapes", _build((_ADD, ""), ("    for name", _ADD + "    for name")), says="added before its shapes"),
    Mistake(
        "a profile for each input",
        _build(
            ("    profile = builder.create_optimization_profile()\n", ""),
            (_SET, "        profile = builder.create_optimization_profile()\n" + _SET + "    " + _ADD),
            ("\n" + _ADD + "    plan", "\n    plan"),
        ),
        says="shapes of *all* inputs",
    ),
    Mistake("only the first input", _build((_SET, _SET + "        break\n")), says="each dynamic input needs its own"),
    Mistake("one name for all", _build(("set_shape(name", "set_shape('input'")), says="by the name that `shapes` gives"),
    Mistake("largest first", _build(("low, best, high)\n", "high, best, low)\n")), says="min, opt, max"),
    Mistake("tuned for the largest", _build(("(name, low, best, high)", "(name, low, high, high)")), says="min, opt, max"),
    Mistake("None given back", _build((_NONE, ""), ("bytes(plan)", "plan and bytes(plan)")), says="returned as if all were well"),
    Mistake("bytes of None", _build((_NONE, "")), says="TypeError, expected RuntimeError"),
    Mistake("memory of TensorRT given back", _build(("bytes(plan)", "plan")), says="belongs to TensorRT"),
    Mistake("only its size given back", _build(("bytes(plan)", "plan.nbytes")), says="whole engine as bytes"),
    Mistake("built and not returned", _build(("return bytes", "engine = bytes")), says="whole engine as bytes"),
    Mistake("network and configuration swapped", _build(("(network, config)", "(config, network)")), says="in this order"),
    Mistake("nothing built", _build(("builder.build_serialized_network(network, config)", "b''")), says="nothing was built"),
]
