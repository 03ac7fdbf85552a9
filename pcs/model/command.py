"""What the core asks of a device."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitActivePower:
    """Bound a DER's injection from above (W, >= 0). The device may stay below; it is no set point.

    `reversion_limit_w` is armed in the same frame where the device can fall back to a chosen value. `urgent`: towards
    a limit, so it overtakes whatever waits on the link and is never delayed by write economy.

    What draws power has more: `charge_limit_w` bounds the draw (W, >= 0; None: it cannot draw, or must not be told),
    with its own `reversion_charge_limit_w`. `setpoint_w` is an injection that it must track inside both limits (W,
    negative: charge): only where the device has no limit that would do, or when it has to help; None: its own wish.

    `foreign_w` and `foreign_charge_w`: lower limits that somebody else left on the device, and that this command keeps
    to (W; None: nobody did). They are remembered with it: a limit that we say again must not become our own.
    """

    der_id: str
    limit_w: float
    reversion_limit_w: float
    charge_limit_w: float | None = None
    reversion_charge_limit_w: float = 0.0
    setpoint_w: float | None = None
    foreign_w: float | None = None
    foreign_charge_w: float | None = None
    urgent: bool

    @property
    def bounded_setpoint_w(self) -> float | None:
        """The set point that a device may be told: inside both limits (W, None: its own wish)."""
        if self.setpoint_w is None:
            return None
        least_w = self.setpoint_w if self.charge_limit_w is None else max(self.setpoint_w, -self.charge_limit_w)
        return min(self.limit_w, least_w)


Command = LimitActivePower
"""All that the core may ask of a device."""


def charge_limit_of(serial: str) -> str:
    """Under which name the journal keeps limits of this device's draw, apart from those of its injection."""
    return f"charge limit of {serial}"


def foreign_of(name: str) -> str:
    """Under which name the journal keeps what somebody else left beside a limit of ours."""
    return f"foreign {name}"


def setpoint_of(serial: str) -> str:
    """Under which name the journal keeps set points of this device."""
    return f"set point of {serial}"
