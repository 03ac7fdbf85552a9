"""When a watchdog is fed: after a completed step that stands on fresh knowledge of every meter. Pure.

Fresh knowledge is a reading *or a fault* that a meter's task has just handed in. A silent meter is the fail-safe
table's business, and a restart would not make it speak; what a restart mends is a loop, a task or a library of ours
that no longer comes back (docs/decisions/0015).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pcs.model.fault import Fault
from pcs.model.reading import MeterIdentified, MeterReading, Observation

KNOWN_WITHIN_S = 30.0
"""The longest that a healthy task says nothing: back-off of 5 s, and an identification of some tens of requests at
their deadline of 0.5 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """Since when each meter's task has said nothing (monotonic seconds), in the order of the meters."""

    meter_ids: tuple[str, ...]
    said_s: tuple[float, ...]


def at_start(meter_ids: tuple[str, ...], now_s: float) -> Alive:
    """Nobody has said anything yet."""
    return Alive(meter_ids=meter_ids, said_s=(now_s,) * len(meter_ids))


def after_step(alive: Alive, heard: Iterable[Observation], now_s: float) -> Alive:
    """What a completed step adds: who has said anything, good or bad."""
    sources = {source for o in heard if (source := _source(o))}
    if not sources:
        return alive
    said = zip(alive.meter_ids, alive.said_s, strict=True)
    return replace(alive, said_s=tuple(now_s if name in sources else at_s for name, at_s in said))


def starved(alive: Alive, now_s: float) -> str:
    """Why the watchdog is not fed, in words; empty: it is."""
    late = [name for name, at_s in zip(alive.meter_ids, alive.said_s, strict=True) if now_s - at_s > KNOWN_WITHIN_S]
    return f"the task of {', '.join(late)} says nothing any more, not even a fault" if late else ""


def _source(o: Observation) -> str:
    match o:
        case MeterReading(meter_id=name) | MeterIdentified(meter_id=name) | Fault(source_id=name):
            return name
        case _:
            return ""
