"""What a controller can ask of a unit. Each order has a timer of its own, which writing it arms anew."""

from dataclasses import dataclass, replace
from math import inf
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOrder:
    """A limit of the injection in percent of nameplate, in force when `enabled`.

    `revert_s` > 0 arms the device's timer: when it runs out the limit becomes `revert_limit_pct` if `revert_enabled`,
    else there is none. SunSpec 123 knows only the latter.
    """

    enabled: bool = False
    limit_pct: float = 100.0
    revert_s: float = 0.0
    revert_enabled: bool = False
    revert_limit_pct: float = 100.0

    def reverted(self) -> Self:
        """What holds when the timer has run out."""
        limit_pct = self.revert_limit_pct if self.revert_enabled else self.limit_pct
        return replace(self, enabled=self.revert_enabled, limit_pct=limit_pct, revert_s=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOrder:
    """An injection that storage tracks (W, negative: charge) instead of its own wish, in force when `enabled`."""

    enabled: bool = False
    setpoint_w: float = 0.0
    revert_s: float = 0.0
    revert_enabled: bool = False
    revert_setpoint_w: float = 0.0

    def reverted(self) -> Self:
        """What holds when the timer has run out: the other set point, or the unit's own wish."""
        setpoint_w = self.revert_setpoint_w if self.revert_enabled else self.setpoint_w
        return replace(self, enabled=self.revert_enabled, setpoint_w=setpoint_w, revert_s=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateOrder:
    """Bounds of charge and discharge in percent of the charge rating, each in force by itself; SunSpec 124.

    Negative bounds force the other direction: a charge bound of -30 % asks for at least 30 % of discharge.
    """

    bounds_charge: bool = False
    bounds_discharge: bool = False
    charge_pct: float = 100.0
    discharge_pct: float = 100.0
    revert_s: float = 0.0

    @property
    def enabled(self) -> bool:
        """Whether any bound is in force."""
        return self.bounds_charge or self.bounds_discharge

    def reverted(self) -> Self:
        """What holds when the timer has run out: no bounds."""
        return replace(self, bounds_charge=False, bounds_discharge=False, revert_s=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentOrder:
    """A bound of what a charger draws, A per conductor. After `revert_s` without another write: `revert_a`."""

    enabled: bool = False
    limit_a: float = inf
    revert_s: float = 0.0
    revert_a: float = 0.0

    def reverted(self) -> Self:
        """What holds when the timer has run out: the fail-safe current."""
        return replace(self, limit_a=self.revert_a, revert_s=0.0)


Order = LimitOrder | SetOrder | RateOrder | CurrentOrder
