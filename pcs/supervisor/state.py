"""What the supervisor remembers, what it is told and what it answers. No clock, no I/O."""

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """`WAITING`: open until the data are good. `CLOSED`: fed. `TESTING`: opened on purpose. `TRIPPED`: latched."""

    WAITING = "waiting"
    CLOSED = "closed"
    TESTING = "testing"
    TRIPPED = "tripped"


class Reason(StrEnum):
    """Why it tripped; stable names for machines."""

    BEYOND = "flow beyond the limit for too long"
    CONTACT = "protection contact open"
    MISSING = "no data"
    FROZEN = "data repeat themselves"
    IMPLAUSIBLE = "data are impossible"
    RELAY_SILENT = "the relay does not answer"
    WELDED = "the contact does not open"
    NOT_CLOSED = "the contact does not close"
    BAD_STATE = "the state file is damaged"


ONLY_PERSON = frozenset({Reason.WELDED, Reason.NOT_CLOSED, Reason.BAD_STATE})
"""Trips that never end by themselves: somebody has to look at the relay, or at what happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One reply of the meter: flow (import positive) and the raw bytes that show whether it lives."""

    import_w: float
    words: bytes
    volts_v: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Nonsense:
    """A reply that holds no usable number, and why."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A dry contact of an external protection relay: `closed` means all is well."""

    closed: bool


Seen = Flow | Nonsense | Contact
"""What sensing can say; None where nothing new came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """The relay as it was found at this tick. `closed` None: nothing reads its contact back."""

    closed: bool | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person asked since the last tick."""

    rearm: bool = False
    test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The memory. Times are `mono_s`, but those that outlive the process (`_utc_s`)."""

    mode: Mode = Mode.WAITING
    reason: Reason | None = None
    detail: str = ""
    since_s: float = 0.0
    tripped_utc_s: float | None = None
    rearms_utc_s: tuple[float, ...] = ()
    """When it last re-armed by itself, for the count."""
    heard_s: float
    """The last usable data; the beginning, before any."""
    changed_s: float
    """The last data that differed from those before."""
    words: bytes = b""
    import_w: float | None = None
    beyond_s: tuple[float | None, ...] = ()
    """Since when each watched flow is too much; None: it is not."""
    inside_s: tuple[float | None, ...] = ()
    """Since when each is back inside, while its excursion is not yet over."""
    nonsense_s: float | None = None
    evidence: str = ""
    """What the last impossible reply or the relay's trouble was, in words."""
    good_s: float | None = None
    """Since when everything is good in a row."""
    open_s: float | None = None
    """Since when the protection contact is open."""
    silent_s: float | None = None
    opened_s: float | None = None
    """When a trip test saw the contact open."""
    mismatch_s: float | None = None
    """Since when the contact differs from what it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One thing worth a line in the journal: a stable name and words."""

    what: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What follows: the new memory, whether the relay is fed at this tick, and what there is to tell."""

    state: State
    pulse: bool
    news: tuple[News, ...] = ()
