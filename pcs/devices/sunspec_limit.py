"""The active-power limit of SunSpec inverters as registers: what is written in one frame, and what must read back.

Two variants, by control model. **123** (Immediate Controls): its revert timer *removes* the limit, so it is never
armed, and disarmed where it is found armed. **704** (DER AC Controls): reverts to a chosen value, so value, enable and
timer go out in the same frame as the limit. No I/O here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pcs.codec.registers import SCALE_MAX, SCALE_MIN, Value, encode
from pcs.codec.sunspec import Model, Window, window

_PCT_RAW_MAX = 0xFFFE  # 0xFFFF means "not implemented" in a uint16
_FLOOR_SLACK = 1e-9  # of one step: keeps 50 % of 10 kW from becoming 49.9 % by binary fractions


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitState:
    """The limit registers of a device as they were read together: raw percent values and their scale exponent."""

    enabled: bool
    pct_raw: int
    exponent: int
    timers: tuple[bool, bool, bool] = (False, False, False)
    """123: whether WinTms, RvrtTms and RmpTms are implemented."""
    revert_pct_raw: int | None = None
    revert_enabled: bool | None = None
    revert_s: int | None = None
    revert_left_s: int | None = None

    def watts(self, raw: int, rating_w: float) -> float:
        """A raw percent value as a limit in W."""
        return raw * rating_w / (100.0 * 10.0**-self.exponent)

    def raw_at_most(self, limit_w: float, rating_w: float) -> int:
        """The largest raw percent value that does not exceed `limit_w` (W, >= 0), nor 100 %."""
        pct = 100.0 * min(max(limit_w / rating_w, 0.0), 1.0)
        return min(math.floor(pct * 10.0**-self.exponent + _FLOOR_SLACK), _PCT_RAW_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitFrame:
    """One write: the offset in the model, the words, and the raw percent value they carry."""

    offset: int
    words: tuple[int, ...]
    pct_raw: int
    revert_pct_raw: int | None = None
    revert_s: int | None = None


class Immediate123:
    """Model 123: +5 percent, +6 window, +7 revert time, +8 ramp, +9 enable."""

    variant = "123"
    model_id = 123
    points = ("WMaxLimPct", "WMaxLimPct_WinTms", "WMaxLimPct_RvrtTms", "WMaxLimPct_RmpTms", "WMaxLim_Ena")

    def view(self, model: Model) -> Window:
        """The registers of the limit with their scale factor, as one read."""
        return window(self.model_id, model.length, self.points, raw=True)

    def reverts_safe(self, state: LimitState) -> bool:
        """Never: the timer of this model drops the limit."""
        return False

    def state(self, values: Mapping[str, Value]) -> LimitState | str:
        """The state behind the registers, or what makes it unusable, in words."""
        exponent = _exponent(values)
        if isinstance(exponent, str):
            return exponent
        pct, enabled = _whole(values, "WMaxLimPct"), _whole(values, "WMaxLim_Ena")
        if pct is None or enabled is None:
            return "model 123 has no WMaxLimPct or no WMaxLim_Ena"
        window_s, revert_s, ramp_s = (_whole(values, name) for name in self.points[1:4])
        return LimitState(
            enabled=enabled == 1,
            pct_raw=pct,
            exponent=exponent,
            timers=(window_s is not None, revert_s is not None, ramp_s is not None),
            revert_s=revert_s,
        )

    def frame(
        self, state: LimitState, *, limit_w: float, reversion_limit_w: float, reversion_s: float | None, rating_w: float
    ) -> LimitFrame:
        """Percent, all timers off and enable in one frame; timers that do not exist get their not-implemented value."""
        del reversion_limit_w, reversion_s  # the timer of this model would drop the limit
        pct_raw = state.raw_at_most(limit_w, rating_w)
        timers = tuple(0 if exists else 0xFFFF for exists in state.timers)
        return LimitFrame(offset=5, words=(pct_raw, *timers, 1), pct_raw=pct_raw)

    def difference(self, frame: LimitFrame, state: LimitState) -> str:
        """What reads back differently, in words; empty if the limit is in force."""
        trouble = _limit_differs(frame, state)
        if state.revert_s:
            trouble.append(f"WMaxLimPct_RvrtTms is {state.revert_s} instead of 0")
        return "; ".join(trouble)


class Controls704:
    """Model 704: +14 enable, +15 percent, +16 reversion percent, +17 reversion enable, +18 reversion time (u32)."""

    variant = "704"
    model_id = 704
    points = (
        *("WMaxLimPctEna", "WMaxLimPct", "WMaxLimPctRvrt", "WMaxLimPctEnaRvrt"),
        *("WMaxLimPctRvrtTms", "WMaxLimPctRvrtRem"),
    )

    def view(self, model: Model) -> Window:
        """The registers of the limit with their scale factor, as one read."""
        return window(self.model_id, model.length, self.points, raw=True)

    def reverts_safe(self, state: LimitState) -> bool:
        """Whether the device has value, enable and time of a reversion (every point of this model is optional)."""
        return None not in (state.revert_pct_raw, state.revert_enabled, state.revert_s)

    def state(self, values: Mapping[str, Value]) -> LimitState | str:
        """The state behind the registers, or what makes it unusable, in words."""
        exponent = _exponent(values)
        if isinstance(exponent, str):
            return exponent
        pct, enabled = _whole(values, "WMaxLimPct"), _whole(values, "WMaxLimPctEna")
        if pct is None or enabled is None:
            return "model 704 has no WMaxLimPct or no WMaxLimPctEna"
        revert_pct, revert_enabled, revert_s, left_s = (_whole(values, name) for name in self.points[2:])
        return LimitState(
            enabled=enabled == 1,
            pct_raw=pct,
            exponent=exponent,
            revert_pct_raw=revert_pct,
            revert_enabled=None if revert_enabled is None else revert_enabled == 1,
            revert_s=revert_s,
            revert_left_s=left_s,
        )

    def frame(
        self, state: LimitState, *, limit_w: float, reversion_limit_w: float, reversion_s: float | None, rating_w: float
    ) -> LimitFrame:
        """Enable, percent and the armed reversion in one frame; without a reversion only the first two exist.

        `reversion_s` None disarms the timer: the profile does not want it.
        """
        pct_raw = state.raw_at_most(limit_w, rating_w)
        if not self.reverts_safe(state):
            return LimitFrame(offset=14, words=(1, pct_raw), pct_raw=pct_raw)
        revert_raw = state.raw_at_most(reversion_limit_w, rating_w)
        seconds = 0 if reversion_s is None else max(1, math.floor(reversion_s))
        arm = int(seconds > 0)
        words = (1, pct_raw, revert_raw, arm, *encode("uint32", seconds))
        return LimitFrame(offset=14, words=words, pct_raw=pct_raw, revert_pct_raw=revert_raw, revert_s=seconds)

    def difference(self, frame: LimitFrame, state: LimitState) -> str:
        """What reads back differently, in words; empty if the limit is in force and its reversion armed and running."""
        trouble = _limit_differs(frame, state)
        if frame.revert_s is not None:
            armed = frame.revert_s > 0
            if state.revert_pct_raw != frame.revert_pct_raw:
                trouble.append(f"reversion percent is {state.revert_pct_raw} instead of {frame.revert_pct_raw}")
            if state.revert_enabled is not armed:
                trouble.append(f"reversion enable is {state.revert_enabled} instead of {armed}")
            if state.revert_s != frame.revert_s:
                trouble.append(f"reversion time is {state.revert_s} s instead of {frame.revert_s} s")
            if armed and state.revert_left_s is not None and not 0 < state.revert_left_s <= frame.revert_s:
                trouble.append(f"reversion timer does not run: {state.revert_left_s} s left of {frame.revert_s} s")
        return "; ".join(trouble)


LimitControl = Immediate123 | Controls704
CONTROLS: tuple[LimitControl, ...] = (Controls704(), Immediate123())
"""Best first: 704 can be armed to fail safe."""


def _exponent(values: Mapping[str, Value]) -> int | str:
    """The scale exponent of the limit; not implemented = 0; out of range is said in words."""
    exponent = _whole(values, "WMaxLimPct_SF")
    if exponent is None:
        return 0
    if not SCALE_MIN <= exponent <= SCALE_MAX:
        return f"scale factor WMaxLimPct_SF is {exponent}, allowed are {SCALE_MIN}..{SCALE_MAX}"
    return exponent


def _limit_differs(frame: LimitFrame, state: LimitState) -> list[str]:
    """The differences that both variants share."""
    trouble = []
    if not state.enabled:
        trouble.append("the limit is not enabled")
    if state.pct_raw != frame.pct_raw:
        trouble.append(f"WMaxLimPct is {state.pct_raw} instead of {frame.pct_raw} (times 10^{state.exponent} percent)")
    return trouble


def _whole(values: Mapping[str, Value], name: str) -> int | None:
    """A raw register value, `None` where it is not implemented."""
    value = values.get(name)
    return value if isinstance(value, int) else None
