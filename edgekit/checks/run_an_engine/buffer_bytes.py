"""The check of `buffer_bytes`, lab 06b."""

from __future__ import annotations

import numpy as np

from edgekit.checks import Exercise, call, integer, mapping, require

_SIZES = {"float32": 4, "float16": 2, "int8": 1, "int64": 8, "bool": 1}


def inputs(rng: np.random.Generator) -> dict:
    c, h, w, classes = (int(n) for n in rng.integers([1, 20, 41, 90], [4, 40, 80, 120]))
    return {
        "cases": [
            {
                "specs": {"input": ["float32", ["batch", c, h, w]], "logits": ["float32", ["batch", classes]]},
                "batch": int(rng.integers(8, 33)),
            },
            {
                "specs": {"input": ["float16", ["batch", c, h, w]], "ids": ["int64", ["batch", classes]], "mask": ["bool", ["batch", h]]},
                "batch": 16,
            },
            {
                "specs": {"fixed": ["float32", [1, classes]], "scale": ["float32", []], "input": ["int8", ["batch", c, "batch", w]]},
                "batch": 3,
            },
        ]
    }


def probe(answer, inputs: dict) -> dict:
    cases = inputs["cases"]
    specs = [{name: (dtype, tuple(shape)) for name, (dtype, shape) in case["specs"].items()} for case in cases]
    return {"sizes": [call(answer, spec, case["batch"]) for spec, case in zip(specs, cases, strict=True)]}


def judge(inputs: dict, outputs: dict) -> str:
    for case, sizes in zip(inputs["cases"], outputs["sizes"], strict=True):
        sizes, batch = mapping(sizes, "the result"), case["batch"]
        require(
            set(sizes) == set(case["specs"]),
            f"the result has {sorted(sizes)}, expected one entry for each of {sorted(case['specs'])}.",
            "missing tensor",
        )
        for name, (dtype, shape) in case["specs"].items():
            dims = [batch if d == "batch" else d for d in shape]
            elements = int(np.prod(dims, dtype=np.int64))
            require(
                not isinstance(sizes[name], str),
                f"the size of {name!r}, {dtype} {shape}, came out as a text: 'batch' is still among the dimensions. Replace it wherever it"
                " stands.",
                "batch not replaced",
            )
            got, want = integer(sizes[name], f"the size of {name!r}"), elements * _SIZES[dtype]
            shown = f"{name!r}, {dtype} {shape} at batch {batch}, gets {got:,} bytes, expected {want:,}"
            require(
                got != elements or want == elements,
                f"{shown}: that is the number of elements. A {dtype} takes {_SIZES[dtype]} bytes.",
                "elements for bytes",
            )
            require(
                got * batch != want or shape.count("batch") < 2,
                f"{shown}: 'batch' stands in this shape twice, and counts twice.",
                "batch counted once",
            )
            require(
                got * batch != want or batch == 1,
                f"{shown}: that is the size for a batch of one. Buffers must hold the largest batch of the profile.",
                "batch forgotten",
            )
            require(
                got != elements * 4 or got == want, f"{shown}: not every tensor is float32. What does a {dtype} take?", "always four bytes"
            )
            require(
                not ("batch" not in shape and got == want * batch),
                f"{shown}: this tensor has no batch dimension.",
                "batch multiplied in everywhere",
            )
            require(
                got == want, f"{shown}: multiply all dimensions (a scalar has one element) with the bytes of one element.", "wrong size"
            )
    return "Float, half, integer and bool tensors, with and without a batch: all buffers have the right size."


buffer_bytes = Exercise("buffer_bytes", inputs, probe, judge)
