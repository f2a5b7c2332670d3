"""Wrong answers to `to_float16`, lab 05c."""

from tests.mistakes import Mistake

_TO = """
def to_float16(path_in, path_out, keep_io):
    model = onnx.load(path_in)
    {convert}
    {save}
"""


def _to(convert="model = float16.convert_float_to_float16(model, keep_io_types=keep_io)", save="onnx.save(model, path_out)"):
    return _TO.format(convert=convert, save=save)


MISTAKES = [
    Mistake("keep_io ignored", _to(convert="model = float16.convert_float_to_float16(model, keep_io_types=True)"), says="keep_io_types"),
    Mistake("the default", _to(convert="model = float16.convert_float_to_float16(model)"), says="keep_io_types"),
    Mistake("inverted", _to(convert="model = float16.convert_float_to_float16(model, keep_io_types=not keep_io)"), says="pass keep_io on"),
    Mistake(
        "original saved",
        """\
def to_float16(path_in, path_out, keep_io):
    float16.convert_float_to_float16(onnx.load(path_in), keep_io_types=keep_io)
    onnx.save(onnx.load(path_in), path_out)
""",
        says="still holds float32 weights",
    ),
    Mistake(
        "weights only",
        _to(
            convert=(
                "for t in model.graph.initializer:"
                " t.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(t).astype(np.float16), t.name))"
            )
        ),
        says="all its inputs in one type",
    ),
    Mistake("not saved", _to(save="return model"), says="no file was written"),
    Mistake(
        "all Gemm blocked",
        _to(convert='model = float16.convert_float_to_float16(model, keep_io_types=keep_io, op_block_list=["Gemm"])'),
        says="still holds float32",
    ),
    Mistake("saved over the input", _to(save="onnx.save(model, path_in)"), says="no file was written"),
]
