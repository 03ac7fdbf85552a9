"""The generic inverter with a register map: its injected power, and a volatile limit written point by point.

Its own timer, where it has one, is armed before the first limit and again whenever it reads back otherwise.
"""

from pcs.devices.inverter import Explains
from pcs.devices.register_limit import LimitControl, Write
from pcs.devices.register_unit import RegisterUnit, Sample
from pcs.devices.sunspec_find import RATING_BELIEVED
from pcs.model.command import LimitActivePower
from pcs.model.fault import Fault, FaultKind
from pcs.model.profile import FallbackDirection
from pcs.model.reading import DerIdentified, DerReading, LimitApplied, LimitReadback
from pcs.model.site import DerSpec
from pcs.ports import Link, Priority

TOTAL = "power_total"


class RegisterInverter:
    """An inverter at one address. `identify` first; afterwards every method is one action on the wire."""

    def __init__(self, spec: DerSpec, link: Link, explains: Explains) -> None:
        if spec.profile is None:
            raise ValueError(f"{spec.id} has no profile")
        self._spec = spec
        self._explains = explains
        self._unit = RegisterUnit(source_id=spec.id, link=link, unit=spec.unit, profile=spec.profile)
        limits = spec.profile.limits or {}
        chosen = next(((variant, action) for variant, action in limits.items() if action.registers), None)
        if chosen is None or chosen[1].registers is None:
            raise ValueError(f"profile {spec.profile.id} has no limit with registers")
        self._variant, self._action = chosen
        self._control = LimitControl(chosen[1].registers, chosen[1], self._unit.map)
        self._rating: tuple[float, str] | None = None
        self._rated_serial = ""
        self._ready = False
        self._reversion: Write | None = None

    async def identify(self) -> DerIdentified | Fault:
        """See whether the registers are those of the profile, its rating, and the limit that it holds.

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
        self._ready = False
        held = await self.read_limit()
        if isinstance(held, Fault):
            return held
        who = self._unit.map
        serial = met.text(who.serial_point) or f"{who.manufacturer} {who.model} {self._spec.id}"
        resolution_w = self._control.resolution_w(rating[0])
        return DerIdentified(
            der_id=self._spec.id,
            manufacturer=who.manufacturer,
            model=who.model,
            serial=serial,
            firmware=met.text(who.firmware_point),
            variant=self._variant,
            rating_w=rating[0],
            rating_source=rating[1],
            resolution_w=resolution_w,
            reverts_safe=self._action.fallback is FallbackDirection.SAFE,
            found=held,
            found_is_own=self._is_own(serial, held, resolution_w),
        )

    async def measure(self) -> DerReading | Fault:
        """Read the injected power; `injection_w` None where the device does not say it."""
        sample = await self._unit.fast(Priority.SLOW_READ)  # telemetry: the control meter may be on the same bus
        if isinstance(sample, Fault):
            return sample
        stated_w = sample.number(TOTAL)
        turned = stated_w is not None and not self._unit.map.positive_is_injection
        return DerReading(
            der_id=self._spec.id,
            injection_w=-stated_w if turned and stated_w is not None else stated_w,
            words=sample.words,
            sent_s=sample.sent_s,
            received_s=sample.received_s,
        )

    async def refresh(self) -> Fault | None:
        """Nothing that we use of it changes slowly."""
        return None

    async def read_limit(self) -> LimitReadback | Fault:
        """What the limit's registers say."""
        sample = await self._unit.points(self._control.names, Priority.VERIFY)
        if isinstance(sample, Fault):
            return sample
        rating_w = self._rating_w
        if self._control.not_ready(sample, rating_w):
            self._ready = False
        return LimitReadback(
            der_id=self._spec.id,
            limit_w=self._control.limit_w(sample, rating_w),
            reversion_limit_w=self._control.reversion_limit_w(sample, rating_w),
            reversion_s=self._control.reversion_s(sample),
            sent_s=sample.sent_s,
            received_s=sample.received_s,
        )

    async def apply(self, command: LimitActivePower) -> LimitApplied | Fault:
        """Write the limit, rounded down to the device's steps, read it back and compare.

        A device that is not ready gets the limit, is armed, and gets it again: it may start with an old limit, or drop
        ours while it is armed. A changed limit of its timer follows the limit itself. `NOT_APPLIED` says what reads
        back differently, or that the device takes no limit this low.
        """
        if not (command.limit_w >= 0.0 and command.reversion_limit_w >= 0.0):
            raise ValueError(f"a limit is a magnitude: {command}")
        priority = Priority.LIMIT_WRITE if command.urgent else Priority.VERIFY
        rating_w = self._rating_w
        limit = self._control.limit(command.limit_w, rating_w)
        reversion = self._control.reversion(command.reversion_limit_w, rating_w)
        arming = () if self._ready else self._control.arming(command.reversion_limit_w, rating_w)
        behind = (reversion,) if self._ready and reversion is not None and reversion != self._reversion else ()
        sent_s: float | None = None
        for frame in (limit, *arming, limit) if arming else (limit, *behind):
            written = await self._unit.write(
                frame.address, frame.words, self._control.registers.write_function, priority
            )
            if isinstance(written, Fault):
                self._ready = False
                return written
            sent_s = written.sent_s if frame is limit else sent_s
        sample = await self._unit.points(self._control.names, Priority.VERIFY)
        if isinstance(sample, Fault):
            return sample
        wrong = self._wrong(sample, limit, reversion, command)
        self._ready, self._reversion = not wrong, reversion
        if wrong:
            return self._unit.fault(FaultKind.NOT_APPLIED, wrong, sample.received_s)
        return LimitApplied(
            der_id=self._spec.id,
            limit_w=self._control.watts(limit, rating_w),
            sent_s=sample.sent_s if sent_s is None else sent_s,
            received_s=sample.received_s,
        )

    async def still_same(self) -> Fault | None:
        """A cheap look after a reconnect: `WRONG_DEVICE` if another device answers at this address."""
        return await self._unit.still_same()

    def _wrong(self, sample: Sample, limit: Write, reversion: Write | None, command: LimitActivePower) -> str:
        """What is not as it was commanded, in words."""
        rating_w, held_w = self._rating_w, self._control.watts(limit, self._rating_w)
        found = [self._control.difference(sample, frame) for frame in (limit, reversion) if frame is not None]
        found.append(self._control.not_ready(sample, rating_w))
        if held_w > command.limit_w + self._control.resolution_w(rating_w):
            found.append(f"the device takes no limit below {held_w:g} W")
        return "; ".join(words for words in found if words)

    @property
    def _rating_w(self) -> float:
        if self._rating is None:
            raise RuntimeError(f"{self._spec.id} was not identified")
        return self._rating[0]

    async def _rated(self) -> tuple[float, str] | Fault:
        """What 100 % of the limit means in W, and where that comes from."""
        nameplate_w, name = self._spec.nameplate_w, self._control.registers.rating_point
        if name is None:
            return nameplate_w, "nameplate of the site file"
        sample = await self._unit.points((name,), Priority.SCAN)
        if isinstance(sample, Fault):
            return sample
        rating_w = sample.number(name)
        if rating_w is None or rating_w < RATING_BELIEVED[0] * nameplate_w:
            said = "not implemented" if rating_w is None else f"{rating_w:g} W"
            return nameplate_w, f"nameplate of the site file; {name} is {said}"
        doubt = f"; the site file says {nameplate_w:g} W" if rating_w > RATING_BELIEVED[1] * nameplate_w else ""
        return rating_w, f"{name}{doubt}"  # the larger makes every percentage the smaller limit

    def _is_own(self, serial: str, held: LimitReadback, tolerance_w: float) -> bool:
        """Whether the limit found is ours: the journal knows it, or it is what the armed timer falls back to."""
        if held.limit_w is None or self._explains(serial, held.limit_w, tolerance_w):
            return True
        fallback_w = held.reversion_limit_w
        return fallback_w is not None and abs(held.limit_w - fallback_w) <= tolerance_w
