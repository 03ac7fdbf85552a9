"""The sign convention, stated once, and the aliases that carry it into signatures.

Every number carries its unit as the suffix of its name, and every power says in its name what positive means:

- `import_w` at a point: positive = import from the Area EPS, negative = export;
- `injection_w` at a DER: positive = generating or discharging, negative = charging;
- `demand_w`: consumption of the host load, positive;
- limits are magnitudes >= 0 with the direction in the name; unlimited is `None`, never a big number.

Balance at a net point: ``import_w = demand_w - sum(injection_w)``. Per-phase values are tuples in the order L1, L2, L3.
"""

from dataclasses import dataclass

UNIT_SUFFIXES = ("_w", "_va", "_var", "_a", "_v", "_hz", "_s", "_pct", "_wh", "_j", "_deg", "_pct_s", "_w_s", "_ohm")
"""Suffixes that the architecture test accepts for float fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """One moment, read once by the shell and handed to the core.

    `mono_s` never jumps and is the only clock of ages, dead times and responses (seconds, arbitrary zero).
    `utc_s` is wall time (seconds since 1970) for people, schedules and the journal; it may jump.
    """

    mono_s: float
    utc_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """An interval of `mono_s` in which something is known to have happened, both ends included."""

    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Two bounds of one quantity, `lo <= hi`; the unit is that of the field which holds the band."""

    lo: float
    hi: float
