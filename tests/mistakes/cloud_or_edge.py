"""Wrong answers to lab 01."""

from tests.mistakes import Mistake

SETUP = """
import math
import numpy as np
"""

_MISSED = """
def missed_share(latencies, period):
    seconds = np.asarray(latencies)
    taken = {taken}
    late = seconds > period
    return {result}
"""


def _missed(taken="np.maximum(1, np.ceil(seconds / period))", result="taken[late].sum() / taken.sum()"):
    return _MISSED.format(taken=taken, result=result)


_DECIDE = """
def decide(picture, cloud, edge, state, now, retry):
    if {may}:
        try:
            return {first}
        except {errors}:
            {failed}
    return {last}
"""


def _decide(
    may='now - state.get("failed", -np.inf) >= retry',
    first='(cloud(picture), "cloud")',
    errors="OSError",
    failed='state["failed"] = now',
    last='(edge(picture), "edge")',
):
    return _DECIDE.format(may=may, first=first, errors=errors, failed=failed, last=last)


_AIR = """
def air_time(size, per_day, link):
    messages = {messages}
    return {bits} * per_day * (size + {headers}) / (link["rate"] * {duty} * {seconds})
"""


def _air(
    messages='math.ceil(size / link["payload"])', bits="8", headers='messages * link["header"]', duty='link["duty"]', seconds="86_400"
):
    return _AIR.format(messages=messages, bits=bits, headers=headers, duty=duty, seconds=seconds)


_SAVING = """
def saving(price, device, upkeep, engineering, requests, fleet, years):
    {before}
    cloud = {cloud}
    edge = {edge}
    gain = {gain}
    low, middle, high = np.percentile(gain, {ends})
    return {result}
"""


def _saving(
    before="",
    cloud="fleet * price * requests * 365 * years",
    edge="fleet * (device + upkeep * years) + engineering",
    gain="cloud - edge",
    ends="[5, 50, 95]",
    result="np.mean(gain > 0), low, middle, high",
):
    return _SAVING.format(before=before, cloud=cloud, edge=edge, gain=gain, ends=ends, result=result)


_WHERE = """
def admissible(case):
    places = []
    far = {far}
    if {cloud}:
        places.append("cloud")
    if {near}:
        places.append("on-premise")
    if {edge}:
        places.append("edge")
    return {result}
"""


def _where(
    far='2 * case["distance_km"] / 200 + case["server_ms"]',
    cloud='far <= case["deadline_ms"] and case["upload"] <= 1 and not case["private"] and not case["offline"]',
    near='case["lan_ms"] + case["server_ms"] <= case["deadline_ms"]',
    edge='case["device_ms"] is not None and case["device_ms"] <= case["deadline_ms"]',
    result="places",
):
    return _WHERE.format(far=far, cloud=cloud, near=near, edge=edge, result=result)


MISTAKES = {
    "missed_share": [
        Mistake("the sign turned", _missed(result="-taken[late].sum() / taken.sum()"), says="the sign is the other way"),
        Mistake("upside down", _missed(result="taken.sum() / taken[late].sum()"), says="upside down"),
        Mistake("share of late calls", _missed(result="late.mean()"), says="share of late *calls*"),
        Mistake("rounded down", _missed(taken="np.maximum(1, np.floor(seconds / period))"), says="in which the late answer arrives"),
        Mistake(
            "only the periods after the first",
            _missed(result="(taken - 1)[late].sum() / taken.sum()"),
            says="in which the late answer arrives",
        ),
        Mistake("divided by the calls", _missed(result="taken[late].sum() / len(seconds)"), says="divide by the periods"),
        Mistake("a number", _missed(result="int(taken[late].sum())"), says="number of all periods"),
        Mistake("in time", _missed(result="taken[~late].sum() / taken.sum()"), says="*were* served"),
        Mistake("per cent", _missed(result="100 * taken[late].sum() / taken.sum()"), says="per cent"),
        Mistake(
            "the mean", "def missed_share(latencies, period):\n    return float(np.mean(latencies) > period)\n", says="mean hides the tail"
        ),
        Mistake("not rounded", _missed(taken="seconds / period"), says="rounded up"),
        Mistake("printed", _missed(result="print(taken[late].sum() / taken.sum())"), says="return"),
    ],
    "decide": [
        Mistake("only timeouts are caught", _decide(errors="TimeoutError"), says="Catch OSError"),
        Mistake(
            "nothing is caught",
            "def decide(picture, cloud, edge, state, now, retry):\n    return cloud(picture), 'cloud'\n",
            says="is lost",
        ),
        Mistake("the failed picture is dropped", _decide(failed='state["failed"] = now; return None'), says="Every path must end"),
        Mistake("no pause", _decide(may="True"), says="in every decision of the outage"),
        Mistake("never back", _decide(may='"failed" not in state'), says="never asked again"),
        Mistake(
            "the pause starts at the last attempt that worked",
            _decide(first='(cloud(picture), state.update(failed=now) or "cloud")'),
            says="*failure*",
        ),
        Mistake("pause twice as long", _decide(may='now - state.get("failed", -np.inf) >= 2 * retry'), says="should be"),
        Mistake("half the pause", _decide(may='now - state.get("failed", -np.inf) >= retry / 2'), says="should not be"),
        Mistake("says cloud for the edge", _decide(last='(edge(picture), "cloud")'), says="who really decided"),
        Mistake(
            "edge only", "def decide(picture, cloud, edge, state, now, retry):\n    return edge(picture), 'edge'\n", says="never asked"
        ),
        Mistake("the edge always runs", _decide(first='(edge(picture), (cloud(picture), "cloud"))[1]'), says="the edge model ran as well"),
        Mistake(
            "asks, and throws the answer away", _decide(first='(cloud(picture), (edge(picture), "edge"))[1]'), says="the cloud had answered"
        ),
        Mistake("last answer again", _decide(first='(state.setdefault("last", cloud(picture)), "cloud")'), says="old or invented label"),
        Mistake(
            "tries twice",
            _decide(
                failed=(
                    'state["failed"] = now\n            try:\n                return cloud(picture), "cloud"\n            except OSError:\n'
                    "                pass"
                )
            ),
            says="Ask once",
        ),
        Mistake(
            "state of its own",
            "mine = {}\n" + _decide().replace("state.get", "mine.get").replace('state["failed"]', 'mine["failed"]'),
            says="something outlives",
        ),
        Mistake("only the label", _decide(first="cloud(picture)", last="edge(picture)"), says="(label, who)"),
    ],
    "air_time": [
        Mistake("the time that is left", _air().replace("return 8", "return 1 - 8"), says="1 minus the share"),
        Mistake("kilobits", _air(bits="8e-3"), says="another unit"),
        Mistake("bytes for bits", _air(bits="1"), says="factor of 8"),
        Mistake("no duty cycle", _air(duty="1"), says="duty cycle is missing"),
        Mistake("duty cycle above the line", _air(duty='(1 / link["duty"])'), says="denominator"),
        Mistake("one header", _air(headers='link["header"]'), says="each of them carries"),
        Mistake("no header", _air(headers="0"), says="carries a header"),
        Mistake("rounded down", _air(messages='size // link["payload"]'), says="round up"),
        Mistake("one too many", _air(messages='size // link["payload"] + 1'), says="to the last byte"),
        Mistake("part of a message", _air(messages='size / link["payload"]'), says="no part of a message"),
        Mistake("an hour", _air(seconds="3600"), says="86,400"),
        Mistake(
            "upside down",
            """\
def air_time(size, per_day, link):
    n = math.ceil(size / link['payload'])
    return link['rate'] * link['duty'] * 86400 / (8 * per_day * (size + n * link['header']))
""",
            says="capacity over need",
        ),
        Mistake("one message", _air().replace("* per_day", ""), says="many in a day"),
        Mistake(
            "capped at 1",
            """\
def air_time(size, per_day, link):
    n = math.ceil(size / link['payload'])
    return 8 * per_day * (size + n * link['header']) <= link['rate'] * link['duty'] * 86400
""",
            says="a number",
        ),
    ],
    "saving": [
        Mistake("in thousands", _saving(gain="(cloud - edge) / 1e3"), says="another unit"),
        Mistake("percentiles as fractions", _saving(ends="[0.05, 0.5, 0.95]"), says="expected"),
        Mistake("the other way round", _saving(gain="edge - cloud"), says="sign"),
        Mistake(
            "means first",
            _saving(before="price, device, upkeep, engineering = map(np.mean, (price, device, upkeep, engineering))"),
            says="without an interval",
        ),
        Mistake(
            "engineering for each device", _saving(edge="fleet * (device + upkeep * years + engineering)"), says="not once for each device"
        ),
        Mistake("no engineering", _saving(edge="fleet * (device + upkeep * years)"), says="Engineering is missing"),
        Mistake("upkeep once", _saving(edge="fleet * (device + upkeep) + engineering"), says="in every year"),
        Mistake("no upkeep", _saving(edge="fleet * device + engineering"), says="Upkeep is missing"),
        Mistake("a day for a year", _saving(cloud="fleet * price * requests * years"), says="365"),
        Mistake("one year of cloud", _saving(cloud="fleet * price * requests * 365"), says="every year"),
        Mistake("95% interval", _saving(ends="[2.5, 50, 97.5]"), says="asked are 5 and 95"),
        Mistake("high end first", _saving(result="np.mean(gain > 0), high, middle, low"), says="low end comes first"),
        Mistake("chance that the cloud is cheaper", _saving(result="np.mean(gain < 0), low, middle, high"), says="*cloud* is cheaper"),
        Mistake("chance in per cent", _saving(result="100 * np.mean(gain > 0), low, middle, high"), says="between 0 and 1"),
        Mistake("percentiles as shares", _saving(ends="[0.05, 0.5, 0.95]"), says="percentiles of these draws"),
        Mistake("one device", _saving(gain="(cloud - edge) / fleet"), says="whole fleet"),
        Mistake("devices every year", _saving(edge="fleet * (device + upkeep) * years + engineering"), says="bought once"),
    ],
    "admissible": [
        Mistake(
            "exactly the deadline is late",
            _where(cloud='far < case["deadline_ms"] and case["upload"] <= 1 and not case["private"] and not case["offline"]'),
            says="exactly the deadline is in time",
        ),
        Mistake(
            "exactly the deadline is late, on the device",
            _where(edge='case["device_ms"] is not None and case["device_ms"] < case["deadline_ms"]'),
            says="xactly the deadline is in time",
        ),
        Mistake(
            "a full line is too full",
            _where(cloud='far <= case["deadline_ms"] and case["upload"] < 1 and not case["private"] and not case["offline"]'),
            says="exactly 1",
        ),
        Mistake("light a little faster", _where(far='2 * case["distance_km"] / 201 + case["server_ms"]'), says="95.1 ms"),
        Mistake("one way", _where(far='case["distance_km"] / 200 + case["server_ms"]'), says="*and back*"),
        Mistake("light only", _where(far='2 * case["distance_km"] / 200'), says="own time counts"),
        Mistake(
            "privacy ignored", _where(cloud='far <= case["deadline_ms"] and case["upload"] <= 1 and not case["offline"]'), says="no cloud"
        ),
        Mistake("outages ignored", _where(cloud='far <= case["deadline_ms"] and case["upload"] <= 1 and not case["private"]'), says="cut"),
        Mistake(
            "upload ignored",
            _where(cloud='far <= case["deadline_ms"] and not case["private"] and not case["offline"]'),
            says="the line is full",
        ),
        Mistake("None compared", _where(edge='case["device_ms"] <= case["deadline_ms"]'), says="TypeError"),
        Mistake("always fits", _where(edge="True"), says="too"),
        Mistake(
            "private forbids the premises",
            _where(near='case["lan_ms"] + case["server_ms"] <= case["deadline_ms"] and not case["private"]'),
            says="stays on the site",
        ),
        Mistake(
            "offline forbids the premises",
            _where(near='case["lan_ms"] + case["server_ms"] <= case["deadline_ms"] and not case["offline"]'),
            says="local network is still there",
        ),
        Mistake("the local way forgotten", _where(near='case["server_ms"] <= case["deadline_ms"]'), says="part of its latency"),
        Mistake("one place only", _where(result="places[:1]"), says="missing"),
        Mistake("edge if nothing else", _where(result='places or ["edge"]'), says="an empty list is an answer"),
        Mistake("a word", _where(result='places[0] if places else "none"'), says="a list of places"),
        Mistake("seconds and milliseconds", _where(far='2 * case["distance_km"] / 200_000 + case["server_ms"]'), says="200 km per ms"),
    ],
}
