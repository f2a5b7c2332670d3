"""Right answers in other words to `quantize_where_it_pays`, lab 03g."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "uint8 weights, everything else excluded by kind",
        """
def quantize_where_it_pays(source, target, speedups):
    pays = {kind for kind in speedups if min(speedups[kind]) > 1}
    if pays:
        quantize_dynamic(str(source), str(target), op_types_to_quantize=sorted(pays), weight_type=QuantType.QUInt8)
    else:
        shutil.copyfile(source, target)
""",
    ),
    Right(
        "saved by onnx where nothing pays, Gemm named as well",
        """
def quantize_where_it_pays(source, target, speedups):
    kinds = []
    for kind, interval in speedups.items():
        if interval[0] > 1.0:
            kinds += [kind, "Gemm"] if kind == "MatMul" else [kind]
    onnx.save(onnx.load(source), target)
    if kinds:
        quantize_dynamic(source, target, op_types_to_quantize=kinds)
""",
    ),
    Right(
        "a kind that no node has, for nothing",
        """
def quantize_where_it_pays(source, target, speedups):
    pays = [kind for kind, (low, high) in speedups.items() if low > 1 and high > 1]
    quantize_dynamic(source, target, op_types_to_quantize=pays or ["Nothing"], per_channel=False, weight_type=QuantType.QInt8)
""",
    ),
]
