"""Right answers to lab 03a, written in other ways."""

from tests.alternatives.quantization_by_hand import best_limit, integer_linear, per_channel_scales, quantize, scale_and_zero_point, sqnr

RIGHT = {
    "scale_and_zero_point": scale_and_zero_point.RIGHT,
    "quantize": quantize.RIGHT,
    "sqnr": sqnr.RIGHT,
    "per_channel_scales": per_channel_scales.RIGHT,
    "best_limit": best_limit.RIGHT,
    "integer_linear": integer_linear.RIGHT,
}
