"""Wrong answers to `make_session`, lab 05a."""

from tests.mistakes import Mistake

_SESSION = """
def make_session(path, providers, threads, level):
    options = ort.SessionOptions()
    {threads}
    {level}
    session = ort.InferenceSession(path, {options}providers={providers})
    missing = [name for name in providers if name not in session.get_providers()]
    {check}
    return {result}
"""


def _session(
    threads="options.intra_op_num_threads = threads",
    level="options.graph_optimization_level = level",
    options="options, ",
    providers="providers",
    check="if missing: raise ValueError(str(missing))",
    result="session",
):
    return _SESSION.format(threads=threads, level=level, options=options, providers=providers, check=check, result=result)


_FAKE = """
def make_session(path, providers, threads, level):
    missing = [name for name in providers if name not in ort.get_available_providers()]
    if missing:
        raise ValueError(str(missing))
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = level
    class Session(ort.InferenceSession):
        def __init__(self):
            pass
        def get_session_options(self):
            return options
        def get_providers(self):
            return providers
    return Session()
"""


_ANOTHER = """if missing: raise ValueError(str(missing))
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 4]) for name in ("t0", "y"))
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["t0"], ["y"])], "g", [x], [y])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    session = ort.InferenceSession(model.SerializeToString(), options, providers=providers)"""


MISTAKES = [
    Mistake("silent fallback", _session(check="pass"), says="silently fell back"),
    Mistake(
        "only the first provider asked for",
        _session(check="if providers[0] not in session.get_providers(): raise ValueError(str(missing))"),
        says="silently fell back",
    ),
    Mistake("error returned, not raised", _session(check="if missing: return ValueError(str(missing))"), says="not returned"),
    Mistake("a print for an error", _session(check="if missing: print('warning:', missing)"), says="silently fell back"),
    Mistake(
        "asks only for what is there",
        _session(providers="[p for p in providers if p in ort.get_available_providers()] or None", check="pass"),
        says="silently fell back",
    ),
    Mistake("options not passed", _session(options=""), says="passed to the session"),
    Mistake("inter for intra", _session(threads="options.inter_op_num_threads = threads"), says="intra_op"),
    Mistake("threads ignored", _session(threads="pass"), says="passed to the session"),
    Mistake("level ignored", _session(level="pass"), says="optimizes at"),
    Mistake(
        "always all optimizations",
        _session(level="options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL"),
        says="optimizes at",
    ),
    Mistake("assert for ValueError", _session(check="assert not missing, missing"), says="expected a ValueError"),
    Mistake("error without the name", _session(check="if missing: raise ValueError('not available')"), says="name the provider"),
    Mistake("forgets to return", _session(result="None"), says="NoneType"),
    Mistake("a subclass that says what is wanted", _FAKE, says="nothing derived from it"),
    Mistake(
        "the inside replaced",
        _session(options="", check="session._sess = type('C', (), {'session_options': options})(); session._providers = providers"),
        says="put in its place",
    ),
    Mistake(
        "attributes set on the session",
        _session(options="", check="if missing: raise ValueError(str(missing))\n    session._sess_options = options"),
        says="passed to the session",
    ),
    Mistake(
        "methods set on the session",
        _session(options="", check="if missing: raise ValueError(str(missing))\n    session.get_session_options = lambda: options"),
        says="passed to the session",
    ),
    Mistake("another model", _session(check=_ANOTHER), says="the model at path"),
    Mistake(
        "only the installation asked",
        _session(check="pass")
        .replace("name not in session.get_providers()", "name not in ort.get_available_providers()")
        .replace("    pass", "    if missing: raise ValueError(str(missing))"),
        says="not the installation",
    ),
    Mistake(
        "only the installation asked, before the session is made",
        """\
def make_session(path, providers, threads, level):
    for name in providers:
        if name not in ort.get_available_providers():
            raise ValueError(name)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = level
    return ort.InferenceSession(path, options, providers=providers)
""",
        says="Ask the session",
    ),
]
