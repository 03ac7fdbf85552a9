"""The hard-limit supervisor as a site file describes it: what it watches, how long it waits, which relay it feeds."""

from dataclasses import dataclass

from pcs.model.limit import Direction
from pcs.model.site import LinkAddress, MeterSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One flow that may not last: more than `limit_w` + `tolerance_w` in this direction for longer than `delay_s`."""

    direction: Direction
    limit_w: float
    tolerance_w: float
    delay_s: float

    @property
    def bound_w(self) -> float:
        """Flow in this direction above which time runs (W)."""
        return self.limit_w + self.tolerance_w

    def beyond(self, import_w: float) -> bool:
        """Whether this flow (import positive) is too much."""
        return (import_w if self.direction is Direction.IMPORT else -import_w) > self.bound_w

    @property
    def name(self) -> str:
        """What people call it: "export of more than 500 W"."""
        return f"{self.direction} of more than {self.bound_w:g} W"


@dataclass(frozen=True, slots=True, kw_only=True)
class GpioLine:
    """One line of a GPIO chip. `active_low`: the electrical level 0 counts as active."""

    chip: str
    line: int
    active_low: bool = False

    def __str__(self) -> str:
        return f"{self.chip} line {self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PulsedRelay:
    """A relay behind a charge pump or monostable: held for `hold_s` after the last edge, fed by `pulse_hz` pulses."""

    output: GpioLine
    pulse_hz: float
    hold_s: float

    @property
    def feed_s(self) -> float:
        """Time from edge to edge."""
        return 0.5 / self.pulse_hz


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRelay:
    """A relay of a Modbus board that closes for a time of its own ("flash on") and opens when nobody renews it."""

    link: LinkAddress
    unit: int
    coil: int
    hold_s: float

    @property
    def feed_s(self) -> float:
        """Time from renewal to renewal: two may be lost before the contact opens."""
        return self.hold_s / 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What says whether the contact is closed: an auxiliary contact at a GPIO line, or a discrete input of the board.

    `active_means_closed` False: the auxiliary contact is closed while the main contact is open.
    """

    gpio: GpioLine | None = None
    board_input: int | None = None
    active_means_closed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rearm:
    """Who ends a trip: a person always; by itself after `after_s` (None: never), `most` times within `within_s`."""

    after_s: float | None = None
    most: int = 3
    within_s: float = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorSpec:
    """The whole block. Sensing is a meter (its own, or one that the controller reads, too) or a dry contact.

    `shared_with`: the controller's meter that it reads, too; None: sensing of its own. The times say how long data may
    be missing (`missing_s`), repeat itself (`frozen_s`) or be impossible (`implausible_s`: no number, more than
    `most_w`, no voltage) before that is a reason to trip. `clear_s`: flow must be inside for so long before an
    excursion counts as over. `settle_s`: the relay closes after so much good data in a row.
    """

    meter: MeterSpec | None
    shared_with: str | None = None
    contact: GpioLine | None = None
    contact_delay_s: float = 0.1
    watches: tuple[Watch, ...] = ()
    missing_s: float = 5.0
    frozen_s: float = 10.0
    implausible_s: float = 5.0
    clear_s: float = 1.0
    settle_s: float = 5.0
    most_w: float
    nominal_v: float
    relay: PulsedRelay | BoardRelay
    feedback: Feedback | None = None
    rearm: Rearm = Rearm()

    @property
    def sensing(self) -> str:
        """In words, whether it has eyes of its own."""
        if self.meter is None:
            return f"a contact of its own ({self.contact})"
        if self.shared_with is not None:
            return f"NOT independent: reads {self.shared_with}, the controller's own meter"
        return f"a meter of its own ({self.meter.profile.id} at {self.meter.link} unit {self.meter.unit})"
