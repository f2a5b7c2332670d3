"""Wrong answers to `first_overflow`, lab 05c."""

from tests.mistakes import Mistake

_FIRST = """
def first_overflow(path, x):
    model = onnx.load(path)
    names = [{names}]
    declared = {{value.name for value in model.graph.output}}
    for name in names:
        if name not in declared:
            model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    values = dict(zip(names, session.run(names, {{"input": {x}}})))
    return next((name for name in {order} if {bad}), {default})
"""


def _first(
    names="name for node in model.graph.node for name in node.output",
    x="x",
    order="names",
    bad="not np.isfinite(values[name]).all()",
    default="None",
):
    return _FIRST.format(names=names, x=x, order=order, bad=bad, default=default)


MISTAKES = [
    Mistake(
        "looks at the output only",
        """\
def first_overflow(path, x):
    s = ort.InferenceSession(path, providers=['CPUExecutionProvider'])
    y, = s.run(None, {'input': x})
    return None if np.isfinite(y).all() else s.get_outputs()[0].name
""",
        says="Look at every tensor",
    ),
    Mistake("only inf", _first(bad="np.isinf(values[name]).any()"), says="np.isinf"),
    Mistake("only NaN", _first(bad="np.isnan(values[name]).any()"), says="expected"),
    Mistake("only when every value is infinite", _first(bad="not np.isfinite(values[name]).any()"), says="One value"),
    Mistake("last instead of first", _first(order="names[::-1]"), says="order of the graph"),
    Mistake("alphabetical order", _first(order="sorted(names, key=lambda n: (-len(n), n))"), says="order of the graph"),
    Mistake("entirely infinite input", _first(x="x * 100"), says="expected"),
    Mistake("output left out", _first(order="names[:-1]"), says="output of the graph itself"),
    Mistake(
        "name of the node",
        _first().replace("return next((name for", "return next((next(n.name for n in model.graph.node if name in n.output) for"),
        says="expected 't",
    ),
    Mistake("empty string for none", _first(default="''"), says="None"),
]
