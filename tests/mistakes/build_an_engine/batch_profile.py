"""Wrong answers to `batch_profile`, lab 06a."""

from tests.mistakes import Mistake

_PROFILE = """
def batch_profile(batches, image):
    common = Counter(batches).most_common(1)[0][0]
    return {low}, {best}, {high}
"""


def _profile(low="(min(batches), *image)", best="(common, *image)", high="(max(batches), *image)"):
    return _PROFILE.format(low=low, best=best, high=high)


MISTAKES = [
    Mistake("opt is the largest", _profile(best="(max(batches), *image)"), says="most often"),
    Mistake("opt is the mean", _profile(best="(round(sum(batches) / len(batches)), *image)"), says="most often"),
    Mistake("opt is the median", _profile(best="(int(np.median(batches)), *image)"), says="most often"),
    Mistake("batch only", _profile("min(batches)", "common", "max(batches)"), says="whole shape"),
    Mistake("min is 1, to be safe", _profile(low="(1, *image)"), says="more than was asked"),
    Mistake("max rounded up to a power of two", _profile(high="(2 * 2 ** int(np.log2(max(batches))), *image)"), says="more than was asked"),
    Mistake("max is the commonest", _profile(high="(common, *image)"), says="would be refused"),
    Mistake("opt is how often it comes", _profile(best="(Counter(batches).most_common(1)[0][1], *image)"), says="is how often it comes"),
    Mistake("opt is the mean, not rounded", _profile(best="(np.mean(batches), *image)"), says="whole number"),
    Mistake("-1 for the dynamic batch", _profile(low="(-1, *image)"), says="-1 stands in the network"),
    Mistake("the picture grows too", _profile(high="(max(batches), *(2 * n for n in image))"), says="only the batch is dynamic"),
]
