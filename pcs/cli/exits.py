"""Exit codes: part of the outside contract (DESIGN section 9)."""

from enum import IntEnum


class Exit(IntEnum):
    """How a command ends. A command returns one of these, or nothing for `DONE`."""

    DONE = 0
    VERDICT = 1
    CONFIG = 2
    LINK = 3
    INTERNAL = 4
