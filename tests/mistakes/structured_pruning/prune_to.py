"""Wrong answers to `prune_to`, lab 07b."""

from tests.mistakes import Mistake

_PRUNE = """
def prune_to(model, share, score_func, loader):
    before = copy.deepcopy(model)
    options = {{"score_func": score_func, "data_loader": loader, "collect_func": lambda pair: pair[0]{more}}}
    pruned, state = mtp.prune(model, {mode}, {{{limit}}}, {dummy}, config=options)
    return {result}
"""


def _prune(
    more="",
    mode='[("fastnas", fastnas_rules(8))]',
    limit='"flops": f"{100 * share:g}%"',
    dummy="torch.zeros(1, 1, 28, 28)",
    result='pruned, state["best"]["is_satisfied"]',
):
    return _PRUNE.format(more=more, mode=mode, limit=limit, dummy=dummy, result=result)


MISTAKES = [
    Mistake("budget on the parameters", _prune(limit='"params": f"{100 * share:g}%"'), says="another budget"),
    Mistake("a tenth of a percent", _prune(limit='"flops": f"{share}%"'), says="of one percent"),
    Mistake("absolute instead of relative", _prune(limit='"flops": share'), says="of one percent"),
    Mistake("default divisor", _prune(mode='"fastnas"'), says="default divisor, 32"),
    Mistake("one checkpoint for all searches", _prune(more=', "checkpoint": CHECKPOINT'), says="restored from a checkpoint"),
    Mistake(
        "a score of its own",
        _prune().replace("score_func,", "lambda m: 1.0,").replace("(model, share, lambda m: 1.0,", "(model, share, score_func,"),
        says="never called",
    ),
    Mistake(
        "score turned round",
        _prune()
        .replace("score_func,", "lambda m: -score_func(m),")
        .replace("(model, share, lambda m: -score_func(m),", "(model, share, score_func,"),
        says="*low* score",
    ),
    Mistake("loader not passed on", _prune().replace('"data_loader": loader, ', ""), says="never read"),
    Mistake("the share to take away", _prune(limit='"flops": f"{100 * (1 - share):g}%"'), says="another budget"),
    Mistake("the model alone", _prune(result="pruned"), says="two things"),
    Mistake("the unpruned model returned", _prune(result='before, state["best"]["is_satisfied"]'), says="unpruned"),
    Mistake("unmet budget hidden", _prune(result="pruned, True"), says="raises no exception"),
    Mistake(
        "both budgets", _prune(limit='"flops": f"{100 * share:g}%", "params": f"{100 * share:g}%"'), says="only support one constraint"
    ),
    Mistake("the whole state", _prune(result="pruned, state['best']['constraints']['flops']"), says="expected True or False"),
    Mistake("always half", _prune(limit='"flops": "50%"'), says="asked for 16%"),
]
