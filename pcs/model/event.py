"""What the core can say happened. The journal keeps events, the shell puts them into words."""

from dataclasses import dataclass
from enum import StrEnum

from pcs.model.units import Instant


class EventKind(StrEnum):
    """Kinds of event, stable names for machines."""

    STARTED = "started"
    STOPPED = "stopped"
    IDENTIFIED = "identified"
    PHASE_CHANGED = "phase changed"
    FAULT_RAISED = "fault raised"
    FAULT_CLEARED = "fault cleared"
    ACTION_CHANGED = "fail-safe action changed"
    EXCURSION_ENDED = "excursion ended"
    EXCURSION_COUNTED = "excursion counted"
    LOCKED_OUT = "locked out"
    LOCKOUT_ENDED = "lock-out ended"
    LOCKOUT_REFUSED = "reset of a lock-out refused"
    WIRING_VERIFIED = "wiring verified"
    RESPONSE_MEASURED = "response measured"
    RATING_MISMATCH = "rating differs from the site file"
    LIMITS_CHANGED = "limits in force changed"
    LIMITS_CONFLICT = "limits contradict each other"
    JOURNAL_ALARM = "journal alarm"
    HEALTH = "health"
    ALARM_RAISED = "alarm raised"
    ALARM_CLEARED = "alarm cleared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event: when, what, about whom, and the facts as named values (numbers carry their unit in the name)."""

    at: Instant
    kind: EventKind
    source_id: str = ""
    text: str = ""
    facts: tuple[tuple[str, float | str], ...] = ()
