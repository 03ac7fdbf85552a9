"""What every SunSpec device shares: finding its map, knowing who it is, and reading blocks of it under its own name."""

from dataclasses import dataclass, replace

from pcs.codec.readplan import Block
from pcs.codec.registers import text
from pcs.codec.sunspec import Model, ModelMap, walk, window
from pcs.model.fault import Fault, FaultKind
from pcs.ports import Link, Priority, Reply

_WHO = ("Mn", "Md", "Vr", "SN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a device says it is (model 1)."""

    manufacturer: str
    model: str
    firmware: str
    serial: str

    def __str__(self) -> str:
        return f"{self.manufacturer or '?'} {self.model or '?'}, serial {self.serial or '?'}"

    def is_same_device(self, other: "Identity | None") -> bool:
        """Whether both name one device; its firmware may have been changed meanwhile."""
        mine = (self.serial, self.manufacturer, self.model)
        return other is not None and mine == (other.serial, other.manufacturer, other.model)


class SunSpecUnit:
    """One unit behind a link. Faults carry the id of the device that the site file gives it."""

    def __init__(self, *, source_id: str, link: Link, unit: int, deadline_s: float) -> None:
        self.source_id = source_id
        self._link = link
        self._unit = unit
        self._deadline_s = deadline_s
        self._heard_s = 0.0
        self._common: Model | None = None
        self._identity: Identity | None = None

    async def read(self, block: Block, priority: Priority) -> Reply | Fault:
        """One block, or the fault that came instead."""
        answer = await self._link.read(
            self._unit, block.address, block.count, deadline_s=self._deadline_s, priority=priority
        )
        return self._heard(answer)

    async def write(self, address: int, words: tuple[int, ...], priority: Priority) -> Reply | Fault:
        """One frame of words, or the fault that came instead."""
        answer = await self._link.write(self._unit, address, words, deadline_s=self._deadline_s, priority=priority)
        return self._heard(answer)

    def fault(self, kind: FaultKind, detail: str, at_s: float | None = None) -> Fault:
        """A fault of this device; without a time, that of the last answer."""
        return Fault(kind=kind, source_id=self.source_id, at_s=self._heard_s if at_s is None else at_s, detail=detail)

    async def discover(self) -> ModelMap | Fault:
        """Walk the device's SunSpec map and learn who it is."""
        steps = walk()
        try:
            block = next(steps)
            while True:
                answer = await self.read(block, Priority.SCAN)
                block = steps.send(answer if isinstance(answer, Fault) else answer.data)
        except StopIteration as end:
            found = end.value
        if not isinstance(found, ModelMap):
            return self.fault(found.kind, found.detail)
        common = found.first(1)
        if common is None:
            return self.fault(FaultKind.WRONG_DEVICE, f"{found}, but without the common model 1")
        identity = await self._who(common)
        if isinstance(identity, Fault):
            return identity
        self._common, self._identity = common, identity
        return found

    @property
    def identity(self) -> Identity:
        """Who the device was when it was discovered."""
        if self._identity is None:
            raise RuntimeError(f"{self.source_id} was not identified")
        return self._identity

    async def still_same(self) -> Fault | None:
        """Ask the device again who it is, in one read; for after a reconnect. `WRONG_DEVICE` if it is another one."""
        before = self.identity
        if self._common is None:
            raise RuntimeError(f"{self.source_id} was not identified")
        now = await self._who(self._common)
        if isinstance(now, Fault):
            return now
        if not now.is_same_device(before):
            return self.fault(FaultKind.WRONG_DEVICE, f"{now} answers instead of {before}")
        return None

    async def _who(self, common: Model) -> Identity | Fault:
        view = window(1, common.length, _WHO)
        reply = await self.read(view.block(common), Priority.SCAN)
        if isinstance(reply, Fault):
            return reply
        values = view.decode(reply.data)
        return Identity(
            manufacturer=text(values, "Mn"),
            model=text(values, "Md"),
            firmware=text(values, "Vr"),
            serial=text(values, "SN"),
        )

    def _heard(self, answer: Reply | Fault) -> Reply | Fault:
        if isinstance(answer, Fault):
            self._heard_s = answer.at_s
            return replace(answer, source_id=self.source_id)
        self._heard_s = answer.received_s
        return answer
