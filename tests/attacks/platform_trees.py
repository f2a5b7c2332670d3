"""What learning platforms hand out, as it is: trees of nine kinds, with the students that must come of each.

A case is ``(files, students)``: for each student the work that counts, by what the platform calls the student; with the
roster of ``ROSTER`` every one of them is ``Ana Núñez``, ``Bo Li`` or ``Mary-Ann O'Hara``.
"""

from __future__ import annotations

from tests.attacks.odd import NAME, ONE, SLUG, STUB, THREE, TWO, packed

ROSTER = """\ufeffname;id;login;email;section
"Núñez, Ana";88001;anunez;ana.nunez@uni.example;A
Bo Li;88002;boli;bo.li@uni.example;A
Mary-Ann O'Hara;88003;mohara;m.ohara@uni.example;B
Silent Sam;88004;ssam;silent.sam@uni.example;B
"""
PEOPLE = ("Ana Núñez", "Bo Li", "Mary-Ann O'Hara")
METADATA = """---
submission_5001:
  :submitters:
  - :name: Ana Nunez
    :sid: '88001'
    :email: ana.nunez@uni.example
  :created_at: 2026-11-19 10:12:13.123456000 Z
  :score: 0.0
  :history:
  - :id: 4990
submission_5002:
  :submitters:
  - :name: Bo Li
    :sid: '88002'
    :email: bo.li@uni.example
  - :name: Mary-Ann O'Hara
    :sid: '88003'
    :email: m.ohara@uni.example
  :created_at: 2026-11-20 23:59:59.000000000 Z
"""


def blackboard(login: str, name: str, when: str, blob: bytes) -> dict[str, bytes]:
    start = f"Lab 4_ONNX export_{login}_attempt_{when}"
    about = f"Name: {name} ({login})\nAssignment: Lab 4\nDate Submitted: Friday, 20 November 2026\n\nCurrent Grade: Not Yet Graded\n"
    return {f"{start}.txt": about.encode(), f"{start}_{NAME}": blob}


MOODLE = {
    f"Ana Núñez_7101_assignsubmission_file_/{NAME}": ONE,
    "Ana Núñez_7101_assignsubmission_onlinetext_/onlinetext.html": b"<p>done</p>",
    f"Bo Li_7102_assignsubmission_file/{SLUG} (1).ipynb": TWO,
    f"Mary-Ann O'Hara_7103_assignsubmission_file_/lab/{NAME}": THREE,
}
CANVAS = {
    f"nunezana_88001_910001_{SLUG}.ipynb": STUB,
    f"nunezana_88001_910001_{SLUG}-1.ipynb": ONE,
    f"libo_LATE_88002_910002_{NAME}": TWO,
    f"oharamaryann_88003_910003_{SLUG}-2.ipynb": THREE,
    "oharamaryann_88003_910004_readme.txt": b"hello",
    "nunezana_88001_text.html": b"<p>done</p>",  # what was typed in, and what was linked to
    "libo_LATE_88002_text.html": b"<p>sorry</p>",
    "oharamaryann_88003_link.html": b"<a href='https://uni.example'>mine</a>",
}
BLACKBOARD = {
    **blackboard("anunez", "Ana Núñez", "2026-11-18-09-00-01", TWO),
    **blackboard("anunez", "Ana Núñez", "2026-11-20-13-05-22", ONE),
    **blackboard("boli", "Bo Li", "2026-11-20-08-30-00", TWO),
    **blackboard("mohara", "Mary-Ann O'Hara", "2026-11-21-00-00-10", THREE),
}
GRADESCOPE = {
    "assignment_4_export/submission_metadata.yml": METADATA.encode(),
    f"assignment_4_export/submission_5001/{NAME}": ONE,
    f"assignment_4_export/submission_5002/{NAME}": TWO,
}
SUBMITTED = {
    f"submitted/{login}/lab4/{file}": blob
    for login, work in (("anunez", ONE), ("boli", TWO), ("mohara", THREE))
    for file, blob in ((NAME, work), ("timestamp.txt", b"2026-11-20 13:05:22.123456 UTC\n"))
}
INBOUND = {
    f"inbound/anunez+lab4+2026-11-18 09:00:01.000000 UTC+bWFyaw/{NAME}": THREE,
    f"inbound/anunez+lab4+2026-11-20 13:05:22.123456 UTC+Zm9v/{NAME}": ONE,
    f"inbound/boli+lab4+2026-11-20 13_05_22.123456 America-New_York/{NAME}": TWO,
    f"inbound/mohara+lab4+2026-11-20 13:05:22 UTC+eHl6/{NAME}": THREE,
}
GITHUB = {
    f"lab-4-submissions/lab-4-{login}/{file}": blob
    for login, work in (("anunez", ONE), ("boli", TWO), ("mohara", THREE))
    for file, blob in ((f"labs/{NAME}", work), (".git/HEAD", b"ref: refs/heads/main\n"), ("README.md", b"# lab"))
}
HOMES = {
    f"home/jupyter-anunez/edgekit/labs/{NAME}": ONE,
    f"home/jupyter-anunez/edgekit/labs/.ipynb_checkpoints/{SLUG}-checkpoint.ipynb": TWO,
    f"home/claim-bo-2eli-40uni-2eexample/labs/{NAME}": TWO,
    f"home/mohara/{SLUG}-Copy1.ipynb": STUB,
    f"home/mohara/.local/share/Trash/files/{NAME}": ONE,
    f"home/mohara/course/{NAME}": THREE,
}
DRIVE = {
    f"Lab 4 (File responses)/{SLUG} - Ana Nunez.ipynb": ONE,
    f"Lab 4 (File responses)/Copy of {SLUG} (1) - Bo Li.ipynb": TWO,
    f"Lab 4 (File responses)/Mary-Ann O'Hara - {SLUG}.ipynb": THREE,
}

TREES: dict[str, tuple[dict[str, bytes], dict[str, bytes]]] = {
    "Moodle": (MOODLE, dict(zip(PEOPLE, (ONE, TWO, THREE), strict=True))),
    "Canvas": (CANVAS, {"nunezana_88001": ONE, "libo_88002": TWO, "oharamaryann_88003": THREE}),
    "Blackboard": (BLACKBOARD, dict(zip(PEOPLE, (ONE, TWO, THREE), strict=True))),
    "Gradescope": (GRADESCOPE, {"Ana Nunez": ONE, "Bo Li": TWO, "Mary-Ann O'Hara": TWO}),
    "nbgrader submitted": (SUBMITTED, {"anunez": ONE, "boli": TWO, "mohara": THREE}),
    "nbgrader inbound": (INBOUND, {"anunez": ONE, "boli": TWO, "mohara": THREE}),
    "GitHub Classroom": (GITHUB, {"anunez": ONE, "boli": TWO, "mohara": THREE}),
    "JupyterHub homes": (HOMES, {"anunez": ONE, "bo.li@uni.example": TWO, "mohara": THREE}),
    "Drive": (DRIVE, {"Ana Nunez": ONE, "Bo Li": TWO, "Mary-Ann O'Hara": THREE}),
}
ZIPS = {  # what the download is called, where it is one zip file
    "Moodle": "EDGE-Lab 4-5512.zip",
    "Canvas": "submissions.zip",
    "Blackboard": "gradebook_EDGE_Lab204_2026-11-21-08-00-00.zip",
    "Gradescope": "assignment_4_export.zip",
    "nbgrader submitted": "course101.zip",
    "nbgrader inbound": "inbound.zip",
    "Drive": "Lab 4-20261121T080000Z-1-001.zip",
}


def as_zip(kind: str) -> bytes:
    return packed(TREES[kind][0])
