"""Other right answers to lab 08."""

from tests.alternatives import Right

RIGHT = {
    "to_contract": [
        Right(
            "with a permutation matrix",
            """
def to_contract(weight, bias, classes):
    p = np.eye(len(bias), dtype=np.float32)[np.array(list(classes)).astype(int)]
    return (p @ weight).astype(np.float32), p @ bias
""",
        ),
        Right(
            "row by row",
            """
def to_contract(weight, bias, classes):
    rows = [(weight[int(c)], bias[int(c)]) for c in classes]
    return [np.stack([w for w, _ in rows]), np.array([b for _, b in rows])]
""",
        ),
    ],
    "verdicts": [
        Right(
            "one loop over a table",
            """
def verdicts(measured, limits):
    out = {"accuracy": "missed", "file": "missed", "latency": "can't tell"}
    if not measured["accuracy"]["low"] < limits["accuracy"]:
        out["accuracy"] = "kept"
    if not measured["file"] > limits["file"]:
        out["file"] = "kept"
    if measured["latency"]["low"] > limits["latency"]:
        out["latency"] = "missed"
    elif measured["latency"]["high"] <= limits["latency"]:
        out["latency"] = "kept"
    return out
""",
        )
    ],
    "choose": [
        Right(
            "sorted by size, the first that fits",
            """
def choose(candidates):
    for name in sorted(candidates, key=lambda n: candidates[n]["file"]):
        if set(candidates[name]["verdicts"].values()) == {"kept"}:
            return name
""",
        )
    ],
    "card": [
        Right(
            "a template with other words",
            """
def card(chosen, rejected):
    more = " This sentence is here because a card has readers who were not there and who want to know what to expect."
    return {
        "Known failures": chosen["worst"] + more,
        "Intended use": "For a " + chosen["device"] + "." + more.replace("card", "model card"),
        "How it was made": chosen["name"] + more,
        "A rejected alternative": "Unless the " + rejected["budget"] + " may be more than " + rejected["allowed"] + ", " + rejected["name"]
            + " stays out: we measured " + rejected["measured"] + "." + more,
    }
""",
        )
    ],
}
