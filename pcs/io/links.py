"""Which link serves an address, and what it must know of the units behind it."""

from pcs.io.modbus_connection import Tap
from pcs.io.modbus_rtu import ModbusRtuLink, line_for
from pcs.io.modbus_tcp import ModbusTcpLink
from pcs.io.rtu_unit import UnitRules
from pcs.io.tapped_line import TappedLine
from pcs.model.profile import DeviceProfile
from pcs.model.site import LinkAddress, LinkKind, Site
from pcs.ports import Link


def link_for(site: Site, address: LinkAddress, *, tap: Tap | None = None) -> Link:
    """The one link to an address of a site; nothing is opened before the first request. `tap` hears every byte."""
    rules = unit_rules(site, address)
    if address.kind is LinkKind.TCP:
        return ModbusTcpLink(address, min_gap_s={unit: rule.min_gap_s for unit, rule in rules.items()}, tap=tap)
    if tap is None:
        return ModbusRtuLink(address, units=rules)
    return ModbusRtuLink(address, units=rules, line=lambda place: TappedLine(line_for(place), tap))


def unit_rules(site: Site, address: LinkAddress) -> dict[int, UnitRules]:
    """What the profiles say of each unit behind an address; meters are vital."""
    meters = {m.unit: _rules(m.profile, vital=True) for m in site.meters if m.link == address}
    return meters | {d.unit: _rules(d.profile, vital=False) for d in site.ders if d.link == address and d.profile}


def _rules(profile: DeviceProfile, *, vital: bool) -> UnitRules:
    timing, most = profile.link, profile.registers.read_max if profile.registers is not None else UnitRules().read_max
    return UnitRules(
        min_gap_s=timing.min_gap_s,
        late_window_s=timing.late_window_s,
        read_max=most,
        vital=vital,
        broadcast=timing.broadcast,
    )
