"""Which class speaks which protocol; the only place that knows more than one."""

from collections.abc import Callable, Mapping
from typing import Protocol

from pcs.devices.inverter import Explains, SunSpecInverter
from pcs.devices.meter import SunSpecMeter
from pcs.devices.register_charger import RegisterCharger
from pcs.devices.register_inverter import RegisterInverter
from pcs.devices.register_meter import RegisterMeter
from pcs.model.command import LimitActivePower
from pcs.model.fault import Fault
from pcs.model.reading import DerIdentified, DerReading, LimitApplied, LimitReadback, MeterIdentified, MeterReading
from pcs.model.site import DerKind, DerSpec, MeterSpec
from pcs.ports import Link


class Meter(Protocol):
    """A meter as the shell uses it; every method answers with a value or a fault."""

    async def identify(self) -> MeterIdentified | Fault:
        """Say who is there; first of all, and again after a wrong or new device."""
        ...

    async def measure(self) -> MeterReading | Fault:
        """One poll of the fast group."""
        ...

    async def still_same(self) -> Fault | None:
        """Whether the identified device still answers here; after a reconnect."""
        ...


class Inverter(Protocol):
    """An inverter, battery or EV charger as the shell uses it; every method answers with a value or a fault."""

    async def identify(self) -> DerIdentified | Fault:
        """Say who is there, its rating and the limit it holds."""
        ...

    async def measure(self) -> DerReading | Fault:
        """One poll of the injected power."""
        ...

    async def refresh(self) -> Fault | None:
        """Read what changes slowly (state of charge); later measurements carry it."""
        ...

    async def read_limit(self) -> LimitReadback | Fault:
        """The limits and the set point that the device holds now."""
        ...

    async def apply(self, command: LimitActivePower) -> LimitApplied | Fault:
        """Write a command and prove it."""
        ...

    async def still_same(self) -> Fault | None:
        """Whether the identified device still answers here; after a reconnect."""
        ...


METERS: Mapping[str, Callable[[MeterSpec, Link], Meter]] = {"sunspec": SunSpecMeter, "modbus": RegisterMeter}
INVERTERS: Mapping[str, Callable[[DerSpec, Link, Explains], Inverter]] = {
    "sunspec": SunSpecInverter,
    "modbus": RegisterInverter,
}
CHARGERS: Mapping[str, Callable[[DerSpec, Link, Explains], Inverter]] = {"modbus": RegisterCharger}


def meter_for(spec: MeterSpec, link: Link) -> Meter:
    """The meter that `spec` describes.

    Raises:
        LookupError: nothing here speaks the profile's protocol; configuration checks that first.
    """
    protocol = spec.profile.protocol
    if protocol not in METERS:
        raise LookupError(f"{spec.id}: no meter speaks {protocol!r}; there are {', '.join(METERS)}")
    return METERS[protocol](spec, link)


def inverter_for(spec: DerSpec, link: Link, explains: Explains) -> Inverter:
    """The inverter, battery or charger that `spec` describes; `explains` tells whether a limit found on it is ours.

    Raises:
        LookupError: there is no profile, or nothing here speaks its protocol; configuration checks that first.
    """
    protocol = spec.profile.protocol if spec.profile else ""
    known = CHARGERS if spec.kind is DerKind.EVSE else INVERTERS
    if protocol not in known:
        raise LookupError(f"{spec.id}: no {spec.kind} speaks {protocol!r}; there are {', '.join(known)}")
    return known[protocol](spec, link, explains)
