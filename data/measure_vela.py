"""TinyCNN in INT8 by Arm's compiler Vela for an Ethos-U55: how many operators the NPU gets. Writes data/recorded/vela_tinycnn.json.

The .tflite file comes from litert-torch (`make runtimes`). Vela pins its own packages, so it has an environment of its own:

    python3 -m venv vela && vela/bin/pip install ethos-u-vela
    python data/measure_vela.py vela/bin/vela

Vela also estimates cycles and memory. They belong to the chip's memory settings, of which it takes defaults here, so they are not recorded.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

MODEL, CHIP, CALIBRATION = "tinycnn", "ethos-u55-128", 64


def compiled(vela: str, path: Path) -> dict:
    """What Vela says of a .tflite file."""
    command = [vela, str(path), "--accelerator-config", CHIP, "--output-dir", str(path.parent / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    counted = dict(re.findall(r"^(CPU|NPU) operators = (\d+)", done.stdout, re.MULTILINE))
    made = path.parent / "out" / f"{path.stem}_vela.tflite"
    if done.returncode or len(counted) != 2 or not made.is_file():
        raise SystemExit(f"{vela}: the compilation failed: {(done.stdout + done.stderr)[-1500:]}")
    version = subprocess.run([vela, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return {"operators_on_npu": int(counted["NPU"]), "operators_on_cpu": int(counted["CPU"]), "bytes": made.stat().st_size, "vela": version}


def measure(vela: str) -> dict:
    from edgekit.runtimes import litert
    from edgekit.zoo import data, models

    x = data.load("digits", "train").x[:CALIBRATION]
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / f"{MODEL}.tflite"
        path.write_bytes(litert.convert(models.load_checkpoint(MODEL), x[:1], [row[None] for row in x]))
        return {"chip": CHIP, **compiled(vela, path)}


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    from edgekit import ledger

    title = "TinyCNN in INT8 for the Ethos-U55, compiled by Vela"
    print(ledger.record("vela_tinycnn", measure(sys.argv[1]), title=title, source_command="python data/measure_vela.py VELA"))


if __name__ == "__main__":
    main()
