"""Wrong answers to `sensitivity`, lab 05b."""

from tests.mistakes import Mistake

_SENSITIVITY = """
def sensitivity(path, layers, make_calibration, x):
    target = work / "one_layer.onnx"
    reference = {reference}
    reader = make_calibration()
    found = []
    for layer in layers:
        quantization.quantize(path, target, {reader}, {which}=[layer])
        noise = run(target, x) - reference
        found.append((layer, float({ratio})))
    return {result}
"""


_RATIO = "10 * np.log10((reference**2).sum() / (noise**2).sum())"


_SORTED = "sorted(found, key=lambda pair: pair[1])"


def _sensitivity(reference="run(path, x)", reader="make_calibration()", which="only", ratio=_RATIO, result=_SORTED):
    return _SENSITIVITY.format(reference=reference, reader=reader, which=which, ratio=ratio, result=result)


MISTAKES = [
    Mistake("least sensitive first", _sensitivity(result=_SORTED[:-1] + ", reverse=True)"), says="wrong layer"),
    Mistake("not sorted", _sensitivity(result="sorted(found)"), says="comes first"),
    Mistake("all but one quantized", _sensitivity(which="exclude"), says="all layers quantized *but*"),
    Mistake("reader used twice", _sensitivity(reader="reader"), says="gave no data"),
    Mistake("noise over signal", _sensitivity(ratio=_RATIO.replace("10 *", "-10 *")), says="sign"),
    Mistake("20 log10 of squares", _sensitivity(ratio=_RATIO.replace("10 *", "20 *")), says="factor of two"),
    Mistake("not squared", _sensitivity(ratio="10 * np.log10(np.abs(reference).sum() / np.abs(noise).sum())"), says="factor of two"),
    Mistake("natural logarithm", _sensitivity(ratio=_RATIO.replace("log10", "log")), says="base 10"),
    Mistake("all layers every time", _sensitivity().replace(", only=[layer]", ""), says="all layers got the same"),
    Mistake("calibrated on x", _sensitivity(reader="x"), says="x is only for comparing"),
    Mistake(
        "only the first picture",
        _sensitivity(ratio="10 * np.log10((reference[0]**2).sum() / (noise[0]**2).sum() / 3)"),
        says="all pictures",
    ),
    Mistake("names only", _sensitivity(result="[name for name, _ in sorted(found, key=lambda pair: pair[1])]"), says="expected a list of"),
]
