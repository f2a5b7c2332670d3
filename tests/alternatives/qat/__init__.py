"""Right answers in other words to lab 07a."""

from tests.alternatives.qat import calibrate, export_qdq, fake_quantize, qat_step, weight_levels

RIGHT = {
    "fake_quantize": fake_quantize.RIGHT,
    "calibrate": calibrate.RIGHT,
    "qat_step": qat_step.RIGHT,
    "export_qdq": export_qdq.RIGHT,
    "weight_levels": weight_levels.RIGHT,
}
