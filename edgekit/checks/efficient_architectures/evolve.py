"""The check of `evolve`, lab 03d."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, mapping, require

_MOST = 4000  # calls of mutate after which a search is stopped
_CHOICES, _PLACES = 5, 4


def inputs(rng: np.random.Generator) -> dict:
    """A space of 5^4 networks with distinct scores, the better ones slower; a third of it is within the budget."""
    size = _CHOICES**_PLACES
    grid = np.stack(np.unravel_index(np.arange(size), (_CHOICES,) * _PLACES), 1)
    latency = grid @ rng.uniform(0.5, 1.5, _PLACES) + 1
    score = grid @ rng.uniform(0.5, 1.5, _PLACES) + rng.permutation(size) / size
    budget = float(np.quantile(latency, 0.35))
    start = rng.permutation(size)[:12]
    return {"latency": latency, "score": score, "budget": budget, "start": start, "keep": 4, "count": 40, "seed": int(rng.integers(2**31))}


def probe(answer, inputs: dict) -> dict:
    log: list[list] = []
    asked = {"mutate": 0}
    place = lambda network: int(np.ravel_multi_index(network, (_CHOICES,) * _PLACES))
    draw = np.random.default_rng(inputs["seed"])

    def noted(what: str, network) -> int:
        log.append([what, place(network)])
        return log[-1][1]

    def mutate(network):
        noted("mutate", network)
        asked["mutate"] += 1
        if asked["mutate"] > _MOST:
            raise RuntimeError(f"mutate was called {_MOST} times and the search is not over: when does the loop end?")
        changed = draw.random(_PLACES) < 0.4  # several places at times: every network can be reached from every other
        return tuple(int(draw.integers(_CHOICES)) if new else old for new, old in zip(changed, network, strict=True))

    start = [tuple(int(v) for v in np.unravel_index(i, (_CHOICES,) * _PLACES)) for i in inputs["start"]]
    made = call(
        answer,
        start,
        mutate,
        lambda network: float(inputs["score"][noted("score", network)]),
        lambda network: float(inputs["latency"][noted("latency", network)]),
        inputs["budget"],
        inputs["keep"],
        inputs["count"],
        np.random.default_rng(inputs["seed"] + 1),
    )
    found = None
    if isinstance(made, dict) and all(isinstance(k, tuple) and len(k) == _PLACES for k in made):
        found = {"networks": [place(k) for k in made], "scores": [float(v) for v in made.values()]}
    return {"log": log, "found": found, "kind": type(made).__name__}


def judge(inputs: dict, outputs: dict) -> str:
    log, scores, latency = outputs["log"], np.asarray(inputs["score"]), np.asarray(inputs["latency"])
    require(
        outputs["found"] is not None,
        f"evolve should return a dict from network (a tuple) to its score, got {outputs['kind']}.",
        "wrong type",
    )
    found = mapping(outputs["found"], "the result")
    scored = [int(i) for what, i in log if what == "score"]
    _scored(inputs, scored, latency)
    _parents(inputs, log, scores)
    same = set(found["networks"]) == set(scored)
    require(
        same and np.allclose(array(found["scores"], "the scores"), scores[found["networks"]]),
        f"{len(set(scored))} networks were scored, and the result has {len(found['networks'])} of them, or other scores: return everything"
        " that was trained. It was paid for.",
        "result incomplete",
    )
    return f"{len(scored)} networks scored, each once and within the budget, and the parents were always among the {inputs['keep']} best."


def _scored(inputs: dict, scored: list[int], latency: np.ndarray) -> None:
    slow = [i for i in scored if latency[i] > inputs["budget"]]
    require(
        not slow,
        f"{len(slow)} of {len(scored)} networks were scored although their latency is above the budget (also in `start`?). Scoring is"
        " training, the expensive part: ask for the latency first.",
        "too slow, and trained",
    )
    require(
        len(set(scored)) == len(scored),
        f"{len(scored) - len(set(scored))} networks were scored twice. Scoring is training: skip what you know already, and remember the"
        " scores.",
        "scored twice",
    )
    require(
        len(scored) == inputs["count"],
        f"{len(scored)} networks were scored, expected exactly count = {inputs['count']}: those of `start` that fit count too, children"
        " that are too slow or known do not.",
        "wrong count",
    )


def _parents(inputs: dict, log: list, scores: np.ndarray) -> None:
    known, ranks = [], []
    for what, i in log:
        if what == "score":
            known.append(i)
        elif what == "mutate":
            ranks.append(int((scores[known] > scores[i]).sum()) if i in known else -1)
    if not ranks:
        raise CheckFailed("mutate was never called: no child was made.", "no evolution")
    require(
        min(ranks) >= 0,
        "a network was mutated that had not been scored: parents are the best *of those with a score*.",
        "parent without a score",
    )
    keep, worst = inputs["keep"], max(ranks) + 1
    low = sum(r >= keep for r in ranks)
    require(
        low == 0,
        f"{low} of {len(ranks)} times the parent was not among the {keep} best so far (once number {worst}): sort by score, take the"
        f" highest {keep}, anew in every round.",
        "parents not the best",
    )
    require(
        len(set(ranks)) > 1,
        f"all {len(ranks)} children have a parent of the same rank: draw from the {keep} best with rng, or the search climbs one hill"
        " only.",
        "always the same parent",
    )


evolve = Exercise("evolve", inputs, probe, judge)
