"""Odd hand-ins and slow sources that the grader was not tuned to: written before the faults were mended, kept apart since.

``TREES``: what lies below SUBMISSIONS, and which students must come of it, each with the text that counts. ``LOST``: what
lies there and can count for nobody, and has to be told by path. ``SLOW``: sources that cost a naive reader minutes.
"""

from __future__ import annotations

import io
import json
import unicodedata
import zipfile

from edgekit.course.catalog import find

LAB = find("04_onnx_export")
SLUG = LAB.slug
NAME = f"{SLUG}.ipynb"
STUB = LAB.notebook.read_bytes()


def work(word: str) -> bytes:
    """A notebook in which somebody did something: ``word`` stands in each answer."""
    notebook = json.loads(STUB)
    for cell in notebook["cells"]:
        if "".join(cell["source"]).startswith("def ") or "nbgrader" in cell["metadata"]:
            cell["source"] = ["".join(cell["source"]), f"\n# {word}"]
    return json.dumps(notebook).encode()


ONE, TWO, THREE = work("one"), work("two"), work("three")


def packed(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, blob in files.items():
            archive.writestr(name, blob)
    return made.getvalue()


# name of the case: (files, students with what counts for each)
TREES: dict[str, tuple[dict[str, bytes], dict[str, bytes]]] = {
    "a Canvas zip beside a loose student": (
        {"submissions.zip": packed({f"maierina_88_901_{NAME}": ONE, f"novakpetr_LATE_89_902_{NAME}": TWO}), f"carla/{NAME}": THREE},
        {"maierina_88": ONE, "novakpetr_89": TWO, "carla": THREE},
    ),
    "a Moodle zip inside a term's folder": (
        {
            "week 3/Edge-Lab 4-5512.zip": packed(
                {f"Ina Maier_771_assignsubmission_file_/{NAME}": ONE, f"Petr Novák_772_assignsubmission_file_/{NAME}": TWO}
            )
        },
        {"Ina Maier": ONE, "Petr Novák": TWO},
    ),
    "one student's zip with three drafts is one student": (
        {"paula.zip": packed({NAME: THREE, f"old/{NAME}": ONE, f"older/{NAME}": ONE})},
        {"paula": THREE},
    ),
    "a copy that was never opened": ({f"ed/{SLUG}-Copy2.ipynb": STUB, f"ed/sub/{NAME}": ONE}, {"ed": ONE}),
    "a second download goes before the first": ({f"flo/{NAME}": ONE, f"flo/{SLUG} (2).ipynb": TWO}, {"flo": TWO}),
    "Canvas numbers its attempts": ({f"gil/{SLUG}-2.ipynb": TWO, f"gil/{SLUG}-1.ipynb": ONE}, {"gil": TWO}),
    "the tenth attempt goes before the ninth": ({f"hal/{SLUG}-9.ipynb": ONE, f"hal/{SLUG}-10.ipynb": TWO}, {"hal": TWO}),
    "six folders deep": ({f"ivy/home/ivy/courses/edge/labs/work/{NAME}": ONE}, {"ivy": ONE}),
    "a browser's double suffix": ({f"jo/{NAME}.txt": ONE, f"kay/{NAME}.json": TWO}, {"jo": ONE, "kay": TWO}),
    "two spellings of one name": (
        {f"{unicodedata.normalize('NFD', 'Søren Åström')}/{NAME}": ONE, f"{unicodedata.normalize('NFC', 'Zoë')}/{NAME}": TWO},
        {"Søren Åström": ONE, "Zoë": TWO},
    ),
    "names in many scripts": (
        {
            f"สมชาย ใจดี/{NAME}": ONE,
            f"محمد الأحمد/{NAME}": TWO,
            f"李小龍/{NAME}": THREE,
            f"Siobhán O'Brien/{NAME}": ONE,
            f"क्षितिज शर्मा/{NAME}": TWO,
        },
        {"สมชาย ใจดี": ONE, "محمد الأحمد": TWO, "李小龍": THREE, "Siobhán O'Brien": ONE, "क्षितिज शर्मा": TWO},
    ),
}

# what can count for nobody: every one of the names must be told
LOST: dict[str, tuple[dict[str, bytes], set[str]]] = {
    "a lab in another format": ({f"ann/{NAME}": ONE, f"ben/{SLUG}.html": b"<p>"}, {f"ben/{SLUG}.html"}),
    "a notebook by another name": ({f"ann/{NAME}": ONE, "cid/homework.ipynb": TWO}, {"cid/homework.ipynb"}),
    "an archive that is not read": ({f"ann/{NAME}": ONE, "dee/lab4.7z": b"7z", "eli/x.rar": b"R"}, {"dee/lab4.7z", "eli/x.rar"}),
    "an empty folder": ({f"ann/{NAME}": ONE, "fay/.keep": b""}, {"fay"}),
}

SLOW = {
    "spaced dots": "# Table . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . 7\n" + "x = 1\n" * 500,
    "spaced dots in a string": 's = "' + "w . " * 3000 + '"\n',
    "dots and tabs": "#" + "\t.\t " * 4000 + "!\n",
    "letters and dots": "# " + "a." * 1999 + " " + "b" * 5000 + "\n",
    "a long import": "import " + ".".join("ab" for _ in range(30_000)) + "\n",
    "question marks": "x = '" + " \t?" * 9000 + "\n",
    "equals and blanks": ("y =" + " " * 300 + "z\n") * 300,
    "hash marks": ("#" + " " * 2000 + "NBVAX\n") * 100,
    "nested functions": "".join(" " * i + f"def f{i}():\n" for i in range(95)) + " " * 95 + "pass\n",
    "a megabyte of nested functions": "".join(
        "".join(" " * i + f"def f{k}_{i}(a, b=lambda: 1):\n" for i in range(60)) + " " * 60 + "return a\n" for k in range(290)
    ),
    "a megabyte of small functions": "".join(f"def g{i}(a):\n    def h(b):\n        return a + b\n    return h\n" for i in range(19_000)),
    "brackets": "(" * 190 + ")" * 190 + "\n" + "z = " + "-" * 80_000 + "1\n",
    "a long sum": "t = " + " + ".join(["1"] * 200_000) + "\n",
    "f-strings": "f = (" + "f'{x}' " * 50_000 + ")\n",
}
