"""What a model costs on paper: parameters, multiply-accumulates (MACs), FLOPs and activations, layer by layer.

Arithmetic is counted while the model runs, by PyTorch's own ``torch.utils.flop_counter.FlopCounterMode``. It counts convolutions and
matrix products, one multiplication plus one addition each: **FLOPs = 2 x MACs**. Bias, batch norm, activations and pooling are left out,
as in most papers. Papers and tools disagree about which of the two numbers they call "FLOPs", so every result here says both.
"""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass

from edgekit.formatting import ShownAsTable


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
class Cost(ShownAsTable):
    """Cost of one forward pass. ``parameters`` counts shared tensors once; ``nonzero`` those that are not 0; ``activations`` the
    output elements of all layers together (written to memory if nothing is fused); ``uncounted`` the operators that do arithmetic of which
    MACs and FLOPs know nothing."""

    layers: tuple[Layer, ...]
    parameters: int
    nonzero: int
    macs: int
    activations: int
    input: tuple[int, ...]
    uncounted: tuple[str, ...] = ()

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
        said = {"uncounted": list(self.uncounted)} if self.uncounted else {}
        return {**{key: getattr(self, key) for key in keys}, "input": list(self.input), **said}

    def _cells(self) -> list[list[str]]:
        rows = [
            [x.name, x.kind, " x ".join(map(str, x.output)), f"{x.parameters:,}", f"{x.macs:,}", f"{x.activations:,}"] for x in self.layers
        ]
        return [*rows, ["total", "", "", f"{self.parameters:,}", f"{self.macs:,}", f"{self.activations:,}"]]

    def __str__(self) -> str:
        rows = [HEAD, *self._cells()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
        lines = [
            "  ".join(c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, self._note()])

    __repr__ = __str__

    def _table(self) -> tuple:
        return HEAD, self._cells()

    def _below(self) -> list[str]:
        return [self._note()]

    def _note(self) -> str:
        missing = f"; NOT counted: {', '.join(self.uncounted)}" if self.uncounted else ""
        return f"for one input of {' x '.join(map(str, self.input))}; {self.macs:,} MACs = {self.flops:,} FLOPs{missing}"


HEAD = ["layer", "kind", "output", "parameters", "MACs", "activations"]


def cost(model, example=None) -> Cost:
    """Parameters, MACs and activations of a torch.nn.Module for one input.

    example: a tensor whose first dimension is a batch of 1, default float32 [1, 1, 28, 28]; a tuple of them for a forward with several
    arguments; a list where forward takes one list (torchvision's detectors). Layers are those modules that hold parameters of their own or
    do arithmetic outside of their submodules; one used twice counts twice. Runs the model once, in eval mode, and leaves its modes as they
    were. Attention and recurrent layers run step by step for this, since the fused kernels hide their products; what still does
    arithmetic that is not counted stands in ``uncounted``. Zeros are counted like any other weight: a dense kernel multiplies by them too.
    ValueError for a batch of another size, since all numbers would be multiples.
    """
    import torch

    arguments = _arguments(torch.zeros(1, 1, 28, 28) if example is None else example)
    modules = dict(model.named_modules())
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    total, macs_of, outputs, uncounted = _run(model, modules, _moved(arguments, device))
    layers = []
    for name, module in modules.items():
        size = sum(p.numel() for p in module.parameters(recurse=False))
        done, shape = outputs.get(name, (0, ()))
        if size or macs_of.get(name):
            kind = type(module).__name__
            layers.append(Layer(name or kind, kind, size, macs_of.get(name, 0), done, shape))
    parameters = list(model.parameters())
    first = next(_tensors(arguments))
    return Cost(
        tuple(layers),
        sum(p.numel() for p in parameters),
        sum(int(torch.count_nonzero(p)) for p in parameters),
        total,
        sum(layer.activations for layer in layers),
        tuple(first.shape if isinstance(example, list) else first.shape[1:]),
        tuple(uncounted),
    )


def _arguments(example) -> tuple:
    """The arguments of forward. ValueError unless all of them are one input."""
    import torch

    arguments = example if isinstance(example, tuple) else (example,)
    if not any(True for _ in _tensors(arguments)):
        raise ValueError(f"cost needs a tensor as example, or a tuple of them; got {type(example).__name__}")
    for one in arguments:
        if isinstance(one, list) and len(one) != 1:
            raise ValueError(f"cost counts for one input: pass a list of one, got {len(one)}")
        single = isinstance(one, torch.Tensor) and (one.ndim == 0 and len(arguments) > 1 or one.ndim > 1 and len(one) == 1)
        if isinstance(one, torch.Tensor) and not single:
            raise ValueError(f"cost counts for one input: pass an example with a batch of 1, got shape {list(one.shape)}")
    return arguments


def _tensors(value):
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list, dict)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _tensors(one)


def _moved(value, device):
    if isinstance(value, (tuple, list)):
        return type(value)(_moved(one, device) for one in value)
    if isinstance(value, dict):
        return {key: _moved(one, device) for key, one in value.items()}
    return value.to(device) if hasattr(value, "to") else value


def _run(model, modules: dict, arguments: tuple) -> tuple[int, dict, dict, list]:
    """(MACs, {module: MACs of its own}, {module: (elements, shape of one output)}, names of operators that were not counted) of one
    forward pass. A module is known by its first name, whatever way it is called."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    counter, outputs, handles = FlopCounterMode(display=False, custom_mapping=_vector_products()), {}, []
    macs, running = (dict.fromkeys(modules, 0), [])  # running: [FLOPs before, FLOPs of those inside] of the modules that are being called

    def enter(module, args):
        running.append([counter.get_total_flops(), 0])

    def leave(name):
        def hook(module, args, output):
            before, inside = running.pop()
            done = counter.get_total_flops() - before
            macs[name] += (done - inside) // 2
            if running:
                running[-1][1] += done
            shape = tuple(output.shape[1:]) if isinstance(output, torch.Tensor) else ()
            size = sum(one[0].numel() if one.ndim else 1 for one in _tensors(output) if one.ndim == 0 or len(one))
            outputs[name] = (outputs.get(name, (0, ()))[0] + size, shape)

        return hook

    modes = {m: m.training for m in modules.values()}
    hooked = {n: m for n, m in modules.items() if not isinstance(m, torch.jit.ScriptModule)}
    try:
        model.eval()
        handles += [module.register_forward_pre_hook(enter) for module in hooked.values()]
        handles += [module.register_forward_hook(leave(name)) for name, module in hooked.items()]
        with _unfused(modules), counter, _operators() as seen, torch.no_grad():
            model(*arguments)
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes.items():
            module.training = training
    return counter.get_total_flops() // 2, macs, outputs, _uncounted(seen)


@contextlib.contextmanager
def _unfused(modules: dict):
    """Attention, encoder layers and recurrent layers as the matrix products that they are made of."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with contextlib.ExitStack() as stack, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the switch itself warns about hardware that is not there
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
            if any(isinstance(module, torch.nn.RNNBase) for module in modules.values()):
                stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
                stack.enter_context(torch.backends.cudnn.flags(enabled=False))
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _vector_products() -> dict:
    """FLOPs of the products with a vector, which PyTorch's counter leaves out."""
    import torch

    aten = torch.ops.aten
    return {
        aten.mv: lambda matrix, vector, *rest, **more: 2 * matrix[0] * matrix[1],
        aten.addmv: lambda bias, matrix, vector, *rest, **more: 2 * matrix[0] * matrix[1],
        aten.dot: lambda a, b, *rest, **more: 2 * a[0],
        aten.vdot: lambda a, b, *rest, **more: 2 * a[0],
    }


# Operators with arithmetic of the order of a matrix product, for which nobody here has a formula. Whatever is not PyTorch's own is one,
# too.
_UNCOUNTED = (
    "_fft",
    "_cdist",
    "linalg",
    "_linalg",
    "mkldnn_rnn",
    "_cudnn_rnn",
    "_trilinear",
    "_thnn_fused",
    "_weight_int",
    "_int_mm",
    "_native_multi_head",
    "_transformer_encoder_layer",
    "cholesky",
    "triangular_solve",
)
_NO_PRODUCT = ("linalg_vector_norm", "linalg_cross", "linalg_diagonal", "_linalg_check_errors")


def _uncounted(names) -> list[str]:
    own = lambda name: name.startswith(("aten::", "prim::", "prims::", "profiler::"))
    short = [(name.removeprefix("aten::"), own(name)) for name in names]
    return [name for name, ours in short if not ours or name.startswith(_UNCOUNTED) and not name.startswith(_NO_PRODUCT)]


@contextlib.contextmanager
def _operators():
    """A dict that fills with the names of the operators that run inside."""
    from torch.utils._python_dispatch import TorchDispatchMode

    names: dict[str, None] = {}

    class Seen(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            names[func._schema.name] = None
            return func(*args, **(kwargs or {}))

    with Seen():
        yield names
