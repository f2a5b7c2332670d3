"""Wrong answers to `search_space`, lab 07b."""

from tests.mistakes import Mistake

_SPACE = """
def search_space(model, divisor):
    rules = {rules}
    space = mtn.convert({model}, {mode}, registry=PruneModeRegistry)
    return {{name: {value} for name, hp in named_hparams(space{which})}}
"""


_BOTH = '{"nn.Conv2d": {"*": {"channel_divisor": divisor}}, "nn.BatchNorm2d": {"*": {"feature_divisor": divisor}}}'


def _space(rules=_BOTH, model="copy.deepcopy(model)", mode='[("fastnas", rules)]', value="list(hp.choices)", which=", configurable=True"):
    return _SPACE.format(rules=rules, model=model, mode=mode, value=value, which=which)


MISTAKES = [
    Mistake("default divisor", _space(rules="{}"), says="nn.BatchNorm2d"),
    Mistake("batch norm forgotten", _space(rules='{"nn.Conv2d": {"*": {"channel_divisor": divisor}}}'), says="feature_divisor"),
    Mistake("converted in place", _space(model="model"), says="Convert a copy"),
    Mistake("fixed ones too", _space(which=""), says="configurable=True"),
    Mistake("only the largest choice", _space(value="max(hp.choices)"), says="multiples of the divisor"),
    Mistake(
        "names of the modules",
        _space().replace("{name: list", "{name.removesuffix('.out_channels'): list"),
        says="as named_hparams gives it",
    ),
    Mistake(
        "those that follow another one too", _space(which="").replace("space)}", "space) if hp.is_configurable}"), says="under another name"
    ),
    Mistake("how many choices", _space(value="[len(hp.choices)]"), says="multiples of the divisor"),
    Mistake("always 8", "def search_space(model, divisor):\n    return free_widths(model, 8)\n", says="multiples of the divisor"),
]
