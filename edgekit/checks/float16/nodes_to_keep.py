"""The check of `nodes_to_keep`, lab 05c."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, came, require, text


def inputs(rng: np.random.Generator) -> dict:
    """Random graphs: a chain with shortcuts, in which some tensors are too large. Each has its own limit."""
    cases = []
    for large, limit in zip((1, 2, 0, 3), rng.permutation([65504.0, 65504.0, 1000.0, 1000.0]).tolist(), strict=True):
        n = int(rng.integers(8, 12))
        names = [f"node{i}" for i in rng.permutation(60)[:n]]
        tensors = ["input", *(f"t{i}" for i in rng.permutation(60)[:n])]
        nodes = []
        for i, name in enumerate(names):
            inputs = [tensors[i], f"weight{i}"] if i < 3 else [tensors[i], tensors[i - 2]]
            nodes.append([name, inputs, [tensors[i + 1]]])
        ranges = {tensor: float(rng.uniform(0.001, 0.9) * limit) for tensor in tensors}
        for tensor in rng.choice(tensors[2:-2], size=large, replace=False):
            ranges[str(tensor)] = float(rng.uniform(1.05, 50) * limit)
        ranges[tensors[-1]] = limit  # exactly the limit still fits
        cases.append({"ranges": ranges, "nodes": nodes, "limit": limit})
    return {"cases": cases}


def probe(answer, inputs: dict) -> dict:
    results = []
    for case in inputs["cases"]:
        nodes = [(name, list(ins), list(outs)) for name, ins, outs in case["nodes"]]
        result = call(answer, case["ranges"], nodes, case["limit"])
        results.append(sorted(result) if isinstance(result, set) else result)
    return {"results": results}


def judge(inputs: dict, outputs: dict) -> str:
    total = 0
    for case, result in zip(inputs["cases"], outputs["results"], strict=True):
        require(isinstance(result, list), f"expected a list of node names, got {came(result)}.", "wrong type")
        kept, limit, ranges = {text(name, "a node") for name in result}, case["limit"], case["ranges"]
        unknown = kept - {name for name, _, _ in case["nodes"]}
        require(not unknown, f"{sorted(unknown)[:3]} are no names of nodes (the first entry of each triple).", "not a node")
        for name, ins, outs in case["nodes"]:
            too_large = {end: [t for t in wires if ranges.get(t, 0) > limit] for end, wires in (("reads", ins), ("makes", outs))}
            for end, found in too_large.items():
                require(
                    not found or name in kept,
                    f"{name} is not kept, but it {end} {found[0] if found else ''}, which goes up to {ranges[found[0]] if found else 0:.5g}"
                    f" with a limit of {limit:g}. "
                    + (
                        "Its producer computes it in float32, and then a cast to a half stands in front of this node: infinite all the"
                        " same."
                        if end == "reads"
                        else "Its result would be stored as a half."
                    ),
                    f"node that {end} it is missing",
                )
            require(
                any(too_large.values()) or name not in kept,
                f"{name} is kept, though all that it reads and makes fits below {limit:g} (exactly the limit fits): every node in float32"
                " costs time and casts.",
                "too many kept",
            )
        total += len(kept)
    return f"{total} nodes kept in four graphs: both ends of every tensor that is too large, and no others."


nodes_to_keep = Exercise("nodes_to_keep", inputs, probe, judge)
