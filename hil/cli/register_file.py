"""The register on disk: a line of JSON for each OLRT, appended to, and made again when it is lost."""

import hashlib
import json
import os
from pathlib import Path

from hil.cli.judged import RESULTS, read_results
from hil.record.codec import CodecError, from_plain, to_plain
from hil.record.folder import CAMPAIGN
from hil.record.recording import RecordingError
from hil.verdict.register import Entry, entries_of, newest

REGISTER = "hil-log.jsonl"
DEPTH_MAX = 4  # folders below the root: by laboratory, device, year
CAMPAIGNS_MAX = 10_000
LINE_BYTES_MAX = 10_000  # an entry has some 500
ENTRIES_MAX = 2_000_000


def campaigns_below(root: Path) -> tuple[Path, ...]:
    """Every judged campaign below a folder, or the folder itself, by name; nothing inside a campaign."""
    found: list[Path] = []
    level = [root]
    for _ in range(DEPTH_MAX + 1):
        below: list[Path] = []
        for folder in level:
            if (folder / CAMPAIGN).is_file():
                found += [folder] if (folder / RESULTS).is_file() else []
            else:
                below += sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        level = below
    return tuple(sorted(found)[:CAMPAIGNS_MAX])


def up_to_date(root: Path, *, rebuild: bool = False) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """The entries of every campaign below `root` as it is judged now, and what could not be read.

    What is new is appended to the register; a campaign that was judged again adds entries, the earlier ones stay in the
    file and count no more. `rebuild` writes the file anew.

    Raises:
        OSError: the register cannot be written.
    """
    path = root / REGISTER
    known, troubles = ((), ()) if rebuild else _read(path)
    seen = {(entry.campaign, entry.judged) for entry in known}
    judged: dict[str, str] = {}
    added: list[Entry] = []
    for folder in campaigns_below(root):
        name = folder.relative_to(root).as_posix()
        judged[name] = hashlib.sha256((folder / RESULTS).read_bytes()).hexdigest()
        if (name, judged[name]) in seen:
            continue
        try:
            added += entries_of(read_results(folder), name, judged[name])
        except RecordingError as error:
            troubles = (*troubles, str(error))
    if added or rebuild:
        lines = "".join(f"{json.dumps(to_plain(entry), ensure_ascii=False, allow_nan=False)}\n" for entry in added)
        _write(path, lines, rebuild=rebuild)
    return newest((*known, *added), judged), troubles


def _write(path: Path, lines: str, *, rebuild: bool) -> None:
    if rebuild:
        beside = path.with_name(f".{path.name}.part")
        beside.write_text(lines, encoding="utf-8")
        beside.replace(path)
        return
    torn = path.exists() and path.stat().st_size and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write(("\n" if torn else "") + lines)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """Entries, and lines that are none: a torn last one after a power cut is no reason to lose the others."""
    if not path.exists():
        return (), ()
    entries: list[Entry] = []
    troubles: list[str] = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                if len(line) > LINE_BYTES_MAX or len(entries) >= ENTRIES_MAX:
                    raise CodecError("", "is too long for a register")
                entries.append(from_plain(Entry, json.loads(line)))
            except (ValueError, RecursionError):
                troubles.append(f"{path}:{number}: is no entry (make the register again with `hil log --rebuild`)")
    return tuple(entries), tuple(troubles[:1])
