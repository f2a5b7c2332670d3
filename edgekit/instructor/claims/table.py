"""`edgekit claims`: measure what this machine can, and print the table."""

from __future__ import annotations

from edgekit.instructor.claims.finding import Finding
from edgekit.instructor.claims.measuring import measure
from edgekit.instructor.claims.reading import Claim, claims, find, verdicts


def judged(ids: list[str] | None = None) -> list[tuple[Claim, Finding]]:
    """Measure the claims with a function (all, or those in ``ids``) on this machine. ClaimError for an unknown id."""
    wanted = [find(one) for one in ids] if ids else claims()
    functions = [claim.by for claim in wanted if claim.tested == "function"]
    found = measure(functions)
    return [(claim, found[claim.by]) for claim in wanted if claim.tested == "function"]


def record(name: str, rows: list[tuple[Claim, Finding]]):
    """Write data/recorded/claims_NAME.json: this machine's verdicts, with device and date."""
    from edgekit.ledger.recorded import record as write

    data = [{"id": c.id, "says": c.says, "verdict": f.verdict, "found": f.found} for c, f in rows]
    return write(
        f"claims_{name}", data, title="Claims, judged by a machine", source_command=f"edgekit claims --record {name}"
    )


def text(rows: list[tuple[Claim, Finding]]) -> str:
    """The whole table: this machine's verdicts, those of other devices, and what public evidence says."""
    here = {claim.id: finding for claim, finding in rows}
    lines = []
    for claim in claims():
        lines.append(f"{claim.id}  chapter {claim.chapter}  “{claim.says}”")
        if claim.id in here:
            lines.append(f"      here     {here[claim.id].verdict}. {here[claim.id].found}")
        lines += [f"      recorded {where}: {verdict}. {found}" for where, verdict, found in verdicts(claim.id)]
        lines.append(
            f"      today    {claim.verdict}. {claim.why} [{claim.source}; read {claim.read}; lab {claim.lab}]"
        )
    counts: dict[str, int] = {}
    for finding in here.values():
        counts[finding.verdict] = counts.get(finding.verdict, 0) + 1
    said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    return "\n".join([*lines, f"{len(claims())} claims, {len(here)} asked of this machine: {said}"])
