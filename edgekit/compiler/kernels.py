"""NumPy kernels for the operators of EdgeCNN and MobileNetV2, raw exports included. Layout NCHW, as in ONNX.

A convolution has several kernels that compute the same: see CONVOLUTIONS. Each takes x [N, C, H, W], w [O, C / group, R, S], stride, pads
(top, left, bottom, right) and group, and returns float32 [N, O, P, Q] without the bias. ready: the filters in the form the kernel wants, if
they were transformed before: see prepare.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def run(node, inputs: list, ready: np.ndarray | None = None) -> np.ndarray:
    """One node on arrays, its fused activation included; ``tactic`` in its attributes names the kernel of a convolution."""
    found = OPS[node.op](node.attrs, *inputs) if ready is None else conv(node.attrs, *inputs, ready=ready)
    fused = node.attrs.get("activation")
    return activate(np.asarray(found), fused) if fused else np.asarray(found)


def activate(x: np.ndarray, kind: list) -> np.ndarray:
    """kind: ["Relu"] or ["Clip", low, high]. Works in place: x is the caller's own result."""
    low, high = (0, None) if kind[0] == "Relu" else kind[1:]
    return np.clip(x, low, high, out=x)


# ------------------------------------------------------------------------------------------------------------ convolutions
def direct(x, w, stride, pads, group, ready=None):
    """One product [O, C] x [C, pixels] for each of the R x S taps of the filter, added up. No scratch but the padded picture."""
    x, (p, q) = pad(x, pads), size(x, w, stride, pads)
    n, c = x.shape[:2]
    out = np.zeros((n, w.shape[0], p, q), np.float32)
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            tap = x[:, :, i : i + stride[0] * p : stride[0], j : j + stride[1] * q : stride[1]]
            if group == 1:
                out += (w[:, :, i, j] @ tap.reshape(n, c, p * q)).reshape(out.shape)
            else:  # depthwise: one filter for each channel
                out += w[:, 0, i, j].reshape(1, -1, 1, 1) * tap
    return out


def im2col(x, w, stride, pads, group, ready=None):
    """Write every window as a column, then one large matrix product (Chellapilla et al., 2006). Scratch: R x S times the picture."""
    p, q = size(x, w, stride, pads)
    n, o = len(x), len(w)
    if w.shape[2:] == (1, 1) and not any(pads):
        columns = x[:, :, :: stride[0], :: stride[1]]
    else:
        windows = sliding_window_view(pad(x, pads), w.shape[2:], axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
        columns = windows.transpose(0, 1, 4, 5, 2, 3)
    columns = columns.reshape(n, group, -1, p * q)
    return (w.reshape(group, o // group, -1) @ columns).reshape(n, o, p, q)


_B = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], np.float32)
_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], np.float32)
_A = np.array([[1, 1, 1, 0], [0, 1, -1, -1]], np.float32)


def winograd(x, w, stride, pads, group, ready=None):
    """F(2x2, 3x3) (Lavin and Gray, 2016): 16 multiplications for 4 outputs, where the definition takes 36. 3x3, stride 1 only."""
    p, q = size(x, w, stride, pads)
    n, c, o = len(x), x.shape[1], len(w)
    x = pad(x, (pads[0], pads[1], pads[2] + p % 2, pads[3] + q % 2))
    tiles = sliding_window_view(x, (4, 4), axis=(2, 3))[:, :, ::2, ::2]
    rows, columns = tiles.shape[2:4]
    tiles = (_B @ tiles @ _B.T).transpose(4, 5, 0, 1, 2, 3).reshape(16, n, c, rows * columns)
    filters = winograd_filters(w) if ready is None else ready
    product = (filters @ tiles).reshape(4, 4, n, o, rows, columns).transpose(2, 3, 4, 5, 0, 1)
    out = (_A @ product @ _A.T).transpose(0, 1, 2, 4, 3, 5).reshape(n, o, 2 * rows, 2 * columns)
    return np.ascontiguousarray(out[:, :, :p, :q])


def winograd_filters(w):
    o, c = w.shape[:2]
    return np.ascontiguousarray((_G @ w @ _G.T).transpose(2, 3, 0, 1).reshape(16, 1, o, c))


def fft(x, w, stride, pads, group, ready=None):
    """A product for each frequency. The filter is reversed by conjugating its spectrum: ONNX's Conv is a correlation."""
    p, q = size(x, w, stride, pads)
    x = pad(x, pads)
    grid = x.shape[2:]
    filters = fft_filters(w, grid, group) if ready is None else ready
    spectrum = np.fft.rfft2(x).astype(np.complex64)
    # A matrix product for each frequency, or one filter for each channel.
    mixed = spectrum * filters if group > 1 else (filters @ spectrum.transpose(2, 3, 1, 0)).transpose(3, 2, 0, 1)
    out = np.fft.irfft2(mixed, grid)[:, :, : stride[0] * p : stride[0], : stride[1] * q : stride[1]]
    return out.astype(np.float32)


def fft_filters(w, grid, group):
    found = np.fft.rfft2(w, grid).conj().astype(np.complex64)
    return found[:, 0] if group > 1 else np.ascontiguousarray(found.transpose(2, 3, 0, 1))


def prepare(tactic: str, x_shape, w, pads, group) -> np.ndarray | None:
    """The filters in another form, where a kernel wants one: they are constants, so that this is done once and not in every call."""
    if tactic == "winograd":
        return winograd_filters(w)
    if tactic == "fft":
        return fft_filters(w, (x_shape[2] + pads[0] + pads[2], x_shape[3] + pads[1] + pads[3]), group)
    return None


CONVOLUTIONS = {"direct": direct, "im2col": im2col, "winograd": winograd, "fft": fft}


def applies(tactic: str, w: np.ndarray, stride, group: int) -> bool:
    """Whether a kernel can compute this convolution."""
    depthwise = group == len(w) and w.shape[1] == 1
    if tactic == "winograd":
        return w.shape[2:] == (3, 3) and tuple(stride) == (1, 1) and group == 1
    return tactic == "im2col" or group == 1 or depthwise


def scratch(tactic: str, x_shape, w: np.ndarray, stride, pads) -> int:
    """Bytes that a kernel needs beyond its input and output, in the main: the copies in another form."""
    (n, c, h, wide), (p, q) = x_shape, size(np.empty(x_shape, np.bool_), w, stride, pads)
    padded = n * c * (h + pads[0] + pads[2]) * (wide + pads[1] + pads[3])
    if tactic == "im2col":
        return 0 if w.shape[2:] == (1, 1) and not any(pads) else 4 * (padded + n * c * w.shape[2] * w.shape[3] * p * q)
    if tactic == "winograd":
        tiles = n * ((p + 1) // 2) * ((q + 1) // 2)
        return 4 * 16 * (tiles * (c + len(w)) + w.shape[0] * w.shape[1])
    if tactic == "fft":
        grid = (h + pads[0] + pads[2]) * ((wide + pads[1] + pads[3]) // 2 + 1)
        return 8 * grid * (n * c + n * len(w) + w.shape[0] * w.shape[1])
    return 4 * padded if any(pads) else 0


def pad(x, pads):
    top, left, bottom, right = pads
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right))) if any(pads) else x


def size(x, w, stride, pads) -> tuple[int, int]:
    """Rows and columns of the output."""
    return tuple((x.shape[2 + i] + pads[i] + pads[2 + i] - w.shape[2 + i]) // stride[i] + 1 for i in (0, 1))


def settings(attrs: dict) -> tuple:
    """(stride, pads, group) of a Conv. ValueError for a dilation, an automatic or a negative padding, which these kernels do not have."""
    if set(attrs.get("dilations", [1])) != {1} or attrs.get("auto_pad", "NOTSET") not in ("NOTSET", ""):
        raise ValueError("convolutions with dilations or auto_pad have no kernel here")
    if min(attrs.get("pads", [0])) < 0:
        raise ValueError("convolutions with negative pads have no kernel here")
    return attrs.get("strides", [1, 1]), attrs.get("pads", [0, 0, 0, 0]), attrs.get("group", 1)


def conv(attrs, x, w, bias=None, ready=None):
    if x.ndim != 4 or w.ndim != 4:
        raise ValueError(f"convolutions are 2-D here, on [N, C, H, W]; this one has {x.ndim} dimensions")
    stride, pads, group = settings(attrs)
    out = CONVOLUTIONS[attrs.get("tactic", "im2col")](x, w, stride, pads, group, ready)
    if bias is not None:
        out += bias.reshape(1, -1, 1, 1)
    return out


# ------------------------------------------------------------------------------------------------------------ the others
def batch_norm(attrs, x, scale, shift, mean, variance):
    column = lambda v: v.reshape(1, -1, *[1] * (x.ndim - 2))
    return column(scale) * (x - column(mean)) / np.sqrt(column(variance) + attrs.get("epsilon", 1e-5)) + column(shift)


def gemm(attrs, a, b, c=None):
    a, b = (m.T if attrs.get(f"trans{k}") else m for m, k in ((a, "A"), (b, "B")))
    out = np.float32(attrs.get("alpha", 1.0)) * (a @ b)
    return out if c is None else out + np.float32(attrs.get("beta", 1.0)) * c


def reduce_mean(attrs, x, axes=None):
    axes = attrs.get("axes") if axes is None else axes.tolist()
    if not axes and attrs.get("noop_with_empty_axes"):
        return x
    return x.mean(axis=tuple(axes) if axes else None, keepdims=bool(attrs.get("keepdims", 1)), dtype=np.float32)


def reshape(attrs, x, shape):
    return x.reshape([x.shape[i] if n == 0 and not attrs.get("allowzero") else n for i, n in enumerate(shape.tolist())])


def flatten(attrs, x):
    axis = attrs.get("axis", 1)
    return x.reshape(int(np.prod(x.shape[:axis], dtype=int)), int(np.prod(x.shape[axis:], dtype=int)))


def clip(attrs, x, low=None, high=None):
    return np.clip(x, attrs.get("min", low), attrs.get("max", high))


def shape(attrs, x):
    return np.array(x.shape[attrs.get("start", 0) : attrs.get("end", x.ndim)], np.int64)


def expand(attrs, x, wanted):
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(wanted.tolist()))).copy()


OPS = {
    "Add": lambda attrs, a, b: a + b,
    "BatchNormalization": batch_norm,
    "CastLike": lambda attrs, x, like: x.astype(like.dtype),
    "Clip": clip,
    "Concat": lambda attrs, *parts: np.concatenate(parts, axis=attrs["axis"]),
    "Conv": conv,
    "Expand": expand,
    "Flatten": flatten,
    "Gemm": gemm,
    "GlobalAveragePool": lambda attrs, x: x.mean(axis=tuple(range(2, x.ndim)), keepdims=True, dtype=np.float32),
    "Identity": lambda attrs, x: x,
    "ReduceMean": reduce_mean,
    "Relu": lambda attrs, x: np.maximum(x, 0),
    "Reshape": reshape,
    "Shape": shape,
    "Transpose": lambda attrs, x: np.ascontiguousarray(x.transpose(attrs.get("perm"))),
}
