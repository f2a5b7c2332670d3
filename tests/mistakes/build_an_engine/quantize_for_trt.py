"""Wrong answers to `quantize_for_trt`, lab 06a."""

from tests.mistakes import Mistake

_QUANTIZE = """
def quantize_for_trt(source, target, reader):
    quantize_static(source, target, reader, quant_format=QuantFormat.{form}, activation_type=QuantType.{activations},
                    weight_type=QuantType.QInt8, per_channel=True, extra_options={options})
"""


_OPTIONS = '{"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False}'


def _quantize(form="QDQ", activations="QInt8", options=_OPTIONS):
    return _QUANTIZE.format(form=form, activations=activations, options=options)


MISTAKES = [
    Mistake(
        "ONNX Runtime's defaults",
        "def quantize_for_trt(source, target, reader):\n    quantize_static(source, target, reader)\n",
        says="bias",
    ),
    Mistake("bias quantized", _quantize(options='{"ActivationSymmetric": True, "WeightSymmetric": True}'), says="QuantizeBias"),
    Mistake("activations asymmetric", _quantize(options='{"WeightSymmetric": True, "QuantizeBias": False}'), says="ActivationSymmetric"),
    Mistake("uint8 activations", _quantize(activations="QUInt8"), says="zero point"),
    Mistake("QOperator format", _quantize(form="QOperator"), says="QOperator"),
    Mistake("dynamic", "def quantize_for_trt(source, target, reader):\n    quantize_dynamic(source, target)\n", says="dynamically"),
    Mistake(
        "copies the file",
        "def quantize_for_trt(source, target, reader):\n    target.write_bytes(source.read_bytes())\n",
        says="not quantized",
    ),
    Mistake("one scale per tensor", _quantize().replace("per_channel=True", "per_channel=False"), says="per_channel=True"),
    Mistake("int16 activations", _quantize(activations="QInt16"), says="int8 was asked for"),
    Mistake(
        "layers excluded",
        _quantize().replace("per_channel=True", "per_channel=True, nodes_to_exclude=['conv', 'gemm']"),
        says="stayed in float",
    ),
    Mistake(
        "calibrates on random numbers",
        """\
class Noise:
    n = 0
    def get_next(self):
        self.n += 1
        return {'input': np.random.randn(8, 1, 28, 28).astype(np.float32)} if self.n < 4 else None
"""
        + _quantize().replace("target, reader, quant", "target, Noise(), quant"),
        says="calibrated",
    ),
    Mistake(
        "writes elsewhere",
        _quantize().replace("source, target, reader, quant", "source, target.with_name('other.onnx'), reader, quant"),
        says="no file was written",
    ),
    Mistake(
        "calibrates on black pictures",
        """\
class Black:
    n = 0
    def get_next(self):
        self.n += 1
        return {'input': np.full((1, 1, 28, 28), 1e-3, np.float32)} if self.n < 3 else None
"""
        + _quantize().replace("target, reader, quant", "target, Black(), quant"),
        says="calibrated",
    ),
]
