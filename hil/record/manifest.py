"""The manifest of a finished folder: SHA-256 and size of every other file. What does not fit is named, not repaired."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hil.record.codec import CodecError, from_json, to_json
from hil.record.recording import RecordingError

MANIFEST = "manifest.json"
MANIFEST_SCHEMA = "hil.manifest/1"
MANIFEST_BYTES_MAX = 1_000_000  # a few hundred bytes for each of a handful of files
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
UNFINISHED = "the run was not finished, or is no run: run it again"
AGAIN = "take the folder again from the bench; what was changed cannot be judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with a file of a record, and what a person can do."""

    file: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what} ({self.remedy})"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFact:
    """One file: its SHA-256 and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Every file of the folder but the manifest itself."""

    files: Mapping[str, FileFact]


def make_manifest(folder: Path) -> bytes:
    """The manifest of the files that are in a folder now."""
    names = sorted(path.name for path in folder.iterdir() if path.name != MANIFEST)
    files = {name: FileFact(sha256=sha256_of(folder / name), size=(folder / name).stat().st_size) for name in names}
    return to_json(Manifest(files=files), MANIFEST_SCHEMA).encode()


def digest_of(folder: Path) -> str:
    """SHA-256 of a folder's manifest: it stands for everything in the folder.

    Raises:
        RecordingError: there is none.
    """
    try:
        return sha256_of(folder / MANIFEST)
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise RecordingError(folder / MANIFEST, 0, what, UNFINISHED) from None


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_problems(folder: Path) -> list[Problem]:
    """Where the files of a folder are not what its manifest says."""
    try:
        if (folder / MANIFEST).stat().st_size > MANIFEST_BYTES_MAX:
            return [Problem(file=MANIFEST, what="is too large to be a manifest", remedy=AGAIN)]
        text = (folder / MANIFEST).read_text(encoding="utf-8")
        manifest = from_json(Manifest, text, MANIFEST_SCHEMA)
        there = {path.name for path in folder.iterdir()} - {MANIFEST}
    except OSError as error:
        return [Problem(file=MANIFEST, what=f"cannot be read: {error.strerror}", remedy=UNFINISHED)]
    except UnicodeDecodeError:
        return [Problem(file=MANIFEST, what="is no UTF-8 text", remedy=AGAIN)]
    except CodecError as error:
        return [Problem(file=MANIFEST, what=str(error), remedy=AGAIN)]
    found = []
    for name, fact in manifest.files.items():
        if not PLAIN_NAME.fullmatch(name):
            found.append(Problem(file=MANIFEST, what=f'lists "{name[:80]}", which is no plain name', remedy=AGAIN))
        elif name not in there:
            found.append(Problem(file=name, what="is missing", remedy=AGAIN))
        else:
            found += _changed(folder / name, fact)
    found += [
        Problem(file=name, what="is not in the manifest", remedy="nothing may be added to a record: move it elsewhere")
        for name in sorted(there - manifest.files.keys())
    ]
    return found


def _changed(path: Path, fact: FileFact) -> list[Problem]:
    try:
        size = path.stat().st_size
        if size != fact.size:
            return [Problem(file=path.name, what=f"has {size} bytes, the manifest says {fact.size}", remedy=AGAIN)]
        if sha256_of(path) != fact.sha256:
            return [Problem(file=path.name, what="is not what the manifest says: another SHA-256", remedy=AGAIN)]
    except OSError as error:
        return [Problem(file=path.name, what=f"cannot be read: {error.strerror}", remedy=AGAIN)]
    return []
