"""Right answers in other words to `export_model`, lab 04."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "the tracing exporter, in train mode, example of one",
        """
def export_model(model, path):
    torch.onnx.export(model, torch.zeros(1, 1, 28, 28), str(path), dynamo=False, opset_version=17, input_names=["input"],
                      output_names=["logits"], dynamic_axes={"input": [0], "logits": [0]})
""",
    ),
    Right(
        "torch.export first, saved by the program, Dim objects",
        """
def export_model(model, path):
    batch = torch.export.Dim("n", min=1, max=256)
    program = torch.export.export(copy.deepcopy(model).eval(), (torch.randn(3, 1, 28, 28),), dynamic_shapes=({0: batch},))
    torch.onnx.export(program, input_names=["input"], output_names=["logits"], verbose=False).save(path, external_data=False)
""",
    ),
    Right(
        "keyword example, nothing but the batch left to the exporter, default Dim",
        """
def export_model(model, path):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        torch.onnx.export(model, kwargs={"x": torch.rand(4, 1, 28, 28)}, f=path, input_names=["input"], output_names=["logits"],
                          dynamic_shapes={"x": {0: torch.export.Dim.DYNAMIC}}, external_data=False, verbose=False)
    model.train(was_training)
""",
    ),
    Right(
        "through memory, names set in the proto",
        """
def export_model(model, path):
    import io
    buffer = io.BytesIO()
    torch.onnx.export(model.eval(), (torch.rand(2, 1, 28, 28),), buffer, dynamo=False, input_names=["x"], output_names=["y"],
        dynamic_axes={"x": [0]})
    proto = onnx.load_from_string(buffer.getvalue())
    wires = {"x": "input", "y": "logits"}
    for value in (*proto.graph.input, *proto.graph.output):
        value.name = wires[value.name]
    for node in proto.graph.node:
        node.input[:], node.output[:] = ([wires.get(name, name) for name in ends] for ends in (node.input, node.output))
    Path(path).write_bytes(proto.SerializeToString())
""",
    ),
    Right(
        "external data elsewhere, then one file",
        """
def export_model(model, path):
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "draft.onnx"
        torch.onnx.export(model.eval(), (torch.rand(2, 1, 28, 28),), draft, input_names=["input"], output_names=["logits"],
                          dynamic_axes={"input": {0: "batch"}}, verbose=False)
        onnx.save(onnx.load(draft), path)
""",
    ),
]
