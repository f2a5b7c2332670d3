"""Models, data, training."""
