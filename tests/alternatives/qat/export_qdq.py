"""Right answers in other words to `export_qdq`, lab 07a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "from memory, axes as lists, one picture",
        """
def export_qdq(model, path):
    import io
    buffer = io.BytesIO()
    with torch.no_grad():
        torch.onnx.export(model.eval(), torch.zeros(1, 1, 28, 28), buffer, dynamo=False, opset_version=17, input_names=["input"],
            output_names=["logits"], dynamic_axes={"input": [0], "logits": [0]})
    path.write_bytes(buffer.getvalue())
""",
    ),
    Right(
        "a copy, the path as text, only the input's axis",
        """
def export_qdq(model, path):
    model = copy.deepcopy(model)
    model.train(False)
    torch.onnx.export(model, args=(torch.randn(4, 1, 28, 28),), f=str(path), dynamo=False, input_names=["input"],
        output_names=["logits"], dynamic_axes={"input": {0: "N"}})
""",
    ),
    Right(
        "the mode left to the exporter and put back",
        """
def export_qdq(model, path):
    was = model.training
    torch.onnx.export(model, (torch.rand(2, 1, 28, 28),), path, dynamo=False, training=torch.onnx.TrainingMode.EVAL,
        do_constant_folding=True,
                      input_names=["input"], output_names=["logits"], dynamic_axes={name: {0: "batch"} for name in ("input", "logits")})
    model.train(was)
""",
    ),
    Right(
        "the package's export, weights stored as integers",
        """
def export_qdq(model, path):
    from edgekit import export
    draft = path.with_name("draft.onnx")
    export.to_onnx(model, draft, dynamo=False)
    qdq.store_int8(draft, path)
""",
    ),
]
