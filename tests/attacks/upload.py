"""Attacks with the file that is handed in: archives, links, sizes, encodings, structures."""

from __future__ import annotations

import io
import json
import os
import zipfile

from tests.attacks import STOPPED, UNREADABLE, Attack, Material, cells, code_cell


def _zip_of(m: Material, student: str, members: list[tuple[str | zipfile.ZipInfo, bytes]]) -> None:
    with zipfile.ZipFile(m.submissions / f"{student}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, blob in members:
            archive.writestr(name, blob)


def _zip_slip(m: Material, student: str) -> None:
    evil = json.dumps(m.wrong()).encode()
    marker = m.places["marker"]
    names = [f"../{marker}.ipynb", f"/tmp/{marker}.ipynb", f"a/../../../{marker}.ipynb", f"..\\{marker}.ipynb", f"C:\\{marker}.ipynb"]
    _zip_of(m, student, [(name, evil) for name in names])


def _zip_overwrites(m: Material, student: str) -> None:
    """Members that pretend to be another student's submission."""
    evil = json.dumps(m.wrong()).encode()
    _zip_of(m, student, [(f"../honest-solution/{m.slug}.ipynb", evil), (f"honest-solution/{m.slug}.ipynb", evil)])


def _zip_link(m: Material, student: str) -> None:
    link = zipfile.ZipInfo(f"{m.slug}.ipynb")
    link.external_attr = 0o120777 << 16
    target = m.submissions / "honest-solution" / f"{m.slug}.ipynb"
    _zip_of(m, student, [(link, str(target).encode())])


def _zip_bomb(m: Material, student: str) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive, archive.open(f"{m.slug}.ipynb", "w") as out:
        for _ in range(400):
            out.write(bytes(2**20))
    (m.submissions / f"{student}.zip").write_bytes(made.getvalue())


def _zip_many(m: Material, student: str) -> None:
    _zip_of(m, student, [(f"d{i}/x.txt", b"") for i in range(50_000)])


def _zip_slow(m: Material, student: str) -> None:
    """A kilobyte that takes a second to unpack, for each of its members."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_BZIP2) as archive:
        for i in range(3):
            archive.writestr(f"{i}/{m.slug}.ipynb", bytes(2**25 - 1))
    (m.submissions / f"{student}.zip").write_bytes(made.getvalue())


def _zip_drafts(m: Material, student: str) -> None:
    blob = json.dumps(m.wrong()).encode()
    _zip_of(m, student, [(f"{i}/{m.slug}.ipynb", blob) for i in range(2000)])


def _zip_damaged(m: Material, student: str) -> None:
    (m.submissions / f"{student}.zip").write_bytes(b"PK\x03\x04" + os.urandom(5000))


def _link(m: Material, student: str) -> None:
    folder = m.submissions / student
    folder.mkdir()
    (folder / f"{m.slug}.ipynb").symlink_to(m.submissions / "honest-solution" / f"{m.slug}.ipynb")


def _link_folder(m: Material, student: str) -> None:
    (m.submissions / student).symlink_to(m.submissions / "honest-solution", target_is_directory=True)


def _link_solution(m: Material, student: str) -> None:
    folder = m.submissions / student
    folder.mkdir()
    (folder / f"{m.slug}.ipynb").symlink_to(m.places["solutions"] + f"/{m.slug}.ipynb")


def _fifo(m: Material, student: str) -> None:
    folder = m.submissions / student
    folder.mkdir()
    os.mkfifo(folder / f"{m.slug}.ipynb")


def _folder(m: Material, student: str) -> None:
    (m.submissions / student / f"{m.slug}.ipynb").mkdir(parents=True)


def _sparse(m: Material, student: str) -> None:
    path = m.save(student, json.dumps(m.wrong()))
    os.truncate(path, 2**30)


def _padded(m: Material) -> dict:
    """30 MB of text in a markdown cell and in outputs."""
    made = m.wrong()
    made["cells"].append({"id": "big", "cell_type": "markdown", "metadata": {}, "source": "x" * 15_000_000})
    cells(made, "answer")[0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "y" * 15_000_000}]
    return made


def _many_cells(m: Material) -> dict:
    made = m.wrong()
    made["cells"] += [code_cell(f"c{i}", f"helper_{i} = {i}") for i in range(100_000)]
    return made


def _nested(m: Material) -> str:
    return '{"cells": ' + "[" * 200_000 + "]" * 200_000 + ', "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


def _odd_types(m: Material) -> dict:
    made = m.wrong()
    for cell, value in zip(cells(made, "answer"), [None, 7, {"a": 1}, ["def ", 3, None], [["x"]]], strict=False):
        cell["source"] = value
    made["cells"] += [None, 3, [], "cell", {"cell_type": 7}, {"id": ["describe"], "cell_type": "code", "source": "x", "metadata": []}]
    made["metadata"] = []
    return made


def _odd_ids(m: Material) -> dict:
    made = m.wrong()
    for cell in cells(made, "answer"):
        cell["id"], cell["metadata"]["nbgrader"]["grade_id"] = {"x": 1}, ["describe"]
    return made


def _source(code: str):
    return lambda m: m.wrong(describe=code)


def _own_cell(code: str):
    """In a cell of the student's own, which an answer asks for a name."""

    def make(m: Material) -> dict:
        made = m.wrong(describe="def describe(path):\n    return x0\n")
        made["cells"].append(code_cell("own", code))
        return made

    return make


def _surrogates(m: Material) -> dict:
    return m.wrong(describe="def describe(path):\n    return '\ud800\udfff \x00 \x1b[2J'\n", gate="def gate(*a):\n    return '\x00'\n")


ATTACKS = [
    Attack("zip-slip", _zip_slip, absent=True),
    Attack("zip that overwrites a neighbour", _zip_overwrites, absent=True),
    Attack("zip with a link to a neighbour", _zip_link, absent=True),
    Attack("zip bomb", _zip_bomb, absent=True),
    Attack("zip of 50,000 members", _zip_many, absent=True),
    Attack("zip of bzip2", _zip_slow, submission=UNREADABLE),
    Attack("zip of 2,000 drafts", _zip_drafts),
    Attack("damaged zip", _zip_damaged, absent=True),
    Attack("link to a neighbour's notebook", _link, absent=True),
    Attack("folder linked to a neighbour's", _link_folder, absent=True),
    Attack("link to the solution", _link_solution, absent=True),
    Attack("FIFO as notebook", _fifo, absent=True),
    Attack("folder as notebook", _folder, absent=True),
    Attack("notebook of 1 GB", _sparse, submission=UNREADABLE),
    Attack("notebook of 30 MB", _padded),
    Attack("100,000 cells", _many_cells),
    Attack("invalid JSON", lambda m: json.dumps(m.solved())[:-100], submission=UNREADABLE),
    Attack("empty file", lambda m: b"", submission=UNREADABLE),
    Attack("JSON, but a list", lambda m: b"[1, 2, 3]", submission=UNREADABLE),
    Attack("JSON nested 200,000 deep", _nested, submission=UNREADABLE),
    Attack("not a notebook but a pickle", lambda m: b"\x80\x04\x95" + bytes(100), submission=UNREADABLE),
    Attack("wrong encoding (UTF-16)", lambda m: json.dumps(m.wrong()).encode("utf-16")),
    Attack(
        "wrong encoding (Latin-1)",
        lambda m: json.dumps(m.wrong(describe="# \u00fc\u00e4\u00f6\ndef describe(p): pass"), ensure_ascii=False).encode(
            "latin-1", "replace"
        ),
    ),
    Attack("cells of the wrong types", _odd_types),
    Attack("ids that are no strings", _odd_ids),
    Attack("surrogates and null bytes in the code", _surrogates),
    Attack("code nested 100,000 deep", _source("def describe(path):\n    return " + "(" * 100_000 + ")" * 100_000)),
    Attack("code with 50,000 unary signs", _source("def describe(path):\n    return " + "-" * 50_000 + "1"), statuses=STOPPED),
    Attack("code with an attribute chain of 50,000", _source("def describe(path):\n    return path" + ".a" * 50_000), statuses=STOPPED),
    Attack("code that does not parse", _source("def describe(path:\n  return 1\n\tx = = 3"), items=()),
    Attack("chain of 50,000 names in an own cell", _own_cell("".join(f"x{i} = x{i + 1}\n" for i in range(50_000)))),
    Attack("400 magics in an own cell", _own_cell("x0 = 1\n" + "".join(f"%time x{i} = 1  # {'z' * 40}\n" for i in range(400)))),
    Attack("700 unary signs in an own cell", _own_cell("x0 = 1; b = " + "-" * 700 + "1")),
    Attack("number of 10,000 digits in an own cell", _own_cell("x0 = 1; b = 0x" + "f" * 10_000)),
    Attack("number of a million digits in the code", _source("def describe(path):\n    return " + "9" * 1_000_000)),
]
