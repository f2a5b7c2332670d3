"""2:4 sparse matrix products against dense ones on a GPU, over sizes: ``python tests/benchmarks/sparse_gpu.py [--record]``.

PyTorch's semi-structured tensors (``torch.sparse.to_sparse_semi_structured``, Ampere and newer), float16: ``linear`` with weight [n, n] and
``batch`` rows. Both sides of a ratio are timed in turn by the host's clock, from the launch to the end of the work on the GPU: once as
Python calls them, one product a call, and once as a CUDA graph of 20 products, which leaves Python's time out. The interval is a bootstrap
over pairs, with an A/A control. ``--record`` writes data/recorded/sparse_gpu.json, which lab 07c shows. Exits with 2 and the reason where
there is no such GPU.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit import bench, ledger

TITLE = "2:4 sparse against dense matrix products, float16, PyTorch semi-structured tensors"
SIZES = (256, 512, 1024, 2048, 4096, 8192)
BATCHES = (64, 1024, 8192)
REPEAT = 20


def reason_against() -> str | None:
    """Why this machine cannot run it, or None."""
    import torch

    if not torch.cuda.is_available():
        return "no CUDA GPU"
    major, minor = torch.cuda.get_device_capability()
    return None if major >= 8 else f"compute capability {major}.{minor}: sparse matrix units exist from 8.0 (Ampere) on"


def pair(n: int, batch: int):
    """(dense, sparse) products on the same 2:4 weight, and the largest difference of their results, relative to the largest result."""
    import torch
    from torch.sparse import to_sparse_semi_structured

    generator = torch.Generator(device="cuda").manual_seed(n + batch)
    weight = torch.randn(n, n, device="cuda", dtype=torch.float16, generator=generator)
    groups = weight.view(-1, 4)
    keep = torch.zeros_like(groups, dtype=torch.bool).scatter(1, groups.abs().topk(2, dim=1).indices, True)
    weight = (groups * keep).view(n, n)
    x = torch.randn(batch, n, device="cuda", dtype=torch.float16, generator=generator)
    packed = to_sparse_semi_structured(weight)

    def dense(wait=True):
        y = torch.nn.functional.linear(x, weight)
        if wait:
            torch.cuda.synchronize()
        return y

    def sparse(wait=True):
        y = torch.nn.functional.linear(x, packed)
        if wait:
            torch.cuda.synchronize()
        return y

    with torch.inference_mode():
        a, b = dense().float(), sparse().float()
        return dense, sparse, float((a - b).abs().max() / a.abs().max())


def row(n: int, batch: int, max_time: float = 4.0) -> dict:
    """One size: ratio with interval and verdict, and how far the results are apart."""
    import torch

    dense, sparse, difference = pair(n, batch)
    with torch.inference_mode():
        called = bench.compare(
            {"dense": dense, "2:4": sparse}, max_time=max_time, max_warmup=0.3, clock="launch and wait, data on the GPU"
        )["2:4"]
        graphs = {"dense": captured(dense), "2:4": captured(sparse)}
        found = bench.compare(graphs, max_time=max_time, max_warmup=0.3, clock=f"a CUDA graph of {REPEAT} products")["2:4"]
    return {
        "weight": f"{n} x {n}",
        "rows of input": batch,
        "speed-up": round(found.speedup, 3),
        "low": round(found.low, 3),
        "high": round(found.high, 3),
        "verdict": found.verdict,
        "speed-up as called from Python": round(called.speedup, 3),
        "largest relative difference": float(f"{difference:.2g}"),
    }


def captured(call):
    """A function that replays ``call``, REPEAT times, as one CUDA graph, and waits."""
    import torch

    graph, side = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    with torch.cuda.stream(side):  # what the first calls set up must not be captured
        for _ in range(3):
            call(wait=False)
    torch.cuda.synchronize()
    with torch.cuda.graph(graph):
        for _ in range(REPEAT):
            call(wait=False)

    def replay():
        graph.replay()
        torch.cuda.synchronize()

    return replay


def rows(max_time: float = 4.0) -> list[dict]:
    """All sizes, printed as they come."""
    found = []
    for n in SIZES:
        for batch in BATCHES:
            found.append(row(n, batch, max_time))
            print(found[-1], flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write data/recorded/sparse_gpu.json")
    parser.add_argument("--max-time", type=float, default=4.0, help="seconds per size, at most")
    args = parser.parse_args()
    against = reason_against()
    if against:
        print(f"not run: {against}", file=sys.stderr)
        return 2
    found = rows(args.max_time)
    gained = sum(r["verdict"] == "faster" for r in found)
    print(f"2:4 is faster at {gained} of {len(found)} sizes")
    if args.record:
        import torch

        ledger.record(
            "sparse_gpu",
            found,
            title=TITLE,
            device=torch.cuda.get_device_name(),
            source_command="python tests/benchmarks/sparse_gpu.py --record",
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
