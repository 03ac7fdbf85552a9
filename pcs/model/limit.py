"""Limits: upper bounds on a flow at a point. A limit is never a set point."""

from dataclasses import dataclass
from enum import StrEnum


class Direction(StrEnum):
    """Which way the limited flow goes."""

    EXPORT = "export"
    IMPORT = "import"


class Quantity(StrEnum):
    """What is limited."""

    W = "w"
    VA = "va"
    A = "a"


class Basis(StrEnum):
    """Whether the sum, each phase or each conductor must hold."""

    TOTAL = "total"
    PHASE = "phase"
    CONDUCTOR = "conductor"


class Scope(StrEnum):
    """Which sources a limit is about."""

    ALL = "all"
    ESS = "ess"


class Accounting(StrEnum):
    """From what storage may charge under an import limit of scope `ess`.

    `POI`: from what local sources leave over after the host load. `DER_SUBPANEL`: from all that local sources make
    (BATRIES toolkit, figure XI.2).
    """

    POI = "poi"
    DER_SUBPANEL = "der_subpanel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One entry of a schedule, in the site's local time: what the limit is while it lasts.

    `value` None: the limit does not hold inside the window. `from_min` and `to_min` are minutes of the day (0 to 1440);
    `to_min <= from_min` lasts past midnight and belongs to the day on which it begins. `weekdays`: 0 is Monday, empty
    means every day. `first_day` and `last_day` are (month, day), both included, and may span the turn of the year.
    `priority`: which window wins where two overlap, the lower number; None comes last, and among equals the tighter.
    """

    value: float | None
    from_min: int = 0
    to_min: int = 1440
    weekdays: tuple[int, ...] = ()
    first_day: tuple[int, int] | None = None
    last_day: tuple[int, int] | None = None
    name: str = ""
    priority: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit as the site file states it (DESIGN section 5).

    `value` is a magnitude >= 0 in the unit of `quantity`. `correct_within_s` is the time in which an excursion must be
    corrected (default 30 s: UL 1741 CRD, CRD-OLRT-2). `margin_w` replaces the computed error budget when given.
    `source` names the document or system that set it, for `pcs explain` and reports. `priority` decides conflicts
    between limits of different kinds, the lower number wins; None: the default order of DESIGN section 5. Outside every
    window of `schedule`, `value` holds (None: no limit outside them).
    """

    point: str = "poi"
    direction: Direction
    quantity: Quantity = Quantity.W
    value: float | None
    basis: Basis = Basis.TOTAL
    scope: Scope = Scope.ALL
    correct_within_s: float = 30.0
    margin_w: float | None = None
    source: str = "site file"
    accounting: Accounting = Accounting.POI
    priority: int | None = None
    schedule: tuple[Window, ...] = ()

    @property
    def name(self) -> str:
        """What people call it: "export limit 3000 W at poi"."""
        return self.named(self.value)

    def named(self, value: float | None) -> str:
        """The same with the value that is in force now; None: not in force."""
        about = " from storage" if self.scope is Scope.ESS and self.direction is Direction.EXPORT else ""
        about = " to storage" if self.scope is Scope.ESS and self.direction is Direction.IMPORT else about
        amount = "not in force" if value is None else f"{value:g} {self.quantity.value.upper()}"
        each = "" if self.basis is Basis.TOTAL else f" per {self.basis}"
        return f"{self.direction} limit{about} {amount}{each} at {self.point}"
