"""What one DER is told: from the bounds that dispatch gives it to a limit, a limit of its draw, or a set point.

A source has one limit. What draws power has a second one, for its draw. Where the device has no such limit (SunSpec
704) its draw is bounded by a set point, and only while its own wish would go beyond: a set point leaves no wish
(DESIGN section 5: a battery's own wish is respected inside the limits).
"""

from typing import NamedTuple

NEAR_SHARE = 0.01
"""A wish within 1 % of its bound fits: below that lies the error of telemetry. Where a set point is in force it has to
fit whole before the device is let go."""


class Order(NamedTuple):
    """One command's values (watts): limit of injection, of draw (None: not told), set point (None: own wish)."""

    limit_w: float
    charge_w: float | None = None
    setpoint_w: float | None = None

    @property
    def cap_w(self) -> float:
        """The most that the DER may inject under this order (W; negative: it has to draw)."""
        return self.limit_w if self.setpoint_w is None else self.setpoint_w

    def floor_w(self, least_w: float) -> float:
        """The least that it may inject (W; <= 0: what it may draw); `least_w`: what it can draw at all, negative."""
        if self.setpoint_w is not None:
            return self.setpoint_w
        return least_w if self.charge_w is None else max(least_w, -self.charge_w)


class Able(NamedTuple):
    """What the device can do and wants (watts): its range, whether its draw has a limit, its wish if known."""

    least_w: float
    most_w: float
    bounds_charge: bool
    wish_w: float | None
    takes_setpoint: bool = True
    is_told: bool = False
    """A set point is in force."""
    waits: bool = False
    """It was let go in vain (`wishes.waits_again`): the set point stays, and asks for its wish where that fits."""


def order(cap_w: float, floor_w: float, able: Able) -> Order:
    """The order that keeps the injection between `floor_w` and `cap_w` with as little interference as possible."""
    limit_w = max(0.0, min(cap_w, able.most_w))
    if able.least_w >= 0.0:  # a source; or what may not draw because somebody else says so: that is told, too
        return Order(limit_w, 0.0 if able.bounds_charge else None)
    charge_w = max(0.0, -floor_w) if able.bounds_charge else None
    near_w = NEAR_SHARE * max(able.most_w, -able.least_w)
    if not able.takes_setpoint:
        return Order(limit_w, max(0.0, -floor_w))
    if cap_w < 0.0:  # it has to draw, whatever it wishes
        helps = able.wish_w is not None and floor_w - near_w <= able.wish_w <= cap_w
        return Order(limit_w, charge_w, None if helps and not able.waits else cap_w)
    if floor_w > 0.0:  # it has to help
        return Order(limit_w, charge_w, min(floor_w, able.most_w))
    if able.waits and able.wish_w is not None:
        return Order(limit_w, charge_w, max(floor_w, able.wish_w))
    if able.bounds_charge or floor_w <= able.least_w + near_w:
        return Order(limit_w, charge_w)
    if able.wish_w is None:  # nobody knows what it would do if it were free, so it rests
        return Order(limit_w, charge_w, 0.0)
    if able.wish_w < floor_w - (0.0 if able.is_told else near_w):  # else the noise of a meter lets it go and takes it
        return Order(limit_w, charge_w, floor_w)
    return Order(limit_w, charge_w)
