"""One step of the controller as one compact line: what came in, what was commanded, what happened, and when.

A line is a JSON array without blanks, in the form that `pcs.codec.values` gives every class of `pcs.model`: exact, and
complete by construction. A file or blob of lines begins with `HEADER`, which carries the version of that form; which
fields each class had is kept once for each run (`VOCABULARY.table`), so that a later program still reads the lines.

It does not know files, queues or databases; `pcs.io` keeps the lines.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pcs.codec.values import Table, Vocabulary
from pcs.model import command, event, fault, reading, units
from pcs.model.command import Command
from pcs.model.event import Event
from pcs.model.reading import Observation
from pcs.model.units import Instant

VERSION = 2
"""Of the form of a row. A new class, field, event or fault is not a new form."""

HEADER = b'{"pcs.journal":%d}' % VERSION
"""First line of every file or blob of journal lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """Everything that one step saw and did. Replaying `inputs` at `now` must give `commands` and `events` again."""

    now: Instant
    inputs: tuple[Observation, ...] = ()
    commands: tuple[Command, ...] = ()
    events: tuple[Event, ...] = ()


VOCABULARY = Vocabulary([StepRecord, command, event, fault, reading, units])
"""All that a line can hold: every class of these modules of `pcs.model`, today's and tomorrow's."""


class BadLineError(ValueError):
    """A line that is not one of ours: torn, damaged, or with a name that this program does not know."""


class UnknownVersionError(ValueError):
    """Lines of a version that this program does not read; the message names it."""


_to_json = json.JSONEncoder(separators=(",", ":")).encode  # built once: json.dumps builds one for each call
_from_json = json.JSONDecoder().decode


def encode(step: StepRecord) -> bytes:
    """The line of one step, without a newline."""
    return encode_value(step, VOCABULARY)


def decode(line: bytes, table: Table | None = None) -> StepRecord:
    """The step of one line, by the table of the run that wrote it.

    Raises:
        BadLineError: the line is torn or damaged, or holds a name that this program does not know.
    """
    step: StepRecord = decode_value(line, StepRecord, VOCABULARY, table)
    return step


def encode_event(event: Event) -> bytes:
    """The line of one event alone."""
    return encode_value(event, VOCABULARY)


def decode_event(line: bytes, table: Table | None = None) -> Event:
    """The event of a line of `encode_event`.

    Raises:
        BadLineError: as `decode`.
    """
    event: Event = decode_value(line, Event, VOCABULARY, table)
    return event


def encode_value(value: Any, vocabulary: Vocabulary) -> bytes:
    """The line of any value of a vocabulary."""
    return _to_json(vocabulary.row(value)).encode("ascii")


def decode_value(line: bytes, kind: type[Any], vocabulary: Vocabulary, table: Table | None = None) -> Any:
    """The value of a line, which must be of this class.

    Raises:
        BadLineError: as `decode`.
    """
    try:
        value = vocabulary.value(_from_json(line.decode("ascii")), table)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise BadLineError(f"not a journal line ({error}): {line[:80]!r}") from error
    if not isinstance(value, kind):
        raise BadLineError(f"not the line of a {kind.__name__}: {line[:80]!r}")
    return value


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
