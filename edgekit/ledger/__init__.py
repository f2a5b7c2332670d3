"""What was measured, kept with where it comes from: a student's ledger with predictions, and results recorded elsewhere."""

from edgekit.ledger.ledger import (
    Ledger,
    LedgerError,
    Reveal,
    Row,
    beats,
    current_lab,
    names,
    not_lost,
    pareto,
    predict,
    reading,
    reveal,
    student,
)
from edgekit.ledger.recorded import Recorded, RecordedError, record, recorded, this_machine

__all__ = [
    "Ledger",
    "LedgerError",
    "Recorded",
    "RecordedError",
    "Reveal",
    "Row",
    "beats",
    "current_lab",
    "names",
    "not_lost",
    "pareto",
    "predict",
    "reading",
    "record",
    "recorded",
    "reveal",
    "student",
    "this_machine",
]
