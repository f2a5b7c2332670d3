"""`edgekit claims`: measure what this machine can, and print the table."""

from __future__ import annotations

from collections.abc import Callable

from edgekit.instructor.claims.measuring import measure
from edgekit.instructor.claims.outcome import Outcome
from edgekit.instructor.claims.reading import Claim, claims, find, verdicts


def judged(
    ids: list[str] | None = None, emulated: bool = False, done: Callable[[Claim, Outcome], None] = lambda claim, finding: None
) -> list[tuple[Claim, Outcome]]:
    """Measure the claims with a function (all, or those in ``ids``) on this machine. emulated: as for `measuring.measure`. done: called
    after each one. ClaimError for an unknown id."""
    wanted = [find(one) for one in ids] if ids else claims()
    asked = {claim.by: claim for claim in wanted if claim.tested == "function"}
    rows = []
    for name, finding in measure(list(asked), emulated):
        rows.append((asked[name], finding))
        done(*rows[-1])
    return rows


def record(name: str, rows: list[tuple[Claim, Outcome]], command: str = "", **where):
    """Write data/recorded/claims_NAME.json: verdicts with device and date. command, where: what made them and on which device and
    environment, if it was not `edgekit claims` on this machine."""
    from edgekit.ledger.recorded import record as write

    data = [{"id": c.id, "says": c.says, "verdict": f.verdict, "found": f.found} for c, f in rows]
    command = command or f"edgekit claims --record {name}"
    return write(f"claims_{name}", data, title="Claims, judged by a machine", source_command=command, **where)


def text(rows: list[tuple[Claim, Outcome]]) -> str:
    """The whole table: this machine's verdicts, those of other devices, and what public evidence says."""
    here = {claim.id: finding for claim, finding in rows}
    lines = []
    for claim in claims():
        lines.append(f"{claim.id}  chapter {claim.chapter}  “{claim.says}”")
        if claim.id in here:
            lines.append(f"      here     {here[claim.id].verdict}. {here[claim.id].found}")
        lines += [f"      recorded {where}: {verdict}. {found}" for where, verdict, found in verdicts(claim.id)]
        lines.append(f"      today    {claim.verdict}. {claim.why} [{claim.source}; read {claim.read}; lab {claim.lab}]")
    counts: dict[str, int] = {}
    for finding in here.values():
        counts[finding.verdict] = counts.get(finding.verdict, 0) + 1
    said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    return "\n".join([*lines, f"{len(claims())} claims, {len(here)} asked of this machine: {said}"])
