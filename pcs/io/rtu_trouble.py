"""What is wrong with a bus, in words: from what was heard on it, not only from the request that failed."""

from pcs.io.modbus_connection import Failure
from pcs.io.rtu_connection import UNASKED_FOR_S, Heard
from pcs.model.fault import FaultKind
from pcs.model.site import LinkAddress, LinkKind

GARBLED_FEW = 2  # one garbled reply is a disturbance, a second one and none that is good is a wrong setting
GARBLED_ONE_UNIT = 3  # of one unit in a row, while others answer well: not the bus


def named(
    failure: Failure,
    heard: Heard,
    address: LinkAddress,
    unit: int,
    *,
    unit_garbled: int,
    now_s: float,
    complaints: str = "",
    note: str = "",
) -> Failure:
    """The failure with everything that the bus tells of its cause.

    Args:
        failure: What became of the request.
        heard: What the line has told since it was opened.
        address: The bus.
        unit: Who was asked.
        unit_garbled: Garbled replies of this unit in a row.
        now_s: Loop time.
        complaints: What the receiver itself counts: framing and parity errors.
        note: What is known of the line anyway, such as a long latency timer.
    """
    if failure.kind not in (FaultKind.NO_ANSWER, FaultKind.BAD_ANSWER):
        return failure
    causes = [cause for cause in (_setting(failure, heard, address), _neighbours(heard, now_s)) if cause]
    if not causes and heard.good and unit_garbled >= GARBLED_ONE_UNIT:
        causes.append(f"only unit {unit} is garbled, others answer well: do two devices have unit id {unit}?")
    if complaints:
        causes.append(f"the port counted {complaints}")
    if note and failure.kind is FaultKind.NO_ANSWER:
        causes.append(note)
    return Failure(kind=failure.kind, detail="; ".join([failure.detail, *causes])) if causes else failure


def _setting(failure: Failure, heard: Heard, address: LinkAddress) -> str:
    """A bus on which nothing good was ever heard: wrong speed or parity, or a wire."""
    if heard.good or address.kind is not LinkKind.SERIAL:
        return ""
    setting = f"{address.baud} {8}{address.parity}{address.stopbits}"
    if heard.garbled_in_a_row >= GARBLED_FEW:
        return (
            f"noise, framing or check-sum errors on every reply: wrong baud or parity? (the site file says {setting})"
        )
    if failure.kind is FaultKind.NO_ANSWER and heard.bytes == 0:
        return (
            f"nothing at all was heard since {address.device} was opened: wires A and B swapped or open, device off, "
            f"or another baud, parity or unit than in the site file ({setting})?"
        )
    return ""


def _neighbours(heard: Heard, now_s: float) -> str:
    """Frames that nobody here asked for: somebody else asks on this bus."""
    if now_s - heard.unasked_s > UNASKED_FOR_S:
        return ""
    units = ", ".join(str(unit) for unit in heard.unasked_units)
    return f"frames that nobody here asked for (units {units}): is another client on this bus?"
