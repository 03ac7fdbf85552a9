"""Who is there? Asks a host or a bus with known, harmless reads, and says what answers, with values that tell it apart.

Polite by design: one request at a time, reads only (a write cannot pass: `ReadOnlyLink`), few units, a fixed order, an
end. A unit that is silent to a knock is left alone. What is known of devices comes from the profiles; nothing is tried
that no profile asks for.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pcs.model.fault import Fault, FaultKind
from pcs.model.profile import DeviceProfile
from pcs.model.site import LinkAddress, LinkKind
from pcs.ports import Link, Priority, Reply
from pcs.runtime.scan_look import Found, ReadOnlyLink, in_order, look

TCP_UNITS = (1, 2, 3, 71, 100, 126, 200, 240, 247)
"""Behind TCP: 1 is nearly everybody; 2 and 3 followers and SMA; 71 KOSTAL; 100 Victron; 126 SMA's SunSpec; 200 and 240
Fronius' meter; 247 Sungrow and GoodWe (studies of register maps, reference/devices)."""
BUS_UNITS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 100, 126, 247)
"""On a bus: installers count from 1; the others are makers' defaults."""
LIKELY_UNITS = 3
"""Asked at every setting of a bus before the others are asked at any: most sites count from 1."""
UNITS_MOST = 247
KNOCK_S = 0.6
"""Longest wait for the reply to a knock: half a second is the deadline of ordinary meters, and a tenth to connect."""
KNOCKS_MOST = 2
"""Reads of a unit that may stay without a reply before it is left alone: two function codes, as some know only one."""
CONNECT_AGAIN = 3
CONNECT_PAUSE_S = 1.0
"""A device with a single session needs a moment until it takes the next one."""
NOBODY_BEHIND = ("exception 10,", "exception 11,")
"""What a gateway says for a unit that is not there (MODBUS application protocol V1.1b3, section 7)."""
ALL_ANSWER = 4
"""So many units, all answering and all alike, are one device that does not look at the unit id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a scan is, for whoever waits."""

    address: LinkAddress
    unit: int
    asked: int
    of: int
    found: int


@dataclass(slots=True, kw_only=True)
class Result:
    """What a scan came to. `trouble` is what went wrong, with the likely cause; `cut` counts units not asked."""

    found: list[Found] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    asked: int = 0
    requests: int = 0
    took_s: float = 0.0
    cut: int = 0


class Scan:
    """One scan of one or several addresses; several of one serial port are its possible settings, tried in order."""

    def __init__(
        self,
        link_for: Callable[[LinkAddress], Link],
        profiles: Mapping[str, DeviceProfile],
        *,
        units: Sequence[int] | None = None,
        within_s: float = 60.0,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        """Describe it.

        Args:
            link_for: Makes the link to an address.
            profiles: What is known of devices.
            units: Units to ask, by default those that makers use.
            within_s: When it ends, whatever is still to be asked.
            on_progress: Told before each unit.
        """
        self._link_for, self._profiles, self._units = link_for, profiles, units
        self._within_s, self._on_progress = within_s, on_progress
        self._knocks = _knocks(profiles)
        self.result = Result()

    async def run(self, places: Sequence[Sequence[LinkAddress]]) -> Result:
        """Scan each place; its addresses are alternatives, of which the first that answers is the right one."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        self.result.cut = sum(len(self._asked(addresses[0])) for addresses in places)
        try:
            async with asyncio.timeout(self._within_s):
                for addresses in places:
                    await self._place(addresses)
        except TimeoutError:
            left = f"; {self.result.cut} units were not asked" if self.result.cut else ""
            self.result.trouble.append(f"stopped after {self._within_s:g} s{left}: give more time with --seconds")
        self.result.took_s = loop.time() - began_s
        return self.result

    def _asked(self, address: LinkAddress) -> tuple[int, ...]:
        """The units of an address, in the order in which they are asked."""
        usual = TCP_UNITS if address.kind is LinkKind.TCP else BUS_UNITS
        most = 255 if address.kind is LinkKind.TCP else UNITS_MOST
        return tuple(unit for unit in dict.fromkeys(self._units or usual) if 0 < unit <= most)[:UNITS_MOST]

    async def _place(self, addresses: Sequence[LinkAddress]) -> None:
        units = self._asked(addresses[0])
        likely = len(addresses) > 1 and len(units) > LIKELY_UNITS
        passes = (units[:LIKELY_UNITS], units[LIKELY_UNITS:]) if likely else (units,)
        said: list[str] = []
        for number, some in enumerate(passes):
            for k, address in enumerate(addresses):
                visit = await self._visit(address, some, cut=k == 0)
                if visit.found:  # a bus has one setting: whoever else is there has it too
                    if passes[number + 1 :]:
                        await self._visit(address, passes[-1], cut=True)
                    return
                said += visit.trouble
                if visit.unreachable:
                    self.result.trouble += visit.trouble
                    return
        self.result.trouble += list(dict.fromkeys(said)) or [_nobody(addresses, units)]

    async def _visit(self, address: LinkAddress, units: tuple[int, ...], *, cut: bool) -> "_Visit":
        """Ask some units of an address; what is found is kept, also when time is up in the middle."""
        visit = _Visit(self, address, units)
        try:
            await visit.units(cut=cut)
        finally:
            self.result.requests += visit.requests
            self.result.found += _merged(visit.found, len(units))
        return visit

    def tell(self, address: LinkAddress, unit: int, asked: int, of: int, found: int, *, cut: bool) -> None:
        """Count a unit and say so."""
        self.result.asked += 1
        self.result.cut -= cut
        have = len(self.result.found) + found
        self._on_progress(Progress(address=address, unit=unit, asked=asked, of=of, found=have))

    def link(self, address: LinkAddress) -> ReadOnlyLink:
        """A link that cannot write."""
        return ReadOnlyLink(self._link_for(address))

    @property
    def knocks(self) -> tuple[tuple[int, int, int], ...]:
        """Function, address and count of the first reads of a unit."""
        return self._knocks

    @property
    def profiles(self) -> Mapping[str, DeviceProfile]:
        """What is known of devices."""
        return self._profiles


class _Visit:
    """One address and its link; on TCP a new one behind each time-out, as the old one may still bring a late reply."""

    def __init__(self, scan: Scan, address: LinkAddress, units: tuple[int, ...]) -> None:
        self._scan, self._address, self._units = scan, address, units
        self._link: ReadOnlyLink | None = None
        self._answered = False
        self.requests = 0
        self.found: list[Found] = []
        self.unreachable = False
        self.trouble: list[str] = []
        self._bad: list[str] = []

    async def units(self, *, cut: bool) -> None:
        """Ask every unit; stops where nothing can be reached at all."""
        try:
            for k, unit in enumerate(self._units):
                self._scan.tell(self._address, unit, k + 1, len(self._units), len(self.found), cut=cut)
                heard = await self._knock(unit)
                if self.unreachable:
                    break
                if heard is not None:
                    self._answered = True
                    self.found.append(await self._who(unit, heard))
        finally:
            await self._close()
        if not self.found and self._bad:
            self.trouble.append(f"{self._address}: something is sent, but no frame that fits: {plain(self._bad[0])}")

    async def _open(self) -> ReadOnlyLink:
        if self._link is None:
            self._link = self._scan.link(self._address)
        return self._link

    async def _close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            self.requests += link.requests
            self._bad += link.bad_answers
            await link.close()

    async def _knock(self, unit: int) -> Reply | Fault | None:
        """The first answer of a unit, an exception included; None when it is silent."""
        for function, address, count in self._scan.knocks[:KNOCKS_MOST]:
            answer = await self._ask(unit, function, address, count)
            if isinstance(answer, Reply) or answer.kind in (FaultKind.REFUSED, FaultKind.NOT_NOW):
                return None if isinstance(answer, Fault) and answer.detail.startswith(NOBODY_BEHIND) else answer
            if answer.kind is FaultKind.NO_CONNECTION:
                self._cannot_reach(answer)
                return None
            if self._address.kind is not LinkKind.SERIAL:
                await self._close()
        return None

    async def _ask(self, unit: int, function: int, address: int, count: int) -> Reply | Fault:
        for again in range(CONNECT_AGAIN):
            link = await self._open()
            answer = await link.read(
                unit, address, count, deadline_s=KNOCK_S, priority=Priority.SCAN, function=function
            )
            lost = isinstance(answer, Fault) and answer.kind is FaultKind.NO_CONNECTION
            if not lost or not self._answered:
                return answer
            await self._close()  # it was reachable: perhaps it takes one session at a time
            await asyncio.sleep((again + 1) * CONNECT_PAUSE_S)
        return answer

    def _cannot_reach(self, fault: Fault) -> None:
        self.unreachable = True
        self.trouble.append(f"{self._address}: {plain(fault.detail)}{_cause(self._address, fault.detail)}")

    async def _who(self, unit: int, heard: Reply | Fault) -> Found:
        """The first profile that fits, with its values."""
        reasons: list[str] = []
        for profile in in_order(self._scan.profiles):
            link = await self._open()
            found = await look(profile, self._address, unit, link)
            if isinstance(found, Found):
                return found
            if "with models" in found.detail:
                reasons.append(found.detail)
            if found.kind in (FaultKind.NO_ANSWER, FaultKind.NO_CONNECTION):
                await self._close()
        first = plain(heard.detail) if isinstance(heard, Fault) else f"registers {heard.data.hex(' ', 2)}"
        note = f"it answers ({first}), but no profile fits" + (f": {reasons[0]}" if reasons else "")
        return Found(address=self._address, unit=unit, note=note)


def _knocks(profiles: Mapping[str, DeviceProfile]) -> tuple[tuple[int, int, int], ...]:
    """The first reads of a unit: where SunSpec maps begin, and with other functions what the profiles ask."""
    knocks = {3: (3, 40000, 2)}
    for profile in profiles.values():
        if profile.registers is not None:
            for probe in profile.registers.identity:
                point = profile.registers.points[probe.point]
                knocks.setdefault(point.function, (point.function, point.address, point.words))
    return tuple(knocks.values())


def _merged(found: list[Found], asked: int) -> list[Found]:
    """One entry for each device: units that give the same serial number, or that all answer alike, are one."""
    kept: dict[tuple[str, ...], Found] = {}
    everybody = len(found) == asked >= ALL_ANSWER and len({one.same for one in found}) == 1
    for one in found:
        alike = one.serial or everybody or one.profile is None
        key = (*one.same, "" if one.profile else one.note) if alike else (*one.same, str(one.unit))
        first = kept.get(key)
        if first is None:
            kept[key] = one
        else:
            note = first.note or "the same device answers for several units: it does not look at the unit id"
            kept[key] = replace(first, units_alike=(*first.units_alike, one.unit), note=note)
    return list(kept.values())


def plain(detail: str) -> str:
    """What went wrong, without the registers that were asked for: they were only a knock."""
    return re.sub(r" \((reading|writing) \d+ at \d+\)", "", detail)


def _cause(address: LinkAddress, detail: str) -> str:
    """The likely cause of a link that cannot be reached, and what to do."""
    words = detail.lower()
    if address.kind is LinkKind.SERIAL:
        return "is the adapter plugged in, and does nobody else use the port?"
    if "refused" in words or "111" in words:
        return (
            f"nothing listens on port {address.port} there: is Modbus TCP switched on in the device, is the port right?"
        )
    if "name" in words or "getaddrinfo" in words or "-2" in words or "-3" in words:
        return "; is the host's name right?"
    if "unreachable" in words or "113" in words:
        return "; no such host on this network: is the address right, is the device on?"
    return "; is the address right, the device on and in this network, and no firewall between?"


def _nobody(addresses: Sequence[LinkAddress], units: tuple[int, ...]) -> str:
    """What it means that nobody answered, with the likely causes."""
    address = addresses[0]
    asked = f"{len(units)} units asked"
    if address.kind is LinkKind.TCP:
        return f"{address}: connected, but no unit answers ({asked}): another unit id (--units), or no Modbus device?"
    if len(addresses) > 1:
        tried = ", ".join(f"{a.baud} {a.parity}" for a in addresses)
        return (
            f"{address.device}: nobody answers at {tried} ({asked}): A and B swapped, bus not powered, other unit ids?"
        )
    return (
        f"{address}: nobody answers ({asked}): another baud rate or parity, A and B swapped, other unit ids (--units)?"
    )
