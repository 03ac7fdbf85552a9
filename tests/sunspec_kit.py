"""What the tests of the SunSpec devices share: a meter and inverters with 123 and 704 on a link without a network."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from pcs.devices.inverter import SunSpecInverter
from pcs.devices.meter import SunSpecMeter
from pcs.model.command import LimitActivePower
from pcs.model.reading import DerIdentified, MeterIdentified
from tests.link_helpers import FakeLink
from tests.sunspec_helpers import COMMON, der_spec, meter_spec, model, offset_of, serve

T = TypeVar("T")


METER = {
    "W": -5000, "WphA": -2000, "WphB": -1900, "WphC": -1100, "W_SF": 0,
    "AphA": 72, "AphB": 69, "AphC": 40, "A_SF": -1,
    "PhVphA": 2771, "PhVphB": 2769, "PhVphC": 2770, "V_SF": -1, "Hz": 6001, "Hz_SF": -2,
}  # fmt: skip


LIMIT_123 = {"WMaxLimPct": 1000, "WMaxLim_Ena": 0, "WMaxLimPct_SF": -1, "Conn": 1}


TIMERS_123 = {"WMaxLimPct_WinTms": 0, "WMaxLimPct_RvrtTms": 0, "WMaxLimPct_RmpTms": 0}


LIMIT_704 = {
    "WMaxLimPctEna": 0, "WMaxLimPct": 1000, "WMaxLimPctRvrt": 1000, "WMaxLimPctEnaRvrt": 0,
    "WMaxLimPctRvrtTms": 0, "WMaxLimPctRvrtRem": 0, "WMaxLimPct_SF": -1,
}  # fmt: skip


def do(work: Awaitable[T]) -> T:
    async def whole() -> T:
        return await work

    return asyncio.run(whole())


def inverter_123(**changes: Any) -> FakeLink:
    return serve(
        model(1, **COMMON),
        model(103, W=4321, W_SF=0),
        model(120, WRtg=10000, WRtg_SF=0),
        model(121, WMax=1000, WMax_SF=1),
        model(123, **{**LIMIT_123, **TIMERS_123, **changes}),
    )


def inverter_704(**changes: Any) -> FakeLink:
    link = serve(
        model(1, **COMMON),
        model(701, W=432, W_SF=1),
        model(702, WMaxRtg=10000, WMax=9000, W_SF=0),
        model(704, **{**LIMIT_704, **changes}),
    )
    base = offset_of(link, 704)
    link.after_write = lambda: link.put(base + 20, link.registers[base + 18], link.registers[base + 19])
    return link


def identified(link: FakeLink, own: bool = False, **spec: Any) -> tuple[SunSpecInverter, DerIdentified]:
    inverter = SunSpecInverter(der_spec(**spec), link, lambda serial, limit_w, tolerance_w: own)
    found = do(inverter.identify())
    assert isinstance(found, DerIdentified), found
    link.log.clear()
    return inverter, found


def limit(limit_w: float, reversion_limit_w: float = 0.0, urgent: bool = True) -> LimitActivePower:
    return LimitActivePower(der_id="inv1", limit_w=limit_w, reversion_limit_w=reversion_limit_w, urgent=urgent)


def meter_on(link: FakeLink, **spec: Any) -> tuple[SunSpecMeter, MeterIdentified]:
    meter = SunSpecMeter(meter_spec(**spec), link)
    found = do(meter.identify())
    assert isinstance(found, MeterIdentified), found
    link.log.clear()
    return meter, found
