"""How long does a board take for the submissions of a whole class, and does it lose one?

    python tests/benchmarks/board_load.py --submissions 300

Students of a class of 100 hand in over HTTP, eight at once and as fast as the server takes them, which is worse than a deadline; a
judge in a process of its own, `edgekit board judge`, works on them from the first on. The aim: 300 within 10 minutes.

No two submissions are alike. Seven networks (three shipped ones, four narrower, each trained for one short epoch) are exported in float32,
float16 and INT8; each submission takes one of the 21 in turn, for a device class in turn, with its own input name and order of classes,
and with weights that are a little disturbed by a seed. Every twelfth is wrong: constant, with a wrong input name, or altered after packing.

It prints numbers of this run and decides nothing, but ends with status 1 when a submission was lost or not judged.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import psutil
from onnx import numpy_helper

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from edgekit import capstone, export  # noqa: E402
from edgekit.capstone import packing  # noqa: E402
from edgekit.compression import pruning, quantization  # noqa: E402
from edgekit.export import quiet  # noqa: E402
from edgekit.files import sha256  # noqa: E402
from edgekit.instructor.board import room  # noqa: E402
from edgekit.zoo import data, training  # noqa: E402
from edgekit.zoo.models import load_checkpoint  # noqa: E402
from tests import capstone as made  # noqa: E402

DEVICES = ("cpu-board", "microcontroller", "gpu-box")
STUDENTS = 100
WRONG = 12  # every so many
DISTURBED = 0.01  # of a tensor's range


def networks() -> dict:
    """The seven."""
    found = {name: load_checkpoint(name) for name in ("tinycnn", "edgecnn", "depthwisecnn")}
    train = data.load("digits", "train").subset(2000)
    for share in (0.125, 0.25, 0.375, 0.5):
        found[f"narrow {share}"] = narrow = pruning.narrow_blocks(found["edgecnn"], share)
        training.fit(narrow, train, epochs=1, lr=2e-3, progress=False)
    return found


def bases(folder: Path) -> list[bytes]:
    """The 21 files."""
    from onnxconverter_common import float16

    calibration, blobs = data.load("digits", "val").subset(100), []
    for name, net in networks().items():
        plain, small = folder / f"{name}.onnx", folder / f"{name} int8.onnx"
        export.to_onnx(net, plain, dynamo=False)
        quantization.for_cpu(plain, small, calibration)
        with quiet():
            half = float16.convert_float_to_float16(onnx.load(plain), keep_io_types=True)
        blobs += [plain.read_bytes(), half.SerializeToString(), small.read_bytes()]
    return blobs


def variant(base: bytes, budget, seed: int) -> bytes:
    """Under the contract of a budget, with disturbed weights. The last layer's rows take the order of the classes."""
    model, rng = onnx.load_model_from_string(base), np.random.default_rng(seed)
    order = [int(c) for c in budget.classes]
    old = model.graph.input[0].name
    model.graph.input[0].name = budget.input
    for node in model.graph.node:
        node.input[:] = [budget.input if name == old else name for name in node.input]
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.shape[:1] == (10,):
            array = array[order]
        if array.ndim > 1 and array.dtype.kind == "f":
            array = array + rng.normal(0, DISTURBED * np.ptp(array), array.shape).astype(array.dtype)
        elif array.ndim > 1:
            info = np.iinfo(array.dtype)
            array = np.clip(array.astype(int) + rng.integers(-2, 3, array.shape), info.min, info.max).astype(array.dtype)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    return model.SerializeToString()


def submissions(board, count: int, folder: Path) -> list[tuple[str, bytes, str]]:
    """(student, packed file, what has to become of it)."""
    files, found = bases(folder), []
    for i in range(count):
        student, device = f"s{i % STUDENTS:03}", DEVICES[(i // STUDENTS + i) % len(DEVICES)]
        wrong = ("constant", "input", "altered")[i // WRONG % 3] if i % WRONG == WRONG - 1 else ""
        model = made.constant if wrong == "constant" else lambda b, i=i: variant(files[i % len(files)], b, i)
        own = made.folder(folder / f"{i:04}", student, device, model)
        if wrong == "input":
            (own / "model.onnx").write_bytes(files[i % len(files)])  # without the contract
        packed = capstone.pack(own, board.tokens[student], folder / f"{i:04}.edgekit").read_bytes()
        if wrong == "altered":
            content = packing.contents(packed)
            packed = packing.zipped({**content, "card.md": content["card.md"] + b"!"})
        found.append((student, packed, wrong))
    assert len({sha256(blob) for _, blob, _ in found}) == count
    return found


def send(address: str, student: str, token: str, blob: bytes) -> tuple[int, float]:
    """(status, seconds), again where the server says that it is busy."""
    started, headers = time.perf_counter(), {"X-Student": student, "Authorization": f"Bearer {token}"}
    while True:
        try:
            request = urllib.request.Request(f"{address}submit", blob, headers)
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, time.perf_counter() - started
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503):
                return error.code, time.perf_counter() - started
            time.sleep(1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=300)
    parser.add_argument("--tier", default="namespace")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "roster.csv").write_text("login\n" + "".join(f"s{i:03}\n" for i in range(STUDENTS)))
        board = room.make(folder / "board", folder / "roster.csv")
        started = time.perf_counter()
        sent = submissions(board, given.submissions, folder)
        print(f"{len(sent)} submissions made in {time.perf_counter() - started:.0f} s", flush=True)
        return run(board, sent, given.tier)


def run(board, sent: list[tuple[str, bytes, str]], tier: str) -> int:
    command = [sys.executable, "-m", "edgekit", "board", "serve", str(board.folder), "--port", "0", "--tier", tier]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        address = process.stdout.readline().split()[0]
        started = time.perf_counter()
        with ThreadPoolExecutor(8) as many:
            told = list(many.map(lambda one: send(address, one[0], board.tokens[one[0]], one[1]), sent))
        taking = time.perf_counter() - started
        while any(row["state"] == "queued" or not (row["report"] or row["reason"]) for row in board.store.rows()):
            time.sleep(0.5)
        judging = time.perf_counter() - started
        spent = processor(process.pid)
        page = len(urllib.request.urlopen(address, timeout=60).read())
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
    print(f"processor: {spent:.0f} s in all, {spent / len(sent):.2f} s a submission: the server, the judge and its sandbox, start included")
    return say(board, sent, told, taking, judging, page)


def processor(pid: int) -> float:
    """Seconds of processor time of a process and all below it, with those of them that have ended and were waited for."""
    root = psutil.Process(pid)
    times = [one.cpu_times() for one in (root, *root.children(recursive=True))]
    return sum(one.user + one.system + one.children_user + one.children_system for one in times)


def say(board, sent, told, taking: float, judging: float, page: int) -> int:
    rows = {row["packed_sha"]: row for row in board.store.rows()}
    taken = [sha256(blob) for (_, blob, _), (status, _) in zip(sent, told, strict=True) if status == 201]
    lost = [one for one in taken if one not in rows]
    states = Counter(row["state"] for row in rows.values())
    doubtful = sum(bool(row["report"] and row["report"].get("again")) for row in rows.values())
    words = Counter(item["verdict"] for row in rows.values() if row["report"] for item in row["report"]["items"])
    unlike = Counter()
    for (_, blob, wrong), (status, _) in zip(sent, told, strict=True):
        state = rows[sha256(blob)]["state"] if sha256(blob) in rows else f"status {status}"
        unlike[wrong or "right", state] += 1
    print(
        f"taken: {dict(Counter(status for status, _ in told))} in {taking:.0f} s, median {statistics.median(s for _, s in told) * 1e3:.0f}"
        f" ms, longest {max(s for _, s in told):.1f} s"
    )
    print(f"judged: {dict(states)} in {judging:.0f} s from the first on: {judging / max(len(rows), 1):.2f} s each; lost: {len(lost)}")
    print(f"what was sent, and what became of it: {dict(unlike)}")
    print(
        f"verdicts of budgets: {dict(words)}; {doubtful} latencies are measured again, now that nobody waits; the page has {page:,} bytes"
    )
    return int(bool(lost) or states["fault"] > 0 or len(told) != len(sent))


if __name__ == "__main__":
    raise SystemExit(main())
