"""Storage as its registers show it: 124 and 802 beside an inverter of the 1xx series, or 704's set point and 713."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from hil.plant.battery import BatterySpec
from hil.plant.orders import Order, RateOrder, SetOrder
from hil.plant.unit import Telemetry
from hil.plant.units import AnyUnit
from hil.rig.devices import Grid, power_scale_factor
from hil.rig.image import Image
from hil.rig.sunspec_ders import LIMIT_704, NO_TIME, Inverter123, Inverter704

_CHARGE, _DISCHARGE = 1, 2  # bits of StorCtl_Mod: this bound is in force
_EMPTY, _DISCHARGING, _CHARGING, _FULL, _HOLDING = 2, 3, 4, 5, 6  # ChaSt
_IDLE_SHARE = 0.005  # of the rating: less than this is holding
_WATTS = 1  # WSetMod: the set point is in watts, else in percent of the rating
_PERCENT_SF = -2


def _rating(spec: BatterySpec) -> int:
    return power_scale_factor(max(spec.nameplate_w, spec.charge_w))


class Storage124(Inverter123):
    """Besides an inverter of the 1xx series: 124 bounds charge and discharge, 802 says the state of charge."""

    writable: ClassVar[Mapping[int, frozenset[str]]] = {
        **Inverter123.writable,
        124: frozenset({"StorCtl_Mod", "OutWRte", "InWRte", "InOutWRte_RvrtTms"}),
    }
    ignored = Inverter123.ignored | {"InOutWRte_WinTms", "InOutWRte_RmpTms"}
    kind = 82  # DERTyp: PV and storage; the model knows no storage alone
    more: ClassVar[tuple[int, ...]] = (124, 802)

    def __init__(self, unit: AnyUnit, *, measurement: int, base: int, address: int, limit_sf: int, grid: Grid):
        spec: BatterySpec = unit.spec
        power_sf, energy_sf = _rating(spec), power_scale_factor(spec.capacity_wh)
        factors = {(120, "WHRtg_SF"): energy_sf, (120, "MaxChaRte_SF"): power_sf, (120, "MaxDisChaRte_SF"): power_sf}
        factors |= {(124, "WChaMax_SF"): power_sf, (124, "WChaDisChaGra_SF"): 0, (124, "ChaState_SF"): _PERCENT_SF}
        factors |= {(124, "InOutWRte_SF"): _PERCENT_SF}
        factors |= {(802, "WHRtg_SF"): energy_sf, (802, "WChaDisChaMax_SF"): power_sf, (802, "SoC_SF"): _PERCENT_SF}
        factors |= {(802, "W_SF"): power_sf, (802, "V_SF"): -1, (802, "A_SF"): -1, (802, "AHRtg_SF"): 0}
        factors |= {(802, "AMax_SF"): -1, (802, "CellV_SF"): -3}
        super().__init__(
            unit,
            measurement=measurement,
            base=base,
            address=address,
            limit_sf=limit_sf,
            grid=grid,
            more_factors=factors,
        )
        image = self.image
        image.set_raw(122, "PVConn", 0)
        image.set_raw(122, "StorConn", 0b111)
        for model, name, value in (
            *((120, "WHRtg", spec.capacity_wh), (120, "MaxChaRte", spec.charge_w)),
            *((120, "MaxDisChaRte", spec.nameplate_w), (124, "WChaMax", spec.charge_w)),
            *((124, "WChaGra", 100.0), (124, "WDisChaGra", 100.0), (802, "WHRtg", spec.capacity_wh)),
            *((802, "WChaRteMax", spec.charge_w), (802, "WDisChaRteMax", spec.nameplate_w)),
            *((802, "SoCMax", spec.soc_max_pct), (802, "SoCMin", spec.soc_min_pct)),
        ):
            image.set(model, name, value)
        for name, raw in (
            ("LocRemCtl", 0),
            ("Typ", 4),
            ("State", 3),
            ("Evt1", 0),
            ("Evt2", 0),
        ):  # lithium-ion, connected
            image.set_raw(802, name, raw)

    def encode_telemetry(self, telemetry: Telemetry) -> None:
        """Besides the inverter's: state of charge, and what the battery does."""
        super().encode_telemetry(telemetry)
        doing = _doing(telemetry, self.unit.spec)
        self.image.set(124, "ChaState", telemetry.soc_pct)
        self.image.set_raw(124, "ChaSt", doing)
        self.image.set(802, "SoC", telemetry.soc_pct)
        self.image.set_raw(802, "ChaSt", doing)
        self.image.set(802, "W", telemetry.injection_w)

    def encode_orders(self) -> None:
        """The bounds into model 124."""
        super().encode_orders()
        order, image = self.unit.held(RateOrder), self.image
        image.set_raw(124, "StorCtl_Mod", _CHARGE * order.bounds_charge | _DISCHARGE * order.bounds_discharge)
        image.set(124, "InWRte", order.charge_pct)
        image.set(124, "OutWRte", order.discharge_pct)
        image.set_raw(124, "InOutWRte_RvrtTms", self.armed_s[RateOrder])

    def orders_of(self, model: int, written: dict[str, float]) -> tuple[Order, ...] | None:
        """Read the frame; a bound whose bit is not set is not in force."""
        if model == 123:
            return super().orders_of(model, written)
        bits = int(written.get("StorCtl_Mod", self.image.raw(124, "StorCtl_Mod")))
        percent = {
            name: self.scaled(124, name, written.get(name, self.image.raw(124, name))) for name in ("InWRte", "OutWRte")
        }
        if bits & ~(_CHARGE | _DISCHARGE) or not all(-100.0 <= value <= 100.0 for value in percent.values()):
            return None
        revert_s = written.get("InOutWRte_RvrtTms", self.armed_s[RateOrder])
        order = RateOrder(
            bounds_charge=bool(bits & _CHARGE),
            bounds_discharge=bool(bits & _DISCHARGE),
            charge_pct=percent["InWRte"],
            discharge_pct=percent["OutWRte"],
            revert_s=0 if revert_s == NO_TIME else revert_s,
        )
        return (order,)


SET_704 = frozenset({"WSetEna", "WSetMod", "WSet", "WSetRvrt", "WSetPct", "WSetPctRvrt", "WSetEnaRvrt", "WSetRvrtTms"})


class Storage704(Inverter704):
    """Besides an inverter of the 7xx series: WSet of 704 with a timer of its own, and 713."""

    writable: ClassVar[Mapping[int, frozenset[str]]] = {704: LIMIT_704 | SET_704}
    more: ClassVar[tuple[int, ...]] = (713,)

    def __init__(self, unit: AnyUnit, *, base: int, address: int, limit_sf: int, grid: Grid):
        spec: BatterySpec = unit.spec
        energy_sf = power_scale_factor(spec.capacity_wh)
        factors: Mapping[tuple[int, str], int] = {
            (702, "W_SF"): _rating(spec),
            (704, "WSet_SF"): 0,
            (704, "WSetPct_SF"): _PERCENT_SF,
            (713, "WH_SF"): energy_sf,
            (713, "Pct_SF"): _PERCENT_SF,
        }
        self._watts = True
        super().__init__(unit, base=base, address=address, limit_sf=limit_sf, grid=grid, more_factors=factors)
        image: Image = self.image
        for end in ("MaxRtg", "Max"):
            image.set(702, f"WChaRte{end}", spec.charge_w)
            image.set(702, f"WDisChaRte{end}", spec.nameplate_w)
        image.set(713, "WHRtg", spec.capacity_wh)
        image.set(713, "SoH", 100.0)
        image.set_raw(713, "Sta", 0)

    def refresh(self, now_s: float) -> None:
        """Besides the rest, the seconds left on the set point's timer."""
        super().refresh(now_s)
        self.encode_time_left(now_s, SetOrder, "WSetRvrtRem")

    def encode_telemetry(self, telemetry: Telemetry) -> None:
        """Besides the inverter's: state of charge and what is left."""
        super().encode_telemetry(telemetry)
        self.image.set(701, "TotWhAbs", telemetry.absorbed_wh)
        self.image.set(713, "SoC", telemetry.soc_pct)
        self.image.set(713, "WHAvail", telemetry.soc_pct / 100 * self.unit.spec.capacity_wh)

    def encode_orders(self) -> None:
        """Besides the limit, the set point, in watts and in percent."""
        super().encode_orders()
        order, image, rated_w = self.unit.held(SetOrder), self.image, self.unit.spec.nameplate_w
        image.set_raw(704, "WSetEna", int(order.enabled))
        image.set_raw(704, "WSetMod", _WATTS if self._watts else 0)
        image.set(704, "WSet", order.setpoint_w)
        image.set(704, "WSetRvrt", order.revert_setpoint_w)
        image.set(704, "WSetPct", 100 * order.setpoint_w / rated_w)
        image.set(704, "WSetPctRvrt", 100 * order.revert_setpoint_w / rated_w)
        image.set_raw(704, "WSetEnaRvrt", int(order.revert_enabled))
        image.set_raw(704, "WSetRvrtTms", self.armed_s[SetOrder])

    def orders_of(self, model: int, written: dict[str, float]) -> tuple[Order, ...] | None:
        """Read limit and set point of a frame; each arms only its own timer."""
        orders = super().orders_of(model, written)
        if orders is None or not SET_704 & written.keys():
            return orders
        order = self.unit.held(SetOrder)
        mode = written.get("WSetMod", _WATTS if self._watts else 0)
        enabled = written.get("WSetEna", int(order.enabled))
        revert_enabled = written.get("WSetEnaRvrt", int(order.revert_enabled))
        if not {mode, enabled, revert_enabled} <= {0, 1}:
            return None
        names = ("WSet", "WSetRvrt") if mode == _WATTS else ("WSetPct", "WSetPctRvrt")
        unit_w = 1.0 if mode == _WATTS else self.unit.spec.nameplate_w / 100
        setpoint_w, revert_w = (
            self.scaled(704, name, written[name]) * unit_w if name in written else otherwise_w
            for name, otherwise_w in zip(names, (order.setpoint_w, order.revert_setpoint_w), strict=True)
        )
        self._watts = mode == _WATTS
        changed = replace(
            order,
            enabled=bool(enabled),
            setpoint_w=setpoint_w,
            revert_s=written.get("WSetRvrtTms", self.armed_s[SetOrder]),
            revert_enabled=bool(revert_enabled),
            revert_setpoint_w=revert_w,
        )
        return (*orders, changed)


def _doing(telemetry: Telemetry, spec: BatterySpec) -> int:
    """ChaSt: what the battery does."""
    idle_w = _IDLE_SHARE * spec.nameplate_w
    if telemetry.injection_w > idle_w:
        return _DISCHARGING
    if telemetry.injection_w < -idle_w:
        return _CHARGING
    if telemetry.soc_pct >= spec.soc_max_pct:
        return _FULL
    return _EMPTY if telemetry.soc_pct <= spec.soc_min_pct else _HOLDING
