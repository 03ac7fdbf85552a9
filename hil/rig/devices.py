"""What every simulated device offers to its server, and a SunSpec meter."""

from dataclasses import dataclass
from math import hypot
from typing import Protocol

from hil.plant.meter import Meter, MeterSample
from hil.rig.image import Image

ILLEGAL_FUNCTION = 1  # Modbus Application Protocol V1.1b3, section 7
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3

PHASES = "ABC"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What a DER reports of the grid: volts of a conductor against neutral, and frequency."""

    voltage_v: float
    frequency_hz: float


class SunSpecDevice:
    """Registers of a SunSpec image: the same ones as holding and as input registers."""

    image: Image

    def read(self, function: int, address: int, count: int) -> bytes | int:
        """See `Device.read`."""
        data = self.image.read(address, count)
        return ILLEGAL_ADDRESS if data is None else data


def power_scale_factor(largest_w: float) -> int:
    """The smallest scale factor with which `largest_w` fits an int16 with half its range to spare."""
    factor = 0
    while largest_w > 16_000 * 10**factor:
        factor += 1
    return factor


def identify(image: Image, model: str, serial: str, unit: int) -> None:
    """Fill in the common model."""
    image.set_text(1, "Mn", "openpcs twin")
    image.set_text(1, "Md", model)
    image.set_text(1, "Vr", "1.0")
    image.set_text(1, "SN", serial)
    image.set_raw(1, "DA", unit)


class MeterDevice(SunSpecDevice):
    """Models 1 and 201-204 (int) or 211-214 (float) over a `Meter`."""

    def __init__(self, meter: Meter, *, model: int, base: int, unit: int, largest_w: float):
        self.meter = meter
        power_sf = power_scale_factor(largest_w)
        factors = {"A_SF": -1, "V_SF": -1, "Hz_SF": -2, "PF_SF": -2, "TotWh_SF": 0}
        factors |= {"W_SF": power_sf, "VA_SF": power_sf, "VAR_SF": power_sf}
        self.image = Image((1, model), base, {(model, name): value for name, value in factors.items()})
        self._version = -1
        identify(self.image, f"meter {model}", meter.spec.id, unit)
        self.image.set_raw(model, "Evt", 0)
        letters = PHASES[: len(meter.sample.phase_import_w)]
        pairs = ("AB", "BC", "CA")[: len(meter.sample.line_voltage_v)]
        totals = ("W", "VA", "VAR", "PF", "Hz", "PhV", "A", "TotWhImp", "TotWhExp")
        names = (
            *totals,
            *(f"{name}{c}" for c in letters for name in ("Wph", "VAph", "VARph", "PFph", "PhVph", "Aph")),
            *(["PPV"] if pairs else []),
            *(f"{'PPVph' if (model, 'PPVph' + pair) in self.image.points else 'PhVph'}{pair}" for pair in pairs),
        )
        self._live = tuple(self.image.points[model, name] for name in names)
        powers = ("W", *(f"{name}{c}" for c in letters for name in ("Wph", "VAph", "VARph")))
        self._powers = tuple(self.image.points[model, name] for name in powers)

    def refresh(self, now_s: float) -> None:
        """Encode the newest sample."""
        if self.meter.version == self._version:
            return
        self._version = self.meter.version
        sample, put = self.meter.sample, self.image.put
        if not sample.valid:
            for point in self._powers:
                put(point, None)
            return
        for point, value in zip(self._live, _values(sample), strict=True):
            put(point, value)

    def write(self, now_s: float, function: int, address: int, words: tuple[int, ...]) -> int:
        """A meter takes no writes."""
        return ILLEGAL_ADDRESS


def _values(sample: MeterSample) -> list[float]:
    """The values of a meter's live points in their order; apparent power is that of each conductor, and their sum."""
    watts, var, volts = sample.phase_import_w, sample.phase_import_var, sample.phase_voltage_v
    apparent = [hypot(w, q) for w, q in zip(watts, var, strict=True)]
    total_va = sum(apparent)
    values = [sum(watts), total_va, sum(var), _power_factor_pct(sum(watts), total_va), sample.frequency_hz]
    values += [sum(volts) / len(volts), sum(sample.phase_current_a), sample.imported_wh, sample.exported_wh]
    for w, va, q, v, a in zip(watts, apparent, var, volts, sample.phase_current_a, strict=True):
        values += [w, va, q, _power_factor_pct(w, va), v, a]
    lines = sample.line_voltage_v
    return [*values, sum(lines) / len(lines), *lines] if lines else values


def _power_factor_pct(active_w: float, apparent_va: float) -> float:
    return 100.0 * active_w / apparent_va if apparent_va > 0.0 else 100.0
