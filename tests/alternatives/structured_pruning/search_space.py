"""Right answers in other words to `search_space`, lab 07b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right("the package's own", "def search_space(model, divisor):\n    return free_widths(model, divisor=divisor)\n"),
    Right(
        "each hyperparameter once, sorted downwards",
        """
def search_space(model, divisor):
    space = copy.deepcopy(model)
    mtn.convert(space, mode=[("fastnas", fastnas_rules(divisor))], registry=PruneModeRegistry)
    return {name: sorted(hp.choices, reverse=True) for name, hp in named_hparams(space, unique=True) if hp.is_configurable}
""",
    ),
    Right(
        "pickled, a loop, tuples",
        """
def search_space(model, divisor):
    import pickle
    space, found = pickle.loads(pickle.dumps(model)), {}
    rules = {f"nn.{kind}": {"*": {key: divisor}} for kind, key in (("Conv2d", "channel_divisor"), ("BatchNorm2d", "feature_divisor"))}
    for name, hp in named_hparams(mtn.convert(space, [("fastnas", rules)], registry=PruneModeRegistry), configurable=True):
        found[name] = tuple(hp.choices)
    return found
""",
    ),
]
