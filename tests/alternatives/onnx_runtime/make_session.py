"""Right answers in other words to `make_session`, lab 05a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "keyword arguments, sets, sequential by hand",
        """
def make_session(path, providers, threads, level):
    settings = ort.SessionOptions()
    settings.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    settings.inter_op_num_threads = 1
    settings.intra_op_num_threads = threads
    settings.graph_optimization_level = level
    session = ort.InferenceSession(path_or_bytes=str(path), providers=list(providers), sess_options=settings)
    if not set(providers) <= set(session.get_providers()):
        raise ValueError(f"not available: {set(providers) - set(session.get_providers())}")
    return session
""",
    ),
    Right(
        "from bytes, the first that is missing, asked twice",
        """
def make_session(path, providers, threads, level):
    for name in providers:
        if name not in ort.get_available_providers():
            raise ValueError(name + " is not compiled in")
    options = ort.SessionOptions()
    options.graph_optimization_level, options.intra_op_num_threads = level, threads
    session = ort.InferenceSession(Path(path).read_bytes(), options, providers)
    for name in providers:
        if name not in session.get_providers():
            raise ValueError(name + " is not in use")
    return session
""",
    ),
    Right(
        "fallback off, its own kind of ValueError",
        """
class ProviderError(ValueError):
    pass

def make_session(path, providers, threads, level):
    options = ort.SessionOptions()
    options.intra_op_num_threads = int(threads)
    options.graph_optimization_level = level
    options.log_severity_level = 3
    session = ort.InferenceSession(path, sess_options=options, providers=[(name, {}) for name in providers])
    session.disable_fallback()
    used = iter(session.get_providers())
    try:
        assert all(name in used for name in providers)
    except AssertionError:
        raise ProviderError("asked for %s, got %s" % (providers, session.get_providers())) from None
    return session
""",
    ),
    Right(
        "ONNX Runtime's warning made an error",
        """
def make_session(path, providers, threads, level):
    import warnings
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = level
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            session = ort.InferenceSession(path, options, providers=providers)
        except UserWarning as warning:
            raise ValueError(str(warning)) from warning
    missing = sorted(set(providers).difference(session.get_providers()))
    if missing:
        raise ValueError(missing)
    return session
""",
    ),
]
