"""What comes next, in words and seconds, for each thing that the controller waits for."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pcs.core.busbar import BusState
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.measure import MeterState
from pcs.core.order import Order
from pcs.core.policy import Policy, policy_for
from pcs.core.state import State, initial
from pcs.core.wiring import Wiring, WiringState
from pcs.model.fault import Fault, FaultKind
from pcs.model.limit import Direction, Limit, Window
from pcs.model.reading import LimitsInForce
from pcs.model.site import DerKind, PointKind, PointSpec, Site, System
from pcs.model.units import Instant
from pcs.runtime.what_next import Coming, coming
from tests import core_site

NOW = Instant(mono_s=1000.0, utc_s=1_780_000_000.0)  # 2026-05-28 20:26:40 UTC
UTC = ZoneInfo("UTC")
BATTERY = core_site.der_spec(1, kind=DerKind.BATTERY, charge_w=5000.0)


def rules(limits: tuple[Limit, ...] = (), points: tuple[PointSpec, ...] = ()) -> Policy:
    """A PV inverter d0 and a battery d1."""
    return policy_for(
        Site(
            name="test",
            timezone="UTC",
            system=System.WYE,
            nominal_v=230.0,
            meters=(core_site.meter_spec(),),
            ders=(core_site.der_spec(), BATTERY),
            limits=limits or (Limit(direction=Direction.EXPORT, value=0.0),),
            points=points,
            journal_dir="",
        )
    )


def running(policy: Policy, **changes: Any) -> State:
    """A state in which nothing is due: everybody is met, the wiring is verified."""
    state = initial(policy, NOW)
    watches = tuple(evolve(w, wiring=WiringState(verdict=Wiring.VERIFIED, since_s=900.0)) for w in state.watches)
    state = evolve(
        state,
        meters=(MeterState(period_s=0.1, fresh_run=5, lost=False),),
        ders=tuple(
            evolve(d, identified=core_site.der_met(n), heard_s=999.0, sent_s=999.0) for n, d in enumerate(state.ders)
        ),
        watches=watches,
    )
    return evolve(state, **changes)


def said(policy: Policy, state: State) -> tuple[Coming, ...]:
    return coming(policy, state, NOW, UTC)


def with_der(state: State, number: int, **changes: Any) -> State:
    ders: list[DerState] = list(state.ders)
    ders[number] = evolve(ders[number], **changes)
    return evolve(state, ders=tuple(ders))


def wrong(kind: FaultKind, source_id: str, at_s: float = 990.0) -> tuple[Fault, ...]:
    return (Fault(kind=kind, source_id=source_id, at_s=at_s),)


def test_a_site_at_rest_waits_for_nothing() -> None:
    policy = rules()
    assert said(policy, running(policy)) == ()


def test_a_site_that_starts_says_what_control_waits_for() -> None:
    policy = rules()
    words = [one.words for one in said(policy, initial(policy, NOW))]
    assert any("how often it measures (0 of 3 new values seen)" in w for w in words)
    assert any("d1 is commanded as soon as it answers" in w for w in words)


@pytest.mark.parametrize(
    ("kind", "source_id", "changes", "in_s", "words"),
    [
        (FaultKind.METER_LOST, "poi", {}, None, "ends after 3 new values in a row (3 seen)"),
        (FaultKind.METER_STALE, "poi", {}, None, "ends with the next new value"),
        (FaultKind.METER_OPEN_CT, "poi", {}, 50.0, "is tried again in 50.0 s"),
        (FaultKind.DER_SILENT, "d0", {}, None, "ends with its first answer"),
        (FaultKind.DER_DISOBEDIENT, "d0", {"obeying_since_s": 994.0}, 4.0, "for 10 s, in 4.0 s if it goes on so"),
        (FaultKind.DER_DISOBEDIENT, "d0", {}, None, "kept to what it was told for 10 s"),
        (FaultKind.DER_UNWRITABLE, "d0", {"retries": 3, "sent_s": 999.5}, 0.5, "the next attempt is in 0.5 s"),
        (FaultKind.DER_FOREIGN_LIMIT, "d0", {}, None, "`pcs run SITE.yaml --release d0`"),
        (FaultKind.CANNOT_HOLD, "poi2", {}, None, "ends when the condition ends"),
    ],
)
def test_every_fault_says_what_ends_it_and_when_if_that_is_known(
    kind: FaultKind, source_id: str, changes: dict[str, Any], in_s: float | None, words: str
) -> None:
    policy = rules()
    state = with_der(running(policy, faults=wrong(kind, source_id)), 0, **changes)
    (one,) = said(policy, state)
    assert one.words.startswith(f"{source_id}: {kind.value} ")
    assert words in one.words
    assert one.in_s == (None if in_s is None else pytest.approx(in_s))


def test_a_reversed_meter_is_tried_again_after_its_time() -> None:
    policy = rules()
    state = running(policy, faults=wrong(FaultKind.METER_MISWIRED, "poi"))
    watch = evolve(state.watches[0], wiring=WiringState(verdict=Wiring.WRONG, since_s=960.0, backoff_s=60.0))
    (one,) = said(policy, evolve(state, watches=(watch,)))
    assert one.in_s == pytest.approx(20.0)


def test_a_battery_under_a_set_point_says_when_it_is_asked_for_its_wish() -> None:
    policy = rules()
    told = {"sent": Order(0.0, None, 0.0), "told_since_s": 130.0, "wish_w": -3000.0}
    (one,) = said(policy, with_der(running(policy), 1, **told))
    assert one.what == "wish"
    assert one.in_s == pytest.approx(30.0)
    assert said(policy, with_der(running(policy), 1, **told, bounds_charge=True)) == ()


def test_a_schedule_says_what_the_limit_becomes_and_at_what_time_of_day() -> None:
    evening = Window(value=1000.0, from_min=21 * 60, to_min=22 * 60, name="evening")
    policy = rules((Limit(direction=Direction.EXPORT, value=3000.0, schedule=(evening,)),))
    told = LimitsInForce(values=(3000.0,), sources=("site file",), sent_s=0.0, received_s=0.0)
    (one,) = said(policy, running(policy, in_force=told))
    assert one.words.startswith("from 2026-05-28 21:00 on: export limit 1000 W at poi (")
    assert one.in_s == pytest.approx(2000.0)
    (one,) = said(policy, running(policy, in_force=evolve(told, trusted=False)))
    assert "when the time of day can be trusted" in one.words


def test_a_relieved_busbar_says_when_its_ders_come_back() -> None:
    policy = rules(points=(PointSpec(id="b", kind=PointKind.BUSBAR, meters=(("poi", 1),), rating_a=100.0),))
    bus = BusState(relieved=True, low_since_s=995.0, opened_share=0.0)
    (one,) = said(policy, running(policy, buses=(bus,)))
    assert (one.what, one.in_s) == ("busbar", pytest.approx(25.0))
    assert "below 85 A for 30 s" in one.words
    (one,) = said(policy, running(policy, buses=(BusState(opened_share=0.5),)))
    assert one.in_s == pytest.approx(10.0)


def test_what_is_due_first_is_told_first_and_what_has_no_time_last() -> None:
    policy = rules()
    faults = (*wrong(FaultKind.DER_SILENT, "d0"), *wrong(FaultKind.METER_OPEN_CT, "poi"))
    told = {"sent": Order(0.0, None, 0.0), "told_since_s": 130.0, "wish_w": -3000.0}
    found = said(policy, with_der(running(policy, faults=faults), 1, **told))
    assert [one.in_s for one in found] == [pytest.approx(30.0), pytest.approx(50.0), None]
