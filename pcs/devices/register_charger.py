"""The generic EV charger with a register map: a load whose draw is bounded by a maximum charging current.

It injects nothing, so its injection is minus what it draws and its limit for injecting is always 0. Whether it draws
what it may is for the car to decide.
"""

from pcs.devices.charge_current import CurrentControl, ampere_w
from pcs.devices.inverter import Explains
from pcs.devices.register_unit import RegisterUnit, Sample
from pcs.devices.sunspec_find import RATING_BELIEVED
from pcs.model.command import LimitActivePower, charge_limit_of
from pcs.model.fault import Fault, FaultKind
from pcs.model.profile import FallbackDirection
from pcs.model.reading import DerIdentified, DerReading, LimitApplied, LimitReadback
from pcs.model.registers import UNITS
from pcs.model.site import DerSpec
from pcs.ports import Link, Priority

_DRAWN = "power_total"
_VOLTS = ("voltage_l1", "voltage_l2", "voltage_l3")
_CONDUCTORS = {"L123": 3, "L1N": 1, "L2N": 1, "L3N": 1}
"""Conductors whose voltage to neutral carries the power. Between two lines a charger's voltages are not comparable."""
_AMPERE_MOST_W = 831.0  # three conductors at 277 V, the highest service there is: the current is rather too low


class RegisterCharger:
    """A charger at one address. `identify` first; afterwards every method is one action on the wire."""

    def __init__(self, spec: DerSpec, link: Link, explains: Explains) -> None:
        if spec.profile is None:
            raise ValueError(f"{spec.id} has no profile")
        self._spec = spec
        self._explains = explains
        self._unit = RegisterUnit(source_id=spec.id, link=link, unit=spec.unit, profile=spec.profile)
        chosen = next(((v, a) for v, a in (spec.profile.limits or {}).items() if a.registers), None)
        if chosen is None:
            raise ValueError(f"profile {spec.profile.id} has no limit with registers")
        self._variant, self._action = chosen
        self._control = CurrentControl(self._action, self._unit.map)
        self._volts_v: tuple[float | None, ...] = ()
        self._rating: tuple[float, str] | None = None
        self._rated_serial = ""
        self._held: Sample | None = None
        self._told: tuple[float, float] | None = None  # A that were written, and the W that they stood for

    async def identify(self) -> DerIdentified | Fault:
        """See whether the registers are those of the profile, the most that it draws, and the current that it may.

        `WRONG_DEVICE` names what was found instead. A rating taken once stays while the same device answers.
        """
        met = await self._unit.identify()
        if isinstance(met, Fault):
            return met
        same = self._rating if met.text(self._unit.map.serial_point) == self._rated_serial else None
        rating = same or await self._rated()
        if isinstance(rating, Fault):
            return rating
        self._rating, self._rated_serial = rating, met.text(self._unit.map.serial_point)
        self._told = None
        held = await self.read_limit()
        if isinstance(held, Fault):
            return held
        who = self._unit.map
        serial = met.text(who.serial_point) or f"{who.manufacturer} {who.model} {self._spec.id}"
        step_w = self._control.step_a * self._ampere_w
        return DerIdentified(
            der_id=self._spec.id,
            manufacturer=who.manufacturer,
            model=who.model,
            serial=serial,
            firmware=met.text(who.firmware_point),
            variant=self._variant,
            rating_w=rating[0],
            rating_source=rating[1],
            resolution_w=step_w,
            charge_rating_w=rating[0],
            charge_resolution_w=step_w,
            bounds_charge=True,
            reverts_safe=self._action.fallback is FallbackDirection.SAFE,
            found=held,
            found_is_own=self._is_own(serial, held, step_w),
        )

    async def measure(self) -> DerReading | Fault:
        """Read the power that it draws; `injection_w` None where it does not say it."""
        sample = await self._unit.fast(Priority.SLOW_READ)  # telemetry: the control meter may be on the same bus
        if isinstance(sample, Fault):
            return sample
        self._volts_v = tuple(sample.number(name) for name in _VOLTS)
        stated_w = sample.number(_DRAWN)
        turned = -1.0 if not self._unit.map.positive_is_injection else 1.0
        return DerReading(
            der_id=self._spec.id,
            injection_w=None if stated_w is None else turned * stated_w + 0.0,
            words=sample.words,
            sent_s=sample.sent_s,
            received_s=sample.received_s,
        )

    async def refresh(self) -> Fault | None:
        """Nothing that we use of a charger changes slowly."""
        return None

    async def read_limit(self) -> LimitReadback | Fault:
        """What it may draw (`charge_limit_w` None where it does not say it), and whether its own timer is armed."""
        sample = await self._unit.points(self._control.names, Priority.VERIFY)
        if isinstance(sample, Fault):
            return sample
        current_a = self._control.held_a(sample.values)
        self._held = sample
        fallback_a = self._control.falls_back_to_a(sample.values)
        fell_back = fallback_a is not None and current_a is not None and abs(current_a - fallback_a) < self._half_a
        return LimitReadback(
            der_id=self._spec.id,
            limit_w=0.0,
            charge_limit_w=None if current_a is None else self._watts(current_a),
            reversion_limit_w=0.0 if fell_back else None,  # without a limit for injecting, only the draw tells
            reversion_charge_limit_w=None if fallback_a is None else fallback_a * self._ampere_w,
            reversion_s=None if fallback_a is None else self._action.reversion_s,
            sent_s=sample.sent_s,
            received_s=sample.received_s,
        )

    async def apply(self, command: LimitActivePower) -> LimitApplied | Fault:
        """Write the charging current, rounded down to its steps, with its fail-safe; read all of it back and compare.

        A command that does not speak of the draw lets the charger draw its rating. `NOT_APPLIED` says both values.
        """
        charge_w = self._rating_w if command.charge_limit_w is None else command.charge_limit_w
        if not (command.limit_w >= 0.0 and charge_w >= 0.0 and command.reversion_charge_limit_w >= 0.0):
            raise ValueError(f"a limit is a magnitude: {command}")
        if self._held is None:
            raise RuntimeError(f"{self._spec.id} was not identified")
        factor_w = self._ampere_w
        wanted_a, reversion_a = charge_w / factor_w, command.reversion_charge_limit_w / factor_w
        priority = Priority.LIMIT_WRITE if command.urgent else Priority.VERIFY
        sent_s: float | None = None
        for frame in self._control.frames(self._held.values, wanted_a, reversion_a):
            function = self._control.registers.write_function
            written = await self._unit.write(frame.address, frame.words, function, priority)
            if isinstance(written, Fault):
                return written
            sent_s = written.sent_s if sent_s is None else sent_s
        sample = await self._unit.points(self._control.names, Priority.VERIFY)
        if isinstance(sample, Fault):
            return sample
        self._held = sample
        different = self._control.difference(sample.values, wanted_a, reversion_a)
        if different:
            return self._unit.fault(FaultKind.NOT_APPLIED, different, sample.received_s)
        current_a = self._control.current_a(wanted_a)
        self._told = (current_a, current_a * factor_w)
        return LimitApplied(
            der_id=self._spec.id,
            limit_w=0.0,
            charge_limit_w=current_a * factor_w,
            sent_s=sample.sent_s if sent_s is None else sent_s,
            received_s=sample.received_s,
        )

    async def still_same(self) -> Fault | None:
        """A cheap look after a reconnect: `WRONG_DEVICE` if another device answers at this address."""
        return await self._unit.still_same()

    @property
    def _rating_w(self) -> float:
        if self._rating is None:
            raise RuntimeError(f"{self._spec.id} was not identified")
        return self._rating[0]

    @property
    def _ampere_w(self) -> float:
        """The watts of one ampere now."""
        nominal_w = self._spec.ampere_w or _AMPERE_MOST_W
        return ampere_w(nominal_w, _CONDUCTORS.get(self._spec.connection or ""), self._volts_v)

    @property
    def _half_a(self) -> float:
        """Two currents closer than this are one."""
        return self._control.step_a / 2

    def _watts(self, current_a: float) -> float:
        """The draw that a current allows. One that we wrote stands for what it was meant to, whatever the volts do."""
        if self._told is not None and abs(current_a - self._told[0]) < self._half_a:
            return self._told[1]
        return current_a * self._ampere_w

    async def _rated(self) -> tuple[float, str] | Fault:
        """The most that it draws, and where that comes from."""
        site_w = self._spec.charge_w or self._spec.nameplate_w
        name = self._control.registers.rating_point
        if name is None:
            return site_w, "nameplate of the site file"
        sample = await self._unit.points((name,), Priority.SCAN)
        if isinstance(sample, Fault):
            return sample
        stated = sample.number(name)
        in_amperes = self._unit.map.points[name].unit in ("A", "mA")
        rating_w = None if stated is None else stated * (self._ampere_w if in_amperes else UNITS["W"])
        if rating_w is None or rating_w < RATING_BELIEVED[0] * site_w:
            said = "not implemented" if rating_w is None else f"{rating_w:g} W"
            return site_w, f"nameplate of the site file; {name} is {said}"
        doubt = f"; the site file says {site_w:g} W" if rating_w > RATING_BELIEVED[1] * site_w else ""
        return rating_w, f"{name}{doubt}"

    def _is_own(self, serial: str, held: LimitReadback, tolerance_w: float) -> bool:
        """Whether the current found is ours: the journal knows it, or the armed timer falls back to it.

        A current that allows the whole rating is nobody's, and nothing to honour.
        """
        held_w = held.charge_limit_w
        if held_w is None or held_w >= self._rating_w - tolerance_w:
            return True
        fallback_a = None if self._held is None else self._control.falls_back_to_a(self._held.values)
        if fallback_a is not None and abs(held_w - fallback_a * self._ampere_w) <= tolerance_w:
            return True
        return self._explains(charge_limit_of(serial), held_w, tolerance_w)
