"""One unit, looked at: as which profile it makes sense, and what it shows, with a link that cannot write."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pcs.devices import registry
from pcs.model.fault import Fault, FaultKind
from pcs.model.profile import DeviceKind, DeviceProfile
from pcs.model.reading import DerIdentified, DerReading, MeterIdentified, MeterReading
from pcs.model.site import DerKind, DerSpec, LinkAddress, MeterSpec
from pcs.ports import Link, Priority, Reply

NO_NAMEPLATE_W = 1.0
"""Nobody knows the nameplate yet; with one this small the device's own rating is the larger and is taken."""

DER_KINDS = {
    DeviceKind.BATTERY: DerKind.BATTERY,
    DeviceKind.INVERTER: DerKind.PV,
    DeviceKind.EVSE: DerKind.EVSE,
}
"""What a device of each kind of profile is to a site."""
KINDS = (DeviceKind.METER, *DER_KINDS)
"""The order in which a unit is looked at: what an inverter has, a battery has too."""
BAD_ANSWERS_KEPT = 8
"""Bad answers that are remembered in their words; the first says enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One unit that answers. Without a profile it is there, but nobody knows it; `note` says what it answered."""

    address: LinkAddress
    unit: int
    profile: DeviceProfile | None = None
    manufacturer: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    variant: str = ""
    rating_w: float | None = None
    limit_w: float | None = None
    reading: MeterReading | DerReading | None = None
    units_alike: tuple[int, ...] = ()
    note: str = ""

    @property
    def same(self) -> tuple[str, ...]:
        """What two answers of one device have in common; without a serial number nothing proves it."""
        return (self.profile.id if self.profile else "", self.manufacturer, self.model, self.serial)


class ReadOnlyLink:
    """A `ports.Link` that passes reads, and on which a write is a bug of ours that never reaches the wire."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.requests = 0
        self.bad_answers: list[str] = []

    async def read(
        self, unit: int, address: int, count: int, *, deadline_s: float, priority: Priority, function: int = 3
    ) -> Reply | Fault:
        """See `ports.Link.read`."""
        self.requests += 1
        answer = await self._link.read(
            unit, address, count, deadline_s=deadline_s, priority=priority, function=function
        )
        if (
            isinstance(answer, Fault)
            and answer.kind is FaultKind.BAD_ANSWER
            and len(self.bad_answers) < BAD_ANSWERS_KEPT
        ):
            self.bad_answers.append(answer.detail)
        return answer

    async def write(
        self,
        unit: int,
        address: int,
        words: tuple[int, ...],
        *,
        deadline_s: float,
        priority: Priority,
        function: int = 16,
    ) -> Reply | Fault:
        """Never.

        Raises:
            PermissionError: always: a scan does not write.
        """
        raise PermissionError(f"a scan does not write (unit {unit}, register {address})")

    async def close(self) -> None:
        """See `ports.Link.close`."""
        await self._link.close()


async def look(profile: DeviceProfile, address: LinkAddress, unit: int, link: Link) -> Found | Fault:
    """A unit as a device of this profile: identification, then one poll."""
    if profile.kind is DeviceKind.METER:
        spec = MeterSpec(id="scan", profile=profile, link=address, unit=unit, point="poi")
        meter = registry.meter_for(spec, link)
        met = await meter.identify()
        return met if isinstance(met, Fault) else _named(profile, address, unit, met, await meter.measure())
    kind = DER_KINDS[profile.kind]
    der = DerSpec(id="scan", kind=kind, nameplate_w=NO_NAMEPLATE_W, profile=profile, link=address, unit=unit)
    inverter = registry.inverter_for(der, link, lambda serial, limit_w, tolerance_w: True)
    known = await inverter.identify()
    if isinstance(known, Fault):
        return known
    found = _named(profile, address, unit, known, await inverter.measure())
    rating_w = known.rating_w if known.rating_w > NO_NAMEPLATE_W else None
    return replace(found, rating_w=rating_w, limit_w=known.found.limit_w)


def _named(
    profile: DeviceProfile,
    address: LinkAddress,
    unit: int,
    met: MeterIdentified | DerIdentified,
    reading: MeterReading | DerReading | Fault,
) -> Found:
    return Found(
        address=address,
        unit=unit,
        profile=profile,
        manufacturer=met.manufacturer,
        model=met.model,
        serial=met.serial,
        firmware=met.firmware,
        variant=met.variant,
        reading=None if isinstance(reading, Fault) else reading,
        note=f"no values now: {reading.detail or reading.kind.value}" if isinstance(reading, Fault) else "",
    )


def in_order(profiles: Mapping[str, DeviceProfile]) -> list[DeviceProfile]:
    """What proves a maker first, then SunSpec, then what can only be plausible; meters before DERs."""

    def weight(profile: DeviceProfile) -> int:
        if profile.registers is None:
            return 1
        return 0 if any(probe.equals for probe in profile.registers.identity) else 2

    return sorted(profiles.values(), key=lambda p: (weight(p), KINDS.index(p.kind), p.id))
