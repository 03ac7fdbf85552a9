"""What a raise may count on: all that a cloud may have taken, or what the meter shows that none has taken."""

from dataclasses import replace

from pcs.core import clouds
from pcs.core.regulate import Flow
from pcs.model.units import Span
from tests import core_site as site
from tests.core_plant import Scene, Unit, simulate, steps


def flow(to_s: float, import_w: float, spoken_s: float) -> Flow:
    """DERs that surely injected 5 kW when they spoke; clouds may have taken 1 kW since."""
    span = Span(from_s=to_s - 0.1, to_s=to_s)
    return Flow(
        import_w=import_w,
        span=span,
        lo_w=5000.0,
        hi_w=5000.0,
        certain_w=4000.0,
        credit_w=5000.0,
        reserved_w=0.0,
        spoken_s=spoken_s,
    )


def counted_w(*imports_w: float, spoken_s: float) -> float:
    """With these samples at 1, 2, 3 s and on."""
    seen: clouds.Seen = ()
    now = flow(0.0, 0.0, spoken_s)
    for to_s, import_w in enumerate(imports_w, start=1):
        now = flow(float(to_s), import_w, spoken_s)
        seen = clouds.note(seen, now)
    return clouds.counted_on(now, seen).certain_w


def test_where_the_flow_has_not_risen_since_the_telemetry_no_cloud_has_passed() -> None:
    assert counted_w(100.0, 100.0, 100.0, spoken_s=1.5) == 5000.0
    assert counted_w(100.0, 50.0, 20.0, spoken_s=1.5) == 5000.0


def test_import_that_rose_since_the_telemetry_may_be_a_cloud_and_counts_no_more_than_the_whole_of_one() -> None:
    assert counted_w(100.0, 700.0, 700.0, spoken_s=1.5) == 4400.0
    assert counted_w(100.0, 50.0, 700.0, spoken_s=1.5) == 4350.0
    assert counted_w(100.0, 2700.0, 2700.0, spoken_s=1.5) == 4000.0


def test_a_rise_before_the_telemetry_was_taken_is_none_of_a_cloud() -> None:
    assert counted_w(100.0, 700.0, 700.0, spoken_s=2.0) == 5000.0
    assert counted_w(100.0, 700.0, 700.0, spoken_s=1.99) == 4400.0


def test_where_no_sample_is_as_old_as_the_telemetry_all_that_a_cloud_may_take_is_taken_off() -> None:
    assert counted_w(100.0, 100.0, 100.0, spoken_s=0.99) == 4000.0
    assert counted_w(100.0, 100.0, 100.0, spoken_s=-1e9) == 4000.0


def test_samples_are_kept_as_far_back_as_the_telemetry_and_no_more_than_so_many() -> None:
    seen: clouds.Seen = ()
    for tick in range(1, 500):
        seen = clouds.note(seen, flow(0.05 * tick, 0.0, 0.05 * (tick - 7)))
    assert [round(to_s / 0.05) for to_s, _ in seen] == list(range(492, 500))
    for tick in range(500, 1000):
        seen = clouds.note(seen, flow(0.05 * tick, 0.0, 1.0))
    assert len(seen) == clouds.KEPT


def test_beside_a_sun_that_stands_still_the_others_have_all_but_its_own_room_to_return() -> None:
    """CRD-LIM-EA. One has sun for 2 kW of 10 and keeps a tenth of its nameplate; the other may make the rest of 9 kW.

    Without the meter's word 16 % a second of those 2 kW would be kept for a cloud, for the age of the telemetry.
    """
    timing = replace(site.TIMING, telemetry_s=3.0)
    units = (Unit(sun=steps((0.0, 0.2))), Unit(sun=steps((0.0, 1.0))))
    trace = simulate(Scene(units=units, demand=steps((0.0, 9000.0)), seconds=60.0, timing=timing))
    margin_w = trace.state.lines[0].envelope.margin.total_w
    assert 8000.0 - margin_w - 10.0 <= trace.rows[-1].injection_w <= 8000.0
