"""A site for tests of the core: profiles, policy, and observations with few words."""

from typing import Any

from pcs.core.policy import Policy, policy_for
from pcs.core.state import Inputs, Outcome, State, initial
from pcs.core.step import step
from pcs.model.fault import Fault, FaultKind
from pcs.model.limit import Direction, Limit
from pcs.model.profile import (
    DerTiming,
    DeviceKind,
    DeviceProfile,
    Evidence,
    FallbackDirection,
    LimitAction,
    LinkTiming,
    MeterTiming,
    Persistence,
)
from pcs.model.reading import (
    DerIdentified,
    DerReading,
    LimitApplied,
    LimitFailed,
    LimitReadback,
    MeterIdentified,
    MeterReading,
    Observation,
)
from pcs.model.site import DerKind, DerSpec, LinkAddress, MeterSpec, PointSpec, Site, System, Tuning
from pcs.model.units import Band, Instant

LINK = LinkAddress(host="127.0.0.1")
TIMING = DerTiming(
    dead_time_s=Band(lo=0.0, hi=1.0), time_constant_s=Band(lo=0.05, hi=1.0), ramp_pct_s=20.0, telemetry_s=1.0
)
"""The band of firmware_config/sunspec/inverter.yaml."""
COMMON: dict[str, Any] = {"title": "test", "protocol": "sunspec", "evidence": Evidence.UNVERIFIED, "sources": ()}


def action(
    persistence: Persistence = Persistence.VOLATILE, refresh_s: float = 60.0, reversion_s: float | None = None
) -> LimitAction:
    """How the limit of a test inverter is written; by default as model 123 is."""
    fallback = FallbackDirection.SAFE if reversion_s else FallbackDirection.HOLD
    return LimitAction(persistence=persistence, refresh_s=refresh_s, fallback=fallback, reversion_s=reversion_s)


def inverter_profile(timing: DerTiming | None = TIMING, limits: dict[str, LimitAction] | None = None) -> DeviceProfile:
    """A profile of an inverter whose limit is written by variant "123"."""
    return DeviceProfile(
        id="test/inverter",
        kind=DeviceKind.INVERTER,
        link=LinkTiming(deadline_s=0.5),
        der=timing,
        limits={"123": action()} if limits is None else limits,
        **COMMON,
    )


def meter_spec(update_s: float | None = 0.1, averaging_s: float | None = None, **more: Any) -> MeterSpec:
    """The meter at the point; by default its update period is declared."""
    profile = DeviceProfile(
        id="test/meter",
        kind=DeviceKind.METER,
        link=LinkTiming(deadline_s=0.5),
        meter=MeterTiming(update_s=update_s, averaging_s=averaging_s),
        **COMMON,
    )
    return MeterSpec(**{"id": "poi", "profile": profile, "link": LINK, "unit": 1, "point": "poi", **more})


def der_spec(number: int = 0, nameplate_w: float = 10_000.0, **more: Any) -> DerSpec:
    """DER number `number`, called d0, d1, ..."""
    more = {"profile": inverter_profile(), "kind": DerKind.PV, **more}
    return DerSpec(id=f"d{number}", nameplate_w=nameplate_w, link=LINK, **more)


def policy(
    *,
    limit_w: float | None = 0.0,
    ders: tuple[DerSpec, ...] | None = None,
    meter: MeterSpec | None = None,
    tuning: Tuning | None = None,
    limits: tuple[Limit, ...] | None = None,
    system: System = System.WYE,
    nominal_v: float = 230.0,
    meters: tuple[MeterSpec, ...] | None = None,
    points: tuple[PointSpec, ...] = (),
) -> Policy:
    """The policy of a site with an export limit (None: no limit)."""
    if limits is None:
        limits = () if limit_w is None else (Limit(direction=Direction.EXPORT, value=limit_w),)
    return policy_for(
        Site(
            name="test",
            timezone="UTC",
            system=system,
            nominal_v=nominal_v,
            meters=meters or (meter or meter_spec(),),
            ders=(der_spec(),) if ders is None else ders,
            limits=limits,
            points=points,
            journal_dir="",
            tuning=tuning or Tuning(),
        )
    )


def at(mono_s: float) -> Instant:
    """An instant of the test's clock."""
    return Instant(mono_s=mono_s, utc_s=mono_s)


def meter_met(*, has_liveness: bool = True, serial: str = "1") -> MeterIdentified:
    """The meter was identified."""
    return MeterIdentified(
        meter_id="poi",
        manufacturer="x",
        model="x",
        serial=serial,
        firmware="",
        variant="203",
        phases=3,
        has_liveness=has_liveness,
    )


def der_met(
    number: int = 0, now_s: float = 0.0, *, limit_w: float | None = None, own: bool = False, **more: Any
) -> DerIdentified:
    """A DER was identified; `limit_w` is the limit it was found with."""
    found = LimitReadback(der_id=f"d{number}", limit_w=limit_w, sent_s=now_s, received_s=now_s)
    facts: dict[str, Any] = {"rating_w": 10_000.0, "resolution_w": 1.0, "reverts_safe": False, "variant": "123", **more}
    return DerIdentified(
        der_id=f"d{number}",
        manufacturer="x",
        model="x",
        serial=str(number),
        firmware="",
        found=found,
        found_is_own=own,
        **facts,
    )


def meter_says(import_w: float, received_s: float, *, words: bytes | None = None, **more: Any) -> MeterReading:
    """One poll of the meter; without `words` each instant shows new ones."""
    return MeterReading(
        meter_id="poi",
        import_w=import_w,
        words=f"{received_s:.4f}".encode() if words is None else words,
        **{"sent_s": received_s - 0.01, "received_s": received_s, **more},
    )


def der_says(injection_w: float | None, received_s: float, number: int = 0) -> DerReading:
    """One poll of a DER's power."""
    return DerReading(der_id=f"d{number}", injection_w=injection_w, sent_s=received_s - 0.01, received_s=received_s)


def holds(limit_w: float | None, received_s: float, number: int = 0, **more: Any) -> LimitReadback:
    """What a DER says of its limit."""
    return LimitReadback(der_id=f"d{number}", limit_w=limit_w, sent_s=received_s - 0.01, received_s=received_s, **more)


def done(limit_w: float, received_s: float, number: int = 0, sent_s: float | None = None) -> LimitApplied:
    """A limit was written and read back."""
    sent_s = received_s - 0.03 if sent_s is None else sent_s
    return LimitApplied(der_id=f"d{number}", limit_w=limit_w, sent_s=sent_s, received_s=received_s)


def failed(limit_w: float, now_s: float, number: int = 0, kind: FaultKind = FaultKind.NO_ANSWER) -> LimitFailed:
    """A limit could not be written."""
    return LimitFailed(der_id=f"d{number}", limit_w=limit_w, fault=fault(kind, now_s, f"d{number}"))


def fault(kind: FaultKind, now_s: float, source_id: str = "poi", detail: str = "") -> Fault:
    """A request that came to nothing."""
    return Fault(kind=kind, source_id=source_id, at_s=now_s, detail=detail)


class Run:
    """Steps of one policy, one after the other; keeps the state and all outcomes."""

    def __init__(self, rules: Policy, *, start_s: float = 0.0, meet: bool = True) -> None:
        self.rules, self.now_s = rules, start_s
        self.state: State = initial(rules, at(start_s))
        self.outcomes: list[Outcome] = []
        if meet:
            ratings = enumerate(spec.nameplate_w for spec in rules.controlled)
            self.step(meter_met(), *(der_met(k, start_s, rating_w=w) for k, w in ratings))

    def step(self, *heard: Observation, after_s: float = 0.0) -> Outcome:
        """One step, `after_s` after the last one."""
        self.now_s += after_s
        outcome = step(self.state, Inputs(observations=heard), self.rules, at(self.now_s))
        self.state = outcome.state
        self.outcomes.append(outcome)
        return outcome

    def kinds(self) -> set[FaultKind]:
        """The kinds of all active conditions."""
        return {f.kind for f in self.state.faults}
