"""Wrong answers to lab 08."""

from tests.mistakes import Mistake, changed

SETUP = "import numpy as np\n"

_CONTRACT = """
def to_contract(weight, bias, classes):
    order = [int(digit) for digit in classes]
    return weight[order], bias[order]
"""
_VERDICTS = """
def verdicts(measured, limits):
    accuracy, latency = measured["accuracy"], measured["latency"]
    words = {"accuracy": "kept" if accuracy["low"] >= limits["accuracy"] else "missed"}
    words["file"] = "kept" if measured["file"] <= limits["file"] else "missed"
    words["latency"] = "kept" if latency["high"] <= limits["latency"] else "can't tell"
    if latency["low"] > limits["latency"]:
        words["latency"] = "missed"
    return words
"""
_CHOOSE = """
def choose(candidates):
    fits = [name for name, one in candidates.items() if all(word == "kept" for word in one["verdicts"].values())]
    return min(fits, key=lambda name: candidates[name]["file"], default=None)
"""
_CARD = """
def card(chosen, rejected):
    return {
        "Intended use": f"Digits of 28 x 28 pixels, read on a {chosen['device']} in the field. Not for letters, colours or other sizes.",
        "How it was made": f"The shipped network was made smaller as {chosen['name']}, "
        "because each of the two alone missed a budget in the measurement.",
        "Known failures": f"It is wrong most often here: {chosen['worst']}. Handwriting that is cut off was not measured at all.",
        "A rejected alternative": f"{rejected['name']} misses the {rejected['budget']}: {rejected['measured']}, {rejected['allowed']}. "
        "It would win if that budget were larger.",
    }
"""
MISTAKES = {
    "to_contract": [
        Mistake("left as it was", changed(_CONTRACT, ("weight[order], bias[order]", "weight, bias")), "left the weight as it was"),
        Mistake(
            "the other way round",
            changed(_CONTRACT, ("[int(digit) for digit in classes]", "np.argsort([int(d) for d in classes])")),
            "the other way round",
        ),
        Mistake("bias forgotten", changed(_CONTRACT, ("bias[order]", "bias")), "takes its bias with it"),
        Mistake(
            "sorted rows",
            changed(_CONTRACT, ("[int(digit) for digit in classes]", "[int(d) for d in classes][::-1]")),
            "must be row classes[i]",
        ),
        Mistake("columns instead of rows", changed(_CONTRACT, ("weight[order]", "weight[:, order[:1]]")), "shape"),
        Mistake("weight only", changed(_CONTRACT, ("weight[order], bias[order]", "weight[order]")), "return (weight, bias)"),
    ],
    "verdicts": [
        Mistake(
            "the value in the middle", changed(_VERDICTS, ('accuracy["low"] >=', 'accuracy["value"] >=')), "not for the value in the middle"
        ),
        Mistake("the border is out", changed(_VERDICTS, ('measured["file"] <=', 'measured["file"] <')), "exactly at the limit"),
        Mistake("never can't tell", changed(_VERDICTS, ('"can\'t tell"', '"missed"')), "neither kept nor missed"),
        Mistake("a lucky run counts", changed(_VERDICTS, ('latency["high"] <=', 'latency["low"] <=')), "neither kept nor missed"),
        Mistake(
            "true and false", changed(_VERDICTS, ("return words", "return {n: w == 'kept' for n, w in words.items()}")), "the words are"
        ),
        Mistake("no file", changed(_VERDICTS, ("return words", "return {n: w for n, w in words.items() if n != 'file'}")), "has the keys"),
        Mistake("upside down", changed(_VERDICTS, ('accuracy["low"] >=', 'accuracy["low"] <')), "expected"),
    ],
    "choose": [
        Mistake("can't tell is good enough", changed(_CHOOSE, ('word == "kept"', 'word != "missed"')), "is not kept"),
        Mistake("the smallest of all", changed(_CHOOSE, ("min(fits,", "min(candidates,")), "does not keep every budget"),
        Mistake(
            "the first that fits",
            changed(
                _CHOOSE,
                (
                    'min(fits, key=lambda name: candidates[name]["file"], default=None)',
                    "sorted(fits, key=lambda n: -candidates[n]['file'])[0] if fits else None",
                ),
            ),
            "is smaller",
        ),
        Mistake("one budget is enough", changed(_CHOOSE, ("if all(", "if any(")), "does not keep every budget"),
        Mistake("something must be shipped", changed(_CHOOSE, ("default=None", "default=min(candidates)")), "return None"),
        Mistake(
            "a list",
            changed(_CHOOSE, ('return min(fits, key=lambda name: candidates[name]["file"], default=None)', "return fits")),
            "one of",
        ),
    ],
    "card": [
        Mistake("no number", changed(_CARD, ("{rejected['measured']}", "it is worse")), "does not quote what was measured"),
        Mistake("no limit", changed(_CARD, (", {rejected['allowed']}", " and that is too much")), "what is allowed"),
        Mistake(
            "no condition",
            changed(_CARD, ("It would win if that budget were larger.", "So it is out, and nobody needs to look at it again.")),
            "what would have to change",
        ),
        Mistake("no interval of the worst kind", changed(_CARD, ("{chosen['worst']}", "new typefaces")), "worst kind of picture"),
        Mistake(
            "a card of four words",
            changed(
                _CARD,
                (
                    "Digits of 28 x 28 pixels, read on a {chosen['device']} in the field. Not for letters, colours or other sizes.",
                    "digits, {chosen['device']}",
                ),
            ),
            "at least 15",
        ),
        Mistake("a section forgotten", changed(_CARD, ('"Known failures"', '"Failures"')), "no section"),
        Mistake("rejects without a name", changed(_CARD, ("{rejected['name']} misses", "The other one misses")), "does not name it"),
    ],
}
