"""Right answers in other words to lab 07c."""

from tests.alternatives.sparsity_2_4 import eligible, pack_2_4, sparse_weights, sparsify_and_tune

RIGHT = {
    "eligible": eligible.RIGHT,
    "sparsify_and_tune": sparsify_and_tune.RIGHT,
    "sparse_weights": sparse_weights.RIGHT,
    "pack_2_4": pack_2_4.RIGHT,
}
