"""Right answers in other words to `refuses`, lab 06a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "a table",
        """
def refuses(plan, header, machine):
    short = len(plan) < header["bytes"]
    answers = {
        "cut short": short,
        "altered": not short and hashlib.new("sha256", plan).hexdigest() != header["sha256"],
        "other version": header["version"] != machine["version"],
        "other GPU": machine["capability"] not in [None, *header["targets"]],
    }
    return [reason for reason, is_so in answers.items() if is_so]
""",
    ),
    Right(
        "a tuple, the raw digest, version in parts",
        """
def refuses(plan, header, machine):
    import hmac
    out = ()
    if header["bytes"] > len(plan):
        out += ("cut short",)
    elif not hmac.compare_digest(hashlib.sha256(plan).digest(), bytes.fromhex(header["sha256"])):
        out += ("altered",)
    if machine["version"].split(".") != header["version"].split("."):
        out += ("other version",)
    card = machine.get("capability")
    if card and not any(card == target for target in header["targets"]):
        out += ("other GPU",)
    return out
""",
    ),
    Right(
        "filter",
        """
def refuses(plan, header, machine):
    whole = len(plan) == header["bytes"] and hashlib.sha256(plan).hexdigest() == header["sha256"]
    broken = "" if whole else "cut short" if len(plan) < header["bytes"] else "altered"
    stale = "" if machine["version"] == header["version"] else "other version"
    alien = "other GPU" if machine["capability"] is not None and header["targets"].count(machine["capability"]) == 0 else ""
    return list(filter(None, (broken, stale, alien)))
""",
    ),
]
