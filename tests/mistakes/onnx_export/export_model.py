"""Wrong answers to `export_model`, lab 04."""

from tests.mistakes import Mistake

_EXPORT = """
def export_model(model, path):
    torch.onnx.export({model}, (torch.rand(2, 1, 28, 28),), path, {names}{dynamic}external_data={external}, verbose=False)
"""


_NAMES = 'input_names=["input"], output_names=["logits"], '


_DYNAMIC = 'dynamic_shapes={"x": {0: "batch"}}, '


def _export(model="model.eval()", names=_NAMES, dynamic=_DYNAMIC, external="False"):
    return _EXPORT.format(model=model, names=names, dynamic=dynamic, external=external)


MISTAKES = [
    Mistake("batch left static", _export(dynamic=""), says="batch dimension is fixed"),
    Mistake("no names", _export(names=""), says="input_names"),
    Mistake("external data", _export(external="True"), says="external data"),
    Mistake("fresh weights", _export(model="type(model)().eval()"), says="fresh weights"),
    Mistake(
        "height and width dynamic too",
        """
def export_model(model, path):
    torch.onnx.export(model.eval(), (torch.rand(2, 1, 28, 28),), path, input_names=["input"], output_names=["logits"], dynamo=False,
                      dynamic_axes={"input": {0: "batch", 2: "height", 3: "width"}})
""",
        says="only dimension 0",
    ),
    Mistake(
        "batch dimension renamed afterwards",
        _export(dynamic="dynamo=False, ", external="False")
        + """\
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.save(model, path)
""",
        says="renamed in the file",
    ),
    Mistake(
        "softmax added",
        _export(model="nn.Sequential(model, nn.Softmax(1)).eval()", dynamic='dynamo=False, dynamic_axes={"input": {0: "batch"}}, '),
        says="a softmax of the logits",
    ),
    Mistake("a string for a list of names", _export(names='input_names="input", output_names="logits", '), says="lists of names"),
    Mistake("another file name", _export().replace("path, in", "str(path) + '.onnx', in"), says="no file was written"),
]
