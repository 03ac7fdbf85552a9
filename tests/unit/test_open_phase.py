"""A phase that reads exactly zero stays an open CT until it reads something, whatever the DERs do meanwhile."""

from pcs.core.measure import MeterState, Sample, circuit_fault
from pcs.model.fault import Fault, FaultKind
from pcs.model.units import Span

FED_W = (1000.0, 1000.0, 1000.0)


def meter(*, zero_since_s: float | None, phases_w: tuple[float, ...] = (0.0, 100.0, 100.0)) -> MeterState:
    sample = Sample(
        import_w=sum(phases_w),
        phase_import_w=phases_w,
        resolution_w=1.0,
        span=Span(from_s=9.9, to_s=10.0),
        published_s=9.9,
        received_s=10.0,
    )
    return MeterState(sample=sample, phase_zero_since_s=(zero_since_s, None, None))


def open_phase() -> Fault:
    found = circuit_fault(meter(zero_since_s=5.0), "poi", FED_W, 10_000.0, 10.0)
    assert found is not None
    assert found.kind is FaultKind.METER_OPEN_CT
    return found


def test_an_open_phase_is_not_forgotten_when_the_safe_state_has_taken_its_evidence_away() -> None:
    """At zero export the safe set stops the DERs: then nothing feeds the phase any more, and it still reads zero."""
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
