"""A phase that reads exactly zero stays an open CT until it reads something, whatever the DERs do meanwhile."""

from dataclasses import replace

from pcs.core.circuit import circuit_fault
from pcs.core.measure import MeterState, Sample
from pcs.model.fault import Fault, FaultKind
from pcs.model.units import Span

FED_W = (1000.0, 1000.0, 1000.0)


def sample_of(phases_w: tuple[float, ...]) -> Sample:
    return Sample(
        import_w=sum(phases_w),
        phase_import_w=phases_w,
        resolution_w=1.0,
        span=Span(from_s=9.9, to_s=10.0),
        published_s=9.9,
        received_s=10.0,
    )


def meter(*, zero_since_s: float | None, phases_w: tuple[float, ...] = (0.0, 100.0, 100.0)) -> MeterState:
    return MeterState(sample=sample_of(phases_w), phase_zero_since_s=(zero_since_s, None, None))


def open_phase() -> Fault:
    found = circuit_fault(meter(zero_since_s=5.0), "poi", FED_W, 10_000.0, 10.0)
    assert found is not None
    assert found.kind is FaultKind.METER_OPEN_CT
    return found


def test_an_open_phase_is_not_forgotten_when_the_safe_state_has_taken_its_evidence_away() -> None:
    """CRD-ABN-3: At zero export the safe set stops the DERs: nothing feeds the phase any more, it still reads zero."""
    before = open_phase()
    assert circuit_fault(meter(zero_since_s=5.0), "poi", (), 10_000.0, 12.0) is None
    assert circuit_fault(meter(zero_since_s=5.0), "poi", (), 10_000.0, 12.0, before) == before


def test_an_open_phase_is_over_when_the_phase_reads_something() -> None:
    assert circuit_fault(meter(zero_since_s=None), "poi", (), 10_000.0, 12.0, open_phase()) is None


def test_an_open_phase_is_tried_again_after_a_minute() -> None:
    """A phase that was mended but has no load reads zero too; a site without export would never start again."""
    before = open_phase()
    assert circuit_fault(meter(zero_since_s=5.0), "poi", (), 10_000.0, before.at_s + 59.9, before) == before
    assert circuit_fault(meter(zero_since_s=5.0), "poi", (), 10_000.0, before.at_s + 60.1, before) is None


def test_an_open_leg_of_a_split_service_is_found_while_ders_feed_it() -> None:
    """A unit across 240 V feeds both legs alike, so a leg that stands at exactly zero has no CT. CRD-ABN-3."""
    one_leg = meter(zero_since_s=5.0, phases_w=(0.0, 800.0))
    assert circuit_fault(one_leg, "poi", (0.0, 2000.0), 10_000.0, 10.0) is None, "nothing feeds the leg that shows zero"
    found = circuit_fault(one_leg, "poi", (1000.0, 1000.0), 10_000.0, 10.0)
    assert found is not None
    assert (found.kind, "L1" in found.detail) == (FaultKind.METER_OPEN_CT, True)


def test_a_conductor_is_judged_by_what_feeds_it_and_not_by_what_feeds_the_others() -> None:
    """A single-phase unit says nothing of the conductors that it is not on."""
    dead = meter(zero_since_s=5.0)
    assert circuit_fault(dead, "poi", (0.0, 5000.0, 0.0), 10_000.0, 10.0) is None
    assert circuit_fault(dead, "poi", (5000.0, 0.0, 0.0), 10_000.0, 10.0) is not None


def balanced(at_s: float, phases_w: tuple[float, ...], state: MeterState, patience_s: float = 10.0) -> Fault | None:
    """The fault at `at_s` of a meter whose L1 has read zero since 100 s, down from 5 W."""
    seen = replace(sample_of(phases_w), received_s=at_s)
    known = replace(
        state,
        sample=seen,
        phase_zero_since_s=(100.0, None, None),
        phase_zero_from_w=(5.0, 4.0, 4.0),
        phase_patience_s=patience_s,
    )
    return circuit_fault(known, "poi", FED_W, 10_000.0, at_s)


def test_a_phase_at_zero_where_all_phases_balance_is_believed_as_long_as_a_balance_was_before() -> None:
    state = meter(zero_since_s=100.0)
    assert balanced(109.0, (0.0, 3.0, -2.0), state) is None
    assert balanced(110.1, (0.0, 3.0, -2.0), state) is not None


def test_a_phase_that_stays_at_zero_while_the_others_move_is_an_open_ct_at_once() -> None:
    """A CT that opened during a balance: what the load does later shows on the others alone. CRD-ABN-3."""
    assert balanced(102.0, (0.0, -1300.0, -1300.0), meter(zero_since_s=100.0)) is not None
