"""The generic meter with a register map: what its profile calls power, current, voltage and frequency."""

from pcs.devices.register_unit import RegisterUnit, Sample
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import MeterIdentified, MeterReading
from pcs.model.registers import UNITS
from pcs.model.site import MeterSign, MeterSpec
from pcs.ports import Link, Priority

TOTAL = "power_total"
FREQUENCY = "frequency"
_PER_PHASE = {quantity: tuple(f"{quantity}_l{n}" for n in (1, 2, 3)) for quantity in ("power", "current", "voltage")}


class RegisterMeter:
    """A meter at one address. `identify` first; `measure` is the fast group and one request on the wire."""

    def __init__(self, spec: MeterSpec, link: Link) -> None:
        self._spec = spec
        self._unit = RegisterUnit(source_id=spec.id, link=link, unit=spec.unit, profile=spec.profile)
        fast = self._unit.map.fast
        self._phases = {
            quantity: tuple(name for name in names if name in fast) for quantity, names in _PER_PHASE.items()
        }
        point = self._unit.map.points[TOTAL]
        step_w = 1.0 if point.type.startswith("float") or point.exponent else point.scale * UNITS[point.unit]
        self._resolution_w = spec.ct.ratio * step_w
        # The profile turns its registers to import-positive; the site file says how this one's CTs are mounted.
        turned = (spec.sign is MeterSign.EXPORT_POSITIVE) == self._unit.map.positive_is_import
        self._factor = -spec.ct.ratio if turned else spec.ct.ratio

    async def identify(self) -> MeterIdentified | Fault:
        """See whether the registers are those of the profile. `WRONG_DEVICE` names what was found instead."""
        met = await self._unit.identify()
        if isinstance(met, Fault):
            return met
        sample = await self._unit.fast(Priority.SCAN)
        if isinstance(sample, Fault):
            return sample
        who = self._unit.map
        live = (FREQUENCY, *self._phases["voltage"])
        return MeterIdentified(
            meter_id=self._spec.id,
            manufacturer=who.manufacturer,
            model=who.model,
            serial=met.text(who.serial_point),
            firmware=met.text(who.firmware_point),
            variant=self._spec.profile.id,
            phases=max(1, len(self._phases["power"]), len(self._phases["current"])),
            has_liveness=any(sample.number(name) is not None for name in live),
        )

    async def measure(self) -> MeterReading | Fault:
        """Read the fast group. Without a total power the answer is `NOT_A_NUMBER`, whatever the phases say."""
        sample = await self._unit.fast(Priority.FAST_READ)
        if isinstance(sample, Fault):
            return sample
        total_w = sample.number(TOTAL)
        if total_w is None:
            at = self._unit.map.points[TOTAL].address
            detail = f"total power at register {at} is no number; registers {sample.words.hex(' ', 2)[:120]}"
            return self._unit.fault(FaultKind.NOT_A_NUMBER, detail, sample.received_s)
        return MeterReading(
            meter_id=self._spec.id,
            import_w=self._factor * total_w,
            phase_import_w=self._per_phase(sample, "power", self._factor),
            phase_current_a=self._per_phase(sample, "current", self._spec.ct.ratio),
            phase_voltage_v=self._per_phase(sample, "voltage", 1.0),
            frequency_hz=sample.number(FREQUENCY),
            resolution_w=self._resolution_w,
            words=sample.words,
            sent_s=sample.sent_s,
            received_s=sample.received_s,
        )

    async def still_same(self) -> Fault | None:
        """A cheap look after a reconnect: `WRONG_DEVICE` if another device answers at this address."""
        return await self._unit.still_same()

    def _per_phase(self, sample: Sample, quantity: str, factor: float) -> tuple[float, ...]:
        """One value per phase in phase order; empty when the meter lacks any of them."""
        found = [sample.number(name) for name in self._phases[quantity]]
        return tuple(factor * value for value in found if value is not None) if None not in found else ()
