from tests.alternatives import Right  # noqa: F401

RIGHT: dict = {}
