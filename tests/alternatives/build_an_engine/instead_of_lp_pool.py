"""Right answers in other words to `instead_of_lp_pool`, lab 06a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "constants as nodes, scaled at the end",
        """
def instead_of_lp_pool(node):
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    p, name = given.get("p", 2), node.output[0] + "/"
    pool = {key: value for key, value in given.items() if key != "p"}
    size = 1
    for side in pool["kernel_shape"]:
        size *= side
    constant = lambda what, value: helper.make_node("Constant", [], [name + what], value=numpy_helper.from_array(np.array(value,
        np.float32)))
    return (
        constant("p", p), constant("1/p", 1 / p), constant("scale", size ** (1 / p)),
        helper.make_node("Neg", node.input, [name + "minus"]),
        helper.make_node("Max", [node.input[0], name + "minus"], [name + "size"]),
        helper.make_node("Pow", [name + "size", name + "p"], [name + "powers"]),
        helper.make_node("AveragePool", [name + "powers"], [name + "mean"], name + "mean", count_include_pad=1, **pool),
        helper.make_node("Pow", [name + "mean", name + "1/p"], [name + "root"]),
        helper.make_node("Mul", [name + "scale", name + "root"], node.output),
    ), ()
""",
    ),
    Right(
        "the border written out as a Pad",
        """
def instead_of_lp_pool(node):
    options = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    p, out = options.get("p", 2), node.output[0]
    top, left, bottom, right = options.get("pads", [0, 0, 0, 0])
    kernel = options["kernel_shape"]
    given = {
        "pads": np.array([0, 0, top, left, 0, 0, bottom, right], np.int64),
        "p": np.float32(p), "root": np.float32(1 / p), "n": np.float32(kernel[0] * kernel[1]),
    }
    constants = [numpy_helper.from_array(np.asarray(value), f"{out}.{key}") for key, value in given.items()]
    steps = [
        ("Pad", [node.input[0], f"{out}.pads"], "wide", {}),
        ("Abs", [f"{out}.wide"], "abs", {}),
        ("Pow", [f"{out}.abs", f"{out}.p"], "pow", {}),
        ("AveragePool", [f"{out}.pow"], "mean", {"kernel_shape": kernel, "strides": options.get("strides", [1, 1])}),
        ("Mul", [f"{out}.mean", f"{out}.n"], "sum", {}),
    ]
    nodes = [helper.make_node(op, names, [f"{out}.{result}"], **more) for op, names, result, more in steps]
    return [*nodes, helper.make_node("Pow", [f"{out}.sum", f"{out}.root"], [out])], constants
""",
    ),
]
