"""The simulated devices as their registers show them: a SunSpec meter and two generations of SunSpec inverter."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from math import ceil
from typing import Protocol

from hil.plant.inverter import Inverter, LimitOrder, Telemetry
from hil.plant.meter import Meter
from hil.rig.image import Image

ILLEGAL_FUNCTION = 1  # Modbus Application Protocol V1.1b3, section 7
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3

_PHASES = "ABC"


class Device(Protocol):
    """What a server serves. Times are those of the plant."""

    def refresh(self, now_s: float) -> None:
        """Bring the registers up to date."""
        ...

    def read(self, function: int, address: int, count: int) -> bytes | int:
        """The bytes of `count` registers, or the Modbus exception code."""
        ...

    def write(self, now_s: float, function: int, address: int, words: tuple[int, ...]) -> int:
        """Take a write; 0 or the Modbus exception code. Nothing is applied unless all is."""
        ...


class _SunSpecDevice:
    """Registers of a SunSpec image: the same ones as holding and as input registers."""

    image: Image

    def read(self, function: int, address: int, count: int) -> bytes | int:
        """See `Device.read`."""
        data = self.image.read(address, count)
        return ILLEGAL_ADDRESS if data is None else data


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What an inverter reports of the grid: phase voltage and frequency."""

    voltage_v: float
    frequency_hz: float


def power_scale_factor(largest_w: float) -> int:
    """The smallest scale factor with which `largest_w` fits an int16 with half its range to spare."""
    factor = 0
    while largest_w > 16_000 * 10**factor:
        factor += 1
    return factor


def _identify(image: Image, model: str, serial: str, unit: int) -> None:
    image.set_text(1, "Mn", "openpcs twin")
    image.set_text(1, "Md", model)
    image.set_text(1, "Vr", "1.0")
    image.set_text(1, "SN", serial)
    image.set_raw(1, "DA", unit)


class MeterDevice(_SunSpecDevice):
    """Models 1 and 201-204 (int) or 211-214 (float) over a `Meter`."""

    def __init__(self, meter: Meter, *, model: int, base: int, unit: int, largest_w: float):
        self.meter = meter
        power_sf = power_scale_factor(largest_w)
        factors = {"A_SF": -1, "V_SF": -1, "Hz_SF": -2, "PF_SF": -2, "TotWh_SF": 0}
        factors |= {"W_SF": power_sf, "VA_SF": power_sf, "VAR_SF": power_sf}
        self.image = Image((1, model), base, {(model, name): value for name, value in factors.items()})
        self._version = -1
        _identify(self.image, f"meter {model}", meter.spec.id, unit)
        self.image.set_raw(model, "Evt", 0)
        letters = _PHASES[: len(meter.sample.phase_import_w)]
        totals = ("W", "VA", "VAR", "PF", "Hz", "PhV", "A", "TotWhImp", "TotWhExp")
        names = (*totals, *(f"{name}{c}" for c in letters for name in ("Wph", "VAph", "PhVph", "Aph")))
        self._live = tuple(self.image.points[model, name] for name in names)
        self._powers = tuple(self.image.points[model, name] for name in ("W", *(f"Wph{c}" for c in letters)))

    def refresh(self, now_s: float) -> None:
        """Encode the newest sample."""
        if self.meter.version == self._version:
            return
        self._version = self.meter.version
        sample, put = self.meter.sample, self.image.put
        phases, volts = sample.phase_import_w, sample.phase_voltage_v
        if not sample.valid:
            for point in self._powers:
                put(point, None)
            return
        amperes = [abs(phase_w) / phase_v for phase_w, phase_v in zip(phases, volts, strict=True)]
        apparent = [abs(phase_w) for phase_w in phases]
        values = (
            *(sum(phases), sum(apparent), 0.0, 100.0, sample.frequency_hz, sum(volts) / len(volts), sum(amperes)),
            *(sample.imported_wh, sample.exported_wh),
            *(value for phase in zip(phases, apparent, volts, amperes, strict=True) for value in phase),
        )
        for point, value in zip(self._live, values, strict=True):
            put(point, value)

    def write(self, now_s: float, function: int, address: int, words: tuple[int, ...]) -> int:
        """A meter takes no writes."""
        return ILLEGAL_ADDRESS


class _InverterDevice(_SunSpecDevice, ABC):
    """What both generations share: telemetry into measurement points, and writes that touch points one by one."""

    control: int
    ignored: frozenset[str] = frozenset()
    """Optional points that this device does not have: it takes writes to them and keeps "not implemented"."""

    def __init__(self, inverter: Inverter, image: Image, *, grid: Grid):
        self.inverter, self.image, self._grid = inverter, image, grid
        self._telemetry_version = self._order_version = -1
        self._restarts = 0
        self._revert_tms = 0
        self._percent_step: float = 10.0 ** int(image.raw(self.control, "WMaxLimPct_SF"))
        self._by_address = {point.address: point for (model, _), point in image.points.items() if model == self.control}

    def refresh(self, now_s: float) -> None:
        """Encode what changed: telemetry, the limit in force, the time left on the timer."""
        unit = self.inverter
        if unit.restarts != self._restarts:
            self._restarts, self._revert_tms = unit.restarts, 0
        if unit.telemetry_version != self._telemetry_version:
            self._telemetry_version = unit.telemetry_version
            self.encode_telemetry(unit.telemetry)
        if unit.order_version != self._order_version:
            self._order_version = unit.order_version
            self.encode_order(unit.order)

    @abstractmethod
    def encode_telemetry(self, telemetry: Telemetry) -> None:
        """Put the power that the inverter shows into its measurement points."""

    @abstractmethod
    def encode_order(self, order: LimitOrder) -> None:
        """Put the limit in force into the control points."""

    @abstractmethod
    def order_of(self, written: dict[str, float]) -> LimitOrder | None:
        """The order that the registers mean once `written` is in them; None where a value is not allowed."""

    def write(self, now_s: float, function: int, address: int, words: tuple[int, ...]) -> int:
        """Take a frame of control registers: all of it or nothing."""
        self.refresh(now_s)
        data = b"".join(word.to_bytes(2, "big") for word in words)
        written: dict[str, float] = {}
        at = 0
        while at < len(words):
            point = self._by_address.get(address + at)
            if point is None or point.code is None or at + point.words > len(words):
                return ILLEGAL_ADDRESS
            if point.name in self.writable:
                written[point.name] = point.code.unpack_from(data, 2 * at)[0]
            elif point.name not in self.ignored:
                return ILLEGAL_ADDRESS
            at += point.words
        order = self.order_of(written)
        if order is None:
            return ILLEGAL_VALUE
        self._revert_tms = int(order.revert_s)
        self.inverter.write(now_s, order)
        self.refresh(now_s)
        return 0

    writable: frozenset[str] = frozenset()

    def _phase_values(self, telemetry: Telemetry) -> list[tuple[str, float, float]]:
        """Index letter, watts and amperes of each phase that the unit is connected to."""
        return [
            (_PHASES[k], telemetry.injection_w * share, abs(telemetry.injection_w) * share / self._grid.voltage_v)
            for k, share in enumerate(self.inverter.spec.phase_share)
            if share > 0.0
        ]

    def _percent(self, written: dict[str, float], name: str, otherwise_pct: float) -> float:
        """A percent point as written, in percent, or what it was."""
        if name not in written:
            return otherwise_pct
        return written[name] * self._percent_step


class Inverter123(_InverterDevice):
    """Models 1, 101-103 or 111-113, 120, 121, 122, 123. Its revert timer drops the limit altogether."""

    control = 123
    writable = frozenset({"Conn", "WMaxLimPct", "WMaxLimPct_RvrtTms", "WMaxLim_Ena"})
    ignored = frozenset({"WMaxLimPct_WinTms", "WMaxLimPct_RmpTms"})

    def __init__(self, inverter: Inverter, *, measurement: int, base: int, unit: int, limit_sf: int, grid: Grid):
        rated_w = inverter.spec.nameplate_w
        power_sf = power_scale_factor(rated_w)
        factors = {(measurement, name): power_sf for name in ("W_SF", "VA_SF", "VAr_SF", "DCW_SF")}
        factors |= {(measurement, name): -1 for name in ("A_SF", "V_SF")}
        factors |= {(measurement, "Hz_SF"): -2, (measurement, "PF_SF"): -2, (measurement, "WH_SF"): 0}
        factors |= {(120, "WRtg_SF"): power_sf, (120, "VARtg_SF"): power_sf, (121, "WMax_SF"): power_sf}
        factors |= {(123, "WMaxLimPct_SF"): limit_sf}
        self._measurement = measurement
        image = Image((1, measurement, 120, 121, 122, 123), base, factors)
        _identify(image, f"inverter {measurement}/123", inverter.spec.id, unit)
        image.set_raw(120, "DERTyp", 4)  # PV
        for model, name in ((120, "WRtg"), (120, "VARtg"), (121, "WMax")):
            image.set(model, name, rated_w)
        for name, bits in (("PVConn", 0b111), ("StorConn", 0), ("ECPConn", 1)):
            image.set_raw(122, name, bits)
        image.set_raw(123, "Conn", 1)
        super().__init__(inverter, image, grid=grid)

    def encode_telemetry(self, telemetry: Telemetry) -> None:
        """Into the measurement model; asleep is operating state 2, limited 5, producing 4."""
        model, put = self._measurement, self.image.set
        put(model, "W", telemetry.injection_w)
        put(model, "VA", abs(telemetry.injection_w))
        put(model, "VAr", 0.0)
        put(model, "PF", 100.0)
        put(model, "Hz", self._grid.frequency_hz)
        put(model, "WH", telemetry.energy_wh)
        put(model, "DCW", telemetry.injection_w)
        phases = self._phase_values(telemetry)
        put(model, "A", sum(phase_a for _, _, phase_a in phases))
        for c, _, phase_a in phases:
            put(model, "Aph" + c, phase_a)
            put(model, "PhVph" + c, self._grid.voltage_v)
        self.image.set_raw(model, "St", 2 if telemetry.asleep else 5 if telemetry.limited else 4)
        self.image.set_raw(model, "Evt1", 0)

    def encode_order(self, order: LimitOrder) -> None:
        """Into model 123."""
        self.image.set(123, "WMaxLimPct", order.limit_pct)
        self.image.set_raw(123, "WMaxLim_Ena", int(order.enabled))
        self.image.set_raw(123, "WMaxLimPct_RvrtTms", self._revert_tms)

    def order_of(self, written: dict[str, float]) -> LimitOrder | None:
        """Read the frame; a disconnect (Conn 0) is not simulated and refused."""
        order = self.inverter.order
        enabled = written.get("WMaxLim_Ena", int(order.enabled))
        limit_pct = self._percent(written, "WMaxLimPct", order.limit_pct)
        if enabled not in (0, 1) or not 0 <= limit_pct <= 100 or written.get("Conn", 1) != 1:
            return None
        revert_s = written.get("WMaxLimPct_RvrtTms", self._revert_tms)
        return LimitOrder(enabled=bool(enabled), limit_pct=limit_pct, revert_s=0 if revert_s == 0xFFFF else revert_s)


class Inverter704(_InverterDevice):
    """Models 1, 701, 702, 704. Its revert timer falls back to the armed value."""

    control = 704
    writable = frozenset({"WMaxLimPctEna", "WMaxLimPct", "WMaxLimPctRvrt", "WMaxLimPctEnaRvrt", "WMaxLimPctRvrtTms"})

    def __init__(self, inverter: Inverter, *, base: int, unit: int, limit_sf: int, grid: Grid):
        rated_w = inverter.spec.nameplate_w
        power_sf = power_scale_factor(rated_w)
        factors = {(701, name): power_sf for name in ("W_SF", "VA_SF", "Var_SF")}
        factors |= {(701, "A_SF"): -1, (701, "V_SF"): -1, (701, "Hz_SF"): -2, (701, "PF_SF"): -2, (701, "TotWh_SF"): 0}
        factors |= {(702, "W_SF"): power_sf, (702, "VA_SF"): power_sf, (704, "WMaxLimPct_SF"): limit_sf}
        image = Image((1, 701, 702, 704), base, factors)
        _identify(image, "inverter 701/704", inverter.spec.id, unit)
        for name in ("WMaxRtg", "VAMaxRtg", "WMax", "VAMax"):
            image.set(702, name, rated_w)
        connected = sum(share > 0.0 for share in inverter.spec.phase_share)
        image.set_raw(701, "ACType", connected - 1)  # 0 single, 1 split, 2 three-phase
        image.set_raw(701, "Alrm", 0)
        image.set_raw(701, "ConnSt", 1)
        super().__init__(inverter, image, grid=grid)

    def refresh(self, now_s: float) -> None:
        """Besides the rest, the seconds left on the timer."""
        super().refresh(now_s)
        at_s = self.inverter.revert_at_s
        self.image.set_raw(704, "WMaxLimPctRvrtRem", ceil(at_s - now_s) if now_s < at_s < float("inf") else 0)

    def encode_telemetry(self, telemetry: Telemetry) -> None:
        """Into model 701; asleep is state off and inverter state sleeping."""
        put = self.image.set
        put(701, "W", telemetry.injection_w)
        put(701, "VA", abs(telemetry.injection_w))
        put(701, "Var", 0.0)
        put(701, "PF", 1.0)
        put(701, "Hz", self._grid.frequency_hz)
        put(701, "LNV", self._grid.voltage_v)
        put(701, "TotWhInj", telemetry.energy_wh)
        phases = self._phase_values(telemetry)
        put(701, "A", sum(phase_a for _, _, phase_a in phases))
        for c, phase_w, phase_a in phases:
            k = _PHASES.index(c) + 1
            put(701, f"WL{k}", phase_w)
            put(701, f"AL{k}", phase_a)
            put(701, f"VL{k}", self._grid.voltage_v)
        self.image.set_raw(701, "St", 0 if telemetry.asleep else 1)
        self.image.set_raw(701, "InvSt", 1 if telemetry.asleep else 4 if telemetry.limited else 3)

    def encode_order(self, order: LimitOrder) -> None:
        """Into model 704."""
        self.image.set_raw(704, "WMaxLimPctEna", int(order.enabled))
        self.image.set(704, "WMaxLimPct", order.limit_pct)
        self.image.set(704, "WMaxLimPctRvrt", order.revert_limit_pct)
        self.image.set_raw(704, "WMaxLimPctEnaRvrt", int(order.revert_enabled))
        self.image.set_raw(704, "WMaxLimPctRvrtTms", self._revert_tms)

    def order_of(self, written: dict[str, float]) -> LimitOrder | None:
        """Read the frame."""
        order = self.inverter.order
        enabled = written.get("WMaxLimPctEna", int(order.enabled))
        revert_enabled = written.get("WMaxLimPctEnaRvrt", int(order.revert_enabled))
        limit_pct = self._percent(written, "WMaxLimPct", order.limit_pct)
        revert_pct = self._percent(written, "WMaxLimPctRvrt", order.revert_limit_pct)
        if enabled not in (0, 1) or revert_enabled not in (0, 1):
            return None
        if not 0 <= limit_pct <= 100 or not 0 <= revert_pct <= 100:
            return None
        return replace(
            order,
            enabled=bool(enabled),
            limit_pct=limit_pct,
            revert_s=written.get("WMaxLimPctRvrtTms", self._revert_tms),
            revert_enabled=bool(revert_enabled),
            revert_limit_pct=revert_pct,
        )
