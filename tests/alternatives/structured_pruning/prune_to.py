"""Right answers in other words to `prune_to`, lab 07b."""

from tests.alternatives import Right

_PRUNE = """
def prune_to(model, share, score_func, loader):
    rules = fastnas_rules(divisor=8)
"""


RIGHT: list[Right] = [
    Right(
        "keywords, itemgetter, a format for percents, a copy",
        _PRUNE
        + """
    import operator
    options = {"score_func": score_func, "data_loader": loader, "collect_func": operator.itemgetter(0), "verbose": False}
    limit = {"flops": f"{share:.0%}"}
    pruned, found = mtp.prune(model=copy.deepcopy(model), mode=[("fastnas", rules)], constraints=limit,
                              dummy_input=torch.rand(1, 1, 28, 28), config=options)
    return [pruned, found["best"]["is_satisfied"]]
""",
    ),
    Right(
        "the cost counted, a picture of the loader",
        _PRUNE
        + """
    from edgekit.compression import counting
    before, picture = counting.cost(model).macs, next(iter(loader))[0][:1]
    config = {"score_func": score_func, "data_loader": loader}
    pruned = mtp.prune(model, [("fastnas", rules)], {"flops": str(100 * share) + "%"}, picture, config=config)[0]
    return pruned, counting.cost(pruned).macs <= share * before
""",
    ),
    Right(
        "a checkpoint for each search, a list of pictures",
        _PRUNE
        + """
    own = os.path.join(tempfile.mkdtemp(), "own.pth")
    options = dict(score_func=score_func, data_loader=[x for x, _ in loader], collect_func=lambda x: x, checkpoint=own)
    limit = {"flops": f"{round(100 * share)}%"}
    pruned, state = mtp.prune(model, [("fastnas", rules)], limit, (torch.zeros(1, 1, 28, 28),), config=options)
    return pruned, state["best"]["is_satisfied"]
""",
    ),
]
