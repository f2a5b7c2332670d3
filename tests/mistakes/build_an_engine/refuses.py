"""Wrong answers to `refuses`, lab 06a."""

from tests.mistakes import Mistake

_REFUSES = """
def refuses(plan, header, machine):
    reasons = []
    if {short}:
        reasons.append("cut short")
    {els}if hashlib.sha256(plan).hexdigest() != header["sha256"]:
        reasons.append("altered")
    if {version}:
        reasons.append("other version")
    if {gpu}:
        reasons.append("other GPU")
    return {returned}
"""


def _refuses(
    short='len(plan) < header["bytes"]',
    els="el",
    version='machine["version"] != header["version"]',
    gpu='machine["capability"] is not None and machine["capability"] not in header["targets"]',
    returned="reasons",
):
    return _REFUSES.format(short=short, els=els, version=version, gpu=gpu, returned=returned)


MISTAKES = [
    Mistake(
        "size only",
        _refuses(els="", short='len(plan) < header["bytes"]').replace(
            'if hashlib.sha256(plan).hexdigest() != header["sha256"]', "if False"
        ),
        says="SHA-256",
    ),
    Mistake("short and altered", _refuses(els=""), says="not called altered as well"),
    Mistake(
        "major version only",
        _refuses(version='machine["version"].split(".")[0] != header["version"].split(".")[0]'),
        says="to the last number",
    ),
    Mistake("begins with", _refuses(version='not machine["version"].startswith(header["version"])'), says="only begins like"),
    Mistake(
        "target as part of a text",
        _refuses(gpu='machine["capability"] is not None and machine["capability"] not in str(header["targets"])'),
        says="part of the text",
    ),
    Mistake("no GPU is another GPU", _refuses(gpu='machine["capability"] not in header["targets"]'), says="nothing to compare"),
    Mistake("first target only", _refuses(gpu='machine["capability"] not in (None, header["targets"][0])'), says="any of the targets"),
    Mistake("first reason only", _refuses(returned="reasons[:1]"), says="every* reason"),
    Mistake("any other size is cut short", _refuses(short='len(plan) != header["bytes"]'), says="*more* bytes"),
    Mistake("newer versions only", _refuses(version='machine["version"] > header["version"]'), says="neither a newer nor an older"),
    Mistake(
        "nothing more to ask without a GPU",
        _refuses().replace("    if machine", "    if machine['capability'] is None:\n        return reasons\n    if machine", 1),
        says="only the last question",
    ),
    Mistake(
        "GPU of the same generation",
        _refuses(
            gpu=(
                'machine["capability"] is not None and machine["capability"].split(".")[0] not in [t.split(".")[0] for t in'
                ' header["targets"]]'
            )
        ),
        says="of the same generation",
    ),
    Mistake(
        "GPU that is new enough",
        _refuses(gpu='machine["capability"] is not None and float(machine["capability"]) < min(map(float, header["targets"]))'),
        says="newer than one of them",
    ),
    Mistake("digest in bytes", _refuses().replace("hexdigest", "digest"), says=".hexdigest()"),
    Mistake("true or false", _refuses(returned="bool(reasons)"), says="list of reasons"),
]
