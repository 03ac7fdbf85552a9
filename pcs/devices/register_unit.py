"""What devices with a register map share: reading points, knowing who answers, and faults under their own name."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pcs.codec.register_map import decode, reads, window
from pcs.codec.registers import Value
from pcs.model.fault import Fault, FaultKind
from pcs.model.profile import DeviceProfile
from pcs.model.registers import Probe, RegisterMap
from pcs.ports import Link, Priority, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Values by name with the raw words they came in, and when the first read went out and the last came back."""

    values: dict[str, Value]
    words: bytes
    sent_s: float
    received_s: float

    def number(self, name: str) -> float | None:
        """The number called `name`, `None` where there is none."""
        value = self.values.get(name)
        return float(value) if isinstance(value, int | float) else None

    def text(self, name: str | None) -> str:
        """The point called `name` as text, empty where there is none."""
        value = self.values.get(name or "")
        return "" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value)


class RegisterUnit:
    """One unit behind a link, read by the register map of its profile."""

    def __init__(self, *, source_id: str, link: Link, unit: int, profile: DeviceProfile) -> None:
        if profile.registers is None:
            raise ValueError(f"profile {profile.id} has no register map")
        self.map: RegisterMap = profile.registers
        self.source_id = source_id
        self._link = link
        self._unit = unit
        self._deadline_s = profile.link.deadline_s
        self._heard_s = 0.0
        self._fast = {name: self.map.points[name] for name in self.map.fast}
        self._fast_block = window(self._fast.values())
        self._fast_function = next(iter(self._fast.values())).function
        self._serial: str | None = None

    async def fast(self, priority: Priority) -> Sample | Fault:
        """The points of each poll, in one read."""
        answer = await self._read(self._fast_function, self._fast_block.address, self._fast_block.count, priority)
        if isinstance(answer, Fault):
            return answer
        values = decode(self._fast, self._fast_block.address, answer.data)
        return Sample(values=values, words=answer.data, sent_s=answer.sent_s, received_s=answer.received_s)

    async def points(self, names: Iterable[str], priority: Priority) -> Sample | Fault:
        """Some points, in as few reads as touch nothing else; a fault when any of the reads fails."""
        wanted = {name: self.map.points[name] for name in names}
        exponents = {p.exponent: self.map.points[p.exponent] for p in wanted.values() if p.exponent is not None}
        values: dict[str, Value] = {}
        words, sent_s = b"", None
        for function, block, inside in reads({**wanted, **exponents}, read_max=self.map.read_max):
            answer = await self._read(function, block.address, block.count, priority)
            if isinstance(answer, Fault):
                return answer
            values.update(decode(inside, block.address, answer.data))
            words, sent_s = words + answer.data, answer.sent_s if sent_s is None else sent_s
        return Sample(values=values, words=words, sent_s=sent_s or self._heard_s, received_s=self._heard_s)

    async def write(self, address: int, words: tuple[int, ...], function: int, priority: Priority) -> Reply | Fault:
        """One frame of words, or the fault that came instead."""
        return self._heard(
            await self._link.write(
                self._unit, address, words, deadline_s=self._deadline_s, priority=priority, function=function
            )
        )

    async def meet(self) -> Sample | Fault:
        """Read what identifies the device; `WRONG_DEVICE` says which point holds something else."""
        who = (self.map.serial_point, self.map.firmware_point)
        names = dict.fromkeys([probe.point for probe in self.map.identity] + [name for name in who if name])
        sample = await self.points(names, Priority.SCAN)
        if isinstance(sample, Fault):
            if sample.kind is FaultKind.REFUSED:
                return self.fault(FaultKind.WRONG_DEVICE, f"{self._expected}: {sample.detail}", sample.at_s)
            return sample
        wrong = [words for probe in self.map.identity if (words := _differs(probe, sample))]
        if wrong:
            return self.fault(FaultKind.WRONG_DEVICE, f"{self._expected}: {'; '.join(wrong)}", sample.received_s)
        return sample

    async def identify(self) -> Sample | Fault:
        """Meet the device and remember which one it is."""
        sample = await self.meet()
        if isinstance(sample, Sample):
            self._serial = sample.text(self.map.serial_point)
        return sample

    async def still_same(self) -> Fault | None:
        """Ask the device again who it is; `WRONG_DEVICE` if it is another one."""
        if self._serial is None:
            raise RuntimeError(f"{self.source_id} was not identified")
        sample = await self.meet()
        if isinstance(sample, Fault):
            return sample
        serial = sample.text(self.map.serial_point)
        if serial != self._serial:
            detail = f"serial {serial or '?'} answers instead of serial {self._serial or '?'}"
            return self.fault(FaultKind.WRONG_DEVICE, detail, sample.received_s)
        return None

    def fault(self, kind: FaultKind, detail: str, at_s: float | None = None) -> Fault:
        """A fault of this device; without a time, that of the last answer."""
        return Fault(kind=kind, source_id=self.source_id, at_s=self._heard_s if at_s is None else at_s, detail=detail)

    @property
    def _expected(self) -> str:
        return f"no {self.map.manufacturer} {self.map.model}"

    async def _read(self, function: int, address: int, count: int, priority: Priority) -> Reply | Fault:
        return self._heard(
            await self._link.read(
                self._unit, address, count, deadline_s=self._deadline_s, priority=priority, function=function
            )
        )

    def _heard(self, answer: Reply | Fault) -> Reply | Fault:
        if isinstance(answer, Fault):
            self._heard_s = answer.at_s
            return replace(answer, source_id=self.source_id)
        self._heard_s = answer.received_s
        return answer


def _differs(probe: Probe, sample: Sample) -> str:
    """What a point holds instead of what identifies the device, in words; empty if it fits."""
    value = sample.values.get(probe.point)
    if probe.between_values is not None:
        number = sample.number(probe.point)
        if number is not None and probe.between_values.lo <= number <= probe.between_values.hi:
            return ""
        wanted = f"{probe.between_values.lo:g} to {probe.between_values.hi:g}"
    else:
        if value is not None and value in probe.equals:
            return ""
        wanted = " or ".join(f"{w:g}" if isinstance(w, float) else repr(w) for w in probe.equals)
    shown = repr(value)[:40] if isinstance(value, str) else "no value" if value is None else f"{value:g}"
    return f"{probe.point} is {shown} instead of {wanted}"
