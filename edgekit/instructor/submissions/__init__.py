"""Finding and reading submissions."""
