"""EdgeCNN by Rockchip's RKNN-Toolkit2 for the RK3588: converted to INT8, and read by the toolkit's simulator. Writes
data/recorded/rknn_edgecnn.json.

The toolkit pins an older PyTorch, so it has an environment of its own, on x86-64 Linux with Python 3.11:

    python3.11 -m venv rknn && rknn/bin/pip install rknn-toolkit2 "setuptools<81"
    python data/measure_rknn.py rknn/bin/python

What runs in that environment imports nothing of the course. The simulator computes what the NPU would, and says nothing about its speed.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

OPSET, CHIP, CALIBRATION, PICTURES = 19, "rk3588", 64, 40


def inside(folder: Path) -> dict:
    """In the toolkit's environment: convert and simulate. Files: edgecnn.onnx, calibration.txt, pictures.npy."""
    from importlib.metadata import version

    from rknn.api import RKNN

    rknn = RKNN(verbose=False)
    steps = [
        lambda: rknn.config(target_platform=CHIP),
        lambda: rknn.load_onnx(str(folder / "edgecnn.onnx")),
        lambda: rknn.build(do_quantization=True, dataset=str(folder / "calibration.txt")),
        lambda: rknn.export_rknn(str(folder / "edgecnn.rknn")),
        lambda: rknn.init_runtime(),  # no target: the simulator
    ]
    for number, step in enumerate(steps):
        if step():
            raise RuntimeError(f"step {number} of the conversion failed; the toolkit's own lines above say why")
    pictures = np.load(folder / "pictures.npy")
    logits = [rknn.inference(inputs=[x[None]], data_format=["nchw"])[0][0].tolist() for x in pictures]
    rknn.release()
    return {"bytes": (folder / "edgecnn.rknn").stat().st_size, "logits": logits, "rknn_toolkit2": version("rknn-toolkit2")}


def measure(python: str) -> dict:
    import torch

    from edgekit import export
    from edgekit.zoo import data, models

    net, train, test = models.load_checkpoint("edgecnn"), data.load("digits", "train"), data.load("digits", "test")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        export.to_onnx(net, folder / "edgecnn.onnx", test.x[:1], dynamic_batch=False, dynamo=False, opset=OPSET)
        names = [folder / f"{i}.npy" for i in range(CALIBRATION)]
        for name, x in zip(names, train.x, strict=False):
            np.save(name, x[None])
        (folder / "calibration.txt").write_text("\n".join(map(str, names)) + "\n")
        np.save(folder / "pictures.npy", test.x[:PICTURES])
        done = subprocess.run([python, __file__, "--inside", str(folder)], capture_output=True, text=True, cwd=folder)
        if done.returncode:
            raise SystemExit(f"{python}: the conversion failed: {(done.stdout + done.stderr)[-1500:]}")
        found = json.loads(done.stdout.strip().splitlines()[-1])
    got = np.array(found.pop("logits"))
    with torch.inference_mode():
        want = net(torch.from_numpy(test.x[:PICTURES])).numpy()
    return {
        "chip": CHIP,
        "pictures": PICTURES,
        "right": int((got.argmax(1) == test.y[:PICTURES]).sum()),
        "same": float((got.argmax(1) == want.argmax(1)).mean()),
        "difference": float(np.abs(got - want).max() / np.abs(want).max()),
        **found,
    }


def main() -> None:
    if sys.argv[1:2] == ["--inside"]:
        print("\n" + json.dumps(inside(Path(sys.argv[2]))))
        return
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    from edgekit import ledger

    title = "EdgeCNN in INT8 for the RK3588, in the simulator of RKNN-Toolkit2"
    command = "python data/measure_rknn.py RKNN_PYTHON"
    print(ledger.record("rknn_edgecnn", measure(sys.argv[1]), title=title, source_command=command))


if __name__ == "__main__":
    main()
