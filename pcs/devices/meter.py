"""The generic SunSpec meter (models 201-204 and 211-214): one read from the currents to the powers and their scales."""

from collections.abc import Mapping

from pcs.codec.registers import Value, number
from pcs.codec.sunspec import Model, Window, window
from pcs.devices.sunspec_unit import SunSpecUnit
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import MeterIdentified, MeterReading
from pcs.model.site import MeterSign, MeterSpec
from pcs.ports import Link, Priority

METER_MODELS = (203, 204, 202, 201, 213, 214, 212, 211)

_PHASES = {1: "A", 2: "AB", 3: "ABC", 4: "ABC"}  # by the last digit of the model: single, split, wye, delta
_FAST = (
    *("AphA", "AphB", "AphC"),
    *("PhVphA", "PhVphB", "PhVphC", "PhVphAB", "PhVphBC", "PhVphCA"),
    *("Hz", "W", "WphA", "WphB", "WphC"),
)
_FAST_FLOAT = tuple(
    name.replace("PhVphAB", "PPVphAB").replace("PhVphBC", "PPVphBC").replace("PhVphCA", "PPVphCA") for name in _FAST
)
_LINE_VOLTS = ("PhVphAB", "PhVphBC", "PhVphCA", "PPVphAB", "PPVphBC", "PPVphCA")


class SunSpecMeter:
    """A meter at one address. `identify` first; `measure` is the fast group and one request on the wire."""

    def __init__(self, spec: MeterSpec, link: Link) -> None:
        self._spec = spec
        self._unit = SunSpecUnit(source_id=spec.id, link=link, unit=spec.unit, deadline_s=spec.profile.link.deadline_s)
        self._model: Model | None = None
        self._scaled = False

    async def identify(self) -> MeterIdentified | Fault:
        """Find the meter's map and say who it is.

        `WRONG_DEVICE` names what was found instead; `NO_ANSWER` or `NO_CONNECTION` mean that nobody was reached.
        """
        found = await self._unit.discover()
        if isinstance(found, Fault):
            return found
        model = found.first(*METER_MODELS)
        if model is None:
            who = self._unit.identity
            return self._unit.fault(FaultKind.WRONG_DEVICE, f"{who}: {found}, but no meter model (201-204, 211-214)")
        view = _view(model)
        reply = await self._unit.read(view.block(model), Priority.SCAN)
        if isinstance(reply, Fault):
            return reply
        values = view.decode(reply.data)
        self._model, self._scaled = model, number(values, "W_SF") is not None
        who = self._unit.identity
        live = ("Hz", "PhVphA", "PhVphB", "PhVphC", *_LINE_VOLTS)
        return MeterIdentified(
            meter_id=self._spec.id,
            manufacturer=who.manufacturer,
            model=who.model,
            serial=who.serial,
            firmware=who.firmware,
            variant=str(model.id),
            phases=len(_PHASES[model.id % 10]),
            has_liveness=any(number(values, name) is not None for name in live),
        )

    async def measure(self) -> MeterReading | Fault:
        """Read the fast group. Without a total power the answer is `NOT_A_NUMBER`, whatever the phases say."""
        model = self._model
        if model is None:
            raise RuntimeError(f"{self._spec.id} was not identified")
        view = _view(model)
        reply = await self._unit.read(view.block(model), Priority.FAST_READ)
        if isinstance(reply, Fault):
            return reply
        values = view.decode(reply.data)
        total_w, exponent = number(values, "W"), values.get("W_SF")
        if total_w is None or (self._scaled and exponent is None):
            raw = reply.data[2 * -view.first :].hex(" ", 2)
            detail = f"total power W of model {model.id} (scale factor {exponent}) is no number; registers {raw}"
            return self._unit.fault(FaultKind.NOT_A_NUMBER, detail, reply.received_s)
        ratio, phases = self._spec.ct.ratio, _PHASES[model.id % 10]
        sign = -ratio if self._spec.sign is MeterSign.EXPORT_POSITIVE else ratio
        return MeterReading(
            meter_id=self._spec.id,
            import_w=sign * total_w,
            phase_import_w=_per_phase(values, "Wph", phases, sign),
            phase_current_a=_per_phase(values, "Aph", phases, ratio),
            phase_voltage_v=_per_phase(values, "PhVph", phases, 1.0),
            frequency_hz=number(values, "Hz"),
            resolution_w=ratio * 10.0**exponent if isinstance(exponent, int) else ratio,
            words=reply.data,
            sent_s=reply.sent_s,
            received_s=reply.received_s,
        )

    async def still_same(self) -> Fault | None:
        """One cheap read after a reconnect: `WRONG_DEVICE` if another device answers at this address."""
        return await self._unit.still_same()


def _view(model: Model) -> Window:
    """The fast group of a meter model."""
    return window(model.id, model.length, _FAST_FLOAT if model.id > 210 else _FAST)


def _per_phase(values: Mapping[str, Value], prefix: str, phases: str, factor: float) -> tuple[float, ...]:
    """One value per phase in phase order; empty when the meter lacks any of them."""
    found = [number(values, prefix + phase) for phase in phases]
    return tuple(factor * value for value in found if value is not None) if None not in found else ()
