"""Sources as their registers show them: two generations of SunSpec, 123 and 704."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from math import ceil, hypot, inf
from typing import ClassVar

from hil.plant.orders import LimitOrder, Order
from hil.plant.unit import Telemetry
from hil.plant.units import AnyUnit
from hil.rig.devices import (
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    PHASES,
    Grid,
    SunSpecDevice,
    identify,
    power_scale_factor,
)
from hil.rig.image import Image

NO_TIME = 0xFFFF  # an unimplemented uint16 written as a time: no timer


class DerDevice(SunSpecDevice, ABC):
    """What all generations share: telemetry into measurement points, and writes that touch points one by one."""

    writable: ClassVar[Mapping[int, frozenset[str]]]
    """Points that can be written, by control model."""
    ignored: ClassVar[frozenset[str]] = frozenset()
    """Optional points that this device does not have: it takes writes to them and keeps "not implemented"."""

    def __init__(self, unit: AnyUnit, image: Image, *, grid: Grid):
        self.unit, self.image, self.grid = unit, image, grid
        self.armed_s: dict[type[Order], int] = dict.fromkeys(unit.slots, 0)
        """What each order's timer register shows; a timer that ran out does not change it."""
        self._telemetry_version = self._order_version = -1
        self._restarts = 0
        self._by_address = {
            point.address: point for (model, _), point in image.points.items() if model in self.writable
        }

    def refresh(self, now_s: float) -> None:
        """Encode what changed: telemetry, the orders in force."""
        unit = self.unit
        if unit.restarts != self._restarts:
            self._restarts = unit.restarts
            self.armed_s = dict.fromkeys(self.armed_s, 0)
        if unit.telemetry_version != self._telemetry_version:
            self._telemetry_version = unit.telemetry_version
            self.encode_telemetry(unit.telemetry)
        version = sum(slot.version for slot in unit.slots.values())
        if version != self._order_version:
            self._order_version = version
            self.encode_orders()

    @abstractmethod
    def encode_telemetry(self, telemetry: Telemetry) -> None:
        """Put the power that the unit shows into its measurement points."""

    @abstractmethod
    def encode_orders(self) -> None:
        """Put the orders in force into the control points."""

    @abstractmethod
    def orders_of(self, model: int, written: dict[str, float]) -> tuple[Order, ...] | None:
        """The orders that the registers mean once `written` is in them; None where a value is not allowed."""

    def write(self, now_s: float, function: int, address: int, words: tuple[int, ...]) -> int:
        """Take a frame of control registers: all of it or nothing."""
        self.refresh(now_s)
        data = b"".join(word.to_bytes(2, "big") for word in words)
        written: dict[str, float] = {}
        at = model = 0
        while at < len(words):
            point = self._by_address.get(address + at)
            if point is None or point.code is None or at + point.words > len(words):
                return ILLEGAL_ADDRESS
            if model not in (0, point.model):
                return ILLEGAL_ADDRESS
            model = point.model
            if point.name in self.writable[model]:
                written[point.name] = point.code.unpack_from(data, 2 * at)[0]
            elif point.name not in self.ignored:
                return ILLEGAL_ADDRESS
            at += point.words
        orders = self.orders_of(model, written)
        if orders is None:
            return ILLEGAL_VALUE
        for order in orders:
            self.armed_s[type(order)] = int(order.revert_s)
            self.unit.write(now_s, order)
        self.refresh(now_s)
        return 0

    def phase_values(self, telemetry: Telemetry) -> list[tuple[int, float, float, float]]:
        """Index, watts, var and amperes of each conductor that the unit is connected to."""
        link, said_w, volts_v = self.unit.spec.connection, telemetry.injection_w, self.grid.voltage_v
        parts = zip(range(3), link.p_part, link.q_part, strict=False)
        return [
            (k, said_w * p_part, said_w * q_part, abs(said_w) * hypot(p_part, q_part) / volts_v)
            for k, p_part, q_part in parts
            if k in link.conductors
        ]

    def scaled(self, model: int, name: str, raw: float) -> float:
        """A raw register of a point in the point's unit."""
        return raw * self.image.points[model, name].divisor


class Inverter123(DerDevice):
    """Models 1, 101-103 or 111-113, 120, 121, 122, 123. Its revert timer drops the limit altogether."""

    writable: ClassVar[Mapping[int, frozenset[str]]] = {
        123: frozenset({"Conn", "WMaxLimPct", "WMaxLimPct_RvrtTms", "WMaxLim_Ena"})
    }
    ignored = frozenset({"WMaxLimPct_WinTms", "WMaxLimPct_RmpTms"})
    kind: ClassVar[int] = 4  # DERTyp: PV
    more: ClassVar[tuple[int, ...]] = ()
    """Models behind those of an inverter."""

    def __init__(
        self,
        unit: AnyUnit,
        *,
        measurement: int,
        base: int,
        address: int,
        limit_sf: int,
        grid: Grid,
        more_factors: Mapping[tuple[int, str], int] | None = None,
    ):
        rated_w = unit.spec.nameplate_w
        power_sf = power_scale_factor(rated_w)
        factors = {(measurement, name): power_sf for name in ("W_SF", "VA_SF", "VAr_SF", "DCW_SF")}
        factors |= {(measurement, name): -1 for name in ("A_SF", "V_SF")}
        factors |= {(measurement, "Hz_SF"): -2, (measurement, "PF_SF"): -2, (measurement, "WH_SF"): 0}
        factors |= {(120, "WRtg_SF"): power_sf, (120, "VARtg_SF"): power_sf, (121, "WMax_SF"): power_sf}
        factors |= {(123, "WMaxLimPct_SF"): limit_sf, **(more_factors or {})}
        self._measurement = measurement
        image = Image((1, measurement, 120, 121, 122, 123, *self.more), base, factors)
        identify(image, f"inverter {measurement}/123", unit.spec.id, address)
        image.set_raw(120, "DERTyp", self.kind)
        for model, name in ((120, "WRtg"), (120, "VARtg"), (121, "WMax")):
            image.set(model, name, rated_w)
        for name, bits in (("PVConn", 0b111), ("StorConn", 0), ("ECPConn", 1)):
            image.set_raw(122, name, bits)
        image.set_raw(123, "Conn", 1)
        super().__init__(unit, image, grid=grid)

    def encode_telemetry(self, telemetry: Telemetry) -> None:
        """Into the measurement model; asleep is operating state 2, limited 5, producing 4."""
        model, put = self._measurement, self.image.set
        phases = self.phase_values(telemetry)
        put(model, "W", telemetry.injection_w)
        put(model, "VA", hypot(telemetry.injection_w, sum(var for _, _, var, _ in phases)))
        put(model, "VAr", sum(var for _, _, var, _ in phases))
        put(model, "PF", 100.0)
        put(model, "Hz", self.grid.frequency_hz)
        put(model, "WH", telemetry.energy_wh)
        put(model, "DCW", telemetry.injection_w)
        put(model, "A", sum(phase_a for *_, phase_a in phases))
        for k, _, _, phase_a in phases:
            put(model, "Aph" + PHASES[k], phase_a)
            put(model, "PhVph" + PHASES[k], self.grid.voltage_v)
        self.image.set_raw(model, "St", 2 if telemetry.asleep else 5 if telemetry.limited else 4)
        self.image.set_raw(model, "Evt1", 0)

    def encode_orders(self) -> None:
        """Into model 123."""
        order = self.unit.held(LimitOrder)
        self.image.set(123, "WMaxLimPct", order.limit_pct)
        self.image.set_raw(123, "WMaxLim_Ena", int(order.enabled))
        self.image.set_raw(123, "WMaxLimPct_RvrtTms", self.armed_s[LimitOrder])

    def orders_of(self, model: int, written: dict[str, float]) -> tuple[Order, ...] | None:
        """Read the frame; a disconnect (Conn 0) is not simulated and refused."""
        order = self.unit.held(LimitOrder)
        enabled = written.get("WMaxLim_Ena", int(order.enabled))
        limit_pct = order.limit_pct
        if "WMaxLimPct" in written:
            limit_pct = self.scaled(123, "WMaxLimPct", written["WMaxLimPct"])
        if enabled not in (0, 1) or not 0 <= limit_pct <= 100 or written.get("Conn", 1) != 1:
            return None
        revert_s = written.get("WMaxLimPct_RvrtTms", self.armed_s[LimitOrder])
        revert_s = 0 if revert_s == NO_TIME else revert_s
        return (LimitOrder(enabled=bool(enabled), limit_pct=limit_pct, revert_s=revert_s),)


LIMIT_704 = frozenset({"WMaxLimPctEna", "WMaxLimPct", "WMaxLimPctRvrt", "WMaxLimPctEnaRvrt", "WMaxLimPctRvrtTms"})


class Inverter704(DerDevice):
    """Models 1, 701, 702, 704. Its revert timer falls back to the armed value."""

    writable: ClassVar[Mapping[int, frozenset[str]]] = {704: LIMIT_704}
    more: ClassVar[tuple[int, ...]] = ()

    def __init__(
        self,
        unit: AnyUnit,
        *,
        base: int,
        address: int,
        limit_sf: int,
        grid: Grid,
        more_factors: Mapping[tuple[int, str], int] | None = None,
    ):
        rated_w = unit.spec.nameplate_w
        power_sf = power_scale_factor(rated_w)
        factors = {(701, name): power_sf for name in ("W_SF", "VA_SF", "Var_SF")}
        factors |= {(701, "A_SF"): -1, (701, "V_SF"): -1, (701, "Hz_SF"): -2, (701, "PF_SF"): -2, (701, "TotWh_SF"): 0}
        factors |= {(702, "W_SF"): power_sf, (702, "VA_SF"): power_sf, (704, "WMaxLimPct_SF"): limit_sf}
        factors |= more_factors or {}
        image = Image((1, 701, 702, 704, *self.more), base, factors)
        identify(image, "inverter 701/704", unit.spec.id, address)
        for name in ("WMaxRtg", "VAMaxRtg", "WMax", "VAMax"):
            image.set(702, name, rated_w)
        image.set_raw(701, "ACType", len(unit.spec.connection.conductors) - 1)  # 0 single, 1 split, 2 three-phase
        image.set_raw(701, "Alrm", 0)
        image.set_raw(701, "ConnSt", 1)
        super().__init__(unit, image, grid=grid)

    def refresh(self, now_s: float) -> None:
        """Besides the rest, the seconds left on the timer."""
        super().refresh(now_s)
        self.encode_time_left(now_s, LimitOrder, "WMaxLimPctRvrtRem")

    def encode_time_left(self, now_s: float, kind: type[Order], name: str) -> None:
        """The seconds left on the timer of one kind of order."""
        at_s = self.unit.slots[kind].revert_at_s
        self.image.set_raw(704, name, ceil(at_s - now_s) if now_s < at_s < inf else 0)

    def encode_telemetry(self, telemetry: Telemetry) -> None:
        """Into model 701; asleep is state off and inverter state sleeping."""
        put, phases = self.image.set, self.phase_values(telemetry)
        put(701, "W", telemetry.injection_w)
        put(701, "VA", hypot(telemetry.injection_w, sum(var for _, _, var, _ in phases)))
        put(701, "Var", sum(var for _, _, var, _ in phases))
        put(701, "PF", 1.0)
        put(701, "Hz", self.grid.frequency_hz)
        put(701, "LNV", self.grid.voltage_v)
        put(701, "TotWhInj", telemetry.energy_wh)
        put(701, "A", sum(phase_a for *_, phase_a in phases))
        for k, phase_w, phase_var, phase_a in phases:
            put(701, f"WL{k + 1}", phase_w)
            put(701, f"VarL{k + 1}", phase_var)
            put(701, f"AL{k + 1}", phase_a)
            put(701, f"VL{k + 1}", self.grid.voltage_v)
        self.image.set_raw(701, "St", 0 if telemetry.asleep else 1)
        self.image.set_raw(701, "InvSt", 1 if telemetry.asleep else 4 if telemetry.limited else 3)

    def encode_orders(self) -> None:
        """The limit into model 704."""
        order = self.unit.held(LimitOrder)
        self.image.set_raw(704, "WMaxLimPctEna", int(order.enabled))
        self.image.set(704, "WMaxLimPct", order.limit_pct)
        self.image.set(704, "WMaxLimPctRvrt", order.revert_limit_pct)
        self.image.set_raw(704, "WMaxLimPctEnaRvrt", int(order.revert_enabled))
        self.image.set_raw(704, "WMaxLimPctRvrtTms", self.armed_s[LimitOrder])

    def orders_of(self, model: int, written: dict[str, float]) -> tuple[Order, ...] | None:
        """Read the limit of a frame."""
        if not LIMIT_704 & written.keys():
            return ()
        order = self.unit.held(LimitOrder)
        enabled = written.get("WMaxLimPctEna", int(order.enabled))
        revert_enabled = written.get("WMaxLimPctEnaRvrt", int(order.revert_enabled))
        limit_pct, revert_pct = order.limit_pct, order.revert_limit_pct
        if "WMaxLimPct" in written:
            limit_pct = self.scaled(704, "WMaxLimPct", written["WMaxLimPct"])
        if "WMaxLimPctRvrt" in written:
            revert_pct = self.scaled(704, "WMaxLimPctRvrt", written["WMaxLimPctRvrt"])
        if enabled not in (0, 1) or revert_enabled not in (0, 1):
            return None
        if not 0 <= limit_pct <= 100 or not 0 <= revert_pct <= 100:
            return None
        changed = replace(
            order,
            enabled=bool(enabled),
            limit_pct=limit_pct,
            revert_s=written.get("WMaxLimPctRvrtTms", self.armed_s[LimitOrder]),
            revert_enabled=bool(revert_enabled),
            revert_limit_pct=revert_pct,
        )
        return (changed,)
