"""labs/ is what solutions/ gives, nothing leaks, and bad notebooks are named."""

from __future__ import annotations

import copy
import re
import subprocess
import sys

import pytest

from edgekit import paths
from edgekit.course import catalog
from edgekit.instructor import bundle, release

LABS = catalog.labs()


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.slug)
def test_labs_are_generated_from_solutions(lab):
    solution = release.read(lab.solution)
    made = release.release(solution)
    assert release.text(made) == lab.notebook.read_text(encoding="utf-8"), "run `edgekit release`"
    assert release.text(release.release(solution)) == release.text(made), "not deterministic"
    assert release.problems(lab, solution) == []
    assert release.leaks(lab, solution, made) == []


def test_the_readme_has_the_table_of_labs():
    release.update_readme(check=True)


# What installs or downloads when it runs. A hint that is printed ("pip install X") does not.
FETCHES = re.compile(
    r"^\s*[!%]{1,2}\s*(pip|uv|conda|apt|wget|curl)|[\"']-m[\"'], *[\"']pip|urlretrieve|urlopen|requests\.get|download=True", re.MULTILINE
)


@pytest.mark.parametrize(
    "line", ["!pip install x", "%pip install x", "run([sys.executable, '-m', 'pip', 'install', 'x'])", "load('mnist', download=True)"]
)
def test_fetching_is_recognized(line):
    assert FETCHES.search(f"import x\n{line}\n") and not FETCHES.search('print("fix: pip install x")')


def test_no_notebook_installs_or_downloads():
    for lab in LABS:
        for cell in release.read(lab.solution)["cells"]:
            found = FETCHES.search(cell["source"]) if cell["cell_type"] == "code" else None
            assert not found, f"{lab.slug}, cell {cell['id']}: {found[0]!r}"


@pytest.fixture
def solution():
    return release.read(catalog.find("04").solution)


def test_a_leak_in_a_hint_is_found(solution):
    lab = catalog.find("04")
    index = next(i for i, cell in enumerate(solution["cells"]) if cell["id"] == "gate")
    line = "return torch.where(is_bright, bright(x), dark(x))"
    assert line in solution["cells"][index]["source"]
    solution["cells"][index + 2]["source"] += f"\n`{line}`"
    found = release.leaks(lab, solution, release.release(solution))
    assert len(found) == 1 and "gate" in found[0] and "torch.where" in found[0]


def test_structural_faults_are_named(solution):
    lab = catalog.find("04")
    broken = copy.deepcopy(solution)
    cells = broken["cells"]
    cells[0]["source"] = "# Another title"
    check = next(i for i, cell in enumerate(cells) if cell["id"] == "check-gate")
    cells[check + 1]["source"] = "no hints"
    del cells[next(i for i, cell in enumerate(cells) if cell["id"] == "check-parity")]
    found = "\n".join(release.problems(lab, broken))
    assert "first cell" in found and "exercise gate has 0 hints" in found and "exercise parity has no check cell" in found


def test_outputs_and_duplicate_ids_are_named(solution):
    lab = catalog.find("04")
    code = [cell for cell in solution["cells"] if cell["cell_type"] == "code"]
    code[0]["execution_count"] = 1
    code[2]["id"] = code[1]["id"]
    found = "\n".join(release.problems(lab, solution))
    assert "has outputs" in found and "occurs 2 times" in found


def test_a_solution_outside_a_function_is_refused(solution):
    next(cell for cell in solution["cells"] if cell["cell_type"] == "code")["source"] = f"{release.BEGIN}\nx = 1\n{release.END}"
    with pytest.raises(catalog.CourseError, match="outside a function"):
        release.tidy(solution)


@pytest.mark.parametrize(
    "content, says", [("", "not a readable notebook"), ("{", "not a readable notebook"), ("[]", "not a readable notebook")]
)
def test_unreadable_notebooks_are_named(tmp_path, content, says):
    path = tmp_path / "x.ipynb"
    path.write_text(content)
    with pytest.raises(catalog.CourseError, match=says) as failure:
        release.read(path)
    assert "x.ipynb" in str(failure.value)


def test_catalog_errors_name_the_file(tmp_path):
    with pytest.raises(catalog.CourseError, match="missing"):
        catalog.labs(tmp_path / "course.toml")
    (tmp_path / "course.toml").write_text('[[lab]]\nslug = "x"\n')
    with pytest.raises(catalog.CourseError, match="needs slug, chapter"):
        catalog.labs(tmp_path / "course.toml")
    with pytest.raises(catalog.CourseError, match="no lab is called 'nope'"):
        catalog.find("nope")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("4", "04_onnx_export"),
        ("0", "00_start_here"),
        ("00", "00_start_here"),
        ("5a", "05a_onnx_runtime"),
        ("onnx_export", "04_onnx_export"),
        ("labs/04_onnx_export.ipynb", "04_onnx_export"),
        ("labs/04_onnx_export-Copy1.ipynb", "04_onnx_export"),
        ("04_onnx_export (1).ipynb", "04_onnx_export"),
    ],
)
def test_a_lab_is_found_by_number_name_and_file(name, slug):
    assert catalog.find(name).slug == slug


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("05", "05a, 05b or 05c[?]"),
        ("5", "05a, 05b or 05c[?]"),
        ("9", "no lab is called '9'"),
        ("5z", "no lab is called '5z'"),
        ("my own.ipynb", "no lab is called 'my own.ipynb'"),
    ],
)
def test_a_lab_that_is_none_or_several_is_said(name, says):
    with pytest.raises(catalog.CourseError, match=says):
        catalog.find(name)


def test_the_bundle_runs_by_itself_and_gives_nothing_away(tmp_path):
    target = tmp_path / "students"
    count = bundle.write(target)
    names = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert len(names) == count
    assert {"Makefile", "README.md", "labs/04_onnx_export.ipynb", "data/digits/test.npz", "requirements/cpu.txt"} <= names
    assert not [n for n in names if n.startswith(("solutions", "tests")) or _has_solution(target / n)]
    # From another place, with this environment's packages but the bundle's own edgekit.
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            "import edgekit, edgekit.zoo.data; print(edgekit.__file__); print(len(edgekit.zoo.data.load('digits', 'test')))",
        ],
        cwd=target,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(target), "PATH": ""},
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [str(target / "edgekit" / "__init__.py"), "6000"]
    for command in (["progress"], ["--help"], ["release"], ["grade"]):
        run = subprocess.run(
            [sys.executable, "-c", "from edgekit.cli import main; main()", *command],
            cwd=target,
            capture_output=True,
            text=True,
            env={"PYTHONPATH": str(target), "PATH": ""},
            timeout=120,
        )
        assert "Traceback" not in run.stderr
        assert run.returncode == (2 if command[0] in ("release", "grade") else 0), run.stderr


def test_the_students_edition_has_no_instructor(tmp_path):
    target = tmp_path / "students"
    made = subprocess.run(
        [sys.executable, "-m", "edgekit", "release", "--bundle", str(target)], capture_output=True, text=True, timeout=280
    )
    assert made.returncode == 0, made.stderr
    assert not (target / "edgekit" / "instructor").exists()
    assert "instructor." not in (target / "pyproject.toml").read_text(encoding="utf-8")
    imports = re.compile(r"^\s*(from|import) edgekit\.instructor|^\s*from edgekit import .*\binstructor\b", re.MULTILINE)
    found = [path for path in (target / "edgekit").rglob("*.py") if imports.search(path.read_text(encoding="utf-8"))]
    assert found == []
    # In a folder of its own, and no other edgekit on the path: what is missing would not be found elsewhere.
    shown = subprocess.run([sys.executable, "-m", "edgekit", "--help"], cwd=target, capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0, shown.stderr
    commands = re.findall(r"^  (\w+)  ", shown.stdout, re.MULTILINE)
    assert commands == ["lab", "doctor", "check", "progress", "bench", "tune", "runtimes", "submit"]


def _has_solution(path) -> bool:
    return path.suffix == ".ipynb" and release.BEGIN in path.read_text(encoding="utf-8")


def test_what_the_bundle_says_is_true_of_it(tmp_path):
    target = tmp_path / "students"
    bundle.write(target)
    readme, make = ((target / name).read_text(encoding="utf-8") for name in ("README.md", "Makefile"))
    links = re.findall(r"\]\(([^)#:]+)\)", readme)
    assert links and not [link for link in links if not (target / link).exists()]
    assert "make lab" in readme and "make test" not in readme and "nstructor" not in readme and "pytest" not in make
    targets = subprocess.run(["make", "-n", "lab"], cwd=target, capture_output=True, text=True, timeout=60)
    assert targets.returncode == 0 and "edgekit lab" in targets.stdout, targets.stderr


def test_the_bundle_never_overwrites(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(catalog.CourseError, match="not empty"):
        bundle.write(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "x"


def test_pins_have_hashes_and_no_addresses_and_spare_the_board():
    for path in (paths.root() / "requirements").glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text, f"{path.name} names a host"
        assert "--hash=sha256:" in text
    board = (paths.root() / "requirements" / "jetson.txt").read_text(encoding="utf-8")
    pinned = {line.split("==")[0] for line in board.splitlines() if "==" in line and not line.startswith(" ")}
    assert not {n for n in pinned if n.startswith(("torch", "tensorrt", "nvidia", "cuda", "onnxruntime", "triton"))}
