"""The capstone: a budget for a device, a submission that has to keep it, and the check that says whether it does.

``draw`` gives a student's budget; ``check`` measures a folder against it; ``pack`` makes one signed file of the folder. Names are
imported when they are asked for: the command line has a part in this folder and must answer at once.
"""

from importlib import import_module

_WHERE = {
    "DEVICES": "budgets",
    "Budget": "budgets",
    "SubmissionError": "failure",
    "check": "checking",
    "draw": "budgets",
    "pack": "packing",
    "unpack": "packing",
    "write": "template",
}
__all__ = list(_WHERE)


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
