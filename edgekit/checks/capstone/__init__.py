"""Checks of lab 08, the capstone. Each name is the exercise, not the module it comes from."""

from edgekit.checks.capstone.card import card
from edgekit.checks.capstone.choose import choose
from edgekit.checks.capstone.to_contract import to_contract
from edgekit.checks.capstone.verdicts import verdicts

__all__ = ["to_contract", "verdicts", "choose", "card"]
