"""``python -m tests.lanes.claims [LANE ...] --record``: what `edgekit claims` says on processors that are not here, under QEMU.

Claims about time and memory are not asked: QEMU's mean nothing. The other verdicts depend on the processor's instructions (what INT8 costs
in right answers) and on the packages that it has.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from edgekit.instructor.claims import reading, table
from edgekit.instructor.claims.outcome import UNSHOWN, Outcome
from tests.lanes import LANES, Lane, arm, part

TIMEOUT = 1500  # seconds for all claims of a lane


def judged(lane: Lane, timeout: float = TIMEOUT) -> tuple[dict, list[tuple[reading.Claim, Outcome]]]:
    """(the lane's environment, every claim with a function and what the lane says of it). One that was not reached in time is "not
    shown"."""
    with tempfile.TemporaryDirectory(prefix="lane-") as folder:
        late = ""
        try:
            found = part(lane, Path(folder), "claims", timeout=timeout)["found"]
        except RuntimeError as broken:
            late, answer = str(broken), Path(folder) / "claims.json"
            if not answer.is_file():
                raise
            found = json.loads(answer.read_text(encoding="utf-8"))["found"]
    environment = found.pop("environment")
    asked = [claim for claim in reading.claims() if claim.tested == "function"]
    none = [UNSHOWN, f"not measured here: {late[:200]}"]
    return environment, [(claim, Outcome(*found.get(claim.id, none))) for claim in asked]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lane", nargs="*", default=["haswell", "pi5"], choices=[name for name in LANES if name != "native"])
    parser.add_argument("--record", action="store_true", help="write data/recorded/claims_LANE.json")
    parser.add_argument("--timeout", type=float, default=TIMEOUT, help="seconds for all claims of a lane")
    options = parser.parse_args()
    for lane in [LANES[name] for name in options.lane]:
        if why := lane.arch == "aarch64" and arm.prepare() or lane.missing():
            print(f"{lane.name} skipped: {why}")
            return 1
        environment, rows = judged(lane, options.timeout)
        print("\n".join(f"{lane.name} {claim.id} {found.verdict}. {found.found}" for claim, found in rows), flush=True)
        if options.record:
            device = f"{environment['cpu']}, imitated by QEMU"
            command = f"python -m tests.lanes.claims {lane.name} --record"
            table.record(lane.name, rows, command, device=device, environment=environment | {"emulator": "QEMU"})
    return 0


if __name__ == "__main__":
    sys.exit(main())
