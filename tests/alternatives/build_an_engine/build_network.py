"""Right answers in other words to `build_network`, lab 06a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "bytes instead of a path, the enum's value, early return",
        """
def build_network(trt, logger, path):
    network = trt.Builder(logger).create_network(flags=1 << trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED.value)
    parser = trt.OnnxParser(network, logger)
    if parser.parse(path.read_bytes()):
        return network, []
    errors = []
    for i in range(parser.num_errors):
        error = parser.get_error(i)
        errors.append([error.node_operator(), error.node_name()])
    return [network, errors]
""",
    ),
    Right(
        "context managers, as in older examples",
        """
def build_network(trt, logger, path):
    flag = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    with trt.Builder(logger) as builder, builder.create_network(flag) as network, trt.OnnxParser(network, logger) as parser:
        with open(path, "rb") as file:
            parser.parse(file.read())
        return network, tuple((parser.get_error(i).node_operator(), parser.get_error(i).node_name()) for i in range(parser.num_errors))
""",
    ),
    Right(
        "keywords, a power of two, map",
        """
def build_network(trt, logger, path):
    import operator
    builder = trt.Builder(logger=logger)
    network = builder.create_network(2 ** operator.index(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    network.name = path.stem
    parser = trt.OnnxParser(network=network, logger=logger)
    parser.parse_from_file(path.as_posix())
    return network, [(e.node_operator(), e.node_name()) for e in map(parser.get_error, range(parser.num_errors))]
""",
    ),
]
