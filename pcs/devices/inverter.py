"""The generic SunSpec inverter: who it is, what it injects, and its active-power limit as one named action."""

from collections.abc import Callable
from dataclasses import dataclass

from pcs.codec.readplan import Block
from pcs.codec.registers import number
from pcs.codec.sunspec import Model, ModelMap, window
from pcs.devices.sunspec_limit import CONTROLS, LimitControl, LimitState
from pcs.devices.sunspec_unit import SunSpecUnit
from pcs.model.command import LimitActivePower
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import DerIdentified, DerReading, LimitApplied, LimitReadback
from pcs.model.site import DerSpec
from pcs.ports import Link, Priority, Reply

Explains = Callable[[str, float, float], bool]
"""`ports.Journal.explains`: (serial, limit_w, tolerance_w) -> the limit is one that we intended."""

RATING_BELIEVED = (0.5, 2.0)  # times nameplate: below it a rating is a unit mistake, above it one of the two is wrong

_INVERTER_MODELS = (103, 102, 101, 113, 112, 111)
_RATINGS = ((702, "WMax"), (121, "WMax"), (120, "WRtg"))
_WRITES_AT_MOST = 2  # once more when the scale factor changed under the first


@dataclass(frozen=True, slots=True, kw_only=True)
class _Device:
    """What identification found, frozen until the next one."""

    control: LimitControl
    control_model: Model
    measurement: Model
    rating_w: float
    rating_source: str


class SunSpecInverter:
    """An inverter at one address. `identify` first; afterwards every method is one action on the wire."""

    def __init__(self, spec: DerSpec, link: Link, explains: Explains) -> None:
        if spec.profile is None:
            raise ValueError(f"{spec.id} has no profile")
        self._spec = spec
        self._profile = spec.profile
        self._explains = explains
        self._unit = SunSpecUnit(source_id=spec.id, link=link, unit=spec.unit, deadline_s=spec.profile.link.deadline_s)
        self._found: _Device | None = None
        self._state: LimitState | None = None

    async def identify(self) -> DerIdentified | Fault:
        """Find the device's map, its rating, and the limit it holds.

        `WRONG_DEVICE` names what was found instead. A rating taken once stays for the life of this object, because some
        inverters report 0 W at night.
        """
        found = await self._unit.discover()
        if isinstance(found, Fault):
            return found
        device = await self._choose(found)
        if isinstance(device, Fault):
            return device
        self._found = device
        held = await self.read_limit()
        if isinstance(held, Fault):
            return held
        who, state = self._unit.identity, self._limit_state
        resolution_w = state.watts(1, device.rating_w)
        return DerIdentified(
            der_id=self._spec.id,
            manufacturer=who.manufacturer,
            model=who.model,
            serial=who.serial,
            firmware=who.firmware,
            variant=device.control.variant,
            rating_w=device.rating_w,
            rating_source=device.rating_source,
            resolution_w=resolution_w,
            reverts_safe=device.control.reverts_safe(state),
            found=held,
            found_is_own=self._is_own(who.serial, held, resolution_w),
        )

    async def measure(self) -> DerReading | Fault:
        """Read the injected power with its scale factor; `injection_w` None where the device does not say it."""
        model = self._device.measurement
        view = window(model.id, model.length, ("W",))
        # Telemetry: on a bus that it shares, the control meter goes first.
        reply = await self._unit.read(view.block(model), Priority.SLOW_READ)
        if isinstance(reply, Fault):
            return reply
        return DerReading(
            der_id=self._spec.id,
            injection_w=number(view.decode(reply.data), "W"),
            words=reply.data,
            sent_s=reply.sent_s,
            received_s=reply.received_s,
        )

    async def read_limit(self) -> LimitReadback | Fault:
        """What the limit registers say, taken together with their scale factor."""
        device = self._device
        read = await self._read_state()
        if isinstance(read, Fault):
            return read
        state, reply = read
        falls_back = state.revert_enabled and state.revert_s and state.revert_pct_raw is not None
        return LimitReadback(
            der_id=self._spec.id,
            limit_w=state.watts(state.pct_raw, device.rating_w) if state.enabled else None,
            reversion_limit_w=state.watts(state.revert_pct_raw or 0, device.rating_w) if falls_back else None,
            reversion_s=None if state.revert_s is None else float(state.revert_s),
            remaining_s=None if state.revert_left_s is None else float(state.revert_left_s),
            sent_s=reply.sent_s,
            received_s=reply.received_s,
        )

    async def apply(self, command: LimitActivePower) -> LimitApplied | Fault:
        """Write the limit in one frame, rounded down to the device's steps, read it back and compare.

        `NOT_APPLIED` says both values. `sent_s` of the result is that of the write, `received_s` that of the proof. Any
        other fault leaves open whether the device took the limit.
        """
        device = self._device
        if not (command.limit_w >= 0.0 and command.reversion_limit_w >= 0.0):
            raise ValueError(f"a limit is a magnitude: {command}")
        action = (self._profile.limits or {}).get(device.control.variant)
        priority = Priority.LIMIT_WRITE if command.urgent else Priority.VERIFY
        for _ in range(_WRITES_AT_MOST):
            before = self._limit_state
            frame = device.control.frame(
                before,
                limit_w=command.limit_w,
                reversion_limit_w=command.reversion_limit_w,
                reversion_s=action.reversion_s if action else None,
                rating_w=device.rating_w,
            )
            written = await self._unit.write(device.control_model.address + frame.offset, frame.words, priority)
            if isinstance(written, Fault):
                return written
            read = await self._read_state()
            if isinstance(read, Fault):
                return read
            state, proof = read
            if state.exponent == before.exponent:
                break
        else:
            detail = "the scale factor of the limit keeps changing"
            return self._unit.fault(FaultKind.NOT_APPLIED, detail, proof.received_s)
        different = device.control.difference(frame, state)
        if different:
            return self._unit.fault(FaultKind.NOT_APPLIED, different, proof.received_s)
        return LimitApplied(
            der_id=self._spec.id,
            limit_w=state.watts(frame.pct_raw, device.rating_w),
            sent_s=written.sent_s,
            received_s=proof.received_s,
        )

    async def still_same(self) -> Fault | None:
        """One cheap read after a reconnect: `WRONG_DEVICE` if another device answers at this address."""
        return await self._unit.still_same()

    @property
    def _device(self) -> _Device:
        if self._found is None:
            raise RuntimeError(f"{self._spec.id} was not identified")
        return self._found

    @property
    def _limit_state(self) -> LimitState:
        if self._state is None:
            raise RuntimeError(f"{self._spec.id} was not identified")
        return self._state

    async def _read_state(self) -> tuple[LimitState, Reply] | Fault:
        """The limit registers as they stand; they become what the next frame is built on."""
        device = self._device
        view = device.control.view(device.control_model)
        reply = await self._unit.read(view.block(device.control_model), Priority.VERIFY)
        if isinstance(reply, Fault):
            return reply
        state = device.control.state(view.decode(reply.data))
        if isinstance(state, str):
            return self._unit.fault(FaultKind.NOT_A_NUMBER, state, reply.received_s)
        self._state = state
        return state, reply

    async def _choose(self, found: ModelMap) -> _Device | Fault:
        """Pick the control and measurement models that profile and device both have, and the rating."""
        reasons = []
        for control in CONTROLS:
            model = found.first(control.model_id)
            if model is None or control.variant not in (self._profile.limits or {}):
                continue
            view = control.view(model)
            reply = await self._unit.read(view.block(model), Priority.SCAN)
            if isinstance(reply, Fault):
                return reply
            state = control.state(view.decode(reply.data))
            if isinstance(state, str):
                reasons.append(state)
                continue
            measured = (701, *_INVERTER_MODELS) if control.model_id == 704 else (*_INVERTER_MODELS, 701)
            measurement = found.first(*measured)
            if measurement is None:
                reasons.append("no model with the power (101-103, 111-113, 701)")
                continue
            rating = (self._found.rating_w, self._found.rating_source) if self._found else await self._rating(found)
            if isinstance(rating, Fault):
                return rating
            return _Device(
                control=control,
                control_model=model,
                measurement=measurement,
                rating_w=rating[0],
                rating_source=rating[1],
            )
        wanted = ", ".join(self._profile.limits or {}) or "none"
        why = "; ".join([f"no usable limit (the profile knows models: {wanted})", *reasons])
        return self._unit.fault(FaultKind.WRONG_DEVICE, f"{self._unit.identity}: {found}; {why}")

    async def _rating(self, found: ModelMap) -> tuple[float, str] | Fault:
        """What 100 % of the limit means in W, and where that comes from."""
        nameplate_w = self._spec.nameplate_w
        doubts = []
        for number_of_model, name in _RATINGS:
            model = found.first(number_of_model)
            if model is None:
                continue
            view = window(model.id, model.length, (name,))
            reply = await self._unit.read(Block(address=model.address + view.first, count=view.count), Priority.SCAN)
            if isinstance(reply, Fault):
                return reply
            rating_w = number(view.decode(reply.data), name)
            point = f"{model.id}.{name}"
            if rating_w is None:
                doubts.append(f"{point} is not implemented")
            elif rating_w < RATING_BELIEVED[0] * nameplate_w:
                doubts.append(f"{point} is {rating_w:g} W")
            elif rating_w > RATING_BELIEVED[1] * nameplate_w:
                doubts.append(f"the site file says {nameplate_w:g} W")
                return rating_w, "; ".join([point, *doubts])  # the larger makes every percentage the smaller limit
            else:
                return rating_w, "; ".join([point, *doubts])
        return nameplate_w, "; ".join(["nameplate of the site file", *(doubts or ["the device states no rating"])])

    def _is_own(self, serial: str, held: LimitReadback, tolerance_w: float) -> bool:
        """Whether the limit found is ours: the journal knows it, or it is what the armed timer falls back to.

        No limit at all is nobody's, and nothing to honour.
        """
        if held.limit_w is None or self._explains(serial, held.limit_w, tolerance_w):
            return True
        fallback_w = held.reversion_limit_w
        return fallback_w is not None and abs(held.limit_w - fallback_w) <= tolerance_w
