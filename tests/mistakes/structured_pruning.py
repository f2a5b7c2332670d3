"""Wrong answers to lab 07b."""

from tests.mistakes import Mistake

SETUP = """
import copy
import os
import tempfile
import modelopt.torch.nas as mtn
import modelopt.torch.prune as mtp
import torch
from modelopt.torch.opt.utils import named_hparams
from modelopt.torch.prune.pruning import PruneModeRegistry
from torch import nn
from edgekit.compression.pruning import fastnas_rules, free_widths
CHECKPOINT = os.path.join(tempfile.mkdtemp(), "search.pth")
"""

_SCORE = """
def score(model, images, labels):
    {mode}
    with {grad}:
        logits = model(images)
        return {value}
"""


def _score(
    mode="model.eval()", grad="torch.inference_mode()", value="(logits.argmax(1) == labels).float().mean().item()"
):
    return _SCORE.format(mode=mode, grad=grad, value=value)


_SPACE = """
def search_space(model, divisor):
    rules = {rules}
    space = mtn.convert({model}, {mode}, registry=PruneModeRegistry)
    return {{name: {value} for name, hp in named_hparams(space{which})}}
"""
_BOTH = '{"nn.Conv2d": {"*": {"channel_divisor": divisor}}, "nn.BatchNorm2d": {"*": {"feature_divisor": divisor}}}'


def _space(
    rules=_BOTH,
    model="copy.deepcopy(model)",
    mode='[("fastnas", rules)]',
    value="list(hp.choices)",
    which=", configurable=True",
):
    return _SPACE.format(rules=rules, model=model, mode=mode, value=value, which=which)


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


def _tiny(*modules):
    return f"def searchable_tiny(width):\n    return nn.Sequential(nn.Conv2d(1, width, 3, 1, 1), nn.ReLU(), {', '.join(modules)})\n"


MISTAKES = {
    "score": [
        Mistake("the loss", _score(value="nn.functional.cross_entropy(logits, labels).item()"), says="*maximizes*"),
        Mistake("error rate", _score(value="(logits.argmax(1) != labels).float().mean().item()"), says="*wrong* answers"),
        Mistake("a count", _score(value="float((logits.argmax(1) == labels).sum())"), says="number of right answers"),
        Mistake("percent", _score(value="100 * (logits.argmax(1) == labels).float().mean().item()"), says="in percent"),
        Mistake("train mode", _score(mode="pass"), says="train mode"),
        Mistake("gradients recorded", _score(grad="torch.enable_grad()"), says="gradients"),
        Mistake("a tensor", _score(value="(logits.argmax(1) == labels).float().mean()"), says=".item()"),
        Mistake("argmax over the batch", _score(value="(logits.argmax(0)[:1] == labels).float().mean().item()"), says="class of the largest logit"),
    ],
    "search_space": [
        Mistake("default divisor", _space(rules="{}"), says="nn.BatchNorm2d"),
        Mistake("batch norm forgotten", _space(rules='{"nn.Conv2d": {"*": {"channel_divisor": divisor}}}'), says="feature_divisor"),
        Mistake("converted in place", _space(model="model"), says="Convert a copy"),
        Mistake("fixed ones too", _space(which=""), says="configurable=True"),
        Mistake("only the largest choice", _space(value="max(hp.choices)"), says="multiples of the divisor"),
        Mistake("names of the modules", _space().replace("{name: list", "{name.removesuffix('.out_channels'): list"), says="as named_hparams gives it"),
        Mistake("those that follow another one too", _space(which="").replace("space)}", "space) if hp.is_configurable}"), says="under another name"),
        Mistake("how many choices", _space(value="[len(hp.choices)]"), says="multiples of the divisor"),
        Mistake("always 8", "def search_space(model, divisor):\n    return free_widths(model, 8)\n", says="multiples of the divisor"),
    ],
    "searchable_tiny": [
        Mistake("flatten and linear, as in TinyCNN", _tiny("nn.Flatten(1)", "nn.Linear(784 * width, 10)"), says="Linear behind the convolution".replace("Linear behind", "nn.Linear behind")),
        Mistake("pooling and linear", _tiny("nn.AdaptiveAvgPool2d(1)", "nn.Flatten(1)", "nn.Linear(width, 10)"), says="with or without pooling"),
        Mistake("not flattened", _tiny("nn.AdaptiveAvgPool2d(1)", "nn.Conv2d(width, 10, 1)"), says="flatten it *behind*"),
        Mistake("width ignored", _tiny("nn.AdaptiveAvgPool2d(1)", "nn.Conv2d(width, 10, 1)", "nn.Flatten(1)").replace("return", "width = 64\n    return"), says="`width` channels"),
        Mistake("squeezed", "class Tiny(nn.Module):\n    def __init__(self, width):\n        super().__init__()\n        self.conv, self.fc = nn.Conv2d(1, width, 3, 1, 1), nn.Conv2d(width, 10, 1)\n    def forward(self, x):\n        return self.fc(self.conv(x).relu().mean((2, 3), keepdim=True)).squeeze()\ndef searchable_tiny(width):\n    return Tiny(width)\n", says="takes away a batch of 1"),
        Mistake("ReLU left out", _tiny("nn.AdaptiveAvgPool2d(1)", "nn.Conv2d(width, 10, 1)", "nn.Flatten(1)").replace("nn.ReLU(), ", ""), says="no ReLU"),
        Mistake("no padding", _tiny("nn.AdaptiveAvgPool2d(1)", "nn.Conv2d(width, 10, 1)", "nn.Flatten(1)").replace("3, 1, 1", "3"), says="padding of 1"),
        Mistake("softmax", _tiny("nn.AdaptiveAvgPool2d(1)", "nn.Conv2d(width, 10, 1)", "nn.Flatten(1)", "nn.Softmax(1)"), says="probabilities"),
        Mistake("inputs of the classifier do not fit", _tiny("nn.AdaptiveAvgPool2d(1)", "nn.Conv2d(8, 10, 1)", "nn.Flatten(1)"), says="the network of searchable_tiny(16) raised"),
        Mistake("no pooling", _tiny("nn.Conv2d(width, 10, 1)", "nn.Flatten(1)"), says="expected [3, 10]"),
        Mistake("class instead of a module", "def searchable_tiny(width):\n    return nn.Sequential\n", says="return a torch module"),
    ],
    "prune_to": [
        Mistake("budget on the parameters", _prune(limit='"params": f"{100 * share:g}%"'), says="another budget"),
        Mistake("a tenth of a percent", _prune(limit='"flops": f"{share}%"'), says="raised"),
        Mistake("absolute instead of relative", _prune(limit='"flops": share'), says="raised"),
        Mistake("default divisor", _prune(mode='"fastnas"'), says="raised"),
        Mistake("one checkpoint for all searches", _prune(more=', "checkpoint": CHECKPOINT'), says="restored from a checkpoint"),
        Mistake("a score of its own", _prune().replace("score_func,", "lambda m: 1.0,").replace('(model, share, lambda m: 1.0,', '(model, share, score_func,'), says="never called"),
        Mistake("score turned round", _prune().replace("score_func,", "lambda m: -score_func(m),").replace('(model, share, lambda m: -score_func(m),', '(model, share, score_func,'), says="*low* score"),
        Mistake("loader not passed on", _prune().replace('"data_loader": loader, ', ""), says="never read"),
        Mistake("the share to take away", _prune(limit='"flops": f"{100 * (1 - share):g}%"'), says="another budget"),
        Mistake("the model alone", _prune(result="pruned"), says="two things"),
        Mistake("the unpruned model returned", _prune(result='before, state["best"]["is_satisfied"]'), says="unpruned"),
        Mistake("unmet budget hidden", _prune(result="pruned, True"), says="raises no exception"),
        Mistake("both budgets", _prune(limit='"flops": f"{100 * share:g}%", "params": f"{100 * share:g}%"'), says="only support one constraint"),
        Mistake("the whole state", _prune(result="pruned, state['best']['constraints']['flops']"), says="expected True or False"),
        Mistake("always half", _prune(limit='"flops": "50%"'), says="asked for 16%"),
    ],
}  # fmt: skip
