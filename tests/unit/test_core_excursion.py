"""Excursions as the meter saw them: how long, how far, how much energy."""

import pytest

from pcs.core.excursion import Excursion, Excursions, account
from pcs.core.measure import Sample
from pcs.model.units import Span


def counted(
    flows_w: list[tuple[float, float]], limit_w: float | None = 1000.0, tolerance_w: float = 100.0
) -> tuple[Excursions, list[Excursion]]:
    """The account after samples of (time, import)."""
    state, ended, previous_s = Excursions(), [], None
    for now_s, import_w in flows_w:
        sample = Sample(
            import_w=import_w,
            phase_import_w=(),
            resolution_w=1.0,
            span=Span(from_s=now_s, to_s=now_s),
            published_s=now_s,
            received_s=now_s,
        )
        state, one = account(state, sample, previous_s, limit_w, tolerance_w)
        ended += [one] if one else []
        previous_s = now_s
    return state, ended


def test_an_excursion_has_length_peak_and_energy() -> None:
    """CRD-DEF-3."""
    state, ended = counted([(1.0, -500.0), (1.5, -1900.0), (2.0, -2800.0), (2.5, -1900.0), (3.0, -1000.0)])
    (one,) = ended
    assert (one.from_s, one.to_s, one.duration_s, one.peak_w) == (1.0, 2.5, 1.5, 1800.0)
    assert one.energy_wh == pytest.approx((900 + 1800 + 900) * 0.5 / 3600)
    assert (state.present, state.count, state.total_s, state.longest_s) == (None, 1, 1.5, 1.5)
    assert state.energy_wh == one.energy_wh


def test_one_that_lasts_is_present_and_not_yet_counted() -> None:
    state, ended = counted([(1.0, -500.0), (1.5, -1900.0), (2.0, -1900.0)])
    assert ended == []
    assert state.present is not None
    assert (state.present.duration_s, state.count) == (1.0, 0)


def test_sums_and_the_longest_go_over_all_excursions() -> None:
    flows = [(0.0, 0.0), (1.0, -2000.0), (2.0, 0.0), (3.0, -2000.0), (4.0, -2000.0), (5.0, 0.0)]
    state, ended = counted(flows)
    assert [e.duration_s for e in ended] == [1.0, 2.0]
    assert (state.count, state.total_s, state.longest_s) == (2, 3.0, 2.0)


def test_within_the_tolerance_there_is_none() -> None:
    assert counted([(1.0, -1100.0), (2.0, -1100.0)]) == (Excursions(), [])


def test_a_gap_between_samples_is_no_measurement() -> None:
    state, _ = counted([(1.0, 0.0), (9.0, -2000.0), (9.5, -2000.0)])
    assert state.present is not None
    assert (state.present.from_s, state.present.duration_s) == (8.0, 1.5)


def test_the_first_sample_stands_for_no_time() -> None:
    state, _ = counted([(5.0, -2000.0)])
    assert state.present is not None
    assert (state.present.duration_s, state.present.energy_wh) == (0.0, 0.0)


def test_without_a_limit_there_is_none() -> None:
    assert counted([(1.0, -9e6)], limit_w=None) == (Excursions(), [])


def test_without_a_tolerance_any_flow_beyond_the_limit_counts_and_none_without_one() -> None:
    state, _ = counted([(1.0, 0.0), (2.0, -1000.5)], tolerance_w=0.0)
    assert state.present is not None
    assert state.present.peak_w == 0.5
    assert counted([(1.0, -9e6)], limit_w=None, tolerance_w=0.0) == (Excursions(), [])
