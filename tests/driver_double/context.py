"""What the execution contexts of the tests have in common: an engine "input" [n, 1, 28, 28] @ weights -> "logits" [n, classes], n from 1 to
``largest``."""

from __future__ import annotations


class ExecutionContext:
    """Shapes and addresses; ``execute_async_v3(stream)`` is for the class that knows what computes. weights: [784, classes], an array or a
    tensor."""

    def __init__(self, weights, largest: int):
        self.weights, self.largest, self.shape, self.at = weights, largest, None, {}

    def set_input_shape(self, name, shape):
        fits = 1 <= shape[0] <= self.largest
        self.shape = tuple(shape) if fits else self.shape
        return fits

    def get_tensor_shape(self, name):
        return self.shape if name == "input" else (self.shape[0], self.weights.shape[1])

    def set_tensor_address(self, name, address):
        self.at[name] = int(address)
        return True
