"""Where and when a table was measured, for the pages that benchmarks write."""

from __future__ import annotations

from datetime import datetime, timezone


def here(*packages: str) -> str:
    """ "Recorded on <device>, <versions>; <date>." ``packages``: those whose versions matter, of edgekit.device.environment()."""
    from edgekit import device

    about = device.environment()
    versions = ", ".join(f"{name} {about[name]}" for name in packages)
    return (
        f"Recorded on {about['device']} ({about['isa']}), {about['cores']} cores, {about['os']}, {versions}; "
        f"{datetime.now(timezone.utc).date().isoformat()}."
    )
