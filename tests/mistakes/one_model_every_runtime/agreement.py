"""Wrong answers to `agreement`, lab 03f."""

from tests.mistakes import Mistake


def _answer(
    equal="(got == want).mean()", steps="np.abs(got.astype(int) - want.astype(int)).max()", same="(got.argmax(1) == want.argmax(1)).mean()"
):
    return f'def agreement(got, want):\n    return {{"equal": {equal}, "steps": {steps}, "same class": {same}}}\n'


MISTAKES = [
    Mistake("int8 wraps", _answer(steps="np.abs((got - want).astype(int)).max()"), says="wraps"),
    Mistake("the sign kept", _answer(steps="(got.astype(int) - want.astype(int)).max()"), says="no sign"),
    Mistake("the mean, not the largest", _answer(steps="round(np.abs(got.astype(int) - want).mean())"), says="largest"),
    Mistake("whole pictures", _answer(equal="(got == want).all(1).mean()"), says="equal in all values"),
    Mistake("a count", _answer(equal="(got == want).sum()"), says="a share of all values"),
    Mistake("the wrong axis", _answer(same="(got.argmax(0) == want.argmax(0)).mean()"), says="axis 1"),
    Mistake("the largest values compared", _answer(same="(got.max(1) == want.max(1)).mean()"), says="same place"),
    Mistake("a tuple", "def agreement(got, want):\n    return (got == want).mean(), 0, 1.0\n", says="a dict"),
    Mistake("a key missing", 'def agreement(got, want):\n    return {"equal": (got == want).mean()}\n', says="the keys"),
]
