"""Wrong answers to `freeze_base`, lab 07d."""

from tests.mistakes import Mistake

_FREEZE = """
def freeze_base(model):
    {mode}
    for name, p in model.named_parameters():
        {body}
    return {result}
"""


def _freeze(mode="model.eval()", body='p.requires_grad_("lora" in name)', result="[p for p in model.parameters() if p.requires_grad]"):
    return _FREEZE.format(mode=mode, body=body, result=result)


MISTAKES = [
    Mistake("train mode kept", _freeze(mode="pass"), says="batch norm learns"),
    Mistake(
        "base not frozen",
        _freeze(body="p.requires_grad_(True)", result='[p for n, p in model.named_parameters() if "lora" in n]'),
        says="still require a gradient",
    ),
    Mistake("adapters never unfrozen", _freeze(body='p.requires_grad_(p.requires_grad and "lora" in name)'), says="would never learn"),
    Mistake("everything to the optimizer", _freeze(result="list(model.parameters())"), says="the optimizer would be given"),
    Mistake("everything frozen", _freeze(body="p.requires_grad_(False)"), says="would never learn"),
    Mistake("only one of the two matrices", _freeze(body='p.requires_grad_("lora_up" in name)'), says="would never learn"),
    Mistake(
        "copies for the optimizer",
        _freeze(result="[nn.Parameter(p.clone()) for p in model.parameters() if p.requires_grad]"),
        says="not copies",
    ),
    Mistake(
        "pairs of name and parameter",
        _freeze(result='[pair for pair in model.named_parameters() if "lora" in pair[0]]'),
        says="named_parameters() gives pairs",
    ),
    Mistake(
        "an optimizer", _freeze(result="torch.optim.Adam([p for p in model.parameters() if p.requires_grad])"), says="a list of parameters"
    ),
    Mistake("nothing returned", _freeze(result="None"), says="Did you forget `return`"),
]
