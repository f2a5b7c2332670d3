"""An integer model as plain C99: compiled here, and for a Cortex-M; run here, and in QEMU's Cortex-M7; flash and RAM counted.

`write` makes four files. model.c holds the weights as constants (flash), one arena for the activations (RAM) and one function.
kernels.c holds the three integer kernels. It needs no library, no heap and no floating point. main.c runs given inputs and
prints the outputs; startup.c and board.ld are for QEMU's machine mps2-an500, which has a Cortex-M7 as the STM32H7 has.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.export.c_sources import BOARD, KERNELS, KERNELS_H, MAIN, STARTUP
from edgekit.export.integer import CONV, LINEAR, IntegerModel

ARM, ARM_SIZE, QEMU, MACHINE = "arm-none-eabi-gcc", "arm-none-eabi-size", "qemu-system-arm", "mps2-an500"
# How a missing tool is installed on Debian and Ubuntu; the packages have other names elsewhere.
INSTALL = {
    ARM: "apt install gcc-arm-none-eabi",
    ARM_SIZE: "apt install binutils-arm-none-eabi",
    QEMU: "apt install qemu-system-arm",
    "cc": "apt install gcc",
}
HERE = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror"]
# For the program that is run and for the code that is counted. There is no library, so no loop may become a call of memcpy or memset.
CORTEX_M7 = [
    *("-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=soft", "-std=c99", "-Os", "-Wall", "-Wextra", "-Werror"),
    *("-ffreestanding", "-fno-builtin", "-fno-tree-loop-distribute-patterns"),
]
STACK = 4096  # bytes that startup.c leaves for the stack


class ToolError(RuntimeError):
    """A compiler or emulator that is missing or stopped; the message names it and the fix."""


@dataclass(frozen=True)
class Footprint:
    """Bytes by the compiler's `size`. flash: code and constants. ram: variables, the arena among them, without the stack."""

    flash: int
    ram: int
    arena: int
    weights: int

    def __str__(self) -> str:
        code = self.flash - self.weights
        return (
            f"flash {self.flash:,} bytes (weights {self.weights:,}, code and the rest {code:,}), "
            f"RAM {self.ram:,} bytes (arena {self.arena:,})"
        )

    def fits(self, flash: int, ram: int) -> bool:
        """Whether a chip with these bytes holds it, with a stack of STACK bytes."""
        return self.flash <= flash and self.ram + STACK <= ram


def tool(name: str) -> str:
    """The path of a tool; "cc" is any C compiler of this machine. ToolError with the command that installs it."""
    names = ("cc", "gcc", "clang") if name == "cc" else (name,)
    found = next(filter(None, map(shutil.which, names)), None)
    if not found:
        raise ToolError(f"{name} is not on the PATH. Fix: {INSTALL[name]} (on Debian or Ubuntu; elsewhere the package that has {name}).")
    return found


def write(model: IntegerModel, folder, inputs: np.ndarray | None = None) -> list[Path]:
    """Write the sources into `folder`, which is made. inputs: int8 [N, ...], for main.c. Returns the files.

    Raises ValueError for inputs that are not int8, of another shape, or none.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    first = model.layers[0]
    given = np.zeros((1, *first.shape_in), np.int8) if inputs is None else np.asarray(inputs)
    if given.dtype != np.int8 or not given.size or given.size != len(given) * first.bytes_in:
        raise ValueError(
            f"inputs should be int8 [N, {', '.join(map(str, first.shape_in))}] with N >= 1, got {given.dtype} {list(given.shape)}"
        )
    texts = {
        "kernels.h": KERNELS_H,
        "kernels.c": KERNELS,
        "model.h": _header(model),
        "model.c": _model(model),
        "inputs.h": f"#define COUNT {len(given)}\n{_array('int8_t', 'inputs', given)}",
        "main.c": MAIN,
        "startup.c": STARTUP,
        "board.ld": BOARD,
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts]


def run_here(folder) -> np.ndarray:
    """Compile with this machine's compiler and run: int8 [N, outputs]. ToolError where that fails."""
    folder = Path(folder)
    program = folder / "model.out"
    _call([tool("cc"), *HERE, *_sources(folder), "-o", str(program)])
    return _parsed(_call([str(program.resolve())]))


def build_for_arm(folder) -> Path:
    """Compile for a Cortex-M7 and link for QEMU's machine: the .elf file. ToolError where that fails."""
    folder = Path(folder)
    program = folder / "model.elf"
    sources = [*_sources(folder), str(folder / "startup.c")]
    link = ["-nostdlib", "-T", str(folder / "board.ld"), "-lgcc", "-o", str(program)]
    _call([tool(ARM), *CORTEX_M7, "-DBOARD", *sources, *link])
    return program


def run_in_qemu(program, timeout: float = 60) -> np.ndarray:
    """Run an .elf file on QEMU's Cortex-M7: int8 [N, outputs]. QEMU imitates what instructions compute, not how long they take."""
    quiet = ["-nographic", "-monitor", "none", "-serial", "none"]
    # The board prints on the debugger's channel. QEMU's own messages go to stderr, so that channel gets stdout.
    channel = ["-chardev", "stdio,id=s", "-semihosting-config", "enable=on,target=native,chardev=s"]
    return _parsed(_call([tool(QEMU), "-M", MACHINE, *quiet, *channel, "-kernel", str(program)], timeout))


def footprint(model: IntegerModel, folder) -> Footprint:
    """Flash and RAM of the model and its kernels on a Cortex-M7, by `size`; the test's inputs and printing are not in it."""
    folder, text, data, bss = Path(folder), 0, 0, 0
    for name in ("model", "kernels"):
        compiled = folder / f"{name}.arm.o"
        _call([tool(ARM), *CORTEX_M7, "-c", str(folder / f"{name}.c"), "-o", str(compiled)])
        sizes = _call([tool(ARM_SIZE), str(compiled)]).splitlines()[1].split()
        text, data, bss = text + int(sizes[0]), data + int(sizes[1]), bss + int(sizes[2])
    return Footprint(text + data, data + bss, model.arena, model.weight_bytes)


def _sources(folder: Path) -> list[str]:
    return [str(folder / name) for name in ("main.c", "model.c", "kernels.c")]


def _call(command: list[str], timeout: float = 120) -> str:
    """What a program prints on stdout. ToolError where it cannot be started, fails or hangs."""
    name = Path(command[0]).name
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{name} gave no answer within {timeout:g} s.") from error
    except OSError as error:
        raise ToolError(f"{command[0]} cannot be started: {error.strerror}.") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[:400]
        raise ToolError(f"{name} ended with status {done.returncode}: {said}")
    return done.stdout


def _parsed(printed: str) -> np.ndarray:
    """A line of numbers for each input."""
    try:
        return np.array([[int(v) for v in line.split()] for line in printed.splitlines() if line.strip()], np.int8)
    except ValueError as error:
        raise ToolError(f"the program should print numbers, got {printed[:200]!r}") from error


def _array(kind: str, name: str, values: np.ndarray) -> str:
    flat = [str(v) for v in np.asarray(values).reshape(-1).tolist()]
    lines = [", ".join(flat[i : i + 24]) for i in range(0, len(flat), 24)]
    body = ",\n  ".join(lines)
    return f"static const {kind} {name}[{len(flat)}] = {{\n  {body}\n}};\n"


def _header(model: IntegerModel) -> str:
    return (
        "#ifndef MODEL_H\n#define MODEL_H\n#include <stdint.h>\n\n"
        f"#define MODEL_INPUT {model.layers[0].bytes_in}\n#define MODEL_OUTPUT {model.layers[-1].bytes_out}\n"
        f"/* real input = {model.scale_in:.9g} * q, logit = {model.scale_out:.9g} * q */\n\n"
        "void model_run(const int8_t *input, int8_t *output);\n\n#endif\n"
    )


def _model(model: IntegerModel) -> str:
    """Constants of each layer, and model_run: input and output of a layer lie at opposite ends of the arena."""
    constants, calls, place = [], [], 0
    for i, layer in enumerate(model.layers):
        if layer.weight is not None:
            kinds = {"weight": "int8_t", "bias": "int32_t", "multiplier": "int32_t", "shift": "uint8_t"}
            constants += [_array(kind, f"{part}{i}", getattr(layer, part)) for part, kind in kinds.items()]
        target = 0 if place else model.arena - layer.bytes_out
        calls.append(f"  {_kernel(layer, i, place, target)}  /* {layer.kind}, {layer.bytes_out} bytes out */")
        place = target
    first, last = model.layers[0], model.layers[-1]
    return (
        '#include "model.h"\n#include "kernels.h"\n\n'
        + "\n".join(constants)
        + f"\nstatic int8_t arena[{model.arena}];\n\n"
        + "void model_run(const int8_t *input, int8_t *output) {\n"
        + f"  for (int i = 0; i < {first.bytes_in}; i++) arena[i] = input[i];\n"
        + "\n".join(calls)
        + f"\n  for (int i = 0; i < {last.bytes_out}; i++) output[i] = arena[{place} + i];\n}}\n"
    )


def _kernel(layer, i: int, source: int, target: int) -> str:
    ends, low = f"arena + {source}, arena + {target}", 0 if layer.relu else -128
    constants = f"weight{i}, bias{i}, multiplier{i}, shift{i}, {low}"
    if layer.kind == LINEAR:
        return f"linear({ends}, {layer.bytes_in}, {layer.bytes_out}, {constants});"
    window = f"{layer.kernel}, {layer.stride}, {layer.pad}"
    sizes = lambda shape: ", ".join(map(str, shape))
    if layer.kind == CONV:
        return f"convolve({ends}, {sizes(layer.shape_in)}, {sizes(layer.shape_out)}, {window}, {layer.groups}, {constants});"
    return f"maxpool({ends}, {sizes(layer.shape_in)}, {sizes(layer.shape_out[1:])}, {window});"
