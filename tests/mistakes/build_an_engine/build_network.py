"""Wrong answers to `build_network`, lab 06a."""

from tests.mistakes import Mistake

_NETWORK = """
def build_network(trt, logger, path):
    builder = trt.Builder(logger)
    network = builder.create_network({flags})
    parser = trt.OnnxParser(network, logger)
    {parse}
    errors = {errors}
    return {returned}
"""


_ERRORS = "[(e.node_operator(), e.node_name()) for e in (parser.get_error(i) for i in range(parser.num_errors))]"


def _network(
    flags="1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)",
    parse="parser.parse_from_file(str(path))",
    errors=_ERRORS,
    returned="network, errors",
):
    return _NETWORK.format(flags=flags, parse=parse, errors=errors, returned=returned)


MISTAKES = [
    Mistake("no flags", _network(flags="0"), says="STRONGLY_TYPED"),
    Mistake("flag not shifted", _network(flags="int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)"), says="shift 1 by it"),
    Mistake("flag of TensorRT 8", _network(flags="1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)"), says="EXPLICIT_BATCH"),
    Mistake("errors never asked for", _network(errors="[]"), says="Parsing does not raise"),
    Mistake("only the first error", _network(errors=_ERRORS + "[:1]"), says="num_errors"),
    Mistake(
        "operator and node swapped",
        _network(errors=_ERRORS.replace("(e.node_operator(), e.node_name())", "(e.node_name(), e.node_operator())")),
        says="pairs",
    ),
    Mistake("nothing parsed", _network(parse="pass"), says="nothing was parsed"),
    Mistake(
        "returns the parser's answer",
        _network(parse="ok = parser.parse_from_file(str(path))", returned="ok, errors"),
        says="the network that was parsed into",
    ),
    Mistake("returns only the network", _network(returned="network"), says="two things"),
    Mistake("the number of the flag written down", _network(flags="1 << 1"), says="TensorRT-RTX"),
    Mistake(
        "flag shifted without int",
        _network(flags="1 << trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED"),
        says="<<: 'int' and 'NetworkDefinitionCreationFlag'",
    ),
    Mistake("path not made a string", _network(parse="parser.parse_from_file(path)"), says="takes the path as a str"),
    Mistake("path to the function for bytes", _network(parse="parser.parse(str(path))"), says="parse_from_file takes a path"),
    Mistake(
        "a logger of its own",
        _network(parse="parser.parse_from_file(str(path))").replace(
            "    builder =", "    logger = trt.Logger(trt.Logger.WARNING)\n    builder ="
        ),
        says="another logger",
    ),
    Mistake(
        "the errors as objects",
        _network(errors="[parser.get_error(i) for i in range(parser.num_errors)]"),
        says="node_operator() and node_name()",
    ),
    Mistake("methods not called", _network(errors=_ERRORS.replace("()", "")), says="methods: call them"),
    Mistake(
        "no network where there are errors",
        _network(parse="ok = parser.parse_from_file(str(path))", returned="network if ok else None, errors"),
        says="also if there were errors",
    ),
    Mistake("raises instead", _network(parse="assert parser.parse_from_file(str(path))"), says="AssertionError"),
]
