"""The prediction of a response part by part, each worked out by hand."""

from dataclasses import replace
from typing import Any

import pytest

from pcs.core.predict import (
    Part,
    PartKind,
    Prediction,
    averaging_s,
    lead_s,
    members,
    meters_of,
    predict,
    request_time_s,
    slowest_slew_pct_s,
    update_s,
)
from pcs.model.limit import Basis, Direction, Limit, Quantity, Scope, Window
from pcs.model.profile import DerTiming
from pcs.model.site import DerKind, DerSpec, LinkAddress, LinkKind, PointKind, PointSpec, Site, System, Tuning
from pcs.model.units import Band
from tests import core_site as kit

EXPORT = Limit(direction=Direction.EXPORT, value=0.0)
IMPORT = Limit(direction=Direction.IMPORT, value=0.0)
ASK_S = 0.05


def der(number: int = 0, nameplate_w: float = 10_000.0, host: str = "h", **more: Any) -> DerSpec:
    """Dead for one second, then 20 % a second without a lag; its power is known after half a second."""
    timing = DerTiming(
        dead_time_s=Band(lo=0.0, hi=more.pop("dead_s", 1.0)),
        time_constant_s=Band(lo=0.0, hi=more.pop("lag_s", 0.0)),
        ramp_pct_s=more.pop("ramp_pct_s", 20.0),
        telemetry_s=more.pop("telemetry_s", 0.5),
    )
    spec = kit.der_spec(number, nameplate_w, profile=kit.inverter_profile(timing), **more)
    return replace(spec, link=LinkAddress(host=host) if host else None)


def site(*ders: DerSpec, limit: Limit = EXPORT, points: tuple[PointSpec, ...] = (), **more: Any) -> Site:
    given = {"meters": (kit.meter_spec(update_s=0.4, averaging_s=0.3),), "tuning": Tuning(), **more}
    return Site(
        name="t",
        timezone="UTC",
        system=System.WYE,
        nominal_v=230.0,
        ders=ders,
        limits=(limit,),
        points=points,
        journal_dir="",
        **given,
    )


def told(of: Site, limit: Limit | None = None) -> Prediction:
    found = predict(of, limit or of.limits[0], lambda _: ASK_S)
    assert found is not None
    return found


def times(parts: tuple[Part, ...]) -> dict[PartKind, tuple[str, float]]:
    return {p.kind: (p.part_id, p.time_s) for p in parts}


def test_a_restriction_is_the_sum_of_what_it_takes_to_see_to_write_and_to_move() -> None:
    """Window, period, 0.1 s of polling and two requests, computing, a wait and a write, dead time, 90 % of the ramp."""
    worst = told(site(der()))
    assert times(worst.restrict) == {
        PartKind.WINDOW: ("poi", 0.3),
        PartKind.UPDATE: ("poi", 0.4),
        PartKind.BUS: ("poi", pytest.approx(0.2)),
        PartKind.COMPUTE: ("", 0.04),
        PartKind.WRITE: ("d0", pytest.approx(0.1)),
        PartKind.DEAD_TIME: ("d0", pytest.approx(1.0)),
        PartKind.RAMP: ("d0", pytest.approx(4.5)),
        PartKind.LAG: ("d0", pytest.approx(0.0, abs=1e-6)),
    }
    assert worst.restrict_s == pytest.approx(0.94 + 5.6)


def test_a_release_waits_for_telemetry_and_moves_as_slowly_as_the_slew_allows() -> None:
    """Telemetry of 0.5 s, polled every 0.2 s and asked in 0.05 s, 0.2 s between raises; 10 % a second: 9 s."""
    worst = told(site(der(), tuning=Tuning(release_slew_pct_s=10.0, telemetry_poll_s=0.2)))
    parts = times(worst.release)
    assert parts[PartKind.TELEMETRY] == ("d0", pytest.approx(0.95))
    assert parts[PartKind.SLEW] == ("", pytest.approx(9.0))
    assert PartKind.RAMP not in parts
    assert worst.release_s == pytest.approx(0.94 + 0.95 + 1.1 + 9.0)
    as_quick = told(site(der(), tuning=Tuning(release_slew_pct_s=20.0)))
    assert PartKind.RAMP in times(as_quick.release), "an equal slew decides nothing"


def test_the_der_whose_telemetry_is_oldest_is_named() -> None:
    worst = told(site(der(0, telemetry_s=0.2), der(1, telemetry_s=3.0), der(2, telemetry_s=1.0)))
    assert times(worst.release)[PartKind.TELEMETRY][0] == "d1"


def test_the_lag_is_what_is_left_after_the_ramp_until_ninety_percent() -> None:
    """A first-order lag alone: ln 10 time constants."""
    parts = times(told(site(der(dead_s=0.0, ramp_pct_s=1e9, lag_s=2.0))).restrict)
    assert parts[PartKind.LAG] == ("d0", pytest.approx(2.0 * 2.302585, rel=1e-4))
    assert parts[PartKind.RAMP][1] == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize(("count", "writes"), [(1, 2), (2, 4), (5, 10)])
def test_each_write_on_a_link_is_read_back_before_the_next(count: int, writes: int) -> None:
    """The first waits for a request that is on the wire; the last is in force after two requests for each."""
    same = site(*(der(k) for k in range(count)))
    assert lead_s(same, EXPORT, lambda _: ASK_S) == pytest.approx(0.14 + writes * ASK_S + 1.0 + 5.0)
    apart = site(*(der(k, host=f"h{k}") for k in range(count)))
    assert lead_s(apart, EXPORT, lambda _: ASK_S) == pytest.approx(0.14 + 2 * ASK_S + 1.0 + 5.0)


def test_the_largest_of_a_link_is_written_last() -> None:
    """The small one is ten seconds dead: it is written first, which the larger one does not change."""
    small = der(0, 1000.0, dead_s=10.0)
    assert lead_s(site(der(1), small), EXPORT, lambda _: ASK_S) == pytest.approx(0.14 + 2 * ASK_S + 10.0 + 5.0)
    assert lead_s(site(der(1, 500.0), small), EXPORT, lambda _: ASK_S) == pytest.approx(0.14 + 4 * ASK_S + 15.0)


def test_the_lead_covers_the_last_percent_of_a_lag() -> None:
    assert lead_s(site(der(lag_s=2.0)), EXPORT, lambda _: ASK_S) == pytest.approx(0.14 + 0.1 + 1.0 + 5.0 + 4.6 * 2.0)
    assert lead_s(site(der(), tuning=Tuning(cycle_s=0.5)), EXPORT, lambda _: ASK_S) == pytest.approx(0.54 + 6.1)


def test_energy_beyond_the_limit_counts_each_der_with_its_own_delay() -> None:
    """10 kW after two requests and 5 kW, its own link, with a lag of two seconds more."""
    worst = told(site(der(0), der(1, 5000.0, host="other", lag_s=2.0)))
    seen_s = 0.94 + 0.1 + 1.0
    area_ws = 10_000.0 * (seen_s + 2.5) + 5000.0 * (seen_s + 2.5 + 2.0)
    assert worst.inadvertent_wh == pytest.approx(area_ws / 3600.0)
    assert worst.excess_w == 15_000.0


def test_a_limit_that_leaves_half_of_the_range_needs_half_of_each_movement() -> None:
    half = told(site(der()), replace(EXPORT, value=5000.0))
    assert times(half.restrict)[PartKind.RAMP][1] == pytest.approx(2.25)
    assert half.inadvertent_wh == pytest.approx(5000.0 * (0.94 + 0.1 + 1.0 + 1.25) / 3600.0)


def test_the_tightest_of_a_schedule_decides_and_none_at_all_bounds_nothing() -> None:
    windows = (Window(value=7000.0), Window(value=None), Window(value=4000.0))
    assert told(site(der()), replace(EXPORT, value=9000.0, schedule=windows)).excess_w == 6000.0
    assert told(site(der()), replace(EXPORT, value=None, schedule=windows)).excess_w == 6000.0
    assert predict(site(der()), replace(EXPORT, value=None)) is None


def test_what_nobody_controls_adds_to_the_excess_but_cannot_be_moved() -> None:
    """5 kW that nobody controls beside 10 kW: at a limit of 12 kW there are 3 kW too much."""
    wild = replace(der(1, 5000.0), controlled=False)
    assert told(site(der(), wild), replace(EXPORT, value=12_000.0)).excess_w == 3000.0
    assert told(site(der(), wild)).excess_w == 10_000.0
    assert predict(site(wild), EXPORT) is None


@pytest.mark.parametrize(
    "change", [{"direction": Direction.IMPORT}, {"quantity": Quantity.A}, {"basis": Basis.CONDUCTOR}]
)
def test_where_load_or_other_conductors_have_a_say_the_whole_range_may_be_beyond(change: dict[str, Any]) -> None:
    battery = der(kind=DerKind.BATTERY, charge_w=4000.0)
    limit = replace(EXPORT, value=9000.0, **change)
    assert told(site(battery), limit).excess_w == (4000.0 if "direction" in change else 10_000.0)


@pytest.mark.parametrize(
    ("supports", "scope", "way_w"), [(False, Scope.ALL, 4000.0), (True, Scope.ALL, 14_000.0), (True, Scope.ESS, 4000.0)]
)
def test_an_import_limit_moves_the_draw_and_where_it_is_declared_the_support(
    supports: bool, scope: Scope, way_w: float
) -> None:
    battery = der(kind=DerKind.BATTERY, charge_w=4000.0, supports=supports)
    assert told(site(battery), replace(IMPORT, scope=scope)).excess_w == way_w


def test_storage_that_may_absorb_has_its_draw_beside_its_injection_to_give() -> None:
    """On a busbar everything goes to nothing: its draw gives no room there."""
    battery = der(kind=DerKind.BATTERY, charge_w=4000.0, point="b")
    bus = (PointSpec(id="b", kind=PointKind.BUSBAR, meters=(("poi", 1),), parent="poi", rating_a=50.0),)
    plain = (PointSpec(id="b", meters=(("poi", 1),), parent="poi"),)
    limit = Limit(point="b", direction=Direction.IMPORT, quantity=Quantity.A, value=9.0)
    assert told(site(battery, points=bus), limit).excess_w == 14_000.0
    assert told(site(battery, points=plain), limit).excess_w == 4000.0


def test_members_are_controlled_and_behind_the_point() -> None:
    points = (PointSpec(id="b", meters=(("poi", 1),), parent="poi"),)
    of = site(der(0), der(1, point="b"), replace(der(2, point="b"), controlled=False), points=points)
    assert [d.id for d in members(of, EXPORT)] == ["d0", "d1"]
    assert [d.id for d in members(of, replace(EXPORT, point="b"))] == ["d1"]
    assert members(of, IMPORT) == ()


def test_the_meters_of_a_point_are_those_that_it_sums() -> None:
    second = kit.meter_spec(id="sub", point="b")
    both = (PointSpec(id="poi", meters=(("poi", 1), ("sub", -1))),)
    of = site(der(), meters=(kit.meter_spec(), second))
    assert [m.id for m in meters_of(of, "poi")] == ["poi"]
    assert [m.id for m in meters_of(replace(of, points=both), "poi")] == ["poi", "sub"]


def test_the_slowest_meter_of_a_sum_decides() -> None:
    quick, slow = (
        kit.meter_spec(update_s=u, averaging_s=a, id=i) for u, a, i in ((1.0, 0.1, "poi"), (0.6, 0.6, "sub"))
    )
    both = (PointSpec(id="poi", meters=(("poi", 1), ("sub", 1))),)
    parts = times(told(site(der(), meters=(quick, slow), points=both)).restrict)
    assert (parts[PartKind.WINDOW], parts[PartKind.UPDATE]) == (("sub", 0.6), ("sub", 0.6))
    assert parts[PartKind.BUS] == ("sub", pytest.approx(0.2))


def test_a_quick_meter_is_asked_every_half_period() -> None:
    meter = kit.meter_spec(update_s=0.1, averaging_s=0.1)
    assert times(told(site(der(), meters=(meter,))).restrict)[PartKind.BUS] == ("poi", pytest.approx(0.15))


def test_period_and_window_come_from_the_site_then_the_profile_then_what_is_usual() -> None:
    profile = replace(kit.meter_spec(update_s=0.7, averaging_s=0.2), update_s=None, averaging_s=None)
    assert (update_s(profile), averaging_s(profile)) == (0.7, 0.2)
    said = replace(profile, update_s=0.3, averaging_s=0.25)
    assert (update_s(said), averaging_s(said)) == (0.3, 0.25)
    silent = kit.meter_spec(update_s=None, averaging_s=None)
    assert (update_s(silent), averaging_s(silent)) == (1.0, 1.0)
    half = kit.meter_spec(update_s=0.5, averaging_s=None)
    assert averaging_s(half) == 0.5, "one period where nothing is known of the window"


def parted(restrict_s: float, release_s: float) -> Prediction:
    def parts(name: str, whole_s: float) -> tuple[Part, ...]:
        kinds = ((PartKind.UPDATE, 0.3), (PartKind.RAMP, 0.6), (PartKind.LAG, 0.1))
        return tuple(Part(kind=k, part_id=name, time_s=s * whole_s) for k, s in kinds)

    return Prediction(
        restrict_s=restrict_s,
        release_s=release_s,
        restrict=parts("restrict", restrict_s),
        release=parts("release", release_s),
        excess_w=1.0,
        inadvertent_wh=1.0,
    )


@pytest.mark.parametrize(
    ("judged_s", "class_s"),
    [(1.0, 2.0), (2.0, 2.0), (2.01, 5.0), (5.0, 5.0), (10.0, 10.0), (15.0, 15.0), (15.01, 30.0), (30.0, 30.0)],
)
def test_a_class_is_kept_by_its_own_time_and_judged_by_the_slower_way(judged_s: float, class_s: float) -> None:
    assert parted(judged_s, 1.0).class_s == parted(1.0, judged_s).class_s == class_s
    assert parted(30.01, 1.0).class_s is None


def test_what_to_change_first_is_the_largest_part_of_the_slower_way() -> None:
    assert (parted(1.0, 2.0).change_first.kind, parted(1.0, 2.0).change_first.part_id) == (PartKind.RAMP, "release")
    assert parted(2.0, 1.0).change_first.part_id == "restrict"
    assert parted(2.0, 2.0).change_first.part_id == "restrict", "towards the limit counts first"


def test_a_request_takes_the_device_s_time_and_on_a_serial_line_that_of_its_characters() -> None:
    """120 characters of 10 bits at 19200 baud, of 11 with parity."""
    line = LinkAddress(kind=LinkKind.SERIAL, device="/dev/ttyS0", baud=19_200)
    assert request_time_s(LinkAddress(host="h")) == 0.05
    assert request_time_s(line) == pytest.approx(0.05 + 0.0625)
    assert request_time_s(replace(line, parity="E")) == pytest.approx(0.05 + 120 * 11 / 19_200)


def test_the_slowest_slew_ends_exactly_at_the_time_that_the_limit_allows() -> None:
    """0.94 s to see, 0.85 s of telemetry, 1.1 s to write and begin: the other 7.11 s are 90 % of 100/slew."""
    limit = replace(EXPORT, correct_within_s=10.0)
    poll_s = Tuning().telemetry_poll_s
    left_s = 10.0 - 0.94 - (0.5 + poll_s + ASK_S + 0.2) - 1.1
    found = slowest_slew_pct_s(site(der(), limit=limit), limit)
    assert found == pytest.approx(90.0 / left_s, rel=1e-6)
    assert slowest_slew_pct_s(site(der()), replace(EXPORT, value=10_000.0)) == pytest.approx(0.1), "nothing to release"


def test_a_der_without_a_link_waits_for_nobody() -> None:
    assert lead_s(site(der(host="")), EXPORT, lambda _: ASK_S) == pytest.approx(0.14 + 1.0 + 5.0)


def test_on_a_busbar_the_order_of_writes_counts_what_each_must_give_up() -> None:
    """A battery of 1 kW and 0.5 kW of draw has less to give up than 2 kW of sun, so it is written first."""
    bus = (PointSpec(id="b", kind=PointKind.BUSBAR, meters=(("poi", 1),), parent="poi", rating_a=50.0),)
    battery = der(0, 1000.0, kind=DerKind.BATTERY, charge_w=500.0, point="b", dead_s=10.0)
    limit = Limit(point="b", direction=Direction.IMPORT, quantity=Quantity.A, value=9.0)
    of = site(battery, der(1, 2000.0, point="b"), points=bus)
    assert lead_s(of, limit, lambda _: ASK_S) == pytest.approx(0.14 + 2 * ASK_S + 10.0 + 5.0)


@pytest.mark.parametrize("slow", [{"dead_s": 20.0}, {"ramp_pct_s": 4.0}, {"lag_s": 20.0}])
def test_the_parts_are_told_of_the_der_that_holds_up_the_most_power_for_the_longest(slow: dict[str, float]) -> None:
    """Half the size, and much more than twice the time."""
    parts = times(told(site(der(0), der(1, 5000.0, host="other", **slow))).restrict)
    assert {parts[k][0] for k in (PartKind.WRITE, PartKind.DEAD_TIME, PartKind.RAMP, PartKind.LAG)} == {"d1"}
    brief = times(told(site(der(0), der(1, 500.0, host="other", **slow))).restrict)
    assert brief[PartKind.WRITE][0] == "d0"


def test_without_a_meter_or_anything_beyond_the_limit_there_is_no_response() -> None:
    assert predict(site(der(), meters=()), EXPORT) is None
    assert predict(site(der()), replace(EXPORT, value=9999.5)) is not None, "half a watt is beyond"
    assert predict(site(der(0, 0.5)), EXPORT) is not None


def test_half_of_the_way_takes_half_of_the_slew() -> None:
    half = told(site(der(), tuning=Tuning(release_slew_pct_s=10.0)), replace(EXPORT, value=5000.0))
    assert times(half.release)[PartKind.SLEW] == ("", pytest.approx(4.5))


def test_only_what_lies_behind_a_point_can_be_beyond_its_limit() -> None:
    points = (PointSpec(id="b", meters=(("poi", 1),), parent="poi"),)
    of = site(der(0), der(1, 5000.0, point="b"), points=points)
    assert told(of, replace(EXPORT, point="b", value=3000.0)).excess_w == 2000.0
    battery = der(1, 5000.0, kind=DerKind.BATTERY, charge_w=5000.0)
    storage = replace(EXPORT, scope=Scope.ESS, value=3000.0)
    assert told(site(der(0), battery), storage).excess_w == 2000.0, "sources do not count for a limit of storage"
