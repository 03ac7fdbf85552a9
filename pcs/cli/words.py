"""Events as sentences for people: what `pcs run` says on a terminal and in the log."""

import logging

from pcs.model.event import Event, EventKind

ACTIONS = {
    "normal": "normal operation",
    "hold": "caps may not rise until the meter is heard again",
    "tighten": "caps move towards the safe set",
    "safe": "every DER goes to its share of the safe set",
}
"""The fail-safe actions of the site, by the name that the core gives them."""
ALARMS = {
    EventKind.FAULT_RAISED: "FAULT",
    EventKind.LOCKED_OUT: "LOCKED OUT",
    EventKind.LOCKOUT_REFUSED: "the lock-out stays",
    EventKind.RATING_MISMATCH: "check the rating",
    EventKind.JOURNAL_ALARM: "journal",
    EventKind.ALARM_RAISED: "health",
}
"""Kinds that a person should look at, and how they begin."""
PLAIN = {
    EventKind.FAULT_CLEARED: "over",
    EventKind.LIMITS_CHANGED: "limit",
    EventKind.LIMITS_CONFLICT: "limits contradict",
    EventKind.EXCURSION_ENDED: "excursion ended",
    EventKind.EXCURSION_COUNTED: "excursion counts towards a lock-out",
    EventKind.LOCKOUT_ENDED: "the lock-out is over",
    EventKind.WIRING_VERIFIED: "wiring verified, caps may rise at full speed",
    EventKind.RESPONSE_MEASURED: "response",
    EventKind.STOPPED: "stopped",
    EventKind.ALARM_CLEARED: "well again",
}


class Words:
    """Puts events into words. Before normal operation is first reached, a meter without samples is no fault."""

    def __init__(self) -> None:
        self._starting = True

    def sentence(self, event: Event) -> tuple[int, str]:
        """The level of the log line and its text."""
        source = f"{event.source_id}: " if event.source_id else ""
        match event.kind:
            case EventKind.ACTION_CHANGED:
                return self._action(event.text)
            case EventKind.FAULT_RAISED if self._starting and ("fault", "METER_LOST") in event.facts:
                return logging.INFO, f"{source}waiting for new measurements; every DER stays at its safe cap"
            case EventKind.FAULT_CLEARED if self._starting:
                return logging.INFO, f"{source}measures"
            case EventKind.HEALTH:
                return logging.DEBUG, f"health: {event.text}"
            case EventKind.IDENTIFIED:
                return logging.INFO, f"{source}found {event.text}"
            case kind if kind in ALARMS:
                return logging.WARNING, f"{source}{ALARMS[kind]}: {event.text}"
            case kind:
                return logging.INFO, f"{source}{PLAIN.get(kind, kind.value)}: {event.text}"

    def _action(self, change: str) -> tuple[int, str]:
        _, _, action = change.rpartition(" ")
        if action == "normal" and self._starting:
            self._starting = False
            return logging.INFO, "control begins; caps rise slowly until the wiring is verified by a movement"
        level = logging.INFO if action == "normal" else logging.WARNING
        return level, f"fail-safe {action}: {ACTIONS.get(action, change)}"
