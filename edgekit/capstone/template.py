"""An empty submission: the card to fill in, the budget to keep."""

from __future__ import annotations

import json
from pathlib import Path

from edgekit.capstone.budgets import Budget
from edgekit.capstone.failure import SubmissionError
from edgekit.capstone.reading import ABOUT, CARD, COMMANDS, MODEL

_CARD = """# Model card

<!-- Your budget. It is checked anew whatever stands here.
{budget}
-->

## Intended use

<!-- For which device, task and {budget.asks.unit} is this model meant, and for which is it not? -->

## How it was made

<!-- Which techniques, in which order, and why these? Which number decided? -->

## Known failures

<!-- On which {budget.asks.unit} is it wrong more often? Give the accuracy of the worst kind, with its interval. -->

## A rejected alternative

<!-- One alternative that you measured and did not take: the number that speaks against it, and what would have to change for it to win. -->
"""
_COMMANDS = "# The commands that made {model}, one a line, from the data to the file.\n"


def write(folder: str | Path, budget: Budget, division: str = "closed") -> list[Path]:
    """Write card, commands and submission.json to a folder; files that are there stay. Returns the files that were written.

    Raises:
        SubmissionError: when nothing can be written there.
    """
    about = {key: getattr(budget, key) for key in ("student", "device", "task", "course")}
    about |= {"division": division, "claims": {"accuracy": None, "latency": None}}
    texts = {CARD: _CARD.format(budget=budget), COMMANDS: _COMMANDS.format(model=MODEL), ABOUT: json.dumps(about, indent=1) + "\n"}
    folder, made = Path(folder), []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            if not (folder / name).exists():
                (folder / name).write_text(text, encoding="utf-8")
                made.append(folder / name)
    except OSError as error:
        raise SubmissionError(f"{folder}: {error.strerror or error}. Fix: name a folder that you may write to.") from None
    return made
