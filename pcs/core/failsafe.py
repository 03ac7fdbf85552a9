"""The fail-safe table: which condition does what, and when it clears. Actions further down take precedence.

Fail-safe only tightens: every action allows a subset of the flows that the one before it allows.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from pcs.model.fault import Fault, FaultKind


class Action(IntEnum):
    """What the whole site does about the worst condition; the higher number wins."""

    NORMAL = 0
    HOLD = 1
    TIGHTEN = 2
    SAFE = 3


class DerAction(IntEnum):
    """What is done about one DER; the higher number wins."""

    NONE = 0
    REASSERT = 1
    HONOUR = 2
    RESERVE = 3


class Clears(StrEnum):
    """When a condition is over."""

    WHEN_HEALTHY = "when the condition ends"
    AFTER_FRESH = "after three new measurements in a row"
    AFTER_BACKOFF = "5 minutes later, twice as long each time, then unverified again"
    AFTER_HELD = "after 15 minutes without another start"
    BY_RESET = "by a reset, or by itself, as the preset says"
    BY_INSTALLER = "only by the installer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row: the condition, what it does to the site or to the DER concerned, when it clears, and why so."""

    kind: FaultKind
    action: Action = Action.NORMAL
    der_action: DerAction = DerAction.NONE
    clears: Clears = Clears.WHEN_HEALTHY
    does: str


TABLE = (
    Rule(kind=FaultKind.METER_LATE, action=Action.HOLD, does="caps may not rise"),
    Rule(
        kind=FaultKind.METER_STALE,
        action=Action.TIGHTEN,
        does="caps move towards the safe set, there at max(2 s, 3 periods)",
    ),
    Rule(
        kind=FaultKind.METER_LOST,
        action=Action.SAFE,
        clears=Clears.AFTER_FRESH,
        does="safe set: no credit for any load",
    ),
    Rule(
        kind=FaultKind.METER_FROZEN,
        action=Action.SAFE,
        clears=Clears.AFTER_FRESH,
        does="safe set: a repeated number is no number",
    ),
    Rule(
        kind=FaultKind.METER_OPEN_CT,
        action=Action.SAFE,
        does="safe set: exact zeros are no measurement; an open phase is tried again after 60 s",
    ),
    Rule(
        kind=FaultKind.METER_DOUBTED,
        action=Action.SAFE,
        does="safe set, and a little less: how the flow answers the DERs' fall shows its sign",
    ),
    Rule(
        kind=FaultKind.METER_MISWIRED,
        action=Action.SAFE,
        clears=Clears.AFTER_BACKOFF,
        does="safe set: the flow's sign is not known",
    ),
    Rule(
        kind=FaultKind.RESTARTS,
        action=Action.SAFE,
        clears=Clears.AFTER_HELD,
        does="safe set: what makes it crash is not known, and nothing is raised meanwhile",
    ),
    Rule(
        kind=FaultKind.LOCKED_OUT,
        action=Action.SAFE,
        clears=Clears.BY_RESET,
        does="safe set, or every controlled DER at 0 W, as the preset says; survives a loss of power",
    ),
    Rule(
        kind=FaultKind.CANNOT_MEASURE,
        does="safe set of the limits that need it; the others go on",
    ),
    Rule(kind=FaultKind.DER_SILENT, der_action=DerAction.RESERVE, does="assumed at nameplate; the others make room"),
    Rule(
        kind=FaultKind.DER_DISOBEDIENT, der_action=DerAction.RESERVE, does="assumed at nameplate; the others make room"
    ),
    Rule(
        kind=FaultKind.DER_UNWRITABLE,
        der_action=DerAction.RESERVE,
        does="assumed at nameplate; the others make room, and it is asked again and again",
    ),
    Rule(kind=FaultKind.WRONG_DEVICE, der_action=DerAction.RESERVE, does="never commanded; assumed at nameplate"),
    Rule(kind=FaultKind.DER_RESTARTED, der_action=DerAction.REASSERT, does="its cap is written again at once"),
    Rule(
        kind=FaultKind.DER_FOREIGN_LIMIT,
        der_action=DerAction.HONOUR,
        clears=Clears.BY_INSTALLER,
        does="never raised above the limit found",
    ),
    Rule(
        kind=FaultKind.DER_SECOND_WRITER,
        der_action=DerAction.HONOUR,
        clears=Clears.BY_INSTALLER,
        does="the lower of both limits holds; no fighting",
    ),
    Rule(kind=FaultKind.CANNOT_HOLD, does="alarm: every DER that obeys is at its least already"),
)
"""The rows that exist so far; the site's action is the highest of all that are active."""

RULES = {rule.kind: rule for rule in TABLE}


def action_of(fault: Fault) -> Action:
    """What one condition does to the lines that it concerns."""
    return RULES[fault.kind].action if fault.kind in RULES else Action.NORMAL


def site_action(faults: tuple[Fault, ...]) -> Action:
    """The site's action: the most severe of the active conditions."""
    return max((RULES[f.kind].action for f in faults if f.kind in RULES), default=Action.NORMAL)


def obeys(faults: tuple[Fault, ...], der_id: str) -> bool:
    """Whether a DER may be counted on: no active condition that reserves its nameplate."""
    return not faults or not any(
        f.source_id == der_id and f.kind in RULES and RULES[f.kind].der_action is DerAction.RESERVE for f in faults
    )
