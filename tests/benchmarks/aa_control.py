"""How often is a difference claimed that is not there, and how often is one found that is?

    python tests/benchmarks/aa_control.py --repeats 200

A chain of small matrix products is compared with itself, and with the same chain 5% longer (21 products for 20), again and
again, with and without busy processes beside it (--busy). Three ways of deciding take turns in random order. edgekit stops once it
knows, after at most --seconds; the others take the whole time:

- edgekit     `compare`: paired ratios, A/A control, repeated looks, 1% tolerance. Beside it the same rounds with no tolerance.
- unpaired    what people write by hand: time one, then the other, compare the medians. Claims a difference if they are more
              than 2% apart; beside it, if the interquartile ranges do not overlap.
- torch       torch.utils.benchmark, blocked_autorange on either. Claims a difference if the medians differ after rounding to
              the digits that it calls significant (what its Compare prints after trim_significant_figures); beside it, if
              the interquartile ranges do not overlap.

It prints and decides nothing. A 5% claim must also have the right sign to count as found.
"""

from __future__ import annotations

import os

for setting in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(setting, "1")

import argparse  # noqa: E402
import dataclasses  # noqa: E402
import random  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

import numpy as np  # noqa: E402
import torch.utils.benchmark  # noqa: E402

from edgekit.bench import speed as bench  # noqa: E402
from edgekit.bench.stats import wilson  # noqa: E402
from edgekit.formatting import machine, seconds  # noqa: E402

SPENT: dict[str, list[float]] = {"A/A": [], "5%": []}  # seconds until edgekit knew, or gave up
BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: sum(range(100_000))"  # ends with its parent
FIXED = 3.0  # s; what every comparison took before edgekit looked again and again


def chain(products: int, side: int):
    """A callable: `products` matrix products, one after the other."""
    a = np.random.default_rng(0).normal(0, side**-0.5, (side, side)).astype(np.float32)
    out = np.empty_like(a)

    def run():
        for _ in range(products):
            np.matmul(a, a, out=out)

    return run


def say(claimed: bool, ratio: float) -> str:
    """A verdict about b against a from a rule and the ratio of their times, a over b."""
    return "same" if not claimed else "faster" if ratio > 1 else "slower"


def apart(a: np.ndarray, b: np.ndarray) -> bool:
    """Do the interquartile ranges miss each other?"""
    (a_low, a_high), (b_low, b_high) = np.percentile(a, [25, 75]), np.percentile(b, [25, 75])
    return bool(a_high < b_low or b_high < a_low)


def by_edgekit(a, b, budget: float) -> dict[str, str]:
    """The second rule judges the same rounds with a tolerance of 0."""
    result = bench.compare({"a": a, "b": b}, max_time=budget, max_warmup=0.1)
    SPENT["A/A" if a is b else "5%"].append(result.seconds)
    ratio = result["b"]
    strict = bench.decide(ratio, dataclasses.replace(result, tolerance=0.0))[0]
    return {
        "edgekit": say(ratio.verdict != "can't tell", ratio.speedup),
        "edgekit, no tolerance": say(strict != "can't tell", ratio.speedup),
    }


def by_medians(a, b, budget: float) -> dict[str, str]:
    times = []
    for run in (a, b):
        run()
        samples, begin = [], time.perf_counter()
        while time.perf_counter() - begin < budget / 2:
            start = time.perf_counter()
            run()
            samples.append(time.perf_counter() - start)
        times.append(np.array(samples))
    ratio = float(np.median(times[0]) / np.median(times[1]))
    return {
        "unpaired medians, more than 2% apart": say(abs(ratio - 1) > 0.02, ratio),
        "unpaired medians, IQRs apart": say(apart(*times), ratio),
    }


def by_torch(a, b, budget: float) -> dict[str, str]:
    taken = [torch.utils.benchmark.Timer("run()", globals={"run": run}).blocked_autorange(min_run_time=0.45 * budget) for run in (a, b)]
    rounded = [torch.utils.benchmark.utils.common.trim_sigfig(m.median, m.significant_figures) for m in taken]
    ratio = taken[0].median / taken[1].median
    return {
        "torch.utils.benchmark, significant figures differ": say(rounded[0] != rounded[1], ratio),
        "torch.utils.benchmark, IQRs apart": say(apart(*(np.array(m.times) for m in taken)), ratio),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20, help="comparisons of each kind (default 20)")
    parser.add_argument("--seconds", type=float, default=5.0, help="at most per comparison and method (default 5)")
    parser.add_argument("--side", type=int, default=64, help="side of the matrices (default 64)")
    parser.add_argument("--alone", action="store_true", help="edgekit only, which takes a tenth of the time")
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 1], help="busy processes, one run each (default 0 1)")
    args = parser.parse_args()
    for busy in args.busy:
        run_beside(busy, args)


def run_beside(busy: int, args) -> None:
    """One table, with so many busy processes beside this one."""
    for spent in SPENT.values():
        spent.clear()

    load = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(busy)]
    try:
        tally, loads, begin = {}, [], time.perf_counter()
        a, longer = chain(20, args.side), chain(21, args.side)
        once = bench.measure(a, name="a")
        methods = [by_edgekit] if args.alone else [by_edgekit, by_medians, by_torch]
        for _ in range(args.repeats):
            turns = [(method, kind) for method in methods for kind in ("A/A", "5%")]
            random.shuffle(turns)
            for method, kind in turns:
                for rule, said in method(a, a if kind == "A/A" else longer, args.seconds).items():
                    tally.setdefault(rule, {}).setdefault(kind, []).append(said)
            loads.append(os.getloadavg()[0])
    finally:
        for process in load:
            process.kill()
            process.wait()
    report(tally, loads, time.perf_counter() - begin, once, busy, args)


def report(tally, loads, took: float, once, busy: int, args) -> None:

    print(f"{args.repeats} comparisons of each kind, {args.seconds} s each, {busy} busy process(es); a takes {seconds(once.median)}")
    print(f"load average {min(loads):.1f} to {max(loads):.1f}; {took:.0f} s; {machine(once.environment)}\n")
    for kind, spent in SPENT.items():
        quarter, half, most = np.percentile(spent, [25, 50, 90])
        print(
            f"edgekit, {kind}: {np.mean(spent):.2f} s to the end of a comparison (quarter {quarter:.2f}, half {half:.2f}, nine of ten"
            f" {most:.2f})"
        )
    total, count = sum(map(sum, SPENT.values())), sum(map(len, SPENT.values()))
    print(f"edgekit, all: {total:.0f} s, {total / count / FIXED:.0%} of the {count * FIXED:.0f} s at a fixed {FIXED:g} s each")
    print(f"\n{'rule':52}{'A/A: claimed':>28}{'5% longer: found':>28}{'wrong sign':>12}")
    for rule in sorted(tally):
        claimed = sum(said != "same" for said in tally[rule]["A/A"])
        found, wrong = (tally[rule]["5%"].count(word) for word in ("slower", "faster"))
        print(f"{rule:52}{share(claimed, args.repeats):>28}{share(found, args.repeats):>28}{wrong:>12}")


def share(count: int, n: int) -> str:
    low, high = wilson(count, n)
    return f"{count / n:.1%} [{low:.1%}, {high:.1%}]"


if __name__ == "__main__":
    main()
