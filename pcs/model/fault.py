"""Faults are values: what can be wrong, as the core sees it. An exception is only for a bug or for an edge."""

from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """Every condition that the fail-safe table knows, and every way in which a request can go unanswered."""

    # One request, reported by a link or a device.
    NO_CONNECTION = "no connection"
    NO_ANSWER = "no answer in time"
    BAD_ANSWER = "answer does not fit the request"
    REFUSED = "refused by the device"
    NOT_NOW = "device cannot answer now"
    NOT_A_NUMBER = "value not a number or not implemented"
    WRONG_DEVICE = "not the device that the profile describes"
    NOT_APPLIED = "limit read back differs from the limit written"

    # Conditions that the core derives, over time.
    METER_LATE = "meter missed one update"
    METER_STALE = "meter missed two updates"
    METER_LOST = "no valid meter sample"
    METER_FROZEN = "meter repeats itself"
    METER_IMPLAUSIBLE = "meter values contradict each other"
    METER_OPEN_CT = "CT open or not connected"
    METER_DOUBTED = "sign of the flow is in doubt"
    METER_MISWIRED = "flow answers a DER with the wrong sign"
    CANNOT_MEASURE = "meter does not measure what a limit needs"
    DER_SILENT = "DER does not answer"
    DER_DISOBEDIENT = "DER does not follow its limit"
    DER_UNWRITABLE = "DER does not take its limit"
    DER_RESTARTED = "DER dropped its limit"
    DER_FOREIGN_LIMIT = "limit on the DER set by someone else"
    DER_SECOND_WRITER = "somebody else changes the DER's limit"
    RESTARTS = "controller restarts again and again"
    LOCKED_OUT = "locked out after excursions"
    CANNOT_HOLD = "limit cannot be held with the DERs that obey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: what, who, when, and the evidence in words that an installer understands."""

    kind: FaultKind
    source_id: str
    at_s: float
    detail: str = ""
