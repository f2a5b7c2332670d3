"""Right answers in other words to lab 06a."""

from tests.alternatives.build_an_engine import (
    batch_profile,
    build_engine,
    build_network,
    choose_targets,
    instead_of_lp_pool,
    quantize_for_trt,
    refuses,
)

RIGHT = {
    "build_network": build_network.RIGHT,
    "batch_profile": batch_profile.RIGHT,
    "build_engine": build_engine.RIGHT,
    "quantize_for_trt": quantize_for_trt.RIGHT,
    "instead_of_lp_pool": instead_of_lp_pool.RIGHT,
    "refuses": refuses.RIGHT,
    "choose_targets": choose_targets.RIGHT,
}
