"""Wrong answers to `stream_step`, lab 03g."""

from tests.mistakes import Mistake


def _answer(
    seen="np.concatenate([state, x[:, None]], axis=1)",
    taps="seen[:, ::dilation]",
    y='np.einsum("oik,ik->o", weight, taps) + bias',
    end="y, seen[:, 1:]",
):
    return f"def stream_step(x, state, weight, bias, dilation):\n    seen = {seen}\n    taps = {taps}\n    y = {y}\n    return {end}\n"


MISTAKES = [
    Mistake("old state returned", _answer(end="y, state"), says="the state that it hands on is not"),
    Mistake("state grows", _answer(end="y, seen"), says="Drop the oldest"),
    Mistake("newest dropped", _answer(end="y, seen[:, :-1]"), says="the state that it hands on is not"),
    Mistake("only the output", _answer(end="y"), says="the pair"),
    Mistake("state changed in place", _answer(end="y").replace("    return", "    state[:] = seen[:, 1:]\n    return"), says="the pair"),
    Mistake("dilation ignored", _answer(taps="seen[:, -weight.shape[2] :]"), says="side by side"),
    Mistake("taps back to front", _answer(taps="seen[:, ::-dilation]"), says="back to front"),
    Mistake(
        "newest first", _answer(seen="np.concatenate([x[:, None], state], axis=1)", end="y, seen[:, :-1]"), says="already the first output"
    ),
    Mistake("no bias", _answer(y='np.einsum("oik,ik->o", weight, taps)'), says="bias is missing"),
    Mistake(
        "outputs kept in the state",
        _answer(end="y, np.concatenate([state[:, 1:], np.resize(y, (len(x), 1))], axis=1)"),
        says="the state that it hands on is not",
    ),
    Mistake("shorter state", _answer(end="y, taps[:, 1:]"), says="same as before"),
    Mistake("rows of unequal length", _answer(end="y, [row[i % 2 :] for i, row in enumerate(seen)]"), says="the next state of"),
    Mistake("state forgotten", _answer(seen="np.concatenate([np.zeros_like(state), x[:, None]], axis=1)"), says="already the first output"),
]
