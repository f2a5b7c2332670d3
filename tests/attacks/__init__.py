"""The attack corpus: submissions that want points without an answer, or want to harm the grader, their neighbours or the machine.

Each attack is made from the released lab. Most follow one pattern: the answers are wrong, and only where the forbidden thing
*works* does the student's function become the right one. So credit means breach, and no credit means that the border held.
What could harm the machine if the sandbox were broken is bounded and looks first whether it is inside a sandbox.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

DONE = frozenset({"fail", "missing"})  # judged, or nothing to judge
STOPPED = frozenset({"fail", "missing", "timeout", "out-of-memory", "kernel-died"})
FORGED = STOPPED | {"grader-error"}  # results that no check writes: no points, and a person may be asked to look
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Material:
    """What attackers and honest students work from: the released lab and, for the honest, its solutions.

    Args:
        slug: of the lab.
        released: the released notebook.
        answers: source of every answer cell of the solution.
        submissions: the folder that all submissions stand in.
        out: the grader's output folder.
        places: what attacks need to know about the machine (``port``, ``marker``, ``host_pid_namespace`` ...).
    """

    slug: str
    released: dict
    answers: dict[str, str]
    submissions: Path
    out: Path
    places: dict = field(default_factory=dict)

    @cached_property
    def stubs(self) -> dict[str, str]:
        """Wrong answers. The one to ``gate`` raises, because exporting a wrong gate takes seconds."""
        wrong = {"gate": 'raise ValueError("no idea")'}
        return {name: f"def {name}(*args, **options):\n    {wrong.get(name, 'return None')}\n" for name in self.answers}

    def notebook(self, answers: dict[str, str]) -> dict:
        """The released notebook with these answers, ids and metadata untouched."""
        made = copy.deepcopy(self.released)
        for cell in made["cells"]:
            if cell.get("id") in answers:
                cell["source"] = answers[cell["id"]]
        return made

    def solved(self) -> dict:
        return self.notebook(self.answers)

    def wrong(self, **answers: str) -> dict:
        return self.notebook({**self.stubs, **answers})

    def if_breached(self, attempt: str, name: str = "describe") -> dict:
        """A notebook whose ``name`` is right exactly if ``attempt`` sets ``breached`` to something true; the rest is wrong."""
        code = f"breached = False\ntry:\n{_indented(attempt)}\nexcept BaseException as problem:\n    print(repr(problem))\n"
        right = _indented(self.answers[name])
        return self.wrong(**{name: f"{code}{self.stubs[name]}if breached:\n{right}\n"})

    def save(self, student: str, notebook: dict | bytes | str) -> Path:
        path = self.submissions / student / f"{self.slug}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        blob = (
            notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode() if isinstance(notebook, dict) else notebook.encode()
        )
        path.write_bytes(blob)
        return path


def _indented(code: str) -> str:
    return "\n".join("    " + line if line else "" for line in code.strip("\n").splitlines())


@dataclass(frozen=True)
class Attack:
    """One attack.

    Args:
        name: what it does, in a few words.
        make: ``make(material) -> notebook`` (dict, text or bytes), or writes into ``material.submissions/student`` itself
            when it takes two arguments ``(material, student)`` and returns None.
        statuses: what the items may be called afterwards.
        submission: the status that the whole submission must have; None for any but "grader-error".
        items: the items that must not earn anything; all by default.
        absent: whether it is also right that no record exists, because there is nothing that looks like a submission.
    """

    name: str
    make: Callable
    statuses: frozenset = DONE
    submission: str | None = None
    items: tuple[str, ...] = ()
    absent: bool = False

    @property
    def student(self) -> str:
        return "attack-" + "".join(c if c.isalnum() else "-" for c in self.name.lower())[:70]


def cells(notebook: dict, kind: str) -> list[dict]:
    """The "answer" or "check" cells of a notebook."""
    flag = {"answer": "solution", "check": "grade"}[kind]
    return [cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get(flag)]


def code_cell(cid: str, source: str) -> dict:
    return {"id": cid, "cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}


def corpus() -> list[Attack]:
    from tests.attacks import border, kernel, machine, notebook, upload

    return [*notebook.ATTACKS, *kernel.ATTACKS, *border.ATTACKS, *machine.ATTACKS, *upload.ATTACKS]
