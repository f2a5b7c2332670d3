"""Wrong answers to `busiest_nodes`, lab 05a."""

from tests.mistakes import Mistake

_BUSIEST = """
def busiest_nodes(events, top):
    spent = {{}}
    for event in events:
        if {condition}:
            name = {name}
            spent[name] = {add}
    whole = {whole}
    return [(name, {share}) for name in sorted(spent, key=spent.get, reverse={reverse})[:top]]
"""


def _busiest(
    condition='event["cat"] == "Node" and event["name"].endswith("_kernel_time")',
    name='event["name"].removesuffix("_kernel_time")',
    add='spent.get(name, 0) + event["dur"]',
    whole="sum(spent.values())",
    share="spent[name] / whole",
    reverse="True",
):
    return _BUSIEST.format(condition=condition, name=name, add=add, whole=whole, share=share, reverse=reverse)


MISTAKES = [
    Mistake("session events counted", _busiest(condition="True"), says="Session"),
    Mistake("fences counted", _busiest(condition='event["cat"] == "Node"'), says="_kernel_time"),
    Mistake("last run only", _busiest(add='event["dur"]'), says="all runs"),
    Mistake("slowest call", _busiest(add='max(spent.get(name, 0), event["dur"])'), says="all runs together"),
    Mistake("in the order of the file", _busiest().replace("sorted(spent, key=spent.get, reverse=True)", "list(spent)"), says="expected"),
    Mistake("mean over the runs", _busiest(whole="5 * sum(spent.values())"), says="in all runs together"),
    Mistake("suffix kept", _busiest(name='event["name"]'), says="suffix"),
    Mistake("characters stripped, not a suffix", _busiest(name='event["name"].rstrip("_kernel_time")'), says="only the suffix"),
    Mistake("ascending", _busiest(reverse="False"), says="busiest comes first"),
    Mistake("times for shares", _busiest(share="spent[name]"), says="between 0 and 1"),
    Mistake("percent for shares", _busiest(share="100 * spent[name] / whole"), says="between 0 and 1"),
    Mistake("share of the listed nodes", _busiest(whole="sum(sorted(spent.values())[-top:])"), says="add up to 1"),
    Mistake("share of everything in the file", _busiest(whole='sum(event["dur"] for event in events)'), says="no part of it"),
    Mistake(
        "every event a row",
        """\
def busiest_nodes(events, top):
    rows = [(e['name'].removesuffix('_kernel_time'), e['dur']) for e in events if e['name'].endswith('_kernel_time')]
    whole = sum(d for _, d in rows)
    return sorted([(n, d / whole) for n, d in rows], key=lambda r: -r[1])[:top]
""",
        says="add its times up",
    ),
    Mistake("the sign turned", _busiest(share="-spent[name] / whole"), says="the sign is the other way"),
    Mistake("upside down", _busiest(share="whole / spent[name]"), says="upside down"),
    Mistake("the rest", _busiest(share="1 - spent[name] / whole"), says="1 minus the share"),
    Mistake("no kernel was found", _busiest(condition="False", whole="1 / len(spent)"), says="can be 0"),
]
