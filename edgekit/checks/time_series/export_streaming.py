"""The check of `export_streaming`, lab 03g."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgekit.checks import CheckFailed, Exercise, OnnxFile, call, close, first_line, onnx_path, quietly, require
from edgekit.runtimes.ort.session import cpu_session

FRAMES = 12


def _gru(seed: int, hidden: int):
    from edgekit.zoo import models

    return models.build("gru", seed=seed, hidden=hidden).eval()


def inputs(rng: np.random.Generator) -> dict:
    return {"seed": int(rng.integers(2**31)), "hidden": int(rng.integers(9, 30))}


def probe(answer, inputs: dict) -> dict:
    with tempfile.TemporaryDirectory() as folder, quietly():
        path = Path(folder) / "gru.onnx"
        call(answer, _gru(inputs["seed"], inputs["hidden"]), path)
        return {"model": OnnxFile.read(path)}


def judge(inputs: dict, outputs: dict) -> str:
    hidden = inputs["hidden"]
    with onnx_path(outputs["model"]) as path:
        session = cpu_session(path)
        _ends(session, hidden)
        _streams(session, _gru(inputs["seed"], hidden), hidden)
    return (
        f"{FRAMES} frames one by one through ONNX Runtime: after each the same logits as PyTorch on all frames so far, twice from a fresh"
        " state."
    )


def _ends(session, hidden: int) -> None:
    given = {one.name: one.shape for one in session.get_inputs()}
    made = {one.name: one.shape for one in session.get_outputs()}
    require(
        len(given) == 2 or "state" in given,
        f"the file's inputs are {list(given)}: the state is not among them, so every call begins with silence. Write a module whose forward"
        " takes frames and state.",
        "no state going in",
    )
    require(
        len(made) == 2,
        f"the file's outputs are {list(made)}: logits and next_state are needed. Without the state nobody can go on where this call ended.",
        "no state coming out",
    )
    require(
        list(given) == ["frames", "state"] and list(made) == ["logits", "next_state"],
        f"the file has inputs {list(given)} and outputs {list(made)}, expected ['frames', 'state'] and ['logits', 'next_state'], in this"
        " order.",
        "names",
    )
    length = given["frames"][1] if len(given["frames"]) == 3 else given["frames"]
    require(
        not isinstance(length, int) or length == 1,
        f"the input frames is {given['frames']}: a streaming file takes one frame at a time, [1, 1, bins].",
        "not one frame",
    )
    fixed = [size for size in given["state"] if isinstance(size, int)]
    require(
        len(given["state"]) == 3 and fixed[-1:] == [hidden],
        f"the input state is {given['state']}, expected [1, 1, {hidden}]: layers, batch, hidden, as nn.GRU takes it.",
        "shape of the state",
    )


def _streams(session, model, hidden: int) -> None:
    import torch

    rng = np.random.default_rng(7)
    for _ in range(2):
        x = rng.normal(0, 1, (1, FRAMES, model.rnn.input_size)).astype(np.float32)
        state = np.zeros((1, 1, hidden), np.float32)
        for t in range(FRAMES):
            before = state
            try:
                logits, state = session.run(None, {"frames": x[:, t : t + 1], "state": before})
            except Exception as error:
                raise CheckFailed(f"ONNX Runtime fails on frame {t}: {first_line(error)}", "does not run") from None
            with torch.no_grad():
                seen = torch.from_numpy(x[:, : t + 1])
                expected, kept = model(seen).numpy(), model.rnn(seen)[1].numpy()
                fresh = model(seen[:, -1:]).numpy()
            _one(t, before, logits, state, expected, kept, fresh)


def _one(t: int, before, logits, state, expected, kept, fresh) -> None:
    near = lambda a, b: close(a, b, 1e-3, 1e-4)
    if t and near(logits, fresh) and not near(logits, expected):
        raise CheckFailed(
            f"the logits of frame {t} are those of this frame alone: the graph has an input state, and the GRU does not get it. Pass it to"
            " rnn(frames, state).",
            "state not used",
        )
    require(
        np.shape(state) == np.shape(before),
        f"next_state has shape {np.shape(state)}, state has {np.shape(before)}: what comes out must go in again as it is. nn.GRU returns"
        " (outputs, state): which of the two is it?",
        "shape of the next state",
    )
    require(
        not close(state, before, 1e-6, 1e-7),
        "next_state is the state that came in, unchanged: return the one that the GRU gives back.",
        "old state returned",
    )
    probabilities = np.exp(expected) / np.exp(expected).sum()
    require(not near(logits, probabilities), "logits went through a softmax: export what the linear layer gives.", "softmax added")
    require(
        logits.shape == expected.shape,
        f"the logits have shape {logits.shape}, expected {expected.shape}: fc of the last frame's output, out[:, -1].",
        "shape of the logits",
    )
    require(
        near(logits, expected),
        f"after frame {t} the logits differ from PyTorch's on all {t + 1} frames by up to {np.abs(logits - expected).max():.3g}. "
        "Is it the model that was passed in, and fc of the GRU's output?",
        "other logits",
    )
    require(near(state, kept), f"after frame {t} next_state is not the GRU's state.", "other state")


export_streaming = Exercise("export_streaming", inputs, probe, judge)
