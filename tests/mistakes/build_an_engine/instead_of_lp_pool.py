"""Wrong answers to `instead_of_lp_pool`, lab 06a."""

from tests.mistakes import Mistake, changed

RIGHT = """
def instead_of_lp_pool(node):
    options = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    p, out = options.pop("p", 2), node.output[0]
    values = {"p": p, "count": np.prod(options["kernel_shape"]), "root": 1 / p}
    constants = [numpy_helper.from_array(np.array(v, np.float32), f"{out}_{name}") for name, v in values.items()]
    nodes = [
        helper.make_node("Abs", [node.input[0]], [f"{out}_abs"]),
        helper.make_node("Pow", [f"{out}_abs", f"{out}_p"], [f"{out}_powers"]),
        helper.make_node("AveragePool", [f"{out}_powers"], [f"{out}_mean"], count_include_pad=1, **options),
        helper.make_node("Mul", [f"{out}_mean", f"{out}_count"], [f"{out}_sum"]),
        helper.make_node("Pow", [f"{out}_sum", f"{out}_root"], [out]),
    ]
    return nodes, constants
"""
_ABS = '        helper.make_node("Abs", [node.input[0]], [f"{out}_abs"]),\n'
_MUL = '        helper.make_node("Mul", [f"{out}_mean", f"{out}_count"], [f"{out}_sum"]),\n'
_POOL = '"AveragePool", [f"{out}_powers"], [f"{out}_mean"], count_include_pad=1, **options'


def _wrong(*pairs):
    return changed(RIGHT, *pairs)


MISTAKES = [
    Mistake(
        "no absolute value", _wrong((_ABS, ""), ('"Pow", [f"{out}_abs"', '"Pow", [node.input[0]')), says="right for positive numbers only"
    ),
    Mistake("the mean", _wrong((_MUL, ""), ('[f"{out}_mean"]', '[f"{out}_sum"]')), says="takes their sum"),
    Mistake(
        "no root",
        _wrong(('[f"{out}_sum", f"{out}_root"]', '[f"{out}_sum", f"{out}_one"]'), ('"root": 1 / p', '"one": 1')),
        says="root of them is missing",
    ),
    Mistake("border left out of the mean", _wrong((", count_include_pad=1", "")), says="wrong at the border"),
    Mistake(
        "strides and pads lost",
        _wrong(("count_include_pad=1, **options", 'count_include_pad=1, kernel_shape=options["kernel_shape"]')),
        says="must go on to the new pooling",
    ),
    Mistake("p is 3", _wrong(('options.pop("p", 2)', 'options.pop("p", 2) and 3')), says="with this node's own p"),
    Mistake("no p means 1", _wrong(('options.pop("p", 2)', 'options.pop("p", 1)')), says="then it is 2"),
    Mistake("no p is not thought of", _wrong(('options.pop("p", 2)', 'options.pop("p")')), says="KeyError"),
    Mistake("the largest", _wrong((_POOL, '"MaxPool", [f"{out}_powers"], [f"{out}_mean"], **options')), says="over each window"),
    Mistake(
        "fixed names",
        _wrong(
            ("node.output[0]\n", '"pool"\n'), ('[f"{out}_sum", f"{out}_root"], [out]', '[f"{out}_sum", f"{out}_root"], [node.output[0]]')
        ),
        says="is there twice",
    ),
    Mistake(
        "a new output", _wrong((', f"{out}_root"], [out]', ', f"{out}_root"], [f"{out}_result"]')), says="must write what LpPool wrote"
    ),
    Mistake("float64 constants", _wrong(("np.array(v, np.float32)", "np.array(v, np.float64)")), says="float32"),
    Mistake("only the nodes", _wrong(("return nodes, constants", "return nodes")), says="two lists"),
    Mistake(
        "arrays for constants",
        _wrong(('numpy_helper.from_array(np.array(v, np.float32), f"{out}_{name}")', "np.array(v, np.float32)")),
        says="list of TensorProto",
    ),
    Mistake("LpPool itself", "\ndef instead_of_lp_pool(node):\n    return [node], []\n", says="still there"),
]
