"""Wrong answers to `masked_step`, lab 03b."""

from tests.mistakes import Mistake

_STEP = """
def masked_step(model, optimizer, loss, masks):
    {zero}
    loss.backward()
    {before}
    {step}
    with torch.no_grad():
        for name, mask in masks.items():
            parameter = model.get_parameter(name)
            {after}
"""


def _step(zero="optimizer.zero_grad()", before="pass", step="optimizer.step()", after="parameter.mul_(mask)"):
    return _STEP.format(zero=zero, before=before, step=step, after=after)


MISTAKES = [
    Mistake("mask not reapplied after the step", _step(after="pass"), says="no longer 0"),
    Mistake(
        "mask applied before the step",
        _step(before="[model.get_parameter(n).data.mul_(m) for n, m in masks.items()]", after="pass"),
        says="*after*",
    ),
    Mistake(
        "only the gradient is masked",
        _step(before="[model.get_parameter(n).grad.mul_(m) for n, m in masks.items()]", after="pass"),
        says="memory of earlier steps",
    ),
    Mistake("assignment to a name", _step(after="parameter = parameter * mask"), says="in place"),
    Mistake("mask inverted", _step(after="parameter.mul_(~mask)"), says="False stands for pruned"),
    Mistake(
        "a new parameter in its place",
        _step(after="setattr(model.get_submodule(name.rpartition('.')[0]), 'weight', nn.Parameter(parameter * mask))"),
        says="holds the old tensor",
    ),
    Mistake(
        "torch.nn.utils.prune in the step",
        _step(after="prune.custom_from_mask(model.get_submodule(name.rpartition('.')[0]), 'weight', mask)"),
        says="0.weight_orig",
    ),
    Mistake("old gradients not cleared", _step(zero="pass"), says="clear the old"),
    Mistake("no optimizer step", _step(step="pass"), says="step() are missing"),
    Mistake(
        "only the mask",
        "def masked_step(model, optimizer, loss, masks):\n    for n, m in masks.items():\n        model.get_parameter(n).data.mul_(m)\n",
        says="step() are missing",
    ),
    Mistake("gradient cleared after backward", _step(before="optimizer.zero_grad()"), says="step() are missing"),
    Mistake("no no_grad", _step().replace("    with torch.no_grad():\n        for", "    if True:\n        for"), says="torch.no_grad()"),
]
