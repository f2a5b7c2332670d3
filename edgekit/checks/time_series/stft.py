"""The check of `stft`, lab 03g."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, in_order, same_as_right, shuffled


def inputs(rng: np.random.Generator) -> dict:
    """A signal that ends with a frame, one with samples left over, and one whose window is no power of two and not symmetric."""
    cases = []
    for size, rest, odd in ((32, 0, False), (64, 1, False), (50, 1, True)):
        hop, count = int(rng.integers(size // 4, size // 2)), int(rng.integers(4, 9))
        left = int(rng.integers(2, hop)) if rest else 0
        window = rng.uniform(0.2, 1, size) if odd else np.hanning(size + 1)[:-1]
        signal = rng.normal(0, 1, size + (count - 1) * hop + left) + 0.5
        cases.append({"x": signal.astype(np.float32), "window": window.astype(np.float32), "hop": hop})
    return {"cases": shuffled(cases, rng)}


def probe(answer, inputs: dict) -> dict:
    return {"found": [_real(call(answer, case["x"], case["window"], case["hop"])) for case in inputs["cases"]]}


def _real(found):
    """Complex numbers do not cross the border: said by their name."""
    found = np.asarray(found) if isinstance(found, list) else found
    kind = str(getattr(found, "dtype", ""))
    return f"complex: {kind}" if "complex" in kind else found


_SAYS = {
    "no window": "the frames are not multiplied by the window: where a frame is cut off, every tone smears over all bins.",
    "window behind the transform": "multiply by the window before the transform, sample by sample.",
    "power": "that is the square of the magnitude: take the absolute value only.",
    "divided by the size": "you divide by the number of samples: the library's transform has no factor in front.",
    "mean removed": "the mean of a frame is removed: bin 0 is the mean, leave it in.",
    "frames back to front": "the order of the frames is the other way round: the first row is the first frame.",
}


def _transforms(x: np.ndarray, window: np.ndarray, hop: int) -> dict[str, np.ndarray]:
    """What torch.stft computes, and the same with the usual slips."""
    import torch

    size = len(window)

    def torch_stft(signal, by=window):
        made = torch.stft(torch.from_numpy(signal), size, hop, window=torch.from_numpy(by), center=False, return_complex=True)
        return made.abs().T.numpy()

    right = torch_stft(x)
    frames = torch.from_numpy(x).unfold(0, size, hop)
    without = (frames - frames.mean(1, keepdim=True)) * torch.from_numpy(window)
    plain = torch_stft(x, np.ones_like(window))
    return {
        "": right,
        "no window": plain,
        "power": right**2,
        "divided by the size": right / size,
        "mean removed": torch.fft.rfft(without).abs().numpy(),
        "frames back to front": right[::-1],
        "window behind the transform": plain * window[: plain.shape[1]],
    }


def judge(inputs: dict, outputs: dict) -> str:
    for case, got in in_order(inputs["cases"], outputs["found"]):
        x, window, hop = case["x"], case["window"], case["hop"]
        what = f"stft of {len(x)} samples, window {len(window)}, hop {hop}"
        if isinstance(got, str):
            raise CheckFailed(f"{what} is {got.removeprefix('complex: ')}: the magnitude is asked for, np.abs.", "complex")
        got, made = array(got, what), _transforms(x, window, hop)
        _shape(what, got.shape, made[""].shape, len(x), len(window), hop)
        same_as_right(
            what, got, made, _SAYS, "expected what torch.stft gives with center=False: cut, multiply by the window, rfft, magnitude."
        )
    return "Frame by frame the same as torch.stft, also with samples left over and with a window of 50."


def _shape(what: str, got: tuple, expected: tuple, samples: int, size: int, hop: int) -> None:
    if got == expected:
        return
    count, bins = expected
    likely = {
        (count, size): ("both halves", f"the signal is real, so the upper half of the {size} bins repeats the lower one: np.fft.rfft"),
        (count + 1, bins): ("a frame too many", "a frame that begins so late that samples are missing is left out"),
        (count - 1, bins): ("a frame too few", "the last whole frame belongs to it: how many starts fit?"),
        (samples // hop + 1, bins): ("padded", "the signal is padded at its ends; only whole frames are asked for, as with center=False"),
        (samples // size, bins): ("hop of a whole window", "the frames do not overlap: start one every `hop` samples"),
    }
    cause, why = likely.get(got, ("wrong shape", "(samples - size) // hop + 1 frames, size // 2 + 1 bins"))
    if got[:1] == (bins,):
        cause, why = "transposed", "one *row* for each frame: turn it round"
    raise CheckFailed(f"{what} has shape {got}, expected {expected}: {why}.", cause)


stft = Exercise("stft", inputs, probe, judge)
