"""Lab 08, exercise 4: a model card with its numbers, and the defence of what was rejected."""

from __future__ import annotations

import re

import numpy as np

from edgekit.capstone.reading import SECTIONS, WORDS
from edgekit.checks import Exercise, call, in_order, mapping, require, shuffled, text

_LOSERS = {
    "latency": lambda rng: (
        f"{rng.uniform(0.7, 1.6):.2f}x [{rng.uniform(0.5, 0.69):.2f}, {rng.uniform(1.7, 2):.2f}]",
        f"at most {rng.uniform(0.3, 0.49):.2f}x",
    ),
    "file": lambda rng: (f"{rng.integers(200_000, 999_000):,} bytes", f"at most {rng.integers(90_000, 190_000):,} bytes"),
    "accuracy": lambda rng: (
        f"{rng.uniform(90, 95):.2f}% [{rng.uniform(88, 89.9):.2f}%, {rng.uniform(95.1, 96):.2f}%]",
        f"lower end at least {rng.uniform(97, 98):.1f}%",
    ),
}


def _inputs(rng: np.random.Generator) -> dict:
    cases = []
    for name, budget in zip(("float32", "INT8 alone", "a narrower net alone"), rng.permutation(list(_LOSERS)), strict=True):
        measured, allowed = _LOSERS[str(budget)](rng)
        worst = f"new typeface {rng.uniform(88, 95):.1f}% [{rng.uniform(80, 87.9):.1f}%, {rng.uniform(95.1, 98):.1f}%]"
        chosen = {"name": "narrow + INT8", "device": "cpu-board", "worst": worst}
        rejected = {"name": name, "budget": str(budget), "measured": measured, "allowed": allowed}
        cases.append({"chosen": chosen, "rejected": rejected})
    return {"cases": shuffled(cases, rng)}


def _probe(answer, inputs: dict) -> dict:
    return {"cards": [call(answer, case["chosen"], case["rejected"]) for case in inputs["cases"]]}


def _judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["cards"]):
        chosen, rejected = case["chosen"], case["rejected"]
        got = mapping(got, "card(chosen, rejected)")
        missing = [name for name in SECTIONS if name not in got]
        require(not missing, f"card(...) has no section {', '.join(map(repr, missing))}.", "section missing")
        said = {name: text(got[name], f"section {name!r}") for name in SECTIONS}
        for name, words in said.items():
            count = len(re.findall(r"\w+", words))
            require(count >= WORDS, f"section {name!r} has {count} words; a reader needs at least {WORDS}: {words!r}.", "too short")
        require(len(set(said.values())) == len(said), "Two sections say the same, word for word.", "copied section")
        require(chosen["device"] in said["Intended use"], f"'Intended use' does not name the device, {chosen['device']!r}.", "no device")
        require(
            chosen["worst"] in said["Known failures"],
            f"'Known failures' does not quote the worst kind of picture with its interval, {chosen['worst']!r}.",
            "no failure",
        )
        _defended(said["A rejected alternative"], rejected)
    return "Four sections, the worst kind of picture with its interval, and a rejection that quotes number and limit."


def _defended(words: str, rejected: dict) -> None:
    require(rejected["name"] in words, f"'A rejected alternative' does not name it, {rejected['name']!r}.", "not named")
    require(
        rejected["budget"] in words, f"'A rejected alternative' does not say which budget it misses, {rejected['budget']!r}.", "no budget"
    )
    require(
        rejected["measured"] in words, f"'A rejected alternative' does not quote what was measured, {rejected['measured']!r}.", "no number"
    )
    require(rejected["allowed"] in words, f"'A rejected alternative' does not quote what is allowed, {rejected['allowed']!r}.", "no limit")
    require(
        re.search(r"\b(if|unless|would|were|until|once)\b", words, re.IGNORECASE) is not None,
        "'A rejected alternative' does not say what would have to change for it to win: write a sentence with 'if' or 'unless'.",
        "no condition",
    )


card = Exercise("card", _inputs, _probe, _judge)
