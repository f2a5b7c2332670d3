"""Wrong answers to `quantize_where_it_pays`, lab 03g."""

from tests.mistakes import Mistake


def _answer(
    test="low > 1",
    kinds="[kind for kind, (low, high) in speedups.items() if TEST]",
    empty=True,
    call="quantize_dynamic(source, target, op_types_to_quantize=pays)",
):
    nothing = "    if not pays:\n        shutil.copy(source, target)\n        return\n" if empty else ""
    return f"def quantize_where_it_pays(source, target, speedups):\n    pays = {kinds.replace('TEST', test)}\n{nothing}    {call}\n"


MISTAKES = [
    Mistake("everything", _answer(call="quantize_dynamic(source, target)"), says="slower in integers"),
    Mistake("empty list passed on", _answer(empty=False), says="empty op_types_to_quantize"),
    Mistake("high end above 1", _answer(test="high > 1"), says="can't tell"),
    Mistake("middle above 1", _answer(test="(low + high) / 2 > 1"), says="can't tell"),
    Mistake("LSTM and MatMul always", _answer(kinds='["LSTM", "MatMul"]'), says="contains 1"),
    Mistake("what is slower", _answer(test="high < 1"), says="slower in integers"),
    Mistake(
        "Gemm for MatMul",
        _answer(kinds='["Gemm" if kind == "MatMul" else kind for kind, (low, high) in speedups.items() if TEST]'),
        says="name MatMul",
    ),
    Mistake(
        "only the best one",
        _answer(kinds="sorted([kind for kind, (low, high) in speedups.items() if TEST], key=lambda kind: speedups[kind][0])[-1:]"),
        says="is above 1",
    ),
    Mistake(
        "float16 where nothing pays",
        _answer().replace(
            "shutil.copy(source, target)",
            "from onnxconverter_common import float16; import onnx; onnx.save(float16.convert_float_to_float16(onnx.load(source),"
            " keep_io_types=True), target)",
        ),
        says="write the float model as it is",
    ),
    Mistake(
        "written over the source",
        _answer(call="quantize_dynamic(source, source, op_types_to_quantize=pays); shutil.copy(source, target)"),
        says="write to `target` only",
    ),
    Mistake(
        "nothing written where nothing pays", _answer().replace("        shutil.copy(source, target)\n", ""), says="no file was written"
    ),
]
