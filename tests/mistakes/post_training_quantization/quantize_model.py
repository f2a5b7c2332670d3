"""Wrong answers to `quantize_model`, lab 05b."""

from tests.mistakes import Mistake

_QUANTIZE = """
def quantize_model(path_in, path_out, reader):
    prepared = str(path_in){prepared}
    {prepare}
    quantize_static(prepared, str(path_out), reader{options})
"""


_PREPARE = "quant_pre_process(str(path_in), prepared)"


_OPTIONS = ", activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, per_channel=True"


def _quantize(prepared=' + ".prepared"', prepare=_PREPARE, options=_OPTIONS):
    return _QUANTIZE.format(prepared=prepared, prepare=prepare, options=options)


MISTAKES = [
    Mistake("per tensor", _quantize(options=_OPTIONS.replace(", per_channel=True", "")), says="per tensor"),
    Mistake("defaults", _quantize(options=", per_channel=True"), says="the default is signed"),
    Mistake("U8U8", _quantize(options=_OPTIONS.replace("QInt8", "QUInt8")), says="weights are uint8"),
    Mistake("not prepared", _quantize(prepared="", prepare="pass"), says="quant_pre_process"),
    Mistake(
        "prepared file not used",
        """\
def quantize_model(path_in, path_out, reader):
    quant_pre_process(str(path_in), str(path_in) + '.p')
    quantize_static(str(path_in), str(path_out), reader"""
        + _OPTIONS
        + ")\n",
        says="quantize what it wrote",
    ),
    Mistake("QOperator", _quantize(options=_OPTIONS + ", quant_format=QuantFormat.QOperator"), says="QDQ"),
    Mistake(
        "dynamic", "def quantize_model(path_in, path_out, reader):\n    quantize_dynamic(str(path_in), str(path_out))\n", says="dynamically"
    ),
    Mistake(
        "only prepared",
        "def quantize_model(path_in, path_out, reader):\n    quant_pre_process(str(path_in), str(path_out))\n",
        says="nothing is quantized",
    ),
    Mistake("7 bits", _quantize(options=_OPTIONS + ", reduce_range=True"), says="7 bits"),
    Mistake(
        "calibrated in another range",
        _quantize(options=_OPTIONS).replace(
            "reader,", "quantization.Reader(np.random.default_rng(0).random((8, 1, 28, 28), dtype=np.float32) * 255),"
        ),
        says="ranges",
    ),
    Mistake("only the convolutions", _quantize(options=_OPTIONS + ', op_types_to_quantize=["Conv"]'), says="a Gemm"),
    Mistake(
        "in place",
        """\
def quantize_model(path_in, path_out, reader):
    quant_pre_process(str(path_in), str(path_in))
    quantize_static(str(path_in), str(path_in), reader"""
        + _OPTIONS
        + ")\n",
        says="no file was written",
    ),
]
