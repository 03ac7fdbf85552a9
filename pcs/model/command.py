"""What the core asks of a device."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitActivePower:
    """Bound a DER's injection from above (W, >= 0). The device may stay below; it is no set point.

    `reversion_limit_w` is armed in the same frame where the device can fall back to a chosen value. `urgent`: towards
    a limit, so it overtakes whatever waits on the link and is never delayed by write economy.
    """

    der_id: str
    limit_w: float
    reversion_limit_w: float
    urgent: bool


Command = LimitActivePower
"""All that the core may ask of a device."""
