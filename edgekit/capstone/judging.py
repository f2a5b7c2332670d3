"""From measurements to a verdict per budget, with the reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np

from edgekit.bench import wilson
from edgekit.capstone.budgets import Budget
from edgekit.capstone.reading import Submission
from edgekit.capstone.unseen import Drawn
from edgekit.files import sha256
from edgekit.formatting import machine
from edgekit.zoo.data import STYLES

KEPT, MISSED, OPEN = "kept", "missed", "can't tell"
CLAIM = "claim"  # the name of an item that is no budget
LATENCY = "latency"


@dataclass(frozen=True)
class Item:
    """One budget: what was measured, what is allowed, and why the verdict is what it is."""

    name: str
    verdict: str
    measured: str
    allowed: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.verdict:10} {self.name:9} {self.measured}; budget {self.allowed}" + (f": {self.why}" if self.why else "")


@dataclass(frozen=True)
class Report:
    """The verdict on one submission. ``numbers`` are the values behind the items, with their intervals; seconds and bytes."""

    budget: Budget
    division: str
    items: tuple[Item, ...]
    numbers: dict
    sha256: str
    pictures: str
    notes: tuple[str, ...] = ()
    environment: dict = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        return all(item.verdict == KEPT for item in self.items)

    def __str__(self) -> str:
        head = f"{self.budget.student}, {self.budget.task} on {self.budget.device}, {self.division} division: "
        head += "every budget is kept" if self.kept else "not within the budget"
        tail = [*self.notes, self.pictures, f"measured on {machine(self.environment)}"]
        return "\n".join([head, *(f"  {item}" for item in self.items), *(f"  {line}" for line in tail)])

    def to_dict(self) -> dict:
        return asdict(self) | {"kept": self.kept}


def judge(submission: Submission, measured: dict, split: Drawn, seed: int | None = None) -> Report:
    """Hold what was measured against the budget and the claims of a submission."""
    budget = submission.budget
    guess = np.array([int(budget.classes[i]) for i in measured["predictions"]])
    numbers = numbers_of(submission.model, measured, guess == split.y)
    items = [*budgets(numbers, budget, measured["latency"]["failed"]), *energy(measured, budget), *engine(measured)]
    claims = [claim(name, value, numbers[name]) for name, value in submission.claims.items() if value is not None]
    drawn = f"judged on {len(split)} unseen {budget.asks.unit}" + (f", drawn from seed {seed}" if seed is not None else "")
    kinds = ", ".join(f"{kind} {share(*found)}" for kind, found in by_style(split, guess).items()) or "not known"
    notes = [
        f"accuracy by kind of {budget.asks.unit}: {kinds}",
        "accuracy is what the file means: 8-bit sums do not saturate there; latency is what this machine makes of it",
    ]
    if "missing" in measured.get("energy", {}):
        notes.append(f"energy was not measured, and does not count: no meter can be read here ({measured['energy']['missing']})")
    return Report(
        budget,
        submission.division,
        tuple(items + claims),
        numbers,
        sha256(submission.model),
        drawn,
        tuple(notes),
        measured["latency"]["environment"],
    )


def budgets(numbers: dict, budget: Budget, failed: str = "") -> list[Item]:
    """Accuracy, latency, file and memory of one model against a budget; ``failed``: why the A/A control failed, if it did."""
    return [accuracy(numbers, budget), time(numbers, failed, budget), size(numbers, budget), memory(numbers, budget)]


def numbers_of(model: bytes, measured: dict, right: np.ndarray) -> dict:
    low, high = wilson(int(right.sum()), len(right))
    latency = measured["latency"]
    return {
        "accuracy": {"value": float(right.mean()), "low": low, "high": high, "pictures": len(right)},
        "latency": {key: latency[key] for key in ("value", "low", "high", "pairs", "control", "medians")},
        "file": len(model),
        "activations": measured["activations"],
        **({"energy": measured["energy"]} if "value" in measured.get("energy", {}) else {}),
        **({"resident": measured["resident"], "baseline_resident": measured["baseline_resident"]} if "resident" in measured else {}),
    }


def accuracy(numbers: dict, budget: Budget) -> Item:
    found = numbers["accuracy"]
    measured = f"{found['value']:.2%} [{found['low']:.2%}, {found['high']:.2%}]"
    allowed = f"lower end at least {budget.accuracy:.1%}"
    if found["low"] >= budget.accuracy:
        return Item("accuracy", KEPT, measured, allowed)
    why = "the whole interval lies below" if found["high"] < budget.accuracy else "the lower end of the interval does not reach it"
    return Item("accuracy", MISSED, measured, allowed, why)


def time(numbers: dict, failed: str, budget: Budget) -> Item:
    found = numbers["latency"]
    control = found["control"]
    measured = (
        f"{found['value']:.2f}x [{found['low']:.2f}, {found['high']:.2f}] the time of {budget.asks.baseline}, A/A control {control[0]:.3f}"
        f" [{control[1]:.3f}, {control[2]:.3f}]"
    )
    allowed = f"at most {budget.latency:.2f}x"
    if failed:
        return Item(LATENCY, OPEN, measured, allowed, f"the A/A control failed: {failed}. Close other programs and measure again")
    if found["high"] <= budget.latency:
        return Item(LATENCY, KEPT, measured, allowed)
    if found["low"] > budget.latency:
        return Item(LATENCY, MISSED, measured, allowed, "the whole interval lies above")
    return Item(LATENCY, OPEN, measured, allowed, "the interval reaches over it: measure longer (--seconds)")


def size(numbers: dict, budget: Budget) -> Item:
    over = numbers["file"] - budget.file
    why = f"{over:,} bytes too many" if over > 0 else ""
    return Item("file", MISSED if over > 0 else KEPT, f"{numbers['file']:,} bytes", f"at most {budget.file:,} bytes", why)


def memory(numbers: dict, budget: Budget) -> Item:
    if budget.of.kind == "activations":
        value, said = numbers["activations"], f"{numbers['activations']:,} bytes of activations, counted"
        allowed = f"at most {budget.memory:,.0f} bytes"
    else:
        value = numbers["resident"] / max(numbers["baseline_resident"], 1)
        said = f"{numbers['resident'] / 1e6:.1f} MB at the peak, {value:.2f}x the baseline's"
        allowed = f"at most {budget.memory:.2f}x"
    return Item("memory", KEPT if value <= budget.memory else MISSED, said, allowed)


def energy(measured: dict, budget: Budget) -> list[Item]:
    """Nothing where no meter can be read: nobody is marked by a machine's lack."""
    found = measured.get("energy", {})
    if "value" not in found:
        return []
    low, high, limit = found["low"], found["high"], budget.energy
    verdict = KEPT if high <= limit else MISSED if low > limit else OPEN
    said = f"{found['value']:.2f}x [{low:.2f}, {high:.2f}] the joules of {budget.asks.baseline} for a call ({found['meter']})"
    return [Item("energy", verdict, said, f"at most {limit:.2f}x", "the interval reaches over it" if verdict == OPEN else "")]


def engine(measured: dict) -> list[Item]:
    found = measured.get("parser")
    if not found:
        return []
    verdict = {True: KEPT, False: MISSED, None: OPEN}[found["ok"]]
    said = {True: "taken", False: "refused", None: "not asked"}[found["ok"]]
    by = f" ({found['by']})" if found.get("by") else ""
    return [Item("engine", verdict, f"{said} by TensorRT's parser{by}", "taken", "" if found["ok"] else found["why"])]


def claim(name: str, value: float, found: dict) -> Item:
    """What a student says about the model must lie within what is measured, to the better side."""
    beyond = value > found["high"] if name == "accuracy" else value < found["low"]
    show = (lambda v: f"{v:.2%}") if name == "accuracy" else (lambda v: f"{v:.2f}x")
    measured = f"{show(found['value'])} [{show(found['low'])}, {show(found['high'])}]"
    why = "claimed but not reached: it lies outside of the interval" if beyond else ""
    return Item(CLAIM, MISSED if beyond else KEPT, f"{name} {measured}", f"you claim {show(value)}", why)


def by_style(split: Drawn, guess: np.ndarray) -> dict[str, tuple[float, float, float]]:
    """{kind of picture: (accuracy, low, high)}, the worst first; empty where the kinds are not known."""
    found = {}
    styles = getattr(split, "styles", None)
    for style in np.unique(styles) if styles is not None else ():
        right = (guess == split.y)[styles == style]
        found[STYLES[style]] = (float(right.mean()), *wilson(int(right.sum()), len(right)))
    return dict(sorted(found.items(), key=lambda one: one[1]))


def share(value: float, low: float, high: float) -> str:
    return f"{value:.1%} [{low:.1%}, {high:.1%}]"
