"""Lock-outs: which excursions lead to one, what it does, who may end it, and what of it survives a power cut."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class LockoutAction(IntEnum):
    """What a lock-out does to the site; the higher number is tighter."""

    SAFE = 1
    ZERO = 2
    TRIP = 3


ACTION_WORDS = {
    LockoutAction.SAFE: "every DER at its share of the safe set",
    LockoutAction.ZERO: "every controlled DER at 0 W, in both directions",
    LockoutAction.TRIP: "every controlled DER at 0 W, and a relay, where there is one, is asked to open",
}


class Who(StrEnum):
    """Who asks for a reset. Nobody proves who they are in this version: it is what they say."""

    USER = "user"
    INSTALLER = "installer"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcursionRule:
    """One way into a lock-out: `count` excursions of at least `lasting_s` each, within `window_s`.

    An excursion counts once, from the moment when it has lasted `lasting_s`, also while it goes on. Only flow of more
    than `beyond_pct` percent of the limit above the limit belongs to it. `window_s` None: `count` is 1.
    """

    id: str
    lasting_s: float
    beyond_pct: float = 0.0
    count: int = 1
    window_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetRules:
    """Who may end a lock-out, and when (seconds since it began).

    None: never. A user may only while fewer than `user_fewer_than` lock-outs, the present one included, began within
    `user_window_s` (0: any number). `installer_clears`: an installer's reset clears that history. `by_itself_s`: it
    ends by itself after so long.
    """

    user_after_s: float | None = None
    user_fewer_than: int = 0
    user_window_s: float = 0.0
    installer_after_s: float = 0.0
    installer_clears: bool = True
    by_itself_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockoutRules:
    """Everything about lock-outs that a preset decides."""

    preset: str
    rules: tuple[ExcursionRule, ...] = ()
    action: LockoutAction = LockoutAction.TRIP
    reset: ResetRules = ResetRules()


LEFT_OVER = LockoutRules(preset="plain")
"""For a lock-out that stands though the site's preset has none any more: it stays, until the installer ends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lockout:
    """A lock-out that stands. Seconds of the record's own clock, which only runs while the controller does.

    `since_utc_s` is for people. `renewed_s` is the last moment at which an excursion that counts was seen: times count
    from it.
    """

    renewed_s: float
    since_utc_s: float
    action: LockoutAction
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An excursion that counted for a rule: when, on the record's clock."""

    rule_id: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """An excursion that goes on: of which line, beyond what, for how long so far."""

    line: str
    beyond_pct: float
    lasted_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LockoutRecord:
    """What survives a power cut. `clock_s` is the sum of all time that controllers of this site ran.

    Time without power counts nothing down, and no time of day is used: a clock that is set cannot shorten anything.
    `orderly`: it was written when the controller ended in good order, so that nothing happened behind it.
    """

    clock_s: float = 0.0
    marks: tuple[Mark, ...] = ()
    locked: Lockout | None = None
    begun_s: tuple[float, ...] = ()
    """When each lock-out that is remembered began or was renewed last."""
    under_way: tuple[UnderWay, ...] = ()
    orderly: bool = True


NOTHING_YET = LockoutRecord()
"""The record of a site that was never started."""
