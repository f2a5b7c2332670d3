"""The shapes that an engine is built for."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.graphs.signatures import with_batch
from edgekit.runtimes.base import RunnerError, Spec

Shape = tuple[int, ...]


@dataclass(frozen=True)
class OptimizationProfile:
    """The shapes an engine accepts: {input: (min, opt, max)}. It is tuned for opt and runs anything from min to max."""

    shapes: dict[str, tuple[Shape, Shape, Shape]]

    @classmethod
    def of_batches(cls, inputs: dict[str, Spec], batches: tuple[int, int, int]) -> OptimizationProfile:
        """min, opt and max batch for every input that has one, wherever it stands (see `graphs.signatures.with_batch`); the others keep
        their shape."""
        try:
            low, best, high = map(int, batches)
        except (TypeError, ValueError):
            raise RunnerError(f"batches={batches!r}: expected (min, opt, max), for example (1, 8, 8).") from None
        declared = {name: spec.shape for name, spec in inputs.items()}
        sized = [with_batch(declared, n) for n in (low, best, high)]
        for name, shape in sized[0].items():
            if any(isinstance(d, str) for d in shape):
                raise RunnerError(
                    f"input '{name}' {inputs[name]} has more than its batch dynamic. Fix: shapes={{'{name}': (min, opt, max)}} with whole"
                    " shapes."
                )
        return cls({name: tuple(shapes[name] for shapes in sized) for name in inputs})

    def check(self, inputs: dict[str, Spec]) -> OptimizationProfile:
        """Raise RunnerError where the profile and the network's inputs do not go together; return self."""
        if set(self.shapes) != set(inputs):
            raise RunnerError(f"the profile has {sorted(self.shapes)}, the network's inputs are {sorted(inputs)}.")
        for name, spec in inputs.items():
            if len(self.shapes[name]) != 3 or not all(isinstance(one, (tuple, list)) for one in self.shapes[name]):
                raise RunnerError(f"profile of '{name}': {self.shapes[name]!r}; expected three shapes, (min, opt, max).")
            low, best, high = self.shapes[name]
            if not len(low) == len(best) == len(high) == len(spec.shape):
                raise RunnerError(f"profile of '{name}': {low}, {best}, {high} do not all have the dimensions of {spec}.")
            for i, (a, b, c, want) in enumerate(zip(low, best, high, spec.shape, strict=True)):
                if not 1 <= a <= b <= c:
                    raise RunnerError(f"profile of '{name}', dimension {i}: min {a}, opt {b}, max {c}. Fix: 1 <= min <= opt <= max.")
                if isinstance(want, int) and {a, b, c} != {want}:
                    raise RunnerError(
                        f"profile of '{name}', dimension {i}: min {a}, opt {b}, max {c}, but the model fixes it at {want}. "
                        "Fix: the model's own number, or export with this dimension dynamic."
                    )
        return self

    def refuses(self, shapes: dict[str, Shape]) -> list[str]:
        """Why these shapes are outside of the profile; [] if they fit."""
        reasons = []
        for name, shape in shapes.items():
            if name not in self.shapes:
                reasons.append(f"no input '{name}' in the profile ({', '.join(self.shapes)})")
                continue
            low, _, high = self.shapes[name]
            if len(shape) != len(low):
                reasons.append(f"'{name}' {list(shape)} has {len(shape)} dimensions, the profile {len(low)}")
            elif any(not a <= n <= b for a, n, b in zip(low, shape, high, strict=True)):
                reasons.append(
                    f"'{name}' {list(shape)} is outside of the profile, {list(low)} to {list(high)}. "
                    "Fix: build with a max that covers it, or split the batch"
                )
        return reasons
