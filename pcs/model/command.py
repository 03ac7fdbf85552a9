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
    """

    der_id: str
    limit_w: float
    reversion_limit_w: float
    charge_limit_w: float | None = None
    reversion_charge_limit_w: float = 0.0
    setpoint_w: float | None = None
    urgent: bool


Command = LimitActivePower
"""All that the core may ask of a device."""
