"""How the faults of a campaign are made: at the plant, in front of a device's registers, on a link, in the clock.

Each function starts a fault and returns what ends it. What is wrong with one reply alone, or with every n-th, is
made by `Replies`, which counts the requests of a server.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import inf, nan
from typing import Any

from hil.plant.orders import LimitOrder, Order
from hil.plant.unit import Telemetry
from hil.plant.wiring import MeterMode
from hil.rig.devices import MeterDevice
from hil.rig.link_fault import LinkFault
from hil.rig.modbus_server import DeviceServer
from hil.rig.simulated import SimulatedSite
from hil.rig.sunspec_tables import LAYOUTS
from hil.rig.twin_file import FaultPart
from tests.campaign.happenings import Happening, Seam

End = Callable[[], None]
A_BREATH_S = 0.0005
"""How long a fault of one reply outlasts it."""
LATE_S = 30.0
"""How much later than promised a device reverts that reverts late."""
ABSURD = 50.0
"""Out of range: so many times the largest flow of the site, or as much as the register holds."""


class Replies:
    """Counts the requests to the devices of a site and lets some replies go wrong."""

    def __init__(self, site: SimulatedSite) -> None:
        self.seen: dict[str, int] = dict.fromkeys(site.servers, 0)
        self.total = 0
        self._site = site
        self._spoils: list[tuple[Happening, LinkFault]] = []
        self._plugging: set[asyncio.Task[None]] = set()
        for name, server in site.servers.items():
            server.delay_s = partial(self._delay_s, name, server, server.delay_s)  # type: ignore[method-assign]

    def begin(self, happening: Happening) -> End:
        """Let replies go wrong from now on."""
        one = (happening, LinkFault(happening.kind.name))
        self._spoils.append(one)
        return lambda: self._spoils.remove(one)

    def _delay_s(self, name: str, server: DeviceServer, usual: Callable[[], float]) -> float:
        delay_s = usual()
        self.seen[name] += 1
        self.total += 1
        if server.fault is not LinkFault.OK:
            return delay_s
        for happening, fault in self._spoils:
            if happening.on not in ("", name):
                continue
            due = self.total == happening.frame if happening.frame else self.seen[name] % happening.every == 0
            if not due:
                continue
            if fault is LinkFault.SLOW:
                return delay_s + happening.amount
            server.set_fault(fault)
            asyncio.get_running_loop().call_later(delay_s + A_BREATH_S, _end_of_one, server, fault)
        return delay_s


def _end_of_one(server: DeviceServer, fault: LinkFault) -> None:
    if server.fault is fault:
        server.set_fault(LinkFault.OK)


def begin(site: SimulatedSite, replies: Replies, happening: Happening) -> End:
    """Start a fault of a link, a meter or a DER; call what is returned to end it."""
    site.settle()
    name, on = happening.kind.name, happening.on
    if happening.kind.seam is Seam.LINK:
        if name == "down":
            site.inject(FaultPart(at_s=0.0, on=on, fault="down"))
            return lambda: site.inject(FaultPart(at_s=0.0, on=on, fault="up"))
        if happening.every > 1 or happening.frame:
            return replies.begin(happening)
        server = site.servers[on]
        server.set_fault(LinkFault(name), happening.amount)
        return partial(_end_of_one, server, LinkFault(name))
    return _begin_meter(site, happening) if happening.kind.seam is Seam.METER else _begin_der(site, happening)


def _begin_meter(site: SimulatedSite, happening: Happening) -> End:
    name, on = happening.kind.name, happening.on
    meter, device = site.plant.meters[on], site.servers[on].device
    match name:
        case "averaging" | "update":
            site.inject(FaultPart(at_s=0.0, on=on, fault=name, seconds=happening.amount))
            return lambda: site.inject(FaultPart(at_s=0.0, on=on, fault=name, ends=True))
        case "scale_factor" | "wrong_scale_factor":
            if not isinstance(device, MeterDevice):
                return lambda: None
            return _rescaled(device, says_so=name == "scale_factor")
        case "out_of_range":
            usual = meter._measure

            def absurd(now_s: float) -> Any:
                sample = usual(now_s)
                return replace(sample, phase_import_w=tuple(w * ABSURD - 4e6 for w in sample.phase_import_w))

            meter._measure = absurd  # type: ignore[method-assign]
            return lambda: meter.__dict__.pop("_measure", None)
        case _:
            meter.fail(MeterMode(name))

            def mended() -> None:
                site.settle()
                meter.mend(MeterMode(name))

            return mended


def _rescaled(device: MeterDevice, *, says_so: bool) -> End:
    """Powers of ten times as many watts a digit; with `says_so` the scale factor tells."""
    model = next(m for m, _ in device.image.points if m != 1)
    scaled = {w.split(":")[0] for w in LAYOUTS[model].split() if w.split(":")[2:3] == ["W_SF"]}
    kept, factor = (device._live, device._powers), (model, "W_SF")
    if factor not in device.image.points:
        return lambda: None
    was = device.image.raw(*factor)

    def with_divisor(points: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(replace(p, divisor=p.divisor * 10) if p.name in scaled else p for p in points)

    device._live, device._powers = with_divisor(kept[0]), with_divisor(kept[1])
    if says_so:
        device.image.set_raw(*factor, was + 1)

    def ended() -> None:
        device._live, device._powers = kept
        device.image.set_raw(*factor, was)
        device._version = -1

    device._version = -1
    return ended


def _begin_der(site: SimulatedSite, happening: Happening) -> End:
    name, on = happening.kind.name, happening.on
    unit, now_s = site.plant.units[on], site.now_s()
    match name:
        case "freeze_telemetry" | "disobey":
            site.inject(FaultPart(at_s=0.0, on=on, fault=name))
            back = "thaw_telemetry" if name == "freeze_telemetry" else "obey"
            return lambda: site.inject(FaultPart(at_s=0.0, on=on, fault=back))
        case "restart":
            site.inject(FaultPart(at_s=0.0, on=on, fault="restart", seconds=happening.lasts_s))
        case "ignores_writes":
            return _writing(unit, lambda at_s, order, write: None)
        case "clamps":

            def clamped(at_s: float, order: Order, write: Callable[[float, Order], None]) -> None:
                if isinstance(order, LimitOrder):
                    order = replace(order, limit_pct=max(order.limit_pct, happening.amount))
                write(at_s, order)

            return _writing(unit, clamped)
        case "reverts_late":

            def late(at_s: float, order: Order, write: Callable[[float, Order], None]) -> None:
                write(at_s, order)
                unit.slots[type(order)].revert_at_s += LATE_S

            return _writing(unit, late)
        case "reverts_now":
            for slot in unit.slots.values():
                if slot.order.enabled:
                    slot.show(slot.order.reverted())
                    slot.revert_at_s = inf
                    unit._pending.append((now_s, slot.order))
            unit._schedule()
        case "writer_lower" | "writer_higher":
            if LimitOrder in unit.slots:
                pct = happening.amount if name == "writer_lower" else 100.0
                unit.write(now_s, LimitOrder(enabled=True, limit_pct=pct))
        case _:
            return _telling(unit, name)
    return lambda: None


def _writing(unit: Any, instead: Callable[[float, Order, Callable[[float, Order], None]], None]) -> End:
    """Put something before a unit's `write`."""
    usual = unit.write
    unit.write = lambda at_s, order: instead(at_s, order, usual)

    def ended() -> None:
        unit.write = usual

    return ended


def _telling(unit: Any, name: str) -> End:
    """Let telemetry lie."""
    usual = unit._sample
    size_w = unit.spec.nameplate_w

    def lie(now_s: float) -> Telemetry:
        said: Telemetry = usual(now_s)
        true_w = said.injection_w
        lies = {"telemetry_sign": -true_w, "telemetry_nan": nan, "telemetry_high": size_w, "telemetry_low": 0.0}
        return replace(said, injection_w=lies[name])

    unit._sample = lie

    def ended() -> None:
        unit._sample = usual

    return ended
