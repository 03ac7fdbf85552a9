"""What a bus knows and remembers of one unit: its pauses, when it is asked again, and which replies may still come."""

from dataclasses import dataclass, field

from pcs.io.modbus_connection import Failure
from pcs.io.modbus_tcp import READ_MAX
from pcs.model.fault import FaultKind
from pcs.ports import Reply

FAILURES_UNTIL_REST = 2  # of the control meter: one lost reply is an accident; others rest at once, so that it is heard
REST_FIRST_S, REST_LAST_S = 0.5, 10.0  # a dead unit takes 0.5 s of its bus for each try: 5 % of it in the end
REST_LAST_VITAL_S = (
    0.5  # a meter that is back is heard within its deadline; half of the bus is its own while it is away
)
TOOK_KEPT = 0.9  # of the slowest reply, at each one: after ten faster ones it is a third
LONGER_BY = (0, 2, 4)  # words; two at a time, because many meters do not let a value of two words be cut
GIVEN_UP_WINDOWS = 4.0  # so many windows after a lost reply the same count is read again; no answer in between proves
# anything, because an adapter or a gateway may hand replies over in another order than the units gave them


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRules:
    """What a bus must know of one unit: its pauses, how late it may answer, whether control depends on it."""

    min_gap_s: float = 0.0
    late_window_s: float = 0.5
    read_max: int = READ_MAX
    vital: bool = False
    """The control meter: it is asked again sooner when it was away."""
    broadcast: bool = False


@dataclass(slots=True)
class Unit:
    """What is remembered of a unit between two requests."""

    rules: UnitRules
    quiet_until_s: float = 0.0
    failures: int = 0
    garbled: int = 0
    rest_s: float = 0.0
    rest_until_s: float = 0.0
    because: str = ""
    took_s: float = 0.0
    """The slowest of its last replies, from the request's first bit: behind a gateway nobody tells the bus's speed."""
    forgotten_s: dict[tuple[int, int], float] = field(default_factory=dict)
    """Function and count of reads without a reply, and when they are forgotten (loop time)."""

    def heard(self, took_s: float) -> None:
        """It replied so fast; a slow reply is remembered for a few more."""
        self.took_s = max(took_s, TOOK_KEPT * self.took_s)

    def answered(self) -> None:
        """It did what it was asked, or refused it: it is there."""
        self.failures = self.garbled = 0
        self.rest_s = 0.0

    def failed(self, failure: Failure, now_s: float, *, alone: bool) -> None:
        """It did not answer, or not as asked: it rests, longer each time, the control meter from the second on."""
        self.failures += 1
        self.garbled = self.garbled + 1 if failure.kind is FaultKind.BAD_ANSWER else 0
        self.because = failure.detail
        first = self.rules.vital or alone
        if self.failures >= (FAILURES_UNTIL_REST if first else 1):
            last_s = REST_LAST_VITAL_S if first else REST_LAST_S
            self.rest_s = min(max(2.0 * self.rest_s, REST_FIRST_S), last_s)
            self.rest_until_s = now_s + self.rest_s

    def resting(self, now_s: float) -> Failure | None:
        """Why it is not asked now, if so."""
        if now_s >= self.rest_until_s:
            return None
        detail = f"{self.because}; next attempt in {self.rest_until_s - now_s:.1f} s"
        return Failure(kind=FaultKind.NO_ANSWER, detail=detail)

    def longer_by(self, function: int, count: int, room: int, now_s: float) -> int | None:
        """How many words more to read than wanted, so that no reply to an earlier request fits this one.

        0 where none may still come; None where every length that the unit allows may. `room` is how many words more
        than `count` there are behind the address.
        """
        self.forgotten_s = {what: until_s for what, until_s in self.forgotten_s.items() if until_s > now_s}
        room = min(room, self.rules.read_max - count)
        return next((n for n in LONGER_BY if n <= max(0, room) and (function, count + n) not in self.forgotten_s), None)

    def give_up(self, function: int, count: int, now_s: float) -> None:
        """A read has no reply; one may come later."""
        self.forgotten_s[function, count] = now_s + GIVEN_UP_WINDOWS * self.rules.late_window_s


def is_answer(outcome: Reply | Failure) -> bool:
    """Whether the unit did what it was asked or refused it: then it is there, and the bus clean."""
    return isinstance(outcome, Reply) or outcome.kind in (FaultKind.REFUSED, FaultKind.NOT_NOW)
