"""Sensor and relay as the site file describes them, opened; what cannot be opened is told before anything closes."""

import time

from pcs.model.supervisor import BoardRelay, Feedback, GpioLine, PulsedRelay, SupervisorSpec
from pcs.supervisor.frames import READ_COILS, Request
from pcs.supervisor.gpio import Line
from pcs.supervisor.relay import BoardOutput, LineReader, PulsedOutput, Relay, RelayMissingError
from pcs.supervisor.sensor import ContactSensor, MeterSensor, Sensor
from pcs.supervisor.wire import Trouble, Wire

BOARD_DEADLINE_S = 0.3
"""A board answers a frame of eight bytes within some 30 ms at 9600 baud."""
PROBE_S = 3.0
_LOOK_S = 0.01


def sensor_of(spec: SupervisorSpec) -> Sensor:
    """The meter or the contact.

    Raises:
        OSError: its line or host does not exist; a meter that is silent is no error, the relay then stays open.
    """
    if spec.meter is None:
        assert spec.contact is not None, "the site file names a meter or a contact"
        return ContactSensor(Line(spec.contact, output=False))
    return MeterSensor(spec.meter, Wire(spec.meter.link, spec.meter.profile.link.deadline_s))


def relay_of(spec: SupervisorSpec) -> Relay:
    """The relay, found and not yet fed.

    Raises:
        RelayMissingError: it is not there.
    """
    reader = None
    if spec.feedback is not None and spec.feedback.gpio is not None:
        reader = LineReader(_line(spec.feedback.gpio, output=False), spec.feedback.active_means_closed)
    match spec.relay:
        case PulsedRelay(output=output, feed_s=feed_s):
            return PulsedOutput(_line(output, output=True), feed_s, reader)
        case BoardRelay() as board:
            feedback = spec.feedback or Feedback()
            return BoardOutput(board, _probed(board), reader, feedback.board_input, feedback.active_means_closed)


def _line(where: GpioLine, *, output: bool) -> Line:
    try:
        return Line(where, output=output)
    except OSError as error:
        raise RelayMissingError(
            f"the supervisor's relay: GPIO {where}: {error.strerror or error}; the relay stays open. "
            "Look at supervisor.relay in the site file, at `gpioinfo`, and whether this user may open the chip"
        ) from None


def _probed(board: BoardRelay) -> Wire:
    """The wire to a board that answered a read of its relays: one that only knows older frames does not."""
    try:
        wire = Wire(board.link, BOARD_DEADLINE_S)
    except OSError as error:
        raise _missing(board, str(error.strerror or error)) from None
    until_s, said = time.monotonic() + PROBE_S, "no answer"
    while (now_s := time.monotonic()) < until_s:
        if not wire.busy:
            wire.ask(Request(unit=board.unit, function=READ_COILS, address=board.coil), now_s)
        came = wire.look(now_s)
        if isinstance(came, bytes):
            return wire
        said = str(came) if isinstance(came, Trouble) else said
        time.sleep(_LOOK_S)
    wire.close()
    raise _missing(board, said)


def _missing(board: BoardRelay, said: str) -> RelayMissingError:
    return RelayMissingError(
        f"the supervisor's relay: board at {board.link} unit {board.unit}: {said}; the relay stays open. "
        "Look at its supply, its address and its wires; boards with the maker's older protocol cannot be used"
    )
