"""What bounds the draw of SunSpec storage, as registers: what is written beside the limit, and what must read back.

Two kinds. **704** has no limit for charging that is not a set point: the WSet family makes the device track a power,
and reverts to a chosen one. **124** (Basic Storage Controls) has a maximum charging rate that leaves the device its own
wish inside. The model's text does not say what its timer reverts to ("timeout period for charge/discharge rate"), and
makers drop the rate then: fail-open, so it is never armed, and disarmed where it is found armed. No I/O here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pcs.codec.registers import SCALE_MAX, SCALE_MIN, Value, encode
from pcs.codec.sunspec_models import MODELS
from pcs.model.command import LimitActivePower

_INT16_MAX, _INT32_MAX = 2**15 - 1, 2**31 - 1
_FLOOR_SLACK = 1e-9  # of one step, as for limits: 2 kW of 10 kW is 20 % and not 19.9 %
_VALUES = {"WSet": _INT32_MAX, "WSetPct": _INT16_MAX}
"""The points of 704 that may hold the set point, the preferred one first, with the most that each can hold."""
_TYPES = {name: field.type for name, field in MODELS[704].items()}
_CHARGE_BIT = 1  # StorCtl_Mod, bit 0: CHARGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """What percentages refer to (W): of injection, and of charging."""

    injection_w: float
    charge_w: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawFrame:
    """One write: offset in the model and words. `expect` are raw values by point that must read back."""

    offset: int
    words: tuple[int, ...]
    expect: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawState:
    """The registers as they were read together: raw values by point, and the scale that they are in.

    `scale` changes when the meaning of the raw values does. `limit_w` bounds the draw, `setpoint_w` is tracked
    (W; None: nothing in force). `falls_back_to_w`: the set point that an armed timer reverts to.
    """

    raw: Mapping[str, int | None]
    scale: tuple[int | None, ...]
    limit_w: float | None
    setpoint_w: float | None = None
    falls_back_to_w: float | None = None


class Setpoint704:
    """Model 704: +22 enable, +23 mode, +24 W and +26 its reversion (s32), +28 percent and +29 its reversion.

    Behind them +30 reversion enable, +31 reversion time (u32) and +33 time left (u32, read only).
    """

    model_id = 704
    bounds_charge = False
    takes_setpoint = True
    points = (
        *("WSetEna", "WSetMod", "WSet", "WSetRvrt", "WSetPct", "WSetPctRvrt"),
        *("WSetEnaRvrt", "WSetRvrtTms", "WSetRvrtRem"),
    )

    def is_usable(self, values: Mapping[str, Value]) -> bool:
        """Whether the device has a set point at all (every point of this model is optional)."""
        return _whole(values, "WSetEna") is not None and self._value_point(values) is not None

    def state(self, values: Mapping[str, Value], ratings: Ratings) -> DrawState | str:
        """The state behind the registers, or what makes it unusable, in words."""
        scale = _exponents(values, "WSet_SF", "WSetPct_SF")
        if isinstance(scale, str):
            return scale
        raw = {name: _whole(values, name) for name in self.points}
        mode = raw["WSetMod"]
        active = self._value_point(values) if mode is None else "WSet" if mode == 1 else "WSetPct"
        step_w = _setpoint_step_w(active, scale, ratings)
        value, reverts_to = (None, None) if active is None else (raw[active], raw[f"{active}Rvrt"])
        setpoint_w = None if raw["WSetEna"] != 1 or value is None else value * step_w
        falls_back = raw["WSetEnaRvrt"] == 1 and raw["WSetRvrtTms"] and reverts_to is not None
        return DrawState(
            raw=raw,
            scale=scale,
            limit_w=None if setpoint_w is None else max(0.0, -setpoint_w),
            setpoint_w=setpoint_w,
            falls_back_to_w=(reverts_to or 0) * step_w if falls_back else None,
        )

    def step_w(self, state: DrawState, ratings: Ratings) -> float:
        """The smallest step of the set point that we write (W)."""
        return _setpoint_step_w(self._value_point(state.raw), state.scale, ratings)

    def frames(
        self, state: DrawState, command: LimitActivePower, ratings: Ratings, reversion_s: float | None
    ) -> tuple[DrawFrame, ...]:
        """One frame, or none where the device has its own wish already and keeps it.

        Rounded towards zero, which is towards the limit for discharging and for charging. The timer falls back to the
        device's own wish where every draw is safe then, else to rest (0 W): inside every limit, and it neither empties
        nor fills a battery that nobody watches.
        """
        wanted_w = command.bounded_setpoint_w
        if wanted_w is None and state.raw["WSetEna"] != 1:
            return ()
        point = self._value_point(state.raw)
        if point is None:
            raise ValueError(f"no set point in this device: {command}")
        words: dict[str, int | None] = {**state.raw, "WSetEna": int(wanted_w is not None)}
        if state.raw["WSetMod"] is not None:
            words["WSetMod"] = int(point == "WSet")
        last, proven = point, ["WSetEna", "WSetMod", point]
        for name, most in _VALUES.items():
            if wanted_w is not None and words[name] is not None:  # both say the same, whichever the device looks at
                words[name] = _towards_zero(wanted_w, _setpoint_step_w(name, state.scale, ratings), most)
        if self._reverts(state.raw, point):
            seconds = 0 if reversion_s is None or wanted_w is None else max(1, math.floor(reversion_s))
            rests = seconds > 0 and command.reversion_charge_limit_w < ratings.charge_w
            words |= {f"{name}Rvrt": 0 for name in _VALUES if words[f"{name}Rvrt"] is not None}
            words |= {"WSetEnaRvrt": int(rests), "WSetRvrtTms": seconds}
            last = "WSetRvrtTms"
            proven += [f"{point}Rvrt", "WSetEnaRvrt", "WSetRvrtTms"]
        written = self.points[: self.points.index(last) + 1]
        coded = (word for name in written for word in encode(_TYPES[name], words[name]))
        expect = {name: value for name in proven if (value := words[name]) is not None}
        return (DrawFrame(offset=22, words=tuple(coded), expect=expect),)

    def difference(self, frames: tuple[DrawFrame, ...], state: DrawState) -> str:
        """What reads back differently, in words; empty if all is as it was written and an armed timer runs."""
        trouble = _differences(frames, state)
        expect = frames[0].expect if frames else {"WSetEna": 0}
        if not frames and state.raw["WSetEna"] == 1:
            trouble.append("WSetEna is 1 instead of 0")
        armed_s, left_s = expect.get("WSetRvrtTms", 0), state.raw["WSetRvrtRem"]
        if armed_s and left_s is not None and not 0 < left_s <= armed_s:
            trouble.append(f"set point timer does not run: {left_s} s left of {armed_s} s")
        return "; ".join(trouble)

    @staticmethod
    def _value_point(values: Mapping[str, Value] | Mapping[str, int | None]) -> str | None:
        return next((name for name in _VALUES if values.get(name) is not None), None)

    @staticmethod
    def _reverts(raw: Mapping[str, int | None], point: str) -> bool:
        return None not in (raw[f"{point}Rvrt"], raw["WSetEnaRvrt"], raw["WSetRvrtTms"])


class ChargeRate124:
    """Model 124: +2 reference of the rates, +5 which rates hold, +13 charging rate, +14..16 its timers.

    The discharging rate is left alone: model 123 bounds what the device injects, a hybrid's PV included.
    """

    model_id = 124
    bounds_charge = True
    takes_setpoint = False
    points = ("WChaMax", "StorCtl_Mod", "InWRte", "InOutWRte_WinTms", "InOutWRte_RvrtTms", "InOutWRte_RmpTms")

    def is_usable(self, values: Mapping[str, Value]) -> bool:
        """Whether the device has a charging rate (it is optional)."""
        return _whole(values, "InWRte") is not None and _whole(values, "StorCtl_Mod") is not None

    def state(self, values: Mapping[str, Value], ratings: Ratings) -> DrawState | str:
        """The state behind the registers, or what makes it unusable, in words."""
        scale = _exponents(values, "InOutWRte_SF", "WChaMax_SF")
        if isinstance(scale, str):
            return scale
        raw = {name: _whole(values, name) for name in self.points}
        if not self.is_usable(values):
            return "model 124 has no InWRte or no StorCtl_Mod"
        rate, holds = raw["InWRte"] or 0, (raw["StorCtl_Mod"] or 0) & _CHARGE_BIT
        state = DrawState(raw=raw, scale=(*scale, raw["WChaMax"]), limit_w=None)
        limit_w = max(0, rate) * self.step_w(state, ratings) if holds else None
        return DrawState(raw=raw, scale=state.scale, limit_w=limit_w)

    def step_w(self, state: DrawState, ratings: Ratings) -> float:
        """The smallest step of the rate (W). The larger of the two references makes each rate the smaller draw."""
        rate_exponent, reference_exponent = state.scale[0] or 0, state.scale[1] or 0
        reference_w = (state.raw["WChaMax"] or 0) * 10.0**reference_exponent
        return max(reference_w, ratings.charge_w) * 10.0**rate_exponent / 100.0

    def frames(
        self, state: DrawState, command: LimitActivePower, ratings: Ratings, reversion_s: float | None
    ) -> tuple[DrawFrame, ...]:
        """The rate with its timers off, then, where it does not hold yet, the bit that puts it in force.

        No frame where the command does not speak of the draw.
        """
        del reversion_s  # the timer of this model would drop the rate
        if command.charge_limit_w is None:
            return ()
        step_w = self.step_w(state, ratings)
        wanted_w = min(command.charge_limit_w, max(ratings.charge_w, 0.0))
        rate = _towards_zero(wanted_w, step_w, _INT16_MAX)
        timers = {name: None if state.raw[name] is None else 0 for name in self.points[3:]}
        words = (rate, *(0xFFFF if value is None else value for value in timers.values()))
        expect = {"InWRte": rate}
        if timers["InOutWRte_RvrtTms"] is not None:
            expect["InOutWRte_RvrtTms"] = 0
        frames = [DrawFrame(offset=13, words=words, expect=expect)]
        modes = state.raw["StorCtl_Mod"] or 0
        if not modes & _CHARGE_BIT:
            modes |= _CHARGE_BIT
            frames.append(DrawFrame(offset=5, words=(modes,), expect={"StorCtl_Mod": modes}))
        return tuple(frames)

    def difference(self, frames: tuple[DrawFrame, ...], state: DrawState) -> str:
        """What reads back differently, in words; empty if the rate is in force."""
        trouble = _differences(frames, state)
        if frames and state.limit_w is None and len(frames) == 1:
            trouble.append("StorCtl_Mod does not put the charging rate in force")
        return "; ".join(trouble)


DrawControl = Setpoint704 | ChargeRate124


def _differences(frames: tuple[DrawFrame, ...], state: DrawState) -> list[str]:
    wanted = {name: value for frame in frames for name, value in frame.expect.items()}
    return [f"{n} is {state.raw[n]} instead of {value}" for n, value in wanted.items() if state.raw[n] != value]


def _setpoint_step_w(point: str | None, scale: tuple[int | None, ...], ratings: Ratings) -> float:
    if point == "WSet":
        return 10.0 ** (scale[0] or 0)
    return ratings.injection_w * 10.0 ** (scale[1] or 0) / 100.0


def _towards_zero(wanted_w: float, step_w: float, most: int) -> int:
    """The number of whole steps in a power, its sign kept, at most `most`."""
    steps = min(math.floor(abs(wanted_w) / step_w + _FLOOR_SLACK), most)
    return int(math.copysign(steps, wanted_w))


def _exponents(values: Mapping[str, Value], *names: str) -> tuple[int, ...] | str:
    """Scale exponents; not implemented = 0; out of range is said in words."""
    exponents = tuple(_whole(values, name) or 0 for name in names)
    for name, exponent in zip(names, exponents, strict=True):
        if not SCALE_MIN <= exponent <= SCALE_MAX:
            return f"scale factor {name} is {exponent}, allowed are {SCALE_MIN}..{SCALE_MAX}"
    return exponents


def _whole(values: Mapping[str, Value] | Mapping[str, int | None], name: str) -> int | None:
    """A raw register value, `None` where it is not implemented."""
    value = values.get(name)
    return value if isinstance(value, int) else None
