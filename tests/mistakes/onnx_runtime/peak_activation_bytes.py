"""Wrong answers to `peak_activation_bytes`, lab 05a."""

from tests.mistakes import Mistake

_PEAK = """
def peak_activation_bytes(nodes, sizes, inputs, outputs):
    last = {{}}
    for step, (reads, writes) in enumerate(nodes):
        for name in {uses}:
            {note}
    {keep}
    alive, peak = {start}, 0
    for step, (reads, writes) in enumerate(nodes):
        {body}
    return {result}
"""


_BODY = """alive |= set(writes)
        peak = max(peak, sum(sizes[name] for name in alive))
        alive = {name for name in alive if last.get(name, -1) > step}"""


def _peak(
    uses="[*reads, *writes]",
    note="last[name] = step",
    keep="last.update(dict.fromkeys(outputs, len(nodes)))",
    start="set(inputs)",
    body=_BODY,
    result="peak",
):
    return _PEAK.format(uses=uses, note=note, keep=keep, start=start, body=body, result=result)


MISTAKES = [
    Mistake("sum of all tensors", _peak(result="sum(sizes.values())"), says="sum of all tensors"),
    Mistake("largest tensor", _peak(result="max(sizes.values())"), says="largest single tensor"),
    Mistake(
        "freed before the peak is taken",
        _peak(
            body=(
                "alive = {n for n in alive if last.get(n, -1) > step} | set(writes)\n        peak = max(peak, sum(sizes[n] for n in alive))"
            )
        ),
        says="alive together",
    ),
    Mistake("first reader frees", _peak(uses="reads", note="last.setdefault(name, step)"), says="shortcut"),
    Mistake("outputs freed", _peak(keep="pass"), says="never freed"),
    Mistake("inputs forgotten", _peak(start="set()"), says="too early, or never counted"),
    Mistake(
        "inputs alive only when read",
        _peak(
            start="set()",
            body="""\
alive |= set(writes) | {name for name in reads if name in inputs}
        peak = max(peak, sum(sizes[name] for name in alive))
        alive = {name for name in alive if last.get(name, -1) > step}""",
        ),
        says="alive from the start",
    ),
    Mistake(
        "nothing is ever freed",
        _peak(body="alive |= set(writes)\n        peak = max(peak, sum(sizes[name] for name in alive))"),
        says="sum of all tensors",
    ),
    Mistake(
        "unread results not counted",
        _peak(
            uses="reads",
            body="""\
alive |= {name for name in writes if name in last}
        peak = max(peak, sum(sizes[name] for name in alive))
        alive = {name for name in alive if last.get(name, -1) > step}""",
        ),
        says="nobody reads",
    ),
    Mistake(
        "unread results never freed",
        _peak(
            uses="reads",
            body="""\
alive |= set(writes)
        peak = max(peak, sum(sizes[name] for name in alive))
        alive = {name for name in alive if last.get(name, len(nodes)) > step}""",
        ),
        says="nobody reads",
    ),
    Mistake(
        "only the two ends of each node",
        _peak(body="peak = max(peak, sum(sizes[n] for n in [*reads, *writes] if n in sizes))"),
        says="shortcut",
    ),
]
