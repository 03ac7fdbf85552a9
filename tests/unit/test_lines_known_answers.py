"""What a sample says of a line, in the line's own direction, worked out by hand."""

from dataclasses import replace
from typing import Any

import pytest

from pcs.core import der_state, lines, observe
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.lines import Bounds
from pcs.core.measure import Sample
from pcs.core.policy import Policy
from pcs.core.regulate import Flow
from pcs.model.fault import FaultKind
from pcs.model.limit import Accounting, Basis, Direction, Limit, Scope
from pcs.model.site import DerKind
from pcs.model.units import Span
from tests import core_site as site

EXPORT = Limit(direction=Direction.EXPORT, value=3000.0)
IMPORT = Limit(direction=Direction.IMPORT, value=4000.0)
PV = site.der_spec(0)
BATTERY = site.der_spec(1, 5000.0, kind=DerKind.BATTERY, charge_w=4000.0)
NEVER_S = -observe.INFINITY
SAMPLE = Sample(
    import_w=-700.0,
    phase_import_w=(-100.0, -200.0, -400.0),
    resolution_w=1.0,
    span=Span(from_s=9.6, to_s=10.0),
    published_s=9.9,
    received_s=10.0,
)
BOUNDS = Bounds(
    lo_w=(1000.0, -3000.0),
    hi_w=(2000.0, 500.0),
    certain_w=(900.0, -3500.0),
    certain_high_w=(2100.0, 600.0),
    mean_hi_w=(1900.0, 400.0),
    mean_lo_w=(1100.0, -2900.0),
    spoken_s=(9.5, 9.7),
)


def rules(*limits: Limit) -> Policy:
    return site.policy(ders=(PV, BATTERY), limits=limits)


def known(spec: Any, said_w: float | None = None, *, silent: bool = False) -> DerState:
    der = der_state.new(spec, site.TIMING, 0.0)
    conditions = (site.fault(FaultKind.DER_SILENT, 1.0, spec.id),) if silent else ()
    return evolve(der, track=evolve(der.track, telemetry_w=said_w), conditions=conditions)


DERS = (known(PV, 1500.0), known(BATTERY, -1000.0))


def flow(limit: Limit, ders: tuple[DerState, ...] = DERS, number: int = 0, **sample: Any) -> Flow | None:
    seen = replace(SAMPLE, **sample)
    return lines.flow_of(rules(limit).lines[number], ders, seen, BOUNDS, 700.0, 3)


def test_an_export_line_counts_injection_upwards() -> None:
    """Of the battery, whose bounds contain nothing, the likely value is what it said; of the sun's it is the middle."""
    assert flow(EXPORT) == Flow(
        import_w=-700.0,
        span=SAMPLE.span,
        lo_w=-2000.0,
        hi_w=2500.0,
        certain_w=-2600.0,
        credit_w=2300.0,
        reserved_w=700.0,
        spoken_s=9.5,
        likely_w=500.0,
    )


def test_an_import_line_counts_the_draw_of_what_can_draw() -> None:
    """Everything is turned round: the least that it injects is the most that it draws."""
    assert flow(IMPORT) == Flow(
        import_w=700.0,
        span=SAMPLE.span,
        lo_w=-500.0,
        hi_w=3000.0,
        certain_w=-600.0,
        credit_w=2900.0,
        reserved_w=700.0,
        spoken_s=9.7,
        likely_w=1000.0,
    )


def test_a_conductor_has_its_own_flow_and_a_third_of_what_feeds_all_of_them() -> None:
    second = flow(replace(EXPORT, basis=Basis.CONDUCTOR), number=1)
    assert second is not None
    assert second.import_w == -200.0
    assert (second.lo_w, second.hi_w) == (pytest.approx(-2000.0 / 3), pytest.approx(2500.0 / 3))
    assert (second.certain_w, second.credit_w) == (pytest.approx(-2600.0 / 3), pytest.approx(2300.0 / 3))
    assert second.likely_w == pytest.approx(500.0 / 3)
    assert flow(replace(EXPORT, basis=Basis.CONDUCTOR), number=1, phase_import_w=()) is None


@pytest.mark.parametrize(
    ("said_w", "likely_w"), [(None, -1250.0), (-1000.0, -1000.0), (-9000.0, -3000.0), (900.0, 500.0)]
)
def test_storage_with_a_wish_of_its_own_does_what_it_said_inside_its_bounds(
    said_w: float | None, likely_w: float
) -> None:
    found = flow(replace(EXPORT, scope=Scope.ESS), (DERS[0], known(BATTERY, said_w)))
    assert found is not None
    assert found.likely_w == likely_w


def test_a_der_that_is_silent_may_draw_nothing_and_nobody_waits_for_it() -> None:
    """Towards import it is counted as injecting all that it may: what it surely draws is less than nothing."""
    silent = (DERS[0], known(BATTERY, -1000.0, silent=True))
    down = flow(IMPORT, silent)
    assert down is not None
    assert (down.lo_w, down.certain_w, down.spoken_s) == (-5000.0, -5000.0, 10.0)
    assert (down.hi_w, down.credit_w) == (3000.0, 2900.0)
    up = flow(EXPORT, silent)
    assert up is not None
    assert (up.lo_w, up.certain_w, up.spoken_s) == (-2000.0, -2600.0, 9.5)


def test_where_storage_may_charge_with_what_sources_make_the_sources_are_the_flow() -> None:
    """Toolkit figure XI.2: at least 1 kW of sun, whatever the load; what the battery draws at least is added back."""
    panel = flow(replace(IMPORT, scope=Scope.ESS, accounting=Accounting.DER_SUBPANEL))
    assert panel is not None
    assert panel.import_w == 1000.0 + 500.0
    dark = replace(BOUNDS, lo_w=(-5.0, -3000.0))
    line = rules(replace(IMPORT, scope=Scope.ESS, accounting=Accounting.DER_SUBPANEL)).lines[0]
    found = lines.flow_of(line, DERS, SAMPLE, dark, 0.0, 3)
    assert found is not None
    assert found.import_w == 500.0, "an inverter that draws makes nothing"
    assert list(lines.asked(line, DERS)) == [0, 1]
    assert list(lines.asked(rules(IMPORT).lines[0], DERS)) == [1]


def tracked(spec: Any, *, silent: bool = False, spoken: bool = True) -> DerState:
    """It rose from 1 to 3 kW at 9.75 s, and said so from 9.8 s on; it follows the sun."""
    der = known(spec, 3000.0, silent=silent)
    low = der.track.ticks[-1]._replace(at_s=5.0, lo_w=1000.0, hi_w=1000.0)
    high = low._replace(at_s=9.75, lo_w=3000.0, hi_w=3000.0)
    span = Span(from_s=9.8, to_s=9.9) if spoken else None
    return evolve(der, track=evolve(der.track, ticks=(low, high), telemetry_span=span, limit_bound=False))


def test_bounds_hold_over_the_span_and_means_over_the_window_of_the_meter() -> None:
    """The window is 0.3 s long, and lies between 9.6 and 10 s; a cloud takes up to 16 % a second."""
    found = lines.bounds_of((tracked(PV), tracked(BATTERY)), SAMPLE, True, (0,))
    assert (found.lo_w, found.hi_w) == ((1000.0, 0.0), (3000.0, 0.0))
    mean_lo_w, mean_hi_w = observe.means_w(tracked(PV).track, SAMPLE.span, SAMPLE.published_s - SAMPLE.span.from_s)
    assert (found.mean_lo_w, found.mean_hi_w) == ((mean_lo_w, 0.0), (mean_hi_w, 0.0))
    assert found.certain_w == (pytest.approx(mean_lo_w * (1.0 - 0.16 * 0.2)), 0.0)
    assert found.spoken_s == (9.8, 0.0)
    assert found.certain_high_w[0] == 3000.0, "what cannot draw has no floor to lower"


def test_only_for_import_lines_it_is_worked_out_what_a_floor_may_count_on() -> None:
    der = tracked(BATTERY)
    sunny = evolve(der, track=evolve(der.track, sun=True))
    (high_w,) = lines.bounds_of((sunny,), SAMPLE, True, (0,)).certain_high_w
    expected_w = observe.certain_high_w(sunny.track, observe.means_w(sunny.track, SAMPLE.span, 0.3)[1], 10.0)
    assert high_w == pytest.approx(expected_w)
    assert high_w > 3000.0
    assert lines.bounds_of((sunny,), SAMPLE, False, (0,)).certain_high_w == (3000.0,)


def test_a_silent_der_surely_injects_no_more_than_it_draws_and_has_never_spoken() -> None:
    found = lines.bounds_of((tracked(PV), tracked(BATTERY, silent=True, spoken=False)), SAMPLE, False, (0, 1))
    assert (found.lo_w[1], found.hi_w[1], found.mean_lo_w[1], found.mean_hi_w[1]) == (-4000.0,) * 4
    assert (found.certain_w[1], found.certain_high_w[1], found.spoken_s) == (-4000.0, -4000.0, (9.8, NEVER_S))
