"""The integer layer against ONNX Runtime, the quantization explorer and its figures, and the single-operator reference."""

from __future__ import annotations

import re

import numpy as np
import pytest

from edgekit import plots
from edgekit.course.catalog import find
from edgekit.runtimes import RunnerError
from edgekit.runtimes.ort.node import run_node
from tests.conftest import answer_cells, picture_of

CASES = 1000


@pytest.fixture(scope="module")
def integer_linear():
    """The function as the lab's solution has it."""
    namespace = {"np": np}
    exec(answer_cells(find("quantization_by_hand").solution)["integer_linear"], namespace)
    return namespace["integer_linear"]


def random_layer(rng, kernel=1):
    """Shapes, grids and data of one layer; the output's scale is set so that a few of the results are clipped."""
    small = rng.random() < 0.3  # few and small products: a multiplier near 1, which often makes ties
    n, k, m = (int(v) for v in rng.integers(1, [9, 8 if small else 300, 33]))
    x = rng.integers(0, 8 if small else 256, (n, k), dtype=np.uint8)
    w = rng.integers(0, 8 if small else 256, (k, m), dtype=np.uint8)
    zeros = [int(z) for z in rng.choice([0, 1, 7] if small else [0, 1, 127, 128, 255, *rng.integers(0, 256, 3)], 3)]
    x_scale = np.float32(rng.choice([2.0**-7, rng.uniform(1e-4, 0.1)]))
    w_scale = np.where(rng.random(m) < 0.3, 2.0**-6, rng.uniform(1e-4, 0.1, m)).astype(np.float32)
    reach = np.abs((x.astype(np.int64) - zeros[0]) @ (w.astype(np.int64) - zeros[1]) * w_scale).max() * x_scale + 1e-6
    y_scale = np.float32(rng.choice([reach / 120, 2.0 ** np.round(np.log2(reach / 120))]))
    bias = rng.integers(-50, 50, m, dtype=np.int32) * (1 if small else 1000)
    return x, w, bias, zeros, x_scale, w_scale, y_scale


def test_integer_layer_bit_exact(integer_linear):
    """1,000 random layers, half against QLinearMatMul, half with a bias against QLinearConv: equal in every bit.

    uint8 by uint8, because uint8 by int8 saturates in 16 bits on x86 without VNNI; powers of two among the scales make ties.
    """
    rng = np.random.default_rng(0)
    outputs = clipped = ties = 0
    for number in range(CASES):
        x, w, bias, (x_zero, w_zero, y_zero), x_scale, w_scale, y_scale = random_layer(rng)
        m = w.shape[1]
        per_channel = np.full(m, w_zero, dtype=np.uint8)
        if number % 2:
            bias = np.zeros(m, dtype=np.int32)
            expected = run_node("QLinearMatMul", x, x_scale, np.uint8(x_zero), w, w_scale, per_channel, y_scale, np.uint8(y_zero))
        else:
            kernel = np.ascontiguousarray(w.T).reshape(m, -1, 1, 1)
            expected = run_node(
                "QLinearConv",
                x.reshape(*x.shape, 1, 1),
                x_scale,
                np.uint8(x_zero),
                kernel,
                w_scale,
                per_channel,
                y_scale,
                np.uint8(y_zero),
                bias,
            ).reshape(len(x), m)
        multiplier = (x_scale * w_scale) / y_scale
        assert multiplier.dtype == np.float32
        got = integer_linear(x, w, bias, x_zero, w_zero, multiplier, y_zero)
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got, expected, err_msg=f"case {number}")
        exact = ((x.astype(np.int64) - x_zero) @ (w.astype(np.int64) - w_zero) + bias) * multiplier.astype(np.float64)
        outputs += got.size
        clipped += int(((exact + y_zero < -0.5) | (exact + y_zero > 255.5)).sum())
        ties += int((exact % 1 == 0.5).sum())
    assert clipped > outputs // 100 and ties > 20, "the random cases no longer reach the hard spots"


def test_integer_convolution_by_unfolding(integer_linear):
    """A 3x3 convolution is the same layer on unfolded patches, the padding filled with the zero point."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        channels, out, size = (int(v) for v in rng.integers(1, [9, 17, 12]) + [0, 0, 3])
        x = rng.integers(0, 256, (1, channels, size, size), dtype=np.uint8)
        w = rng.integers(0, 256, (out, channels, 3, 3), dtype=np.uint8)
        bias = rng.integers(-5000, 5000, out, dtype=np.int32)
        x_zero, w_zero, y_zero = (int(z) for z in rng.integers(0, 256, 3))
        multiplier = rng.uniform(1e-4, 2e-3, out).astype(np.float32)
        one = np.float32(1)
        expected = run_node(
            "QLinearConv",
            x,
            one,
            np.uint8(x_zero),
            w,
            multiplier,
            np.full(out, w_zero, np.uint8),
            one,
            np.uint8(y_zero),
            bias,
            pads=[1, 1, 1, 1],
        )
        padded = np.pad(x[0], ((0, 0), (1, 1), (1, 1)), constant_values=x_zero)
        patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))  # [c, h, w, 3, 3]
        rows = patches.transpose(1, 2, 0, 3, 4).reshape(size * size, -1)
        got = integer_linear(rows, w.reshape(out, -1).T, bias, x_zero, w_zero, multiplier, y_zero)
        np.testing.assert_array_equal(got.T.reshape(expected.shape[1:]), expected[0])


# ------------------------------------------------------------------------------------------------------------------ run_node
def test_run_node_rounds_as_the_standard_says():
    ties = np.array([-2.5, -1.5, 0.5, 1.5, 2.5, 300], dtype=np.float32)
    assert run_node("QuantizeLinear", ties, np.float32(1), np.uint8(10)).tolist() == [8, 8, 10, 12, 12, 255]


def test_run_node_several_outputs_and_missing_inputs():
    q, scale, zero = run_node("DynamicQuantizeLinear", np.array([-1, 3], dtype=np.float32))
    assert (q.tolist(), zero) == ([0, 255], 64) and scale == pytest.approx(4 / 255)
    assert run_node("Clip", np.array([-5.0, 5.0], dtype=np.float32), None, np.float32(1)).tolist() == [-5, 1]


def test_run_node_says_what_it_was_given():
    with pytest.raises(RunnerError, match=r"QuantizeLinear\(float32 \[1\], int64 \[\]\)"):
        run_node("QuantizeLinear", np.ones(1, np.float32), 3)


# ------------------------------------------------------------------------------------------------------------------ explorer
@pytest.fixture
def weights():
    w = np.random.default_rng(0).normal(size=(6, 40)).astype(np.float32)
    w[0] *= 20
    return w


def test_explorer_moves_with_every_knob(weights):
    box = plots.explorer.quantization({"weights": weights, "activations": np.abs(weights)})
    knobs, seen = box.knobs, [(box.shown.sqnr, picture_of(box), box.children[-1].value)]
    for knob, value in (("bits", 4), ("share", 40), ("per", "per channel"), ("scheme", "asymmetric"), ("name", "activations")):
        knobs[knob].value = value
        seen.append((box.shown.sqnr, picture_of(box), box.children[-1].value))
    assert len({s for s, _, _ in seen}) == len({p for _, p, _ in seen}) == len({t for _, _, t in seen}) == 6
    assert all(png.startswith(b"\x89PNG") for _, png, _ in seen)
    assert f"{box.shown.sqnr:.1f} dB" in box.children[-1].value
    assert re.search('<img class="edgekit"[^>]* alt="[^"]{20}', box.children[-2].value), "no text alternative, no dark theme"


def test_quantized_numbers(weights):
    whole = plots.explorer.quantized(weights, 8, 1.0, "symmetric")
    assert len(whole.levels) == 255 and whole.clipped == 0 and whole.clipping == 0
    assert np.abs(whole.approx - weights).max() <= np.abs(weights).max() / 254 * 1.001
    by_channel = plots.explorer.quantized(weights, 8, 1.0, "symmetric", per_channel=True)
    assert by_channel.sqnr > whole.sqnr
    cut = plots.explorer.quantized(weights, 8, 0.1, "symmetric")
    assert cut.clipped > 0.05 and cut.clipping > 0.9 and cut.sqnr < whole.sqnr
    assert plots.explorer.quantized(np.zeros((2, 3), np.float32), 8, 1.0, "asymmetric").sqnr == float("inf")


def test_quantized_uses_the_library_grid(weights):
    """An asymmetric grid of the whole range is the one of ONNX's DynamicQuantizeLinear."""
    q, scale, zero = run_node("DynamicQuantizeLinear", weights)
    found = plots.explorer.quantized(weights, 8, 1.0, "asymmetric")
    np.testing.assert_allclose(found.approx, scale * (q.astype(np.float32) - zero), atol=1e-4 * np.abs(weights).max())


@pytest.mark.parametrize("bits, share, scheme", [(1, 1.0, "symmetric"), (8, 0.0, "symmetric"), (8, 1.0, "affine")])
def test_quantized_refuses(weights, bits, share, scheme):
    with pytest.raises(ValueError, match="got"):
        plots.explorer.quantized(weights, bits, share, scheme)


def test_figures_say_what_they_show(weights):
    found = plots.explorer.quantized(weights, 4, 0.5, "symmetric")
    assert "15 levels" in plots.quantization.grid(weights, found.approx, found.levels, "w").alt
    rows = {"per tensor": {"conv1": 30.0, "fc": 35.5}, "per channel": {"conv1": 36.0, "fc": 36.5}}
    assert "conv1 per tensor 30.0, per channel 36.0" in plots.quantization.layers(rows).alt
    alt = plots.quantization.by_limit([1, 2, 3], {"8 bits": np.array([10.0, 30, 20])}, {"min-max": 3.0}).alt
    assert "8 bits best at 2 with 30.0 dB" in alt and "min-max 3" in alt
