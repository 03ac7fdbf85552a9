"""What the supervisor sees with: a meter that it asks itself, or a dry contact."""

from collections.abc import Generator
from typing import Protocol

from pcs.model.site import MeterSpec
from pcs.supervisor.decode import (
    FLOAT_METERS,
    INT_METERS,
    SUNSPEC_BASES,
    SUNSPEC_END,
    SUNSPEC_MARK,
    SUNSPEC_MODELS_MOST,
    Reads,
    flow_of,
    reads_of,
    sunspec_reads,
)
from pcs.supervisor.frames import READ_HOLDING, Request
from pcs.supervisor.gpio import InputLine
from pcs.supervisor.state import Contact, Nonsense, Seen
from pcs.supervisor.wire import Trouble, Wire

POLL_S = 0.2
"""How often the meter is asked: five times within the shortest delay that makes sense, and light on its link."""


class Sensor(Protocol):
    """Looked at once in every tick; never waits."""

    def look(self, now_s: float) -> Seen | None:
        """What is new, None where nothing is."""
        ...

    def trouble(self) -> str:
        """Why nothing comes, in words; empty while all is well."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


class MeterSensor:
    """A meter, asked over a wire of the supervisor's own. A SunSpec meter's model is looked for first."""

    def __init__(self, spec: MeterSpec, wire: Wire) -> None:
        self._spec, self._wire = spec, wire
        self._reads = reads_of(spec) if spec.profile.registers is not None else None
        self._search: Generator[Request, bytes, Reads | None] | None = None
        self._answers: list[bytes] = []
        self._next_s = float("-inf")
        self._trouble = "not asked yet"

    def look(self, now_s: float) -> Seen | None:
        """Take what has come, and ask again when it is time."""
        came = self._wire.look(now_s)
        if isinstance(came, Trouble):
            self._trouble = str(came)
            self._answers, self._search = [], None
            self._next_s = now_s + POLL_S
            return None
        seen = self._take(came, now_s) if came is not None else None
        if not self._wire.busy and now_s >= self._next_s:
            self._ask(now_s)
        return seen

    def trouble(self) -> str:
        """Why nothing comes."""
        return self._trouble

    def close(self) -> None:
        """Close the wire."""
        self._wire.close()

    def _ask(self, now_s: float) -> None:
        if self._reads is None:
            if self._search is None:
                self._search = _find_model(self._spec)
                self._wire.ask(next(self._search), now_s)
            return
        self._wire.ask(self._reads.requests[len(self._answers)], now_s)

    def _take(self, data: bytes, now_s: float) -> Seen | None:
        if self._reads is None:
            return self._searched(data, now_s)
        self._answers.append(data)
        if len(self._answers) < len(self._reads.requests):
            return None
        answers, self._answers = tuple(self._answers), []
        self._next_s, self._trouble = now_s + POLL_S, ""
        return flow_of(self._spec, self._reads, answers)

    def _searched(self, data: bytes, now_s: float) -> Seen | None:
        assert self._search is not None
        try:
            self._wire.ask(self._search.send(data), now_s)
        except StopIteration as end:
            self._reads, self._search = end.value, None
            if self._reads is None:
                self._trouble, self._next_s = "no SunSpec meter model found", now_s + POLL_S
                return Nonsense(detail=self._trouble)
        return None


def _find_model(spec: MeterSpec) -> Generator[Request, bytes, Reads | None]:
    """Ask for the mark at each base, then walk from model to model until a meter comes; None: there is none."""

    def read(address: int, count: int) -> Request:
        return Request(unit=spec.unit, function=READ_HOLDING, address=address, count=count)

    for base in SUNSPEC_BASES:
        if (yield read(base, 2)) != SUNSPEC_MARK:
            continue
        address = base + 2
        for _ in range(SUNSPEC_MODELS_MOST):
            head = yield read(address, 2)
            model, length = int.from_bytes(head[:2], "big"), int.from_bytes(head[2:], "big")
            if model in INT_METERS or model in FLOAT_METERS:
                return sunspec_reads(spec, model, address)
            if model == SUNSPEC_END or address + 2 + length > 0xFFFF:
                return None
            address += 2 + length
    return None


class ContactSensor:
    """A dry contact of an external protection relay: an active line means that it is closed and all is well."""

    def __init__(self, line: InputLine) -> None:
        self._line = line
        self._trouble = ""

    def look(self, now_s: float) -> Seen | None:
        """Read the line; one that cannot be read is no news, and soon missing."""
        try:
            closed = self._line.active()
        except OSError as error:
            self._trouble = str(error.strerror or error)
            return None
        self._trouble = ""
        return Contact(closed=closed)

    def trouble(self) -> str:
        """Why it cannot be read."""
        return self._trouble

    def close(self) -> None:
        """Give the line back."""
        self._line.close()
