"""Searching a space of networks: random search, and aging evolution (Real et al. 2019, "Regularized Evolution for Image Classifier
Architecture Search"). A network is a tuple with one choice for every place of the space."""

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
    at = int(rng.choice([i for i, place in enumerate(space) if len(place) > 1]))
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
    space,
    score: Callable,
    fits: Callable,
    count: int,
    rng: np.random.Generator,
    population: int = 5,
    sample: int = 3,
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
