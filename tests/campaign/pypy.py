"""What the controller's files need and PyPy's `os` lacks. Only for the campaign: the controller itself runs on CPython.

`os.preadv` into a mapped page returns an error where a disk fails, and a copy in the process would be a SIGBUS. There
is no such disk in a campaign, so the copy will do.
"""

import os
from collections.abc import Sequence


def _preadv(fd: int, places: Sequence[memoryview], at: int) -> int:
    place = places[0]
    data = os.pread(fd, len(place), at)
    place[: len(data)] = data
    return len(data)


def complete_os() -> None:
    """Put in what is missing, if anything is."""
    if not hasattr(os, "preadv"):
        os.preadv = _preadv
