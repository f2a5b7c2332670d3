"""Making models smaller."""
