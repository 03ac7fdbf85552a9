"""Files that are whole or not there: written beside their name, forced to the disk, renamed, made read-only."""

import os
from contextlib import suppress
from pathlib import Path

READ_ONLY_FILE, READ_ONLY_FOLDER = 0o444, 0o555


def write_whole(path: Path, content: bytes) -> None:
    """A read-only file that a power cut leaves whole or not there at all.

    Raises:
        OSError: it cannot be written; nothing is left of it.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.unlink(missing_ok=True)  # of an attempt that was killed
        beside.write_bytes(content)
        to_disk(beside)
        beside.chmod(READ_ONLY_FILE)
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    to_disk(path.parent)


def to_disk(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_folder(folder: Path) -> None:
    """Remove a flat folder of ours that was never finished; what cannot be removed stays."""
    with suppress(OSError):
        folder.chmod(0o755)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
