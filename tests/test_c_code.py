"""An INT8 chain as C: NumPy's integers, this machine's compiler and a Cortex-M7 under QEMU say the same, bit for bit."""

import os

import numpy as np
import pytest
import torch
from torch import nn

from edgekit import export, runtimes
from edgekit.compression import quantization
from edgekit.export import c_code, integer
from edgekit.zoo.models import load_checkpoint


def with_a_dead_channel():
    """What pruning leaves: a channel without weights that still has its bias."""
    net = nn.Sequential(nn.Conv2d(2, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 11 * 9, 4))
    with torch.no_grad():
        net[0].weight[2] = 0
        net[0].bias[2] = 0.7
        net[0].weight[4] = 0
        net[0].bias[4] = 0
    return net


NETS = {  # odd sizes, groups, padding, two linear layers: nothing of it is TinyCNN
    "grouped": lambda: nn.Sequential(
        *[nn.Conv2d(2, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(6, 9, 2, groups=3)],
        *[nn.ReLU(), nn.Flatten(), nn.Linear(54, 7), nn.ReLU(), nn.Linear(7, 3)],
    ),
    "linear": lambda: nn.Sequential(nn.Flatten(), nn.Linear(2 * 13 * 11, 5)),
    "a dead channel": with_a_dead_channel,
    # The padding of a pool must be smaller than every value in it, also where all of them are negative.
    "padded pool": lambda: nn.Sequential(nn.MaxPool2d(3, 2, 1), nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(60, 5)),
}


@pytest.fixture(params=NETS, scope="module")
def made(request, tmp_path_factory):
    """(INT8 file, its integer model, int8 inputs, float32 inputs)."""
    return _make(request.param, tmp_path_factory.mktemp("net"))


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """(integer model, int8 inputs) of one of them."""
    return _make("padded pool", tmp_path_factory.mktemp("one"))[1:3]


def _make(name, folder):
    torch.manual_seed(3)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(24, 2, 13, 11)).astype(np.float32)
    export.to_onnx(NETS[name]().eval(), folder / "net.onnx", x[:1], dynamo=False)
    quantization.for_tensorrt(folder / "net.onnx", folder / "int8.onnx", x)
    model = integer.from_onnx(folder / "int8.onnx")
    return folder, model, model.quantize(x), x


def test_the_integer_model_is_what_onnx_runtime_computes(made):
    folder, model, q, x = made
    with runtimes.load(folder / "int8.onnx", threads=1, optimization="disable") as run:
        want = np.rint(run(x) / model.scale_out)
    steps = np.abs(model(q).astype(int) - want)
    assert steps.max() <= 1 and (steps == 0).mean() > 0.95  # halves, and the range before the ReLU, round differently


def test_c_on_this_machine_and_on_a_cortex_m7_equals_numpy(made, tmp_path):
    _, model, q, _ = made
    _on_c_and_qemu(model, q, tmp_path)
    size = c_code.footprint(model, tmp_path)
    assert size.arena == model.arena <= size.ram < model.arena + 16
    assert model.weight_bytes < size.flash < model.weight_bytes + 4000
    assert size.fits(1 << 20, 1 << 19) and not size.fits(size.flash - 1, 1 << 19) and not size.fits(1 << 20, size.ram)


def _on_c_and_qemu(model, q, folder):
    _needs("cc")
    c_code.write(model, folder, q)
    np.testing.assert_array_equal(c_code.run_here(folder), model(q))
    _needs(c_code.ARM)
    program = c_code.build_for_arm(folder)
    _needs(c_code.QEMU)
    np.testing.assert_array_equal(c_code.run_in_qemu(program), model(q))


def test_every_shift_that_a_factor_can_have(tmp_path):
    """From factors near 2**30 down to 2**-31: the smallest and the largest shift, and sums on both sides of 0."""
    factors = [2.0**30 - 9, 2.0**12, 1.84, 1.0, 0.3, 2.0**-9, 2.0**-20, 2.0**-30.9]
    pairs = [integer.multiplier_and_shift(factor) for factor in factors]
    assert {1, 61} <= {s for _, s in pairs}
    count, rng = len(factors), np.random.default_rng(8)
    layer = integer.IntegerLayer(integer.LINEAR, "wide", (11,), (count,), relu=False)
    layer.weight = rng.integers(-128, 128, (count, 11)).astype(np.int8)
    layer.bias = np.array([0, 3, -40, 60, 500, -70_000, 2**27, -(2**30)], np.int32)
    layer.multiplier, layer.shift = np.array(pairs, np.int64).astype(np.int32).T
    model = integer.IntegerModel("wide", 1.0, 1.0, [layer])
    q = rng.integers(-128, 128, (200, 11)).astype(np.int8)
    exact = (q.astype(np.int64) @ layer.weight.T.astype(np.int64) + layer.bias) * np.array(factors)
    np.testing.assert_array_equal(model(q), np.clip(np.floor(exact + 0.5), -128, 127))
    _on_c_and_qemu(model, q, tmp_path)


def _needs(name: str) -> None:
    try:
        c_code.tool(name)
    except c_code.ToolError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("factor", [2.0**-30.9, 1e-6, 0.0123456789, 0.5, 0.25, 0.99999999, 1.0, 1.84, 2.0**30 - 1])
def test_a_factor_keeps_31_bits(factor):
    m, s = integer.multiplier_and_shift(factor)
    assert 2**30 <= m < 2**31 and abs(m / 2**s - factor) <= 2**-31 * factor
    acc = np.array([-(2**31), -1000, -1, 0, 1, 1000, 2**31 - 1])
    got = integer.requantize(acc, np.array([m]), np.array([s]))
    np.testing.assert_array_equal(got, np.clip(np.floor(acc * (m / 2**s) + 0.5), -128, 127))


def test_what_cannot_be_read_is_named(tmp_path):
    x = np.random.default_rng(0).random((8, 1, 28, 28)).astype(np.float32)
    edge, tiny = tmp_path / "edge.onnx", tmp_path / "tiny.onnx"
    export.to_onnx(load_checkpoint("edgecnn"), edge, x[:1], dynamo=False)
    export.to_onnx(load_checkpoint("tinycnn"), tiny, x[:1], dynamo=False)
    with pytest.raises(integer.IntegerError, match="has no INT8 weights"):
        integer.from_onnx(tiny)
    quantization.for_tensorrt(edge, tmp_path / "e8.onnx", x)
    with pytest.raises(integer.IntegerError, match="without branches"):
        integer.from_onnx(tmp_path / "e8.onnx")
    quantization.quantize(tiny, tmp_path / "u8.onnx", x, "u8u8")
    with pytest.raises(integer.IntegerError, match="uint8 with zero point"):
        integer.from_onnx(tmp_path / "u8.onnx")
    for factor in (2.0**-31, 2.0**30 - 0.01, 2.0**31, float("inf"), float("nan")):
        with pytest.raises(integer.IntegerError, match="between 2"):
            integer.multiplier_and_shift(factor)
    (tmp_path / "no.onnx").write_bytes(b"no")
    with pytest.raises(integer.IntegerError, match="cannot be read"):
        integer.from_onnx(tmp_path / "no.onnx")


def test_a_missing_tool_is_named_with_its_command(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(c_code.ToolError, match="apt install gcc-arm-none-eabi"):
        c_code.tool(c_code.ARM)


def test_a_tool_that_cannot_be_started_is_named(tmp_path, monkeypatch):
    (tmp_path / c_code.QEMU).write_text("#!/nowhere/at/all\n")
    (tmp_path / c_code.QEMU).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(c_code.ToolError, match=f"{c_code.QEMU} cannot be started: No such file"):
        c_code.run_in_qemu(tmp_path / "model.elf")


def test_compilers_in_a_folder_called_gcc(one, tmp_path, monkeypatch):
    model, q = one
    _needs(c_code.ARM)
    folder = tmp_path / "gcc-arm-none-eabi-13" / "bin"
    folder.mkdir(parents=True)
    for name in (c_code.ARM, c_code.ARM_SIZE):
        (folder / name).symlink_to(c_code.tool(name))
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    c_code.write(model, tmp_path, q)
    assert c_code.tool(c_code.ARM).startswith(str(folder)) and c_code.footprint(model, tmp_path).flash > 0


def test_what_qemu_says_itself_is_no_number(one, tmp_path, monkeypatch):
    model, q = one
    _needs(c_code.ARM)
    _needs(c_code.QEMU)
    c_code.write(model, tmp_path, q[:3])
    program, real = c_code.build_for_arm(tmp_path), c_code.tool(c_code.QEMU)
    loud = tmp_path / "loud" / c_code.QEMU
    loud.parent.mkdir()
    loud.write_text(f'#!/bin/sh\necho "qemu-system-arm: warning: nic 0 has no peer" >&2\nexec {real} "$@"\n')
    loud.chmod(0o755)
    monkeypatch.setenv("PATH", str(loud.parent), prepend=os.pathsep)
    np.testing.assert_array_equal(c_code.run_in_qemu(program), model(q[:3]))


@pytest.mark.parametrize("inputs", [np.zeros((0, 2, 13, 11), np.int8), np.zeros((2, 2, 13, 12), np.int8), np.zeros((1, 2, 13, 11))])
def test_inputs_that_do_not_fit_are_refused(one, tmp_path, inputs):
    with pytest.raises(ValueError, match=r"inputs should be int8 \[N, 2, 13, 11\] with N >= 1, got"):
        c_code.write(one[0], tmp_path, inputs)
