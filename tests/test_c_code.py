"""An INT8 chain as C: NumPy's integers, this machine's compiler and a Cortex-M7 under QEMU say the same, bit for bit."""

import numpy as np
import pytest
import torch
from torch import nn

from edgekit import export, runtimes
from edgekit.compression import quantization
from edgekit.export import c_code, integer
from edgekit.zoo.models import load_checkpoint

NETS = {  # odd sizes, groups, padding, two linear layers: nothing of it is TinyCNN
    "grouped": lambda: nn.Sequential(
        *[nn.Conv2d(2, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(6, 9, 2, groups=3)],
        *[nn.ReLU(), nn.Flatten(), nn.Linear(54, 7), nn.ReLU(), nn.Linear(7, 3)],
    ),
    "linear": lambda: nn.Sequential(nn.Flatten(), nn.Linear(2 * 13 * 11, 5)),
}


@pytest.fixture(params=NETS, scope="module")
def made(request, tmp_path_factory):
    """(INT8 file, its integer model, int8 inputs, float32 inputs)."""
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(3)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(24, 2, 13, 11)).astype(np.float32)
    export.to_onnx(NETS[request.param]().eval(), folder / "net.onnx", x[:1], dynamo=False)
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
    _needs("cc")
    c_code.write(model, tmp_path, q)
    np.testing.assert_array_equal(c_code.run_here(tmp_path), model(q))
    _needs(c_code.ARM)
    program = c_code.build_for_arm(tmp_path)
    size = c_code.footprint(model, tmp_path)
    assert size.arena == model.arena <= size.ram < model.arena + 16
    assert model.weight_bytes < size.flash < model.weight_bytes + 4000
    assert size.fits(1 << 20, 1 << 19) and not size.fits(size.flash - 1, 1 << 19) and not size.fits(1 << 20, size.ram)
    _needs(c_code.QEMU)
    np.testing.assert_array_equal(c_code.run_in_qemu(program), model(q))


def _needs(name: str) -> None:
    try:
        c_code.tool(name)
    except c_code.ToolError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("factor", [1e-6, 0.0123456789, 0.5, 0.25, 0.99999999])
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
    with pytest.raises(integer.IntegerError, match="between 2"):
        integer.multiplier_and_shift(1.5)
    (tmp_path / "no.onnx").write_bytes(b"no")
    with pytest.raises(integer.IntegerError, match="cannot be read"):
        integer.from_onnx(tmp_path / "no.onnx")


def test_a_missing_tool_is_named_with_its_command(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(c_code.ToolError, match="apt install gcc-arm-none-eabi"):
        c_code.tool(c_code.ARM)
