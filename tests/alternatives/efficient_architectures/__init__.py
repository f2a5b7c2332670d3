"""Right answers to lab 03d, written in other ways."""

from tests.alternatives.efficient_architectures import depthwise_separable, evolve, inverted_residual, macs_and_bytes, squeeze_excite

RIGHT = {
    "depthwise_separable": depthwise_separable.RIGHT,
    "macs_and_bytes": macs_and_bytes.RIGHT,
    "inverted_residual": inverted_residual.RIGHT,
    "squeeze_excite": squeeze_excite.RIGHT,
    "evolve": evolve.RIGHT,
}
