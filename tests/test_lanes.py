"""Lanes: what depends on the processor, on one that is not here; and verdicts that depend on neither it nor the seed.

`make lanes` runs all lanes with all labs; here runs what fits into the time.
"""

from __future__ import annotations

import pytest

from edgekit import device
from edgekit.course import leaderboard as course_board
from edgekit.course.catalog import find, labs
from tests.benchmarks.many_seeds import failure
from tests.conftest import answer_cells
from tests.lanes import LANES, LEFT_OUT, arm, float_model, inside, int8_model, leaderboard, part
from tests.lanes.__main__ import doctor_faults, percentages, recipe_faults, untried
from tests.mistakes.trying import alternatives

IMITATED = [lane for lane in LANES.values() if lane.arch]
# Exercises whose check runs INT8 files or rounds like the hardware.
CPU_BOUND = [
    ("05b", "quantize_model"),
    ("05b", "tensorrt_problems"),
    ("06a", "quantize_for_trt"),
    ("06c", "layer_precisions"),
    ("06c", "choose_precision"),
    ("05c", "to_float16"),
    ("07a", "fake_quantize"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("lane")
    float_model(made)
    return made


@pytest.fixture
def haswell():
    if why := LANES["haswell"].missing():
        pytest.skip(f"the lane haswell {why}")
    return LANES["haswell"]


@pytest.mark.lane
def test_int8_keeps_its_accuracy_where_sums_saturate(haswell, folder):
    int8_model(folder, "for_cpu")  # made here: what is asked of the lane is what its kernels compute
    found = part(haswell, folder, "recipes", pictures=150, recipes=["for_cpu"])["found"]
    print(percentages(found))
    assert recipe_faults(found) == []


@pytest.mark.lane
def test_libraries_keep_away_from_what_the_emulator_does_wrong(haswell, folder):
    """NumPy takes AVX2 for its argsort where it may; see WRONG_IN_QEMU."""
    show = "import numpy as np; a = np.float32(np.random.default_rng(0).permutation(2000)); print((np.diff(a[np.argsort(a)]) > 0).all())"
    assert haswell.run(["-c", show], folder, 120).stdout.split() == ["True"]


def test_an_answer_whose_library_is_not_here_is_named():
    assert inside.lacking("import numpy as np\nfrom sklearnish.tree import Tree\nimport os.path") == ["sklearnish"]
    assert untried("03c_x", {"split_real": [5, [], ["scikit-learn: sklearn is not here"]], "shift": [3, [], []]}) == [
        "not tried: split_real, scikit-learn: sklearn is not here"
    ]


@pytest.mark.lane
def test_the_lane_has_the_instructions_that_it_is_named_for(haswell, folder):
    """NumPy asks the processor: QEMU gives AVX2 and nothing newer."""
    show = "from numpy._core._multiarray_umath import __cpu_features__ as f; print(f['AVX2'], f['AVX512F'], f['AVX512_CLX'])"
    assert haswell.run(["-c", show], folder, 120).stdout.split() == ["True", "False", "False"]


@pytest.mark.parametrize("lane", IMITATED, ids=lambda lane: lane.name)
def test_the_doctor_reads_what_the_lane_is(lane, tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(lane.cpuinfo())
    cpu = device.describe(root=tmp_path).cpu
    assert cpu.int8_dot == lane.int8_dot
    assert ("dot product" in cpu.isa) == (lane.name == "pi5") and ("AVX2" in cpu.isa) == (lane.name == "haswell")


@pytest.mark.parametrize("lane", IMITATED, ids=lambda lane: lane.name)
def test_a_lane_that_cannot_run_says_what_it_needs(lane, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "needs the Debian packages bubblewrap, qemu-user-static" in lane.missing()
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "root" in arm.obstacle()


def test_a_loss_and_a_lie_are_found():
    found = {"float32": {"file": [198, 200]}, "for_cpu": {"file": [198, 200], "kernels": [150, 200]}}
    assert "for_cpu loses 48 of 200" in recipe_faults(found)[0]
    assert recipe_faults(found | {"for_cpu": {"file": [197, 200], "kernels": [197, 200]}}) == []
    told = {"arch": "aarch64", "int8_dot": True, "asked": {"arch": "aarch64", "int8_dot": False}}
    assert "int8 dot product" in doctor_faults(LANES["pi4"], told)[0]
    assert doctor_faults(LANES["pi4"], told | {"int8_dot": False}) == []


def test_what_is_left_out_exists():
    assert set(LEFT_OUT) <= {item.name for lab in labs() for item in lab.items}


@pytest.mark.parametrize("slug, name", CPU_BOUND, ids=lambda value: value)
def test_a_right_answer_passes_whatever_the_seed(slug, name, tmp_path, monkeypatch):
    """A sample of tests/benchmarks/many_seeds.py."""
    monkeypatch.setenv("EDGEKIT_WORK", str(tmp_path))
    lab = find(slug)
    right = [answer_cells(lab.solution)[name], *(other.code for other in alternatives(lab).get(name, []))]
    assert [said for seed in range(3000, 3004) for code in right if (said := failure(lab, name, code, seed))] == []


@pytest.mark.lane
def test_an_engine_in_a_lane_agrees_with_pytorch_and_tells_no_speed(haswell, monkeypatch):
    monkeypatch.setattr(course_board, "KINDS", [kind for kind in course_board.KINDS if kind[0] == "onnxruntime"])
    board = leaderboard.rank(haswell, "tinycnn", inputs=8)
    assert [row.name for row in board.rows] == ["onnxruntime float32", "onnxruntime int8"]
    assert leaderboard.faults(board) == [] and not any(row.failed or row.speedup for row in board.rows)
    assert board.rows[0].difference < 1e-5 and "no speed is told" in str(board)


def test_a_row_that_disagrees_in_a_lane_is_a_fault():
    row = lambda precision, difference, same: course_board.Row("x", precision, 1, difference, same, 1)
    rows = (row("float32", 0.5, 1.0), row("float32", 1e-4, 1.0), row("int8", 0.5, 0.5), row("int8", 0.5, 0.95))
    said = leaderboard.faults(course_board.Leaderboard("net", 4, (*rows, course_board.Row("y", "int8", failed="no"))))
    assert said == ["net, x float32: differs by 5.0e-01, same class on 100%", "net, x int8: differs by 5.0e-01, same class on 50%"]
