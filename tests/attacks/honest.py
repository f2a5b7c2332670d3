"""Honest submissions with oddities that people really have. Every one of them must get full marks."""

from __future__ import annotations

import copy
import json
import zipfile

from tests.attacks import Material, cells, code_cell


def _doubled_checks(m: Material) -> dict:
    made = m.solved()
    out = []
    for cell in made["cells"]:
        out.append(cell)
        if cell in cells(made, "check"):
            out.append(copy.deepcopy(cell))
    return {**made, "cells": out}


def _warns(m: Material) -> dict:
    head = "import sys, warnings\nwarnings.warn('old function')\nprint('something on stderr', file=sys.stderr)\n"
    inside = "    import warnings; warnings.warn('again'); import sys; print('note', file=sys.stderr)\n"
    code = m.answers["mixes_images"]
    code = code.replace("    session = ", inside + "    session = ", 1)
    return m.notebook({**m.answers, "mixes_images": head + code})


def _extra_cells(m: Material) -> dict:
    made = m.solved()
    extras = [
        code_cell("scratch1", "%matplotlib inline\n!ls\nx = 3"),
        code_cell("scratch2", "1 / 0"),
        code_cell("scratch3", "def unused(: broken"),
        code_cell("scratch4", "describe = parity = None  # tried something here"),
    ]
    for i, extra in enumerate(extras):
        made["cells"].insert(3 + 4 * i, extra)
    return made


def _helpers(m: Material) -> dict:
    """Part of two answers stands in cells of the student's own, with an import and a constant."""
    made = m.notebook({**m.answers, "describe": "def describe(path):\n    return everything(path)\n"})
    whole = m.answers["describe"].replace("def describe(", "def everything(").replace("def everything(path: Path)", "def everything(path)")
    at = next(i for i, cell in enumerate(made["cells"]) if cell["id"] == "describe")
    extras = [
        code_cell("h1", "import math as my_math\nZERO = my_math.floor(0.5)"),
        code_cell("h2", whole.replace(", 0) + 1", ", ZERO) + 1")),
    ]
    made["cells"][at:at] = extras
    return made


def _reordered(m: Material) -> dict:
    made = m.solved()
    answers, checks = cells(made, "answer"), cells(made, "check")
    rest = [cell for cell in made["cells"] if cell not in answers and cell not in checks]
    return {**made, "cells": rest[:2] + checks[::-1] + rest[2:] + answers[::-1]}


def _without_ids(minor: int):
    def make(m: Material) -> dict:
        made = m.solved()
        for cell in made["cells"]:
            del cell["id"]
        return {**made, "nbformat_minor": minor}

    return make


def _other_ids(m: Material) -> dict:
    made = m.solved()
    for i, cell in enumerate(made["cells"]):
        cell["id"] = f"{i:08x}"
    return made


def _bare(m: Material) -> dict:
    """Through a service that keeps neither ids nor metadata: only the code is left."""
    made = _without_ids(4)(m)
    for cell in made["cells"]:
        cell["metadata"] = {}
    return made


def _version_3(m: Material) -> dict:
    kept = []
    for cell in m.solved()["cells"]:
        common = {"cell_type": cell["cell_type"], "metadata": cell["metadata"]}
        if cell["cell_type"] == "code":
            kept.append({**common, "input": cell["source"], "language": "python", "outputs": [], "collapsed": False, "prompt_number": 1})
        else:
            kept.append({**common, "source": cell["source"]})
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": kept, "metadata": {}}]}


def _windows(m: Material) -> bytes:
    made = m.solved()
    for cell in made["cells"]:
        cell["source"] = [line + "\r\n" for line in cell["source"].split("\n")]
    return json.dumps(made, indent=1).replace("\n", "\r\n").encode()


def _run(m: Material) -> dict:
    """With outputs: text, errors, a picture, widgets' state."""
    made = m.solved()
    for i, cell in enumerate(c for c in made["cells"] if c["cell_type"] == "code"):
        cell["execution_count"] = i
        cell["outputs"] = [
            {"output_type": "stream", "name": "stderr", "text": ["Warning\n"] * 50},
            {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[31mno"]},
            {"output_type": "display_data", "data": {"image/png": "A" * 100_000}, "metadata": {}},
        ]
    made["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    return made


def _timed(m: Material) -> dict:
    return m.notebook({**m.answers, "describe": "%%time\n" + m.answers["describe"], "gate": "%matplotlib inline\n" + m.answers["gate"]})


def _noisy(m: Material) -> dict:
    """Prints, comments in other languages, a cache in a global variable, two functions in one cell."""
    code = m.answers["describe"].replace(
        "    proto = ", "    print('\u00fcber', path, '\u4e2d\u6587')  # \u2713\n    _seen.append(path)\n    proto = ", 1
    )
    return m.notebook(
        {**m.answers, "describe": "_seen = []\n\ndef helper(x):\n    return x\n\n" + code, "gate": m.answers["gate"] + "\nprint(gate)"}
    )


def _with_bom(m: Material) -> bytes:
    return b"\xef\xbb\xbf" + json.dumps(m.solved(), ensure_ascii=False).encode()


def _draft_then_final(m: Material) -> dict:
    """A draft stays in a cell above; the last one with the id is meant."""
    made = m.solved()
    at = next(i for i, cell in enumerate(made["cells"]) if cell["id"] == "describe")
    made["cells"].insert(at, {**copy.deepcopy(made["cells"][at]), "source": m.stubs["describe"]})
    return made


def _below_the_stub(m: Material) -> dict:
    """The stub was left as it is, and the answer written into a new cell below."""
    made = copy.deepcopy(m.released)
    for cell in cells(made, "answer"):
        at = made["cells"].index(cell)
        made["cells"].insert(at + 1, code_cell(f"mine-{cell['id']}", m.answers[cell["id"]]))
    return made


def _own_kernel(m: Material) -> dict:
    made = m.solved()
    made["metadata"]["kernelspec"] = {"name": "my-env", "display_name": "Python (my-env)", "language": "python"}
    made["metadata"]["language_info"] = {"name": "python", "version": "3.13.1"}
    return made


ODDITIES = {
    "solution": lambda m: m.solved(),
    "duplicated-checks": _doubled_checks,
    "warnings-on-stderr": _warns,
    "extra-cells": _extra_cells,
    "helper-cells": _helpers,
    "reordered-cells": _reordered,
    "nbformat-4.4-no-ids": _without_ids(4),
    "nbformat-4.0": _without_ids(0),
    "nbformat-3": _version_3,
    "other-ids": _other_ids,
    "no-ids-no-metadata": _bare,
    "windows-line-ends": _windows,
    "with-outputs": _run,
    "cell-magics": _timed,
    "noisy": _noisy,
    "byte-order-mark": _with_bom,
    "draft-and-final": _draft_then_final,
    "another-kernel-name": _own_kernel,
    "answers-below-the-stubs": _below_the_stub,
}


def place(m: Material) -> list[str]:
    """Write all of them, some in the layouts of nbgrader and of zip files; returns the students' names."""
    for name, make in ODDITIES.items():
        m.save(f"honest-{name}", make(m))
    blob = json.dumps(m.solved()).encode()
    with zipfile.ZipFile(m.submissions / "honest-zipped.zip", "w") as archive:
        archive.writestr(f"{m.slug}.ipynb", blob)
        archive.writestr("__MACOSX/._x", b"")
    # As a Mac makes it, and with a draft kept.
    with zipfile.ZipFile(m.submissions / "honest-mac.zip", "w") as archive:
        archive.writestr(f"HW6/{m.slug}.ipynb", blob)
        archive.writestr(f"__MACOSX/HW6/._{m.slug}.ipynb", b"\0\5\x16\7" + bytes(100))
    m.save("honest-draft", blob)
    draft = m.submissions / "honest-draft" / "old" / f"{m.slug}.ipynb"
    draft.parent.mkdir()
    draft.write_text(json.dumps(m.released), encoding="utf-8")
    # As a browser or a learning platform renames it.
    renamed = m.submissions / "honest-renamed" / f"{m.slug} (1).ipynb"
    renamed.parent.mkdir()
    renamed.write_bytes(blob)
    return [f"honest-{name}" for name in ODDITIES] + ["honest-zipped", "honest-mac", "honest-draft", "honest-renamed"]
