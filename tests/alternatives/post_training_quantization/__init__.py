"""Right answers in other words to lab 05b."""

from tests.alternatives.post_training_quantization import conclude, make_reader, quantize_model, sensitivity, tensorrt_problems

RIGHT = {
    "make_reader": make_reader.RIGHT,
    "quantize_model": quantize_model.RIGHT,
    "sensitivity": sensitivity.RIGHT,
    "tensorrt_problems": tensorrt_problems.RIGHT,
    "conclude": conclude.RIGHT,
}
