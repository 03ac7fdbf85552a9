"""Open CTs at their edges: how long zeros last, how soft they began, what must flow, and what is said of it."""

from typing import Any

import pytest

from pcs.core.circuit import circuit_fault, shows_zero, still_open
from pcs.core.measure import MeterState, Sample
from pcs.model.fault import Fault, FaultKind
from pcs.model.units import Span
from tests import core_site as site

NOW_S, SIZE_W = 100.0, 10_000.0
LARGE_W = (900.0, 900.0, 900.0)


def meter(*phase_import_w: float, resolution_w: float = 1.0, **more: Any) -> MeterState:
    sample = Sample(
        import_w=sum(phase_import_w),
        phase_import_w=phase_import_w,
        resolution_w=resolution_w,
        span=Span(from_s=NOW_S, to_s=NOW_S),
        published_s=NOW_S,
        received_s=NOW_S,
    )
    return MeterState(**{"sample": sample, **more})


def found(state: MeterState, *moved_w: float, before: Fault | None = None) -> Fault | None:
    return circuit_fault(state, "poi", moved_w, SIZE_W, NOW_S, before)


def all_zero(for_s: float, from_w: float | None, patience_s: float = 1.0) -> MeterState:
    """Every phase reads zero since so long, after this flow."""
    return meter(0.0, 0.0, 0.0, zero_since_s=NOW_S - for_s, zero_from_w=from_w, zero_patience_s=patience_s)


@pytest.mark.parametrize(
    ("for_s", "from_w", "patience_s", "is_open"),
    [
        (0.9, 9000.0, 1.0, False),
        (1.0, 9000.0, 1.0, True),
        (1.0, 9000.0, 20.0, True),
        (1.0, 500.0, 20.0, True),
        (1.0, -500.0, 20.0, True),
        (1.0, 499.0, 20.0, False),
        (1.0, -499.0, 20.0, False),
        (20.0, 499.0, 20.0, True),
        (19.9, 499.0, 20.0, False),
        (1.0, None, 20.0, True),
    ],
)
def test_zeros_that_jumped_from_a_large_flow_are_open_after_a_second_and_soft_ones_after_their_patience(
    for_s: float, from_w: float | None, patience_s: float, is_open: bool
) -> None:
    """Large: from 5 % of the nameplate on."""
    fault = found(all_zero(for_s, from_w, patience_s))
    assert (fault is not None) is is_open
    if fault is not None:
        assert (fault.kind, fault.source_id, fault.at_s) == (FaultKind.METER_OPEN_CT, "poi", NOW_S)
        assert fault.detail == "every phase reads exactly zero"


def second_zero(for_s: float = 2.0, others_w: float = 900.0, **more: Any) -> MeterState:
    """L2 reads zero since so long; the others read this."""
    given = {"phase_zero_since_s": (None, NOW_S - for_s, None), "phase_zero_from_w": LARGE_W, **more}
    return meter(others_w, 0.0, others_w, **given)


@pytest.mark.parametrize(
    ("moved_w", "is_open"),
    [((0.0, 20.0, 0.0), False), ((0.0, 20.5, 0.0), True), ((900.0, 0.0, 900.0), False), ((), False)],
)
def test_one_phase_is_open_when_more_than_twenty_watts_surely_flow_in_it(
    moved_w: tuple[float, ...], is_open: bool
) -> None:
    assert (found(second_zero(), *moved_w) is not None) is is_open


def test_of_a_coarse_meter_five_steps_must_flow() -> None:
    assert found(second_zero(), 0.0, 49.0, 0.0) is not None
    assert found(second_zero(resolution_w=10.0), 0.0, 50.0, 0.0) is None
    assert found(second_zero(resolution_w=10.0), 0.0, 51.0, 0.0) is not None


def test_an_open_phase_is_named_with_what_flows_in_it() -> None:
    fault = found(second_zero(), 0.0, 300.4, 0.0)
    assert fault is not None
    assert (fault.source_id, fault.at_s) == ("poi", NOW_S)
    assert fault.detail == (
        "L2 reads exactly zero while the DERs feed 300 W into it or draw it from there "
        "(or is a DER on other conductors? Then say so with `connection`)"
    )
    third = meter(1.0, 1.0, 0.0, phase_zero_since_s=(None, None, NOW_S - 2.0), phase_zero_from_w=LARGE_W)
    named = found(third, 300.0, 300.0, 300.0)
    assert named is not None
    assert named.detail.startswith("L3 reads")


@pytest.mark.parametrize(
    ("for_s", "others_w", "is_open"),
    [
        (0.9, 900.0, False),
        (1.0, 900.0, True),
        (1.0, 500.0, True),
        (1.0, 499.0, False),
        (59.9, 499.0, False),
        (60.0, 499.0, True),
        (1.0, -499.0, False),
    ],
)
def test_while_all_phases_carry_little_a_phase_that_was_small_is_believed_for_a_minute(
    for_s: float, others_w: float, is_open: bool
) -> None:
    state = second_zero(for_s, others_w, phase_zero_from_w=(100.0, 100.0, 100.0))
    assert (found(state, 0.0, 300.0, 0.0) is not None) is is_open


def test_a_phase_that_fell_from_a_large_flow_is_open_though_the_others_carry_little() -> None:
    assert found(second_zero(1.0, 100.0), 0.0, 300.0, 0.0) is not None


def test_all_phases_at_zero_are_judged_together_and_not_one_by_one() -> None:
    soft = all_zero(2.0, 100.0, 20.0)
    each = MeterState(
        sample=soft.sample,
        zero_since_s=soft.zero_since_s,
        zero_from_w=100.0,
        zero_patience_s=20.0,
        phase_zero_since_s=(NOW_S - 2.0,) * 3,
        phase_zero_from_w=LARGE_W,
    )
    assert found(each, 300.0, 300.0, 300.0) is None


@pytest.mark.parametrize(("age_s", "kept"), [(59.9, True), (60.0, False)])
def test_a_fault_stands_for_a_minute_while_its_phase_still_reads_zero(age_s: float, kept: bool) -> None:
    before = site.fault(FaultKind.METER_OPEN_CT, NOW_S - age_s)
    assert found(second_zero(), 0.0, 0.0, 0.0, before=before) is (before if kept else None)
    assert found(meter(1.0, 1.0, 1.0), 0.0, 0.0, 0.0, before=before) is None, "it reads something again"
    assert still_open(before, NOW_S) is kept
    assert not still_open(None, NOW_S)


def test_without_a_sample_or_a_zero_there_is_nothing_to_judge() -> None:
    assert found(MeterState(phase_zero_since_s=(0.0, 0.0, 0.0)), 300.0, 300.0, 300.0) is None
    assert found(meter(1.0, 1.0, 1.0), 300.0, 300.0, 300.0) is None
    assert not shows_zero(meter(1.0, 1.0, 1.0))
    assert shows_zero(second_zero())
    assert shows_zero(meter(0.0, zero_since_s=1.0))
