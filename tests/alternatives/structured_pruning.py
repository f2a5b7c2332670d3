from tests.alternatives import Right

_PRUNE = """
def prune_to(model, share, score_func, loader):
    rules = fastnas_rules(divisor=8)
"""

RIGHT = {
    "score": [
        Right(
            "no_grad as a decorator, a count divided",
            """
@torch.no_grad()
def score(model, images, labels):
    model.eval()
    hits = (model(images).max(dim=1).indices == labels).sum()
    return int(hits) / len(labels)
""",
        ),
        Right(
            "NumPy, whose float64 is a float",
            """
def score(model, images, labels):
    import numpy as np
    with torch.no_grad():
        logits = model.eval()(images).numpy()
    return np.mean(logits.argmax(-1) == labels.numpy())
""",
        ),
        Right(
            "scikit-learn, probabilities",
            """
def score(model, images, labels):
    from sklearn.metrics import accuracy_score
    model.train(False)
    with torch.inference_mode():
        probabilities = model(images).softmax(1)
    return accuracy_score(labels, probabilities.argmax(1))
""",
        ),
        Right(
            "in batches, and the mode put back",
            """
def score(model, images, labels):
    was_training, right = model.training, 0
    model.eval()
    with torch.set_grad_enabled(False):
        for x, y in zip(images.split(16), labels.split(16)):
            right += (model(x).topk(1).indices[:, 0] == y).sum().item()
    model.train(was_training)
    return right / labels.numel()
""",
        ),
    ],
    "search_space": [
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
    ],
    "searchable_tiny": [
        Right(
            "a class, its layers in another order, a mean",
            """
class Tiny(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.classify = nn.Conv2d(width, 10, 1)
        self.conv = nn.Conv2d(1, width, 3, padding=1)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        return self.classify(x.mean((2, 3), keepdim=True))[:, :, 0, 0]

def searchable_tiny(width):
    return Tiny(width)
""",
        ),
        Right("classified, then pooled", "def searchable_tiny(width):\n    return nn.Sequential(nn.Conv2d(1, width, 3, padding='same'), nn.ReLU(inplace=True), nn.Conv2d(width, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())\n"),
        Right("a kernel as large as the picture", "def searchable_tiny(width):\n    return nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 10, 28), nn.Flatten())\n"),
        Right(
            "batch norm, named parts, in training mode",
            """
def searchable_tiny(width):
    net = nn.Sequential()
    net.add_module("conv", nn.Conv2d(1, width, kernel_size=(3, 3), padding=(1, 1), bias=False))
    net.add_module("norm", nn.BatchNorm2d(width))
    net.add_module("relu", nn.ReLU())
    net.add_module("pool", nn.AvgPool2d(28))
    net.add_module("fc", nn.Conv2d(width, 10, 1))
    net.add_module("flat", nn.Flatten())
    return net.train()
""",
        ),
        Right("a second convolution, whose width stays, and then a linear layer", "def searchable_tiny(width):\n    return nn.Sequential(nn.Conv2d(1, width, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(width, 16, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))\n"),
    ],
    "prune_to": [
        Right(
            "keywords, itemgetter, a format for percents, a copy",
            _PRUNE
            + """
    import operator
    options = {"score_func": score_func, "data_loader": loader, "collect_func": operator.itemgetter(0), "verbose": False}
    pruned, found = mtp.prune(model=copy.deepcopy(model), mode=[("fastnas", rules)], constraints={"flops": f"{share:.0%}"}, dummy_input=torch.rand(1, 1, 28, 28), config=options)
    return [pruned, found["best"]["is_satisfied"]]
""",
        ),
        Right(
            "the cost counted, a picture of the loader",
            _PRUNE
            + """
    from edgekit.compression import counting
    before, picture = counting.cost(model).macs, next(iter(loader))[0][:1]
    pruned = mtp.prune(model, [("fastnas", rules)], {"flops": str(100 * share) + "%"}, picture, config={"score_func": score_func, "data_loader": loader})[0]
    return pruned, counting.cost(pruned).macs <= share * before
""",
        ),
        Right(
            "a checkpoint for each search, a list of pictures",
            _PRUNE
            + """
    own = os.path.join(tempfile.mkdtemp(), "own.pth")
    options = dict(score_func=score_func, data_loader=[x for x, _ in loader], collect_func=lambda x: x, checkpoint=own)
    pruned, state = mtp.prune(model, [("fastnas", rules)], {"flops": f"{round(100 * share)}%"}, (torch.zeros(1, 1, 28, 28),), config=options)
    return pruned, state["best"]["is_satisfied"]
""",
        ),
    ],
}  # fmt: skip
