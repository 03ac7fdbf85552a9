"""How commands get into SunSpec storage: limits and set points of 704, charging rates of 124; no network."""

import struct
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import DerIdentified, DerReading, LimitApplied, LimitReadback
from pcs.model.site import DerKind
from pcs.ports import Priority
from tests.link_helpers import FakeLink
from tests.storage_kit import RATINGS_702, battery_124, battery_704, command, met
from tests.sunspec_helpers import model, offset_of
from tests.sunspec_kit import do


def _s32(value: int) -> tuple[int, int]:
    high, low = struct.unpack(">HH", struct.pack(">i", value))
    return high, low


def _applied(answer: object) -> LimitApplied:
    assert isinstance(answer, LimitApplied), answer
    return answer


def test_a_battery_that_keeps_its_own_wish_gets_the_frame_of_an_inverter_and_no_other() -> None:
    link = battery_704()
    battery, found = met(link)
    applied = _applied(do(battery.apply(command(4_500.0, 6_000.0, reversion_limit_w=1_000.0))))
    base = offset_of(link, 704)
    assert link.written == [(base + 14, (1, 450, 100, 1, 0, 60))]
    assert (applied.limit_w, applied.charge_limit_w, applied.setpoint_w) == (4_500.0, None, None)
    assert not found.bounds_charge
    assert found.takes_setpoint


def test_a_set_point_goes_out_signed_in_watts_with_a_timer_of_its_own_that_falls_back_to_rest() -> None:
    link = battery_704()
    battery, _ = met(link)
    applied = _applied(do(battery.apply(command(4_500.0, 3_000.0, -2_345.6))))
    base = offset_of(link, 704)
    absent = 0x8000
    assert link.written == [
        (base + 22, (1, 1, *_s32(-2_345), *_s32(0), absent, absent, 1, 0, 60)),
        (base + 14, (1, 450, 0, 1, 0, 60)),
    ]
    assert (applied.limit_w, applied.charge_limit_w, applied.setpoint_w) == (4_500.0, 2_345.0, -2_345.0)
    assert [kind for kind, _, _, _ in link.log] == ["write", "write", "read"]
    held = do(battery.read_limit())
    assert isinstance(held, LimitReadback)
    assert (held.limit_w, held.charge_limit_w, held.setpoint_w) == (4_500.0, 2_345.0, -2_345.0)
    assert (held.reversion_limit_w, held.reversion_charge_limit_w) == (0.0, 0.0)


def test_the_timer_falls_back_to_the_own_wish_where_every_draw_is_safe() -> None:
    link = battery_704()
    battery, _ = met(link)
    _applied(do(battery.apply(command(0.0, 6_000.0, -1_000.0, reversion_charge_limit_w=6_000.0))))
    assert link.written[0][1][8:] == (0, 0, 60)


def test_a_refresh_restarts_both_timers() -> None:
    link = battery_704()
    battery, _ = met(link)
    wanted = command(0.0, 6_000.0, -1_000.0)
    _applied(do(battery.apply(wanted)))
    first = list(link.written)
    link.written.clear()
    _applied(do(battery.apply(wanted)))
    assert sorted(link.written) == sorted(first)


def test_no_set_point_gives_a_battery_its_own_wish_back_and_stops_the_timer() -> None:
    link = battery_704()
    battery, _ = met(link)
    _applied(do(battery.apply(command(0.0, 6_000.0, -1_000.0))))
    link.written.clear()
    applied = _applied(do(battery.apply(command(0.0, 6_000.0))))
    base = offset_of(link, 704)
    assert link.written[1] == (base + 22, (0, 1, *_s32(-1_000), *_s32(0), 0x8000, 0x8000, 0, 0, 0))
    assert (applied.charge_limit_w, applied.setpoint_w) == (None, None)


@pytest.mark.parametrize(("old_w", "new_w", "first"), [(5_000.0, 1_000.0, 14), (1_000.0, 5_000.0, 22)])
def test_what_tightens_the_limit_is_written_first_and_what_raises_it_last(
    old_w: float, new_w: float, first: int
) -> None:
    link = battery_704()
    battery, _ = met(link)
    _applied(do(battery.apply(command(old_w, 6_000.0, 0.0))))
    link.written.clear()
    _applied(do(battery.apply(command(new_w, 6_000.0, -500.0))))
    base = offset_of(link, 704)
    assert [address - base for address, _ in link.written] == [first, 36 - first]


def test_whoever_dies_between_two_frames_leaves_a_free_battery_bounded_with_an_armed_timer() -> None:
    """The set point bounds both directions, the limit only one."""
    link = battery_704()
    battery, _ = met(link)
    link.fail_after = len(link.log) + 1
    assert isinstance(do(battery.apply(command(1_000.0, 6_000.0, 0.0))), Fault)
    base = offset_of(link, 704)
    assert [address - base for address, _ in link.written] == [22]
    assert link.written[0][1][8:] == (1, 0, 60)


def test_a_battery_that_refuses_the_set_point_is_limited_all_the_same() -> None:
    link = battery_704()
    battery, _ = met(link)
    base = offset_of(link, 704)
    link.refuse_writes = {base + 22}
    refused = do(battery.apply(command(1_000.0, 6_000.0, 0.0)))
    assert isinstance(refused, Fault)
    assert refused.kind is FaultKind.REFUSED
    assert [address - base for address, _ in link.written] == [14]


def test_a_set_point_stays_inside_both_limits() -> None:
    battery, _ = met(battery_704())
    assert _applied(do(battery.apply(command(1_000.0, 500.0, -2_000.0)))).setpoint_w == -500.0
    forced = _applied(do(battery.apply(command(1_000.0, 500.0, 2_000.0))))
    assert (forced.setpoint_w, forced.charge_limit_w) == (1_000.0, 0.0)


def test_percent_is_used_where_watts_are_not_implemented() -> None:
    link = battery_704(WSet=None, WSetRvrt=None, WSetPct=0, WSetPctRvrt=0, WSetPct_SF=-1)
    battery, found = met(link)
    assert found.charge_resolution_w == pytest.approx(10.0)
    applied = _applied(do(battery.apply(command(0.0, 6_000.0, -2_345.6))))
    n_i = (0x8000, 0)
    assert link.written[0][1] == (1, 0, *n_i, *n_i, -234 & 0xFFFF, 0, 1, 0, 60)
    assert applied.setpoint_w == pytest.approx(-2_340.0)


def test_watts_and_percent_say_the_same_where_a_device_has_both() -> None:
    link = battery_704(WSetPct=77, WSetPctRvrt=77, WSetPct_SF=-1)
    battery, _ = met(link)
    _applied(do(battery.apply(command(0.0, 6_000.0, -2_345.6))))
    assert link.written[0][1][1:8] == (1, *_s32(-2_345), *_s32(0), -234 & 0xFFFF, 0)


def test_a_set_point_without_a_reversion_is_written_as_far_as_the_device_has_it() -> None:
    link = battery_704(WSetRvrtTms=None)
    battery, _ = met(link)
    _applied(do(battery.apply(command(0.0, 6_000.0, -1.0))))
    assert link.written[0][1] == (1, 1, *_s32(-1))


@pytest.mark.parametrize(("offset", "words", "evidence"), [
    (22, (0,), "WSetEna is 0 instead of 1"),
    (23, (0,), "WSetMod is 0 instead of 1"),
    (24, _s32(-999), "WSet is -999 instead of -1000"),
    (26, _s32(-5), "WSetRvrt is -5 instead of 0"),
    (30, (0,), "WSetEnaRvrt is 0 instead of 1"),
    (31, (60, 0), "WSetRvrtTms is 3932160 instead of 60"),
    (33, (0, 0), "set point timer does not run"),
    (33, (0, 61), "set point timer does not run"),
    (15, (1,), "WMaxLimPct is 1 instead of 0"),
])  # fmt: skip
def test_storage_that_keeps_something_else_is_not_applied(offset: int, words: tuple[int, ...], evidence: str) -> None:
    link = battery_704()
    battery, _ = met(link)
    timers, base = link.after_write, offset_of(link, 704)
    assert timers is not None

    def tamper() -> None:
        timers()
        link.put(base + offset, *words)

    link.after_write = tamper
    fault = do(battery.apply(command(0.0, 6_000.0, -1_000.0)))
    assert isinstance(fault, Fault)
    assert fault.kind is FaultKind.NOT_APPLIED
    assert evidence in fault.detail


def test_a_set_point_that_somebody_enables_behind_our_back_is_not_applied() -> None:
    link = battery_704()
    battery, _ = met(link)
    link.put(offset_of(link, 704) + 22, 1)
    fault = do(battery.apply(command(0.0, 6_000.0)))
    assert isinstance(fault, Fault)
    assert "WSetEna is 1 instead of 0" in fault.detail


def test_a_battery_without_any_set_point_is_limited_and_says_that_its_draw_is_not() -> None:
    link = battery_704(WSet=None)
    battery, found = met(link)
    assert not found.takes_setpoint
    assert found.charge_rating_w == 6_000.0
    assert isinstance(do(battery.apply(command(0.0, 6_000.0))), LimitApplied)
    fault = do(battery.apply(command(0.0, 6_000.0, -1.0)))
    assert isinstance(fault, Fault)
    assert "cannot be bounded" in fault.detail


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_command_of_which_one_request_is_lost_is_not_claimed(lost: int) -> None:
    link = battery_704()
    battery, _ = met(link)
    link.fail_after = lost
    fault = do(battery.apply(command(0.0, 6_000.0, -1.0)))
    assert isinstance(fault, Fault)
    assert fault.kind is FaultKind.NO_CONNECTION


def test_a_set_point_is_written_again_when_its_scale_changed_under_it() -> None:
    link = battery_704()
    battery, _ = met(link)
    link.put(offset_of(link, 704) + 55, 2)
    assert _applied(do(battery.apply(command(0.0, 6_000.0, -2_345.0)))).setpoint_w == -2_300.0
    link.put(offset_of(link, 704) + 55, 11)
    fault = do(battery.apply(command(0.0, 6_000.0, -2_345.0)))
    assert isinstance(fault, Fault)
    assert fault.kind is FaultKind.NOT_A_NUMBER


@given(
    limit_w=st.floats(0.0, 12_000.0),
    charge_w=st.floats(0.0, 8_000.0),
    wanted_w=st.floats(-9_000.0, 13_000.0),
    exponent=st.integers(-2, 3),
    percent=st.booleans(),
)
def test_set_points_are_rounded_towards_rest_and_lose_less_than_one_step(
    limit_w: float, charge_w: float, wanted_w: float, exponent: int, percent: bool
) -> None:
    changes: dict[str, Any] = {"WSet_SF": exponent}
    if percent:
        changes = {"WSet": None, "WSetRvrt": None, "WSetPct": 0, "WSetPctRvrt": 0, "WSetPct_SF": min(exponent, 0)}
    battery, found = met(battery_704(**changes))
    applied = _applied(do(battery.apply(command(limit_w, charge_w, wanted_w))))
    bounded_w = min(limit_w, max(-charge_w, wanted_w))
    assert applied.setpoint_w is not None
    assert abs(applied.setpoint_w) <= abs(bounded_w) + 1e-6
    assert abs(applied.setpoint_w) > abs(bounded_w) - found.charge_resolution_w - 1e-6
    assert applied.setpoint_w * bounded_w >= 0.0
    held = do(battery.read_limit())
    assert isinstance(held, LimitReadback)
    assert (held.limit_w, held.charge_limit_w, held.setpoint_w) == (
        applied.limit_w, applied.charge_limit_w, applied.setpoint_w
    )  # fmt: skip


@pytest.mark.parametrize(("changes", "journal", "own"), [
    ({"WSetEna": 1, "WSet": -1_000}, {}, False),
    ({"WSetEna": 1, "WSet": -1_000}, {"set point of S-1": -1_000.0}, True),
    ({"WSetEna": 1, "WSet": -1_000}, {"S-1": -1_000.0, "charge limit of S-1": 1_000.0}, False),
    ({"WSetEna": 1, "WSet": 0, "WSetEnaRvrt": 1, "WSetRvrtTms": 60}, {}, True),
    ({"WSetEna": 1, "WSet": 0, "WSetEnaRvrt": 1}, {}, False),
    ({"WSetEna": 0, "WSet": -1_000}, {}, True),
])  # fmt: skip
def test_a_set_point_found_is_own_if_the_journal_or_the_armed_reversion_explains_it(
    changes: dict[str, int], journal: dict[str, float], own: bool
) -> None:
    _, found = met(battery_704(**changes), lambda name, w, tolerance_w: abs(journal.get(name, 1e9) - w) <= tolerance_w)
    assert found.found_is_own is own
    assert found.found.setpoint_w == (changes["WSet"] if changes["WSetEna"] else None)


@pytest.mark.parametrize(("ratings", "charge_rating_w", "words"), [
    ({}, 6_000.0, "charges up to 6000 W (702.WChaRteMax), discharges up to 8000 W (702.WDisChaRteMax)"),
    ({"WChaRteMax": None, "WChaRteMaxRtg": 5_900}, 5_900.0, "(702.WChaRteMaxRtg; 702.WChaRteMax is not implemented)"),
    ({"WChaRteMax": 60, "WDisChaRteMax": 0}, 6_000.0, "charges up to 6000 W (the site file; 702.WChaRteMax is 60 W"),
    ({"WChaRteMax": 60_000}, 60_000.0, "702.WChaRteMax; the site file says 6000 W"),
])  # fmt: skip
def test_charge_and_discharge_ratings_are_believed_in_proportion_to_the_site_file(
    ratings: dict[str, int | None], charge_rating_w: float, words: str
) -> None:
    link = battery_704(ratings={**RATINGS_702, **ratings})
    battery, found = met(link)
    assert found.charge_rating_w == charge_rating_w
    assert words in found.rating_source
    link.put(offset_of(link, 702) + 34, 0)
    again = do(battery.identify())
    assert isinstance(again, DerIdentified)
    assert again == replace(found, found=again.found)


@pytest.mark.parametrize(("link", "soc_pct"), [
    (battery_704(model(713, SoC=605, Pct_SF=-1)), 60.5),
    (battery_704(model(713, Pct_SF=-1), model(802, SoC=42, SoC_SF=0)), 42.0),
    (battery_124(), 55.5),
    (battery_704(model(713, SoC=1_605, Pct_SF=-1)), None),
    (battery_704(), None),
])  # fmt: skip
def test_the_state_of_charge_comes_by_a_slow_read_apart_from_the_power(link: FakeLink, soc_pct: float | None) -> None:
    battery, _ = met(link)
    assert do(battery.refresh()) is None
    assert {priority for _, _, _, priority in link.log} <= {Priority.SLOW_READ}
    link.log.clear()
    reading = do(battery.measure())
    assert isinstance(reading, DerReading)
    assert (reading.injection_w, reading.soc_pct) == (-1_500.0, soc_pct)
    where = offset_of(link, 701 if 701 in link.registers.values() else 103)
    assert [(kind, where < address < where + 20) for kind, address, _, _ in link.log] == [("read", True)]
    link.now_s += 31.0
    old = do(battery.measure())
    assert isinstance(old, DerReading)
    assert old.soc_pct is None


def test_a_state_of_charge_that_cannot_be_read_is_a_fault_and_the_last_one_ages() -> None:
    link = battery_704(model(713, SoC=60, Pct_SF=0))
    battery, _ = met(link)
    do(battery.refresh())
    link.refuse = {offset_of(link, 713) + 4}
    fault = do(battery.refresh())
    assert isinstance(fault, Fault)
    reading = do(battery.measure())
    assert isinstance(reading, DerReading)
    assert reading.soc_pct == 60.0


@pytest.mark.parametrize("kind", [DerKind.PV, DerKind.GENERATOR])
def test_sources_that_cannot_draw_are_never_told_anything_about_it(kind: DerKind) -> None:
    for link in (battery_704(), battery_124()):
        device, found = met(link, kind=kind, charge_w=0.0)
        assert (found.charge_rating_w, found.bounds_charge, found.takes_setpoint) == (0.0, False, False)
        _applied(do(device.apply(command(1_000.0))))
        assert len(link.written) == 1
        assert do(device.refresh()) is None
