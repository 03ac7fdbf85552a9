"""The generic SunSpec inverter: who it is, what it injects, and its active-power limit as one named action."""

from collections.abc import Callable
from dataclasses import dataclass

from pcs.codec.registers import Value, number
from pcs.codec.sunspec import window
from pcs.devices.sunspec_draw import DrawFrame, DrawState
from pcs.devices.sunspec_find import Finder, Found
from pcs.devices.sunspec_limit import LimitFrame, LimitState
from pcs.devices.sunspec_unit import Identity, SunSpecUnit
from pcs.model.command import LimitActivePower, charge_limit_of, setpoint_of
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import DerIdentified, DerReading, LimitApplied, LimitReadback
from pcs.model.site import DerSpec
from pcs.ports import Link, Priority, Reply

Explains = Callable[[str, float, float], bool]
"""`ports.Journal.explains`: (serial, limit_w, tolerance_w) -> the limit is one that we intended."""

_WRITES_AT_MOST = 2  # once more when the scale factor changed under the first
_CHARGE_STATE_KEPT_S = 30.0  # three slow reads; at 1C the state of charge moves by 0.8 % meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """The commanded registers as they were read together."""

    limit: LimitState
    draw: DrawState | None
    sent_s: float
    received_s: float

    @property
    def scale(self) -> tuple[int | None, ...]:
        """What the raw values mean; a change asks for another write."""
        return (self.limit.exponent, *(self.draw.scale if self.draw else ()))


class SunSpecInverter:
    """An inverter at one address. `identify` first; afterwards every method is one action on the wire."""

    def __init__(self, spec: DerSpec, link: Link, explains: Explains) -> None:
        if spec.profile is None:
            raise ValueError(f"{spec.id} has no profile")
        self._spec = spec
        self._profile = spec.profile
        self._explains = explains
        self._unit = SunSpecUnit(source_id=spec.id, link=link, unit=spec.unit, deadline_s=spec.profile.link.deadline_s)
        self._found: Found | None = None
        self._found_on: Identity | None = None
        self._held: _Held | None = None
        self._charge_state: tuple[float | None, float] = (None, 0.0)

    async def identify(self) -> DerIdentified | Fault:
        """Find the device's map, its rating, and the limit it holds.

        `WRONG_DEVICE` names what was found instead. A rating taken once stays for as long as the same device answers,
        because some inverters report 0 W at night; another device has a rating of its own.
        """
        found = await self._unit.discover()
        if isinstance(found, Fault):
            return found
        is_same = self._unit.identity.is_same_device(self._found_on)
        device = await Finder(self._spec, self._unit, found).find(self._found if is_same else None)
        if isinstance(device, Fault):
            return device
        self._found, self._found_on = device, self._unit.identity
        held = await self.read_limit()
        if isinstance(held, Fault):
            return held
        who, state, drawn = self._unit.identity, self._state.limit, self._state.draw
        resolution_w = state.watts(1, device.rating_w)
        control = device.draw.control if device.draw else None
        draw_step_w = control.step_w(drawn, device.ratings) if control and drawn else 1.0
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
            charge_rating_w=device.charge_rating_w,
            charge_resolution_w=draw_step_w,
            bounds_charge=bool(control and control.bounds_charge),
            takes_setpoint=bool(control and control.takes_setpoint),
            reverts_safe=device.control.reverts_safe(state),
            found=held,
            found_is_own=self._is_own(who.serial, held, resolution_w) and self._draw_is_own(who.serial, held),
        )

    async def measure(self) -> DerReading | Fault:
        """Read the injected power with its scale factor; `injection_w` None where the device does not say it."""
        model = self._device.measurement
        view = window(model.id, model.length, ("W",))
        # Telemetry: on a bus that it shares, the control meter goes first.
        reply = await self._unit.read(view.block(model), Priority.SLOW_READ)
        if isinstance(reply, Fault):
            return reply
        soc_pct, soc_s = self._charge_state
        return DerReading(
            der_id=self._spec.id,
            injection_w=number(view.decode(reply.data), "W"),
            soc_pct=soc_pct if reply.received_s - soc_s <= _CHARGE_STATE_KEPT_S else None,
            words=reply.data,
            sent_s=reply.sent_s,
            received_s=reply.received_s,
        )

    async def refresh(self) -> Fault | None:
        """Read what changes slowly (the state of charge); later measurements carry it until it is 30 s old."""
        if self._device.charge_state is None:
            return None
        model, name = self._device.charge_state
        view = window(model.id, model.length, (name,))
        reply = await self._unit.read(view.block(model), Priority.SLOW_READ)
        if isinstance(reply, Fault):
            return reply
        soc_pct = number(view.decode(reply.data), name)
        believed = soc_pct is not None and 0.0 <= soc_pct <= 100.0
        self._charge_state = (soc_pct if believed else None, reply.received_s)
        return None

    async def read_limit(self) -> LimitReadback | Fault:
        """What the limit registers say, taken together with their scale factor."""
        device = self._device
        read = await self._read_state()
        if isinstance(read, Fault):
            return read
        state, drawn = read.limit, read.draw
        fallback_w = drawn.falls_back_to_w if drawn else None
        falls_back = state.revert_enabled and state.revert_s and state.revert_pct_raw is not None
        return LimitReadback(
            der_id=self._spec.id,
            limit_w=state.watts(state.pct_raw, device.rating_w) if state.enabled else None,
            charge_limit_w=drawn.limit_w if drawn else None,
            setpoint_w=drawn.setpoint_w if drawn else None,
            reversion_limit_w=state.watts(state.revert_pct_raw or 0, device.rating_w) if falls_back else None,
            reversion_charge_limit_w=None if fallback_w is None else max(0.0, -fallback_w),
            reversion_s=None if state.revert_s is None else float(state.revert_s),
            remaining_s=None if state.revert_left_s is None else float(state.revert_left_s),
            sent_s=read.sent_s,
            received_s=read.received_s,
        )

    async def apply(self, command: LimitActivePower) -> LimitApplied | Fault:
        """Write a command in as few frames as the map allows, rounded towards the limits, read back and compare.

        The limit is one frame; a set point or a charging rate has its own. What tightens the limit goes before the
        rest, what raises it after; a set point in a device that is free goes first. `NOT_APPLIED` says both values.
        `sent_s` of the result is that of the first write, `received_s` that of the proof. Any other fault leaves open
        whether the device took the command.
        """
        magnitudes = (command.limit_w, command.reversion_limit_w, command.charge_limit_w or 0.0)
        if not all(value >= 0.0 for value in (*magnitudes, command.reversion_charge_limit_w)):
            raise ValueError(f"a limit is a magnitude: {command}")
        for _ in range(_WRITES_AT_MOST):
            before = self._state
            frame, drawn = self._frames(before, command)
            written = await self._write(before, frame, drawn, command.urgent)
            if isinstance(written, Fault):
                return written
            proof = await self._read_state()
            if isinstance(proof, Fault):
                return proof
            if proof.scale == before.scale:
                break
        else:
            detail = "the scale factor of the limit keeps changing"
            return self._unit.fault(FaultKind.NOT_APPLIED, detail)
        different = self._difference(frame, drawn, proof, command)
        if different:
            return self._unit.fault(FaultKind.NOT_APPLIED, different, proof.received_s)
        return LimitApplied(
            der_id=self._spec.id,
            limit_w=proof.limit.watts(frame.pct_raw, self._device.rating_w),
            charge_limit_w=proof.draw.limit_w if proof.draw else None,
            setpoint_w=proof.draw.setpoint_w if proof.draw else None,
            sent_s=written.sent_s,
            received_s=proof.received_s,
        )

    async def still_same(self) -> Fault | None:
        """One cheap read after a reconnect: `WRONG_DEVICE` if another device answers at this address."""
        return await self._unit.still_same()

    @property
    def _device(self) -> Found:
        if self._found is None:
            raise RuntimeError(f"{self._spec.id} was not identified")
        return self._found

    @property
    def _state(self) -> _Held:
        if self._held is None:
            raise RuntimeError(f"{self._spec.id} was not identified")
        return self._held

    def _frames(self, before: _Held, command: LimitActivePower) -> tuple[LimitFrame, tuple[DrawFrame, ...]]:
        """What to write: the limit, and what bounds the draw."""
        device = self._device
        action = (self._profile.limits or {}).get(device.control.variant)
        reversion_s = action.reversion_s if action else None
        frame = device.control.frame(
            before.limit,
            limit_w=command.limit_w,
            reversion_limit_w=command.reversion_limit_w,
            reversion_s=reversion_s,
            rating_w=device.rating_w,
        )
        if device.draw is None or before.draw is None:
            return frame, ()
        return frame, device.draw.control.frames(before.draw, command, device.ratings, reversion_s)

    async def _write(
        self, before: _Held, frame: LimitFrame, drawn: tuple[DrawFrame, ...], urgent: bool
    ) -> Reply | Fault:
        """Write all frames; returns the first reply, or the first fault.

        A set point bounds both directions and has a timer of its own, so in a device that is free it goes first:
        whoever dies between two frames leaves nothing unbounded. A device that refuses it is limited all the same.
        """
        device = self._device
        writes = [(device.control_model.address + frame.offset, frame.words)]
        if device.draw is not None and before.draw is not None:
            others = [(device.draw.model.address + other.offset, other.words) for other in drawn]
            raises = before.limit.enabled and frame.pct_raw > before.limit.pct_raw
            catches = device.draw.control.takes_setpoint and before.draw.setpoint_w is None
            writes = [*others, *writes] if raises or catches else [*writes, *others]
        first: Reply | None = None
        refused: Fault | None = None
        for address, words in writes:
            reply = await self._unit.write(address, words, Priority.LIMIT_WRITE if urgent else Priority.VERIFY)
            if not isinstance(reply, Fault):
                first = first or reply
            elif reply.kind is FaultKind.REFUSED:
                refused = refused or reply
            else:
                return refused or reply
        if refused is not None:
            return refused
        assert first is not None
        return first

    def _difference(
        self, frame: LimitFrame, drawn: tuple[DrawFrame, ...], state: _Held, command: LimitActivePower
    ) -> str:
        """What the device holds instead of the command, in words; empty if all of it is in force."""
        device = self._device
        trouble = [device.control.difference(frame, state.limit)]
        control = device.draw.control if device.draw else None
        if control is not None and state.draw is not None:
            trouble.append(control.difference(drawn, state.draw))
        if command.setpoint_w is not None and control is None:
            trouble.append("the device has no set point and no charging rate: its draw cannot be bounded")
        return "; ".join(words for words in trouble if words)

    async def _read_state(self) -> _Held | Fault:
        """The commanded registers as they stand; they become what the next frames are built on."""
        device = self._device
        values: dict[str, Value] = {}
        replies: list[Reply] = []
        for model, view in device.views():
            reply = await self._unit.read(view.block(model), Priority.VERIFY)
            if isinstance(reply, Fault):
                return reply
            values |= view.decode(reply.data)
            replies.append(reply)
        limit = device.control.state(values)
        drawn = device.draw.control.state(values, device.ratings) if device.draw else None
        for state in (limit, drawn):
            if isinstance(state, str):
                return self._unit.fault(FaultKind.NOT_A_NUMBER, state, replies[-1].received_s)
        assert isinstance(limit, LimitState)
        assert not isinstance(drawn, str)
        self._held = _Held(limit=limit, draw=drawn, sent_s=replies[0].sent_s, received_s=replies[-1].received_s)
        return self._held

    def _is_own(self, serial: str, held: LimitReadback, tolerance_w: float) -> bool:
        """Whether the limit found is ours: the journal knows it, or it is what the armed timer falls back to.

        No limit at all is nobody's, and nothing to honour.
        """
        if held.limit_w is None or self._explains(serial, held.limit_w, tolerance_w):
            return True
        fallback_w = held.reversion_limit_w
        return fallback_w is not None and abs(held.limit_w - fallback_w) <= tolerance_w

    def _draw_is_own(self, serial: str, held: LimitReadback) -> bool:
        """Whether the set point or charging rate found is ours, as above. A rate that bounds nothing is nobody's."""
        device, draw = self._device, self._state.draw
        if device.draw is None or draw is None:
            return True
        tolerance_w = device.draw.control.step_w(draw, device.ratings)
        if draw.setpoint_w is not None:
            fallback_w = draw.falls_back_to_w
            reverted = fallback_w is not None and abs(draw.setpoint_w - fallback_w) <= tolerance_w
            return reverted or self._explains(setpoint_of(serial), draw.setpoint_w, tolerance_w)
        if held.charge_limit_w is None or held.charge_limit_w >= device.charge_rating_w - tolerance_w:
            return True
        return self._explains(charge_limit_of(serial), held.charge_limit_w, tolerance_w)
