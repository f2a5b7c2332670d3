"""Right answers in other words to lab 06c."""

from tests.alternatives.precision import choose_precision, fp8_quantize, layer_precisions, round_mantissa

RIGHT = {
    "round_mantissa": round_mantissa.RIGHT,
    "fp8_quantize": fp8_quantize.RIGHT,
    "layer_precisions": layer_precisions.RIGHT,
    "choose_precision": choose_precision.RIGHT,
}
