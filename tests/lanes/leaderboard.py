"""``python -m tests.lanes.leaderboard [MODEL ...] --lane pi5``: the course's leaderboard on a processor that is not here, under QEMU.

The files are made on this machine, with the engines that are installed here (`make runtimes`); the lane runs them. Size, agreement and
memory are told, speed is not: QEMU's times mean nothing. The memory holds QEMU's own translation of the code, so it is an upper bound.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from edgekit import processes
from edgekit.course import leaderboard
from tests.lanes import LANES, Lane, arm

TIMEOUT = 1200  # seconds for one engine
NOTE = "under QEMU: no speed is told, because its times mean nothing; MB holds QEMU's translated code, too"


def rank(lane: Lane, model: str, **options) -> leaderboard.Leaderboard:
    """The leaderboard of a model in a lane. options: as for `edgekit.course.leaderboard.rank`."""
    board = leaderboard.rank(model, seconds=None, ask=lambda *words: ask(lane, *words), **options)
    return leaderboard.Leaderboard(board.model, board.inputs, board.rows, (f"lane {lane.name}, {NOTE}",))


def ask(lane: Lane, *words) -> dict:
    """As `leaderboard.asked`, in the lane. words: "try", model, engine, folder, precision."""
    folder = next(word for word in words if isinstance(word, Path))
    try:
        done = lane.run(["-m", "edgekit.course.trying_engines", *map(str, words)], folder, TIMEOUT)
        found = processes.answered(done)
    except subprocess.TimeoutExpired:
        return {"failed": f"no answer within {TIMEOUT} s"}
    except processes.NoAnswer as error:
        return {"failed": f"its process {error}"}
    if found.get("failed", "").startswith("not installed"):
        return {"failed": f"its package is not in the lane {lane.name}: tests/lanes/arm.py says which are"}
    return found


def faults(board: leaderboard.Leaderboard) -> list[str]:
    """Rows that ran and do not agree with PyTorch: float32 by the leaderboard's tolerance, INT8 on fewer than 9 of 10 inputs."""
    ran = [row for row in board.rows if not row.failed]
    wrong = [row for row in ran if row.precision == leaderboard.FLOAT32 and row.difference > leaderboard.TOLERANCE]
    wrong += [row for row in ran if row.precision == leaderboard.INT8 and row.same < 0.9]
    return [f"{board.model}, {row.name}: differs by {row.difference:.1e}, same class on {row.same:.0%}" for row in wrong]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="*", default=["edgecnn", "depthwisecnn", "gru"])
    parser.add_argument("--lane", choices=LANES, default="pi5")
    parser.add_argument("--inputs", type=int, default=16)
    parser.add_argument("--engine", action="append", help="only this engine beside PyTorch; may be repeated")
    options = parser.parse_args()
    lane = LANES[options.lane]
    if why := lane.arch == "aarch64" and (arm.prepare() or arm.engines()) or lane.missing():
        print(f"{lane.name} skipped: {why}")
        return 1
    wrong = []
    for model in options.model:
        board = rank(lane, model, inputs=options.inputs, engines=options.engine, tell=lambda s: print(s, flush=True))
        print(f"\n{board}\n", flush=True)
        wrong += faults(board)
    print("\n".join(f"FAILED {fault}" for fault in wrong) or "every row that ran agrees with PyTorch")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
