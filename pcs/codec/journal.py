"""One step of the controller as one compact line: what came in, what was commanded, what happened, and when.

A line is a JSON array without blanks, positional, each value led by a one-letter tag. Floats come back bit for bit
(Python prints the shortest decimal that reads back as the same float; a NaN comes back as the plain NaN), register
bytes as hex. A file or blob of lines begins with `HEADER`, which carries the version of this layout.

It does not know files, queues or databases; `pcs.io` keeps the lines.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pcs.model.command import LimitActivePower
from pcs.model.event import Event, EventKind
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import (
    DerIdentified,
    DerReading,
    LimitApplied,
    LimitFailed,
    LimitReadback,
    MeterIdentified,
    MeterReading,
    Observation,
)
from pcs.model.units import Instant

VERSION = 1
"""Of the layout below. Any change of a position or tag makes a new one; a new kind of event or fault does not."""

HEADER = b'{"pcs.journal":%d}' % VERSION
"""First line of every file or blob of journal lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """Everything that one step saw and did. Replaying `inputs` at `now` must give `commands` and `events` again."""

    now: Instant
    inputs: tuple[Observation, ...] = ()
    commands: tuple[LimitActivePower, ...] = ()
    events: tuple[Event, ...] = ()


class BadLineError(ValueError):
    """A line that is not one of ours: torn, damaged, or with a name that this program does not know."""


class UnknownVersionError(ValueError):
    """Lines of a version that this program does not read; the message names it."""


_to_json = json.JSONEncoder(separators=(",", ":")).encode  # built once: json.dumps builds one for each call
_from_json = json.JSONDecoder().decode

Row = list[Any]


def _readback_row(r: LimitReadback) -> Row:
    return ["b", r.der_id, r.limit_w, r.reversion_limit_w, r.reversion_s, r.remaining_s, r.sent_s, r.received_s]


def _readback(r: Row) -> LimitReadback:
    return LimitReadback(
        der_id=r[1],
        limit_w=r[2],
        reversion_limit_w=r[3],
        reversion_s=r[4],
        remaining_s=r[5],
        sent_s=r[6],
        received_s=r[7],
    )


def _meter_row(r: MeterReading) -> Row:
    return [
        "m",
        r.meter_id,
        r.import_w,
        r.phase_import_w,
        r.phase_current_a,
        r.phase_voltage_v,
        r.frequency_hz,
        r.resolution_w,
        r.words.hex(),
        r.sent_s,
        r.received_s,
    ]


def _meter(r: Row) -> MeterReading:
    return MeterReading(
        meter_id=r[1],
        import_w=r[2],
        phase_import_w=tuple(r[3]),
        phase_current_a=tuple(r[4]),
        phase_voltage_v=tuple(r[5]),
        frequency_hz=r[6],
        resolution_w=r[7],
        words=bytes.fromhex(r[8]),
        sent_s=r[9],
        received_s=r[10],
    )


def _der_identified_row(r: DerIdentified) -> Row:
    return [
        "D",
        r.der_id,
        r.manufacturer,
        r.model,
        r.serial,
        r.firmware,
        r.variant,
        r.rating_w,
        r.resolution_w,
        r.reverts_safe,
        _readback_row(r.found),
        r.found_is_own,
        r.rating_source,
    ]


def _der_identified(r: Row) -> DerIdentified:
    return DerIdentified(
        der_id=r[1],
        manufacturer=r[2],
        model=r[3],
        serial=r[4],
        firmware=r[5],
        variant=r[6],
        rating_w=r[7],
        resolution_w=r[8],
        reverts_safe=r[9],
        found=_readback(r[10]),
        found_is_own=r[11],
        rating_source=r[12],
    )


def _meter_identified_row(r: MeterIdentified) -> Row:
    return ["M", r.meter_id, r.manufacturer, r.model, r.serial, r.firmware, r.variant, r.phases, r.has_liveness]


def _meter_identified(r: Row) -> MeterIdentified:
    return MeterIdentified(
        meter_id=r[1],
        manufacturer=r[2],
        model=r[3],
        serial=r[4],
        firmware=r[5],
        variant=r[6],
        phases=r[7],
        has_liveness=r[8],
    )


def _der(r: Row) -> DerReading:
    return DerReading(der_id=r[1], injection_w=r[2], words=bytes.fromhex(r[3]), sent_s=r[4], received_s=r[5])


def _applied(r: Row) -> LimitApplied:
    return LimitApplied(der_id=r[1], limit_w=r[2], sent_s=r[3], received_s=r[4])


def _fault_row(r: Fault) -> Row:
    return ["f", r.kind, r.source_id, r.at_s, r.detail]


def _fault(r: Row) -> Fault:
    return Fault(kind=FaultKind(r[1]), source_id=r[2], at_s=r[3], detail=r[4])


_ROW_OF: dict[type, Callable[[Any], Row]] = {
    MeterReading: _meter_row,
    DerReading: lambda r: ["d", r.der_id, r.injection_w, r.words.hex(), r.sent_s, r.received_s],
    LimitReadback: _readback_row,
    LimitApplied: lambda r: ["a", r.der_id, r.limit_w, r.sent_s, r.received_s],
    DerIdentified: _der_identified_row,
    MeterIdentified: _meter_identified_row,
    LimitFailed: lambda r: ["x", r.der_id, r.limit_w, _fault_row(r.fault)],
    Fault: _fault_row,
}
_OBSERVATION_OF: dict[str, Callable[[Row], Observation]] = {
    "m": _meter,
    "d": _der,
    "b": _readback,
    "a": _applied,
    "x": lambda r: LimitFailed(der_id=r[1], limit_w=r[2], fault=_fault(r[3])),
    "D": _der_identified,
    "M": _meter_identified,
    "f": _fault,
}


def _event_row(e: Event) -> Row:
    return [e.at.mono_s, e.at.utc_s, e.kind, e.source_id, e.text, e.facts]


def _event(r: Row) -> Event:
    return Event(
        at=Instant(mono_s=r[0], utc_s=r[1]),
        kind=EventKind(r[2]),
        source_id=r[3],
        text=r[4],
        facts=tuple((name, value) for name, value in r[5]),
    )


def _command(r: Row) -> LimitActivePower:
    return LimitActivePower(der_id=r[0], limit_w=r[1], reversion_limit_w=r[2], urgent=r[3])


def encode(step: StepRecord) -> bytes:
    """The line of one step, without a newline."""
    row = [
        step.now.mono_s,
        step.now.utc_s,
        [_ROW_OF[type(i)](i) for i in step.inputs],
        [(c.der_id, c.limit_w, c.reversion_limit_w, c.urgent) for c in step.commands],
        [_event_row(e) for e in step.events],
    ]
    return _to_json(row).encode("ascii")


def decode(line: bytes) -> StepRecord:
    """The step of one line.

    Raises:
        BadLineError: the line is torn or damaged, or holds a kind of event or fault that this program does not know.
    """
    try:
        mono_s, utc_s, inputs, commands, events = _from_json(line.decode("ascii"))
        return StepRecord(
            now=Instant(mono_s=mono_s, utc_s=utc_s),
            inputs=tuple(_OBSERVATION_OF[i[0]](i) for i in inputs),
            commands=tuple(_command(c) for c in commands),
            events=tuple(_event(e) for e in events),
        )
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise BadLineError(f"not a journal line ({error}): {line[:80]!r}") from error


def encode_event(event: Event) -> bytes:
    """The line of one event alone."""
    return _to_json(_event_row(event)).encode("ascii")


def decode_event(line: bytes) -> Event:
    """The event of a line of `encode_event`.

    Raises:
        BadLineError: as `decode`.
    """
    try:
        return _event(_from_json(line.decode("ascii")))
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise BadLineError(f"not an event line ({error}): {line[:80]!r}") from error


def check_header(line: bytes) -> None:
    """Refuse what this program cannot read.

    Raises:
        UnknownVersionError: the lines that follow are of another version.
        BadLineError: this is no header.
    """
    try:
        version = _from_json(line.decode("ascii"))["pcs.journal"]
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise BadLineError(f"no journal header: {line[:80]!r}") from error
    if version != VERSION:
        raise UnknownVersionError(f"journal lines of version {version}; this program reads version {VERSION}")


def pack(lines: Iterable[bytes]) -> bytes:
    """Lines as the text of a file or blob: header first, one line each."""
    return b"\n".join([HEADER, *lines])


def unpack(text: bytes) -> Iterator[bytes]:
    """The lines of a file or blob, header checked and taken off; errors as `check_header`."""
    header, *lines = text.split(b"\n")
    check_header(header)
    yield from (line for line in lines if line)
