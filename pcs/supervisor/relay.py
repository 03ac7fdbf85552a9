"""The relay behind a port: fed by pulses, open without them. Nothing here can hold it closed by a level."""

from typing import Protocol

from pcs.model.supervisor import BoardRelay
from pcs.supervisor.frames import READ_INPUTS, Request, coil_off, flash_on
from pcs.supervisor.gpio import InputLine, OutputLine
from pcs.supervisor.state import Feed
from pcs.supervisor.wire import Trouble, Wire


class RelayMissingError(Exception):
    """The relay cannot be reached at the start: what, where, and what to look at. Nothing was energised."""


class Relay(Protocol):
    """What the supervisor feeds. Every method returns at once."""

    def pulse(self, now_s: float) -> None:
        """Feed it once more: it stays closed for its hold time from here."""
        ...

    def rest(self, now_s: float) -> None:
        """Do not feed it; where it can be told to open, tell it."""
        ...

    def feed(self, now_s: float) -> Feed:
        """Whether the contact is closed, and what is wrong with the way to it."""
        ...

    def close(self) -> None:
        """Open it and let go."""
        ...


class ContactReader(Protocol):
    """What reads the contact back."""

    def closed(self) -> bool | None:
        """Whether the contact is closed; None: cannot be read now."""
        ...


class LineReader:
    """An auxiliary contact at a GPIO line."""

    def __init__(self, line: InputLine, active_means_closed: bool) -> None:
        self._line, self._closed_when = line, active_means_closed

    def closed(self) -> bool | None:
        """Read it."""
        try:
            return self._line.active() is self._closed_when
        except OSError:
            return None


class PulsedOutput:
    """A GPIO output that changes at every pulse: a charge pump or monostable behind it holds the relay."""

    def __init__(self, line: OutputLine, feed_s: float, reader: ContactReader | None = None) -> None:
        self._line, self._feed_s, self._reader = line, feed_s, reader
        self._level = False
        self._edge_s = float("-inf")
        self._trouble = ""

    def pulse(self, now_s: float) -> None:
        """Change the level, if it is time for an edge; a tick that comes a little early is one."""
        if now_s - self._edge_s < 0.75 * self._feed_s:
            return
        self._edge_s = now_s
        self._level = not self._level
        self._set()

    def rest(self, now_s: float) -> None:
        """Leave the output inactive."""
        if self._level:
            self._level = False
            self._set()

    def feed(self, now_s: float) -> Feed:
        """What the contact says."""
        return Feed(closed=None if self._reader is None else self._reader.closed(), trouble=self._trouble)

    def close(self) -> None:
        """Rest, and give the line back."""
        self.rest(0.0)
        self._line.close()

    def _set(self) -> None:
        try:
            self._line.set(self._level)
            self._trouble = ""
        except OSError as error:
            self._trouble = f"the output cannot be set: {error.strerror or error}"


class BoardOutput:
    """A relay of a Modbus board that closes for its own time and is renewed; its input reads the contact back."""

    def __init__(
        self,
        spec: BoardRelay,
        wire: Wire,
        reader: ContactReader | None = None,
        board_input: int | None = None,
        active_means_closed: bool = True,
    ) -> None:
        self._spec, self._wire, self._input, self._reader = spec, wire, board_input, reader
        self._closed_when = active_means_closed
        self._next_s = float("-inf")
        self._asked_input = False
        self._opened = False
        self._closed: bool | None = None
        self._trouble = "not asked yet"

    def pulse(self, now_s: float) -> None:
        """Renew its time when a third of it has passed."""
        self._opened = False
        self._look(now_s)
        if self._wire.busy:
            return
        if now_s >= self._next_s:
            self._next_s = now_s + self._spec.feed_s
            self._send(flash_on(self._spec.unit, self._spec.coil, self._spec.hold_s), now_s)
        else:
            self._ask_input(now_s)

    def rest(self, now_s: float) -> None:
        """Tell it to open at once, and again now and then: it opens by itself in any case."""
        self._look(now_s)
        if not self._opened:
            self._opened, self._next_s = True, float("-inf")
        if self._wire.busy:
            return
        if now_s >= self._next_s:
            self._next_s = now_s + self._spec.feed_s
            self._send(coil_off(self._spec.unit, self._spec.coil), now_s)
        else:
            self._ask_input(now_s)

    def feed(self, now_s: float) -> Feed:
        """What the contact said last, and whether the board answers."""
        closed = self._closed if self._reader is None else self._reader.closed()
        return Feed(closed=closed, trouble=self._trouble)

    def close(self) -> None:
        """Let go of the wire; the board opens by itself."""
        self._wire.close()

    def _send(self, request: Request, now_s: float) -> None:
        self._asked_input = False
        self._wire.ask(request, now_s)

    def _ask_input(self, now_s: float) -> None:
        if self._input is not None:
            self._asked_input = True
            request = Request(unit=self._spec.unit, function=READ_INPUTS, address=self._input)
            self._wire.ask(request, now_s)

    def _look(self, now_s: float) -> None:
        came = self._wire.look(now_s)
        if isinstance(came, Trouble):
            self._trouble, self._closed = f"relay board at {self._wire.address}: {came}", None
        elif came is not None:
            self._trouble = ""
            if self._asked_input:
                self._closed = bool(came[0] & 1) is self._closed_when
