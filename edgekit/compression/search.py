"""Searching a space of networks: parts of a trained one, random search, and aging evolution (Real et al. 2019, "Regularized Evolution for
Image Classifier Architecture Search"). A network is a tuple with one choice for every place of the space."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

MOST_TRIES = 10_000  # proposals in a row that do not fit; then the budget leaves nothing


class SearchError(ValueError):
    """The space has too few networks within the budget."""


def draw(space: Sequence[Sequence], rng: np.random.Generator) -> tuple:
    """One network, every choice with equal chance."""
    return tuple(place[rng.integers(len(place))] for place in space)


def mutate(network: tuple, space: Sequence[Sequence], rng: np.random.Generator) -> tuple:
    """``network`` with another choice at one place."""
    places = [i for i, place in enumerate(space) if len(place) > 1]
    if not places:
        raise SearchError("no place of the space has a second choice: there is nothing to search")
    at = int(rng.choice(places))
    others = [choice for choice in space[at] if choice != network[at]]
    return (*network[:at], others[rng.integers(len(others))], *network[at + 1 :])


def random_search(space, score: Callable, fits: Callable, count: int, rng: np.random.Generator) -> dict:
    """``count`` different random networks that fit, with their scores, in the order they were tried."""
    scored: dict = {}
    while len(scored) < count:
        network = _new(lambda: draw(space, rng), fits, scored)
        scored[network] = score(network)
    return scored


def aging_evolution(
    space, score: Callable, fits: Callable, count: int, rng: np.random.Generator, population: int = 5, sample: int = 3
) -> dict:
    """``count`` different networks that fit, with their scores, in the order they were tried.

    The first ``population`` are random. Then the best of ``sample`` living ones has a child by one mutation, and the *oldest* dies.
    fits(network) -> bool is asked before score(network), which is expensive. SearchError when too few networks fit.
    """
    scored = random_search(space, score, fits, min(population, count), rng)
    living = deque(scored, maxlen=population)
    while len(scored) < count:
        some = rng.choice(len(living), min(sample, len(living)), replace=False)
        parent = max((living[i] for i in some), key=scored.get)
        child = _new(lambda parent=parent: mutate(parent, space, rng), fits, scored, lambda: draw(space, rng))
        scored[child] = score(child)
        living.append(child)
    return scored


def _new(propose: Callable, fits: Callable, known: dict, otherwise: Callable | None = None) -> tuple:
    """A network that is not known and fits; ``otherwise`` proposes when the neighbours of the parent are used up."""
    for tried in range(MOST_TRIES):
        network = otherwise() if otherwise and tried > 50 else propose()
        if network not in known and fits(network):
            return network
    raise SearchError(
        f"{MOST_TRIES} proposals brought no network that is new and fits, after {len(known)}: a larger budget, or a smaller count"
    )


def subnet(model, expands: Sequence[int], pictures):
    """A smaller DepthwiseCNN cut out of a trained one: in every block the ``expand`` times input channels that matter most stay.

    What matters is the size of the batch norm's scale behind the depthwise layer (Liu et al. 2017, "Network Slimming"). Nothing is trained;
    batch norm statistics are taken anew from ``pictures``, float32 [N, 1, 28, 28], without which the cut network answers at random. That
    the parts of one trained network stand for networks of their own is the idea of Once-for-All (Cai et al. 2020).
    ``expands``: one number for each of the three stages, at most what the model has. Returns a new model in eval mode.
    """
    import torch
    from torch import nn

    from edgekit.zoo import models

    sizes = {"in_channels": model.stem[0].in_channels, "num_classes": model.fc.out_features}
    made = models.build("depthwisecnn", width=model.stem[0].out_channels, expand=tuple(expands), seed=0, **sizes)
    whole, part = dict(model.named_modules()), dict(made.named_modules())
    for i, block in enumerate(model.blocks):
        count = made.blocks[i].depthwise[0].out_channels
        keep = block.depthwise[1].weight.abs().topk(count).indices.sort().values
        for name, axis in (("expand", 0), ("depthwise", 0), ("project", 1)):
            _copy(getattr(block, name), getattr(made.blocks[i], name), keep, axis)
    for name in ("stem", "fc"):
        part[name].load_state_dict(whole[name].state_dict())
    norms = [m for m in made.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the statistics of this batch alone
    with torch.no_grad():
        made.train()(torch.as_tensor(pictures))
    for norm in norms:
        norm.momentum = 0.1
    return made.eval()


def _copy(old, new, keep, axis: int) -> None:
    """A convolution and its batch norm, narrowed at the outputs (axis 0) or at the inputs (axis 1, the norm stays whole)."""
    new[0].load_state_dict({name: t.index_select(axis, keep) for name, t in old[0].state_dict().items()})
    cut = lambda t: t[keep] if axis == 0 and t.ndim else t
    new[1].load_state_dict({name: cut(t) for name, t in old[1].state_dict().items()})
