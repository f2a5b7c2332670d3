"""From the solutions to the students' notebooks.

The work is done by nbgrader's own preprocessors in nbgrader's order, so that `nbgrader generate_assignment` on the same
solutions gives the same notebooks. What nbgrader does not do stands here: recognizing the roles of cells (`tidy`), the checks
for drift, leaks and metadata, and the students' bundle.
"""

from __future__ import annotations

import copy
import io
import json
import keyword
import re
import tokenize
from collections import Counter
from pathlib import Path

from edgekit import paths
from edgekit.course import course_map
from edgekit.course.catalog import CourseError, Lab, labs
from edgekit.course.notebooks import KERNEL, as_json, read, text
from edgekit.files import write_whole
from edgekit.instructor.questions import quizzes

STUB = '# Your code here\nraise NotImplementedError("write this function, then run this cell and the check below it")'
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
_CHECK_CALL = re.compile(r"^check\.(\w+)\((\w+)\)$")
_DEF = re.compile(r"^def (\w+)\(", re.MULTILINE)


# ---------------------------------------------------------------------------------------------------------------- solutions
def tidy(notebook: dict) -> dict:
    """Bring a freshly edited solution into its committed form, in place.

    Recognizes answer cells (a solution region below a ``def NAME``) and check cells (``check.NAME(NAME)``), gives them
    nbgrader's metadata and their ids, takes ``points`` from the check cell's metadata (2 unless given), and removes outputs.
    """
    notebook["metadata"] = {"kernelspec": dict(KERNEL), "language_info": {"name": "python"}}
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
    for cell in notebook["cells"]:
        meta = cell["metadata"]
        for key in ("execution", "editable", "deletable", "collapsed", "jupyter", "trusted"):
            meta.pop(key, None)
        if cell["cell_type"] != "code":
            continue
        cell["outputs"], cell["execution_count"] = [], None
        source = cell["source"]
        called = _CHECK_CALL.match(source.strip())
        if BEGIN in source:
            above = _DEF.findall(source.partition(BEGIN)[0])  # helpers may stand above the exercise
            if not above:
                raise CourseError(f"a solution region stands outside a function: {source[:80]!r}. Every exercise is one function.")
            cell["id"] = above[-1]
            meta["nbgrader"] = _nbgrader(above[-1], solution=True)
        elif called:
            points = meta.pop("points", None) or meta.get("nbgrader", {}).get("points", 2)
            cell["id"] = f"check-{called[1]}"
            meta["nbgrader"] = _nbgrader(f"check-{called[1]}", grade=True, locked=True, points=points)
        else:
            meta.pop("nbgrader", None)
    return notebook


def committed(notebook: dict, lab: Lab) -> dict:
    """A copy of a solution in its committed form: tidy, with the cells that say where the lab stands in the course."""
    made = tidy(copy.deepcopy(notebook))
    course_map.place(made, lab)
    return made


def _nbgrader(grade_id: str, **flags) -> dict:
    base = {"grade": False, "grade_id": grade_id, "locked": False, "schema_version": 3, "solution": False, "task": False}
    return {**base, **flags, **({"cell_type": "code"} if flags.get("grade") else {})}


def problems(lab: Lab, notebook: dict) -> list[str]:
    """What is wrong with a solution's structure: ids, metadata, exercises without check, missing hints. Empty when fine."""
    found = []
    cells = notebook["cells"]
    ids = Counter(cell.get("id") for cell in cells)
    found += [f"cell id {cid!r} occurs {n} times" for cid, n in ids.items() if n > 1 or cid is None]
    found += [f"cell {cell['id']} has outputs" for cell in cells if cell.get("outputs") or cell.get("execution_count")]
    if text(as_json(committed(notebook, lab))) != text(as_json(notebook)):
        found.append("is not in its committed form: run `edgekit release --tidy`")
    answers = {cell["id"] for cell in cells if cell["metadata"].get("nbgrader", {}).get("solution")}
    checks = {cell["id"].removeprefix("check-"): i for i, cell in enumerate(cells) if cell["metadata"].get("nbgrader", {}).get("grade")}
    found += [f"exercise {name} has no check cell" for name in sorted(answers - set(checks))]
    found += [f"check of {name} has no answer cell" for name in sorted(set(checks) - answers)]
    for name, index in checks.items():
        hints = "".join(cell["source"] for cell in cells[index + 1 : index + 3] if cell["cell_type"] == "markdown")
        if hints.count("<details>") < 3:
            found.append(f"exercise {name} has {hints.count('<details>')} hints behind its check, wants 3 (<details> blocks)")
    if not cells or cells[0]["cell_type"] != "markdown" or lab.title not in cells[0]["source"]:
        found.append(f"the first cell should be markdown with the lab's title, {lab.title!r}")
    return [f"solutions/{lab.slug}.ipynb: {line}" for line in found]


# ---------------------------------------------------------------------------------------------------------------------- labs
def release(notebook: dict) -> dict:
    """The student's notebook of a solution: solution regions become stubs, checks are locked. Deterministic.

    Raises:
        CourseError: when nbgrader is not installed or refuses the notebook.
    """
    try:
        from nbgrader import preprocessors as nbg
    except ImportError:
        raise CourseError(
            "making the labs needs nbgrader: run `make dev` in the course's folder (or pip install -e '.[instructor]')"
        ) from None
    from traitlets.config import Config

    config = Config({"ClearSolutions": {"code_stub": {"python": STUB}, "enforce_metadata": True}})
    steps = [nbg.LockCells, nbg.ClearSolutions, nbg.ClearOutput, nbg.CheckCellMetadata, nbg.ClearHiddenTests]
    steps += [nbg.ClearMarkScheme, nbg.ComputeChecksums, nbg.CheckCellMetadata]
    out, resources = copy.deepcopy(notebook), {}
    for step in steps:
        try:
            out, resources = step(config=config).preprocess(out, resources)
        except Exception as error:
            raise CourseError(f"nbgrader's {step.__name__} refused the notebook: {error}") from error
    return as_json(out)


def release_all(check: bool = False, tidy_first: bool = False) -> list[str]:
    """Write labs/ from solutions/, or with ``check`` only compare.

    Returns:
        Findings, one line each: structural problems, leaks and, with ``check``, drift. Empty when all is well.
    """
    findings: list[str] = []
    catalog = labs()
    for lab in catalog:
        if tidy_first:
            write_whole(lab.solution, text(as_json(committed(read(lab.solution), lab))))
        solution = read(lab.solution)
        findings += problems(lab, solution)
        made = release(solution)
        findings += leaks(lab, solution, made)
        if check:
            if not lab.notebook.is_file() or lab.notebook.read_text(encoding="utf-8") != text(made):
                findings.append(f"labs/{lab.slug}.ipynb differs from its solution: run `edgekit release`")
        else:
            write_whole(lab.notebook, text(made))
    findings += _landing(check) + quizzes.update(check)
    known = {lab.slug for lab in catalog} | {course_map.landing_file().stem}
    for folder in (paths.labs(), paths.solutions()):
        findings += [f"{folder.name}/{p.name} is not in course.toml" for p in sorted(folder.glob("*.ipynb")) if p.stem not in known]
    return findings


def _landing(check: bool) -> list[str]:
    """Write the landing notebook, or with ``check`` only compare."""
    file, made = course_map.landing_file(), text(as_json(course_map.landing()))
    if not check:
        write_whole(file, made)
    elif not file.is_file() or file.read_text(encoding="utf-8") != made:
        return [f"labs/{file.name} differs from course.toml: run `edgekit release`"]
    return []


# --------------------------------------------------------------------------------------------------------------------- leaks
def leaks(lab: Lab, solution: dict, released: dict) -> list[str]:
    """Lines of a solution region that a student can read in the released notebook: code, prose, hints or outputs."""
    visible = _squeeze(json.dumps(released, ensure_ascii=False).replace("\\n", "\n").replace('\\"', '"'))
    found = []
    for cell in solution["cells"]:
        if cell["cell_type"] != "code" or BEGIN not in cell["source"]:
            continue
        for region in cell["source"].split(BEGIN)[1:]:
            for line in region.partition(END)[0].splitlines():
                if _telling(line) and _squeeze(line) in visible:
                    found.append(f"labs/{lab.slug}.ipynb shows a line of the solution of {cell['id']}: {line.strip()!r}")
    return found


def _squeeze(line: str) -> str:
    return re.sub(r"\s+", "", line)


def _telling(line: str) -> bool:
    """Whether a line gives an answer away: at least four names, numbers or strings; imports and comments do not count."""
    stripped = line.strip()
    if not stripped or stripped.startswith(("#", "import ", "from ")):
        return False
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(stripped).readline))
    except (tokenize.TokenError, IndentationError):
        return len(stripped) > 20
    wanted = (tokenize.NAME, tokenize.NUMBER, tokenize.STRING)
    return sum(t.type in wanted and not keyword.iskeyword(t.string) for t in tokens) >= 4


# -------------------------------------------------------------------------------------------------------------------- README
def table() -> str:
    """The table of labs as Markdown, from course.toml and the notebooks."""
    rows = ["| lab | what you do | minutes | points | needs |", "| --- | --- | --- | --- | --- |"]
    rows += [
        f"| [{lab.slug}](labs/{lab.slug}.ipynb) | {lab.title}: {lab.summary} | {lab.minutes} | {lab.points:g} | {lab.needs} |"
        for lab in labs()
    ]
    return "\n".join(rows)


def update_readme(check: bool = False) -> None:
    """Put the table of labs between its markers in README.md; with ``check`` raise CourseError where it differs."""
    markers = "<!-- labs: made by `edgekit release` -->", "<!-- end of labs -->"
    put_between(paths.root() / "README.md", markers, table(), check)


def put_between(file: Path, markers: tuple[str, str], made: str, check: bool) -> None:
    """Write ``made`` between two lines of a file; with ``check`` only raise CourseError where the file has something else there."""
    start, end = markers
    old = file.read_text(encoding="utf-8")
    if start not in old or end not in old:
        raise CourseError(f"{file} lacks the lines {start} and {end}")
    new = old.partition(start)[0] + f"{start}\n{made}\n{end}" + old.partition(end)[2]
    if check and new != old:
        raise CourseError(f"{file}: what stands below {start} is out of date: run `edgekit release`")
    if not check:
        write_whole(file, new)
