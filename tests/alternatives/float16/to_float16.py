"""Right answers in other words to `to_float16`, lab 05c."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "by paths, without shape inference",
        """
def to_float16(path_in, path_out, keep_io):
    model = float16.convert_float_to_float16_model_path(str(path_in), keep_io_types=keep_io)
    with open(path_out, "wb") as file:
        file.write(model.SerializeToString())
""",
    ),
    Right(
        "ONNX Runtime's converter",
        """
def to_float16(path_in, path_out, keep_io):
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel
    model = OnnxModel(convert_float_to_float16(onnx.load_model(path_in), keep_io_types=keep_io))
    model.topological_sort()
    model.save_model_to_file(str(path_out))
""",
    ),
    Right(
        "by hand: weights, types, casts",
        """
def to_float16(path_in, path_out, keep_io):
    model = onnx.load(path_in)
    graph = model.graph
    for tensor in graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    if not keep_io:
        for value in (*graph.input, *graph.output):
            value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    else:
        (given,), (asked,) = graph.input, graph.output
        for node in graph.node:
            node.input[:] = ["x16" if name == given.name else name for name in node.input]
            node.output[:] = ["y16" if name == asked.name else name for name in node.output]
        graph.node.insert(0, onnx.helper.make_node("Cast", [given.name], ["x16"], to=onnx.TensorProto.FLOAT16))
        graph.node.append(onnx.helper.make_node("Cast", ["y16"], [asked.name], to=onnx.TensorProto.FLOAT))
    del graph.value_info[:]
    onnx.save(model, path_out)
""",
    ),
]
