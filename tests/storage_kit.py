"""SunSpec storage for tests: a 700-series battery and an older one with 123 and 124, encoded by pysunspec2."""

from dataclasses import replace
from typing import Any

from pcs.devices.inverter import Explains, SunSpecInverter
from pcs.model.command import LimitActivePower
from pcs.model.reading import DerIdentified
from pcs.model.site import DerKind
from tests.link_helpers import FakeLink
from tests.sunspec_helpers import COMMON, der_spec, model, offset_of, serve
from tests.sunspec_kit import LIMIT_123, LIMIT_704, TIMERS_123, do

WSET = {
    "WSetEna": 0, "WSetMod": 1, "WSet": 0, "WSetRvrt": 0, "WSetEnaRvrt": 0, "WSetRvrtTms": 0, "WSetRvrtRem": 0,
    "WSet_SF": 0,
}  # fmt: skip
RATINGS_702 = {"WMax": 10_000, "WChaRteMax": 6_000, "WDisChaRteMax": 8_000, "W_SF": 0}
CHARGE_124 = {
    "WChaMax": 5_000, "WChaMax_SF": 0, "StorCtl_Mod": 0, "OutWRte": 10_000, "InWRte": 10_000, "InOutWRte_SF": -2,
    "InOutWRte_WinTms": 0, "InOutWRte_RvrtTms": 0, "ChaState": 555, "ChaState_SF": -1,
}  # fmt: skip


def battery_704(*more: bytes, ratings: dict[str, Any] = RATINGS_702, **changes: Any) -> FakeLink:
    """Its timers start when they are written with their function enabled."""
    link = serve(
        model(1, **COMMON),
        model(701, W=-1500, W_SF=0),
        model(702, **ratings),
        model(704, **{**LIMIT_704, **WSET, **changes}),
        *more,
    )
    base = offset_of(link, 704)

    def run_timers() -> None:
        for enable, time, left in ((14, 18, 20), (22, 31, 33)):
            on = link.registers[base + enable] == 1
            link.put(base + left, *(link.registers[base + time + i] if on else 0 for i in (0, 1)))

    link.after_write = run_timers
    return link


def battery_124(*more: bytes, limit: dict[str, Any] | None = None, **changes: Any) -> FakeLink:
    return serve(
        model(1, **COMMON),
        model(103, W=-1500, W_SF=0),
        model(120, WRtg=10_000, WRtg_SF=0, MaxChaRte=5_500, MaxChaRte_SF=0, MaxDisChaRte=7_000, MaxDisChaRte_SF=0),
        model(121, WMax=1000, WMax_SF=1),
        model(123, **{**LIMIT_123, **TIMERS_123, **(limit or {})}),
        model(124, **{**CHARGE_124, **changes}),
        *more,
    )


def nobody(_serial: str, _limit_w: float, _tolerance_w: float) -> bool:
    """No journal knows anything."""
    return False


def met(
    link: FakeLink, explains: Explains = nobody, *, kind: DerKind = DerKind.BATTERY, charge_w: float = 6_000.0
) -> tuple[SunSpecInverter, DerIdentified]:
    """The battery, identified; the link's log begins after that."""
    battery = SunSpecInverter(replace(der_spec(), kind=kind, charge_w=charge_w), link, explains)
    found = do(battery.identify())
    assert isinstance(found, DerIdentified), found
    link.log.clear()
    return battery, found


def command(
    limit_w: float,
    charge_limit_w: float | None = None,
    setpoint_w: float | None = None,
    *,
    reversion_limit_w: float = 0.0,
    reversion_charge_limit_w: float = 0.0,
) -> LimitActivePower:
    return LimitActivePower(
        der_id="inv1",
        limit_w=limit_w,
        reversion_limit_w=reversion_limit_w,
        charge_limit_w=charge_limit_w,
        reversion_charge_limit_w=reversion_charge_limit_w,
        setpoint_w=setpoint_w,
        urgent=True,
    )
