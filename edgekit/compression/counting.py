"""What a model costs on paper: parameters, multiply-accumulates (MACs), FLOPs and activations, layer by layer.

Arithmetic is counted while the model runs, by PyTorch's own ``torch.utils.flop_counter.FlopCounterMode``. It counts convolutions and
matrix products, one multiplication plus one addition each: **FLOPs = 2 x MACs**. Bias, batch norm, activations and pooling are left out,
as in most papers. Papers and tools disagree about which of the two numbers they call "FLOPs", so every result here says both.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.formatting import table


@dataclass(frozen=True)
class Layer:
    """One layer that holds parameters or computes: its place, kind, parameters, MACs and the elements of its output, for one input."""

    name: str
    kind: str
    parameters: int
    macs: int
    activations: int
    output: tuple[int, ...]


@dataclass(frozen=True)
class Cost:
    """Cost of one forward pass. ``parameters`` counts shared tensors once; ``nonzero`` those that are not 0; ``activations`` the
    output elements of all layers together (written to memory if nothing is fused)."""

    layers: tuple[Layer, ...]
    parameters: int
    nonzero: int
    macs: int
    activations: int
    input: tuple[int, ...]

    @property
    def flops(self) -> int:
        """Two for each MAC."""
        return 2 * self.macs

    @property
    def sparsity(self) -> float:
        """Share of the parameters that are exactly 0."""
        return 1 - self.nonzero / self.parameters if self.parameters else 0.0

    def to_dict(self) -> dict:
        keys = ("parameters", "nonzero", "macs", "flops", "activations")
        return {**{key: getattr(self, key) for key in keys}, "input": list(self.input)}

    def _cells(self) -> list[list[str]]:
        rows = [
            [x.name, x.kind, " x ".join(map(str, x.output)), f"{x.parameters:,}", f"{x.macs:,}", f"{x.activations:,}"]
            for x in self.layers
        ]
        return [*rows, ["total", "", "", f"{self.parameters:,}", f"{self.macs:,}", f"{self.activations:,}"]]

    def __str__(self) -> str:
        rows = [HEAD, *self._cells()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
        lines = ["  ".join(c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))).rstrip() for row in rows]  # fmt: skip
        return "\n".join([*lines, self._note()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(HEAD, self._cells()) + f"<small>{self._note()}</small>"

    def _note(self) -> str:
        return f"for one input of {' x '.join(map(str, self.input))}; {self.macs:,} MACs = {self.flops:,} FLOPs"


HEAD = ["layer", "kind", "output", "parameters", "MACs", "activations"]


def cost(model, example=None) -> Cost:
    """Parameters, MACs and activations of a torch.nn.Module for one input.

    example: a tensor whose first dimension is a batch of 1; default float32 [1, 1, 28, 28]. Layers are those modules without submodules
    that have parameters or do arithmetic; one used twice counts twice. Runs the model once, in eval mode, and leaves its modes as they were.
    Zeros are counted like any other weight: a dense kernel multiplies by them too. ValueError for a batch of another size, since
    all numbers would be multiples.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    example = torch.zeros(1, 1, 28, 28) if example is None else example
    if example.ndim < 2 or len(example) != 1:
        raise ValueError(
            f"cost counts for one input: pass an example with a batch of 1, got shape {list(example.shape)}"
        )
    counter, outputs, handles = FlopCounterMode(display=False), {}, []

    def remember(name):
        def hook(module, args, output):
            shape = tuple(output.shape[1:]) if isinstance(output, torch.Tensor) else ()
            total = outputs.get(name, (0, ()))[0] + (output[0].numel() if shape else 0)
            outputs[name] = (total, shape)

        return hook

    modules = dict(model.named_modules())
    leaves = {name: m for name, m in modules.items() if not any(m.children())}
    modes = {m: m.training for m in modules.values()}
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    try:
        model.eval()
        handles = [m.register_forward_hook(remember(name)) for name, m in leaves.items()]
        with counter, torch.no_grad():
            model(example.to(device))
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes.items():
            module.training = training
    counts = {key: sum(found.values()) // 2 for key, found in counter.get_flop_counts().items()}
    root = type(model).__name__
    layers = []
    for name, module in leaves.items():
        size = sum(p.numel() for p in module.parameters(recurse=False))
        macs = counts.get(f"{root}.{name}" if name else root, 0)
        done, shape = outputs.get(name, (0, ()))
        if size or macs:
            layers.append(Layer(name or root, type(module).__name__, size, macs, done, shape))
    parameters = list(model.parameters())
    return Cost(
        tuple(layers),
        sum(p.numel() for p in parameters),
        sum(int(torch.count_nonzero(p)) for p in parameters),
        counts.get("Global", 0),
        sum(layer.activations for layer in layers),
        tuple(example.shape[1:]),
    )
