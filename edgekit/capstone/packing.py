"""One file of a submission: a zip with a manifest (a hash of every file, device, versions) that is signed with the student's token.

The signature is an HMAC-SHA256 (RFC 2104) of the manifest. The token is known to the student and to the instructor only: so a file that was
altered, or signed by somebody else, is told from a right one.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import zipfile
from datetime import datetime, timezone
from pathlib import Path

from edgekit.capstone.failure import SubmissionError
from edgekit.capstone.reading import LIMITS, Submission, parse, read, too_large
from edgekit.files import BROKEN_ZIP, sha256, write_whole
from edgekit.formatting import one_line

MANIFEST, SIGNATURE = "manifest.json", "signature"
SUFFIX = ".edgekit"
MOST = 5 * 2**20  # bytes of a packed file
SHORTEST_TOKEN = 16
_LIMITS = {**LIMITS, MANIFEST: 2**17, SIGNATURE: 64}
_KINDS = {**dict.fromkeys(("student", "device", "task", "course", "division", "made"), str), "files": dict, "environment": dict}
_DATE = (1980, 1, 1, 0, 0, 0)  # the same folder gives the same bytes, but for the manifest's time


def pack(folder: str | Path, token: str, target: str | Path | None = None) -> Path:
    """Write FOLDER.edgekit (or ``target``) from a folder that can be read; nothing is measured.

    Raises:
        SubmissionError: for a submission that is refused, or a token that is none.
    """
    from edgekit import device

    submission = read(folder)
    budget = submission.budget
    manifest = {
        "format": 1,
        "student": budget.student,
        "device": budget.device,
        "task": budget.task,
        "course": budget.course,
        "division": submission.division,
        "files": {name: sha256(blob) for name, blob in submission.files.items()},
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "environment": device.environment(),
    }
    said = json.dumps(manifest, indent=1, default=str, sort_keys=True).encode()
    target = Path(target or Path(folder).resolve().with_suffix(SUFFIX))
    try:
        write_whole(target, zipped({**submission.files, MANIFEST: said, SIGNATURE: sign(said, token).encode()}))
    except OSError as error:
        raise SubmissionError(f"{target}: {error.strerror or error}. Fix: name a file that you may write.") from None
    return target


def zipped(content: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, blob in sorted(content.items()):
            archive.writestr(zipfile.ZipInfo(name, _DATE), blob, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def sign(manifest: bytes, token: str) -> str:
    if len(token.strip()) < SHORTEST_TOKEN:
        raise SubmissionError(
            f"the token has {len(token.strip())} characters, at least {SHORTEST_TOKEN} are needed. "
            "Fix: set EDGEKIT_TOKEN to the token that your instructor gave you. Who learns alone needs no packed file."
        )
    return hmac.new(token.strip().encode(), manifest, hashlib.sha256).hexdigest()


def unpack(packed: bytes, token: str) -> tuple[Submission, dict]:
    """(submission, manifest) of a packed file that ``token`` signed.

    Raises:
        SubmissionError: for a file that is no such zip, too large, altered, or signed with another token.
    """
    content = contents(packed)
    said, signature = content.pop(MANIFEST), content.pop(SIGNATURE)
    if not _fits(signature, said, token):
        raise SubmissionError(
            "the signature does not fit: the manifest was altered after packing, or it was signed with another student's token. "
            "Fix: run edgekit submit pack again, with your own token."
        )
    manifest = manifest_of(said)
    altered = [name for name, blob in content.items() if manifest["files"].get(name) != sha256(blob)]
    if altered:
        raise SubmissionError(f"{', '.join(altered)}: altered after packing (its hash is not the manifest's). Fix: pack again.")
    submission = parse(content)
    own = submission.budget
    wrong = [key for key in ("student", "device", "task", "course") if manifest[key] != getattr(own, key)]
    wrong += ["division"] if manifest["division"] != submission.division else []
    if wrong:
        raise SubmissionError(f"manifest and submission.json differ in {', '.join(wrong)}. Fix: pack again.")
    return submission, manifest


def is_signed(packed: bytes, token: str) -> bool:
    """Whether the manifest of a packed file is signed with a token. Raises SubmissionError where there is none."""
    content = contents(packed)
    return _fits(content[SIGNATURE], content[MANIFEST], token)


def _fits(signature: bytes, manifest: bytes, token: str) -> bool:
    return hmac.compare_digest(signature.strip(), sign(manifest, token).encode())


def manifest_of(said: bytes) -> dict:
    """A manifest whose entries are of the kinds that :func:`pack` writes; anybody can have written it.

    Raises:
        SubmissionError: for another.
    """
    try:
        manifest = json.loads(said)
    except (ValueError, RecursionError):
        raise SubmissionError("its manifest is no JSON. Fix: pack again.") from None
    if not isinstance(manifest, dict):
        raise SubmissionError(f"its manifest is a {type(manifest).__name__}. Fix: pack again.")
    wrong = [key for key, kind in _KINDS.items() if not isinstance(manifest.get(key), kind)]
    if not wrong and not all(isinstance(digest, str) for digest in manifest["files"].values()):
        wrong = ["files"]
    if wrong:
        raise SubmissionError(f"its manifest has no {wrong[0]!r}, or one of another kind. Fix: pack again.")
    return manifest


def student_of(packed: bytes) -> str:
    """Who says to have packed a file; nothing is proven by that."""
    return manifest_of(contents(packed)[MANIFEST])["student"][:64]


def contents(packed: bytes) -> dict[str, bytes]:
    """The members of a packed file, by name; sizes are limited before and while unpacking."""
    if len(packed) > MOST:
        raise SubmissionError(f"the file has {len(packed):,} bytes; at most {MOST:,} are read.")
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if sorted(names) != sorted(_LIMITS):
                raise SubmissionError(f"it holds {', '.join(names[:8])[:200]}; a packed submission holds {', '.join(_LIMITS)}.")
            return {member.filename: _unpacked(archive, member) for member in members}
    except SubmissionError:
        raise
    except (OSError, *BROKEN_ZIP) as error:
        why = one_line(error, 200)
        raise SubmissionError(f"not a packed submission ({why}). Fix: edgekit submit pack makes one.") from None


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    limit = _LIMITS[member.filename]
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SubmissionError(f"{member.filename}: packed by method {member.compress_type}; only stored and deflated are read.")
    with archive.open(member) as file:
        blob = file.read(limit + 1) if member.file_size <= limit else b""
    if member.file_size > limit or len(blob) > limit:
        raise SubmissionError(
            too_large(member.filename, member.file_size) if member.filename in LIMITS else f"{member.filename} is too large."
        )
    return blob
