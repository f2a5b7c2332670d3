"""Reading a submission: four files and nothing else, by name, kind and size, before anything looks inside."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from edgekit import files as hashing
from edgekit.capstone.budgets import DIVISIONS, Budget, draw
from edgekit.capstone.failure import SubmissionError
from edgekit.formatting import one_line
from edgekit.graphs.reading import foreign

MODEL, CARD, COMMANDS, ABOUT = "model.onnx", "card.md", "commands.sh", "submission.json"
LIMITS = {MODEL: 4 * 2**20, CARD: 2**16, COMMANDS: 2**16, ABOUT: 2**14}  # bytes
SECTIONS = ("Intended use", "How it was made", "Known failures", "A rejected alternative")
WORDS = 15  # of one's own in every section
CLAIMS = {"accuracy": (0, 1), "latency": (0, 1000)}
_PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".joblib", ".npy", ".npz", ".ckpt", ".bin")


@dataclass(frozen=True)
class Submission:
    """The four files, read. claims: {"accuracy": 0..1, "latency": x the baseline's}, each None where nothing is claimed."""

    budget: Budget
    division: str
    claims: dict[str, float | None]
    files: dict[str, bytes]

    @property
    def model(self) -> bytes:
        return self.files[MODEL]

    @property
    def content_sha(self) -> str:
        """Of what is judged and marked: device, task, division, claims, model and card."""
        said = [self.budget.task, self.budget.device, self.division, sorted(self.claims.items())]
        said += [hashing.sha256(self.files[name]) for name in (MODEL, CARD)]
        return hashing.sha256(json.dumps(said).encode())


def read(folder: str | Path) -> Submission:
    """The submission in a folder.

    Raises:
        SubmissionError: for a file that is missing, too large, of another kind, or not among the four; nothing is opened then.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SubmissionError(f"{folder}: no such folder. Fix: edgekit submit template {folder} makes one.")
    found = sorted(os.listdir(folder))
    for name in found:
        _refuse_strange(folder / name)
    if missing := [name for name in LIMITS if name not in found]:
        raise SubmissionError(f"{folder}: {', '.join(missing)} is missing. Fix: edgekit submit template shows all files.")
    return parse({name: (folder / name).read_bytes() for name in LIMITS})


def parse(files: dict[str, bytes]) -> Submission:
    """The submission in four files that are in memory. Raises SubmissionError as :func:`read` does."""
    if set(files) != set(LIMITS):
        raise SubmissionError(f"a submission has the files {', '.join(LIMITS)}, this has {', '.join(sorted(files))}.")
    for name, blob in files.items():
        if len(blob) > LIMITS[name]:
            raise SubmissionError(too_large(name, len(blob)))
    _refuse_foreign(files[MODEL])
    texts = {name: _text(name, files[name]) for name in (CARD, COMMANDS, ABOUT)}
    if problem := card_problem(texts[CARD]):
        raise SubmissionError(f"{CARD}: {problem}")
    if not [line for line in texts[COMMANDS].splitlines() if line.strip() and not line.lstrip().startswith("#")]:
        raise SubmissionError(f"{COMMANDS}: no command in it. Fix: write the commands that made the model, one a line.")
    return Submission(*_about(texts[ABOUT]), files)


def too_large(name: str, size: int) -> str:
    return f"{name} has {size:,} bytes; at most {LIMITS[Path(name).name]:,} are read. It was not opened. Fix: hand in a smaller file."


def _refuse_strange(path: Path) -> None:
    about = path.lstat()
    if path.name not in LIMITS:
        why = " It can hold a pickle, and opening a pickle runs code." if path.suffix.lower() in _PICKLES else ""
        raise SubmissionError(f"{path}: not part of a submission, which has {', '.join(LIMITS)} and nothing else.{why} Fix: remove it.")
    if not stat.S_ISREG(about.st_mode):
        raise SubmissionError(f"{path}: a link, folder or device, not a plain file. Fix: copy the file itself.")
    if about.st_size > LIMITS[path.name]:
        raise SubmissionError(too_large(str(path), about.st_size))


def _refuse_foreign(blob: bytes) -> None:
    """A checkpoint renamed to .onnx, say."""
    if found := foreign(blob[:512]):
        raise SubmissionError(f"{MODEL}: {found[0]}, not an ONNX file; it was not opened (opening a pickle runs code). Fix: {found[1]}.")


def _text(name: str, blob: bytes) -> str:
    try:
        return blob.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SubmissionError(f"{name}: not a text in UTF-8. Fix: save it as UTF-8.") from None


def _about(text: str) -> tuple[Budget, str, dict]:
    try:
        about = json.loads(text)
        words = [about[key] for key in ("student", "device", "task", "course")]
        division, claims = about["division"], about.get("claims") or {}
        claims = {name: claims.get(name) for name in CLAIMS}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SubmissionError(
            f"{ABOUT}: {type(error).__name__}: {one_line(error, 100)}. Fix: edgekit submit template writes a right one."
        ) from None
    if division not in DIVISIONS:
        raise SubmissionError(f"{ABOUT}: division {str(division)[:40]!r}. Fix: one of {', '.join(DIVISIONS)}.")
    for name, value in claims.items():
        low, high = CLAIMS[name]
        if value is not None and not (type(value) in (int, float) and low <= value <= high):
            raise SubmissionError(f"{ABOUT}: claims.{name} is {str(value)[:40]!r}. Fix: a number from {low} to {high}, or null.")
    try:
        return draw(*words), division, claims
    except SubmissionError as error:
        raise SubmissionError(f"{ABOUT}: {error}") from None


def card_problem(text: str) -> str:
    """What is missing in a model card; empty when it is complete."""
    written = sections(text)
    for name in SECTIONS:
        words = len(re.findall(r"\w+", written.get(name, "")))
        if words < WORDS:
            return f"section '## {name}' has {words} words. Fix: write at least {WORDS}, outside of the comment."
    return ""


def sections(text: str) -> dict[str, str]:
    """{heading: text below it} of a Markdown text, by the lines that begin with "## "; without comments, and "" for what stands before the
    first heading. Two sections of one name are one."""
    found, name = {"": []}, ""
    for line in _without_comments(text).splitlines():
        if line.startswith("##") and line[2:3].isspace():
            name = line[2:].strip()
            found.setdefault(name, [])
        else:
            found[name].append(line)
    return {name: "\n".join(lines).strip() for name, lines in found.items()}


def _without_comments(text: str) -> str:
    """A comment that is not closed is none. By hand: a regular expression would look for the end of each of 16,000 beginnings."""
    kept, at = [], 0
    while (begin := text.find("<!--", at)) >= 0 and (end := text.find("-->", begin + 4)) >= 0:
        kept.append(text[at:begin])
        at = end + 3
    return "".join([*kept, text[at:]])
