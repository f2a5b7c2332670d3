"""Right answers in other words to `build_engine`, lab 06a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "profile first, keywords, a view made into bytes",
        """
def build_engine(trt, builder, network, shapes, workspace):
    profile = builder.create_optimization_profile()
    for name in shapes:
        profile.set_shape(input=name, min=shapes[name][0], opt=shapes[name][1], max=shapes[name][2])
    config = builder.create_builder_config()
    config.add_optimization_profile(profile)
    config.set_memory_pool_limit(pool=trt.MemoryPoolType.WORKSPACE, pool_size=workspace)
    if (plan := builder.build_serialized_network(network, config)) is not None:
        return memoryview(plan).tobytes()
    raise RuntimeError("see the log")
""",
    ),
    Right(
        "a helper, a list of shapes, more of the configuration",
        """
def build_engine(trt, builder, network, shapes, workspace):
    def configured():
        config = builder.create_builder_config()
        config.builder_optimization_level = 2
        config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace)
        return config
    config, profile = configured(), builder.create_optimization_profile()
    [profile.set_shape(name, *map(list, three)) for name, three in shapes.items()]
    assert config.add_optimization_profile(profile) >= 0
    plan = builder.build_serialized_network(network, config)
    if not plan:
        raise RuntimeError("no engine")
    return bytearray(plan)
""",
    ),
    Right(
        "errors by hand",
        """
def build_engine(trt, builder, network, shapes, workspace):
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, int(workspace))
    profile = builder.create_optimization_profile()
    for name, (smallest, usual, largest) in shapes.items():
        profile.set_shape(name, tuple(smallest), tuple(usual), tuple(largest))
    config.add_optimization_profile(profile)
    try:
        return bytes(builder.build_serialized_network(network, config))
    except TypeError as error:
        raise RuntimeError("the build failed") from error
""",
    ),
]
