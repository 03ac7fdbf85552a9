"""A phase that reads exactly zero stays an open CT until it reads something, whatever the DERs do meanwhile."""

from pcs.core.measure import MeterState, Sample, circuit_fault
from pcs.model.fault import Fault, FaultKind
from pcs.model.units import Span


def meter(*, zero_since_s: float | None) -> MeterState:
    sample = Sample(
        import_w=200.0,
        phase_import_w=(0.0, 100.0, 100.0),
        resolution_w=1.0,
        span=Span(from_s=9.9, to_s=10.0),
        published_s=9.9,
        received_s=10.0,
    )
    return MeterState(sample=sample, phase_zero_since_s=(zero_since_s, None, None))


def open_phase() -> Fault:
    found = circuit_fault(meter(zero_since_s=5.0), "poi", 3000.0, 10_000.0, 10.0)
    assert found is not None
    assert found.kind is FaultKind.METER_OPEN_CT
    return found


def test_an_open_phase_is_not_forgotten_when_the_safe_state_has_taken_its_evidence_away() -> None:
    """CRD-ABN-3: At zero export the safe set stops the DERs: nothing feeds the phase any more, it still reads zero."""
    before = open_phase()
    assert circuit_fault(meter(zero_since_s=5.0), "poi", 0.0, 10_000.0, 12.0) is None
    assert circuit_fault(meter(zero_since_s=5.0), "poi", 0.0, 10_000.0, 12.0, before) == before


def test_an_open_phase_is_over_when_the_phase_reads_something() -> None:
    assert circuit_fault(meter(zero_since_s=None), "poi", 0.0, 10_000.0, 12.0, open_phase()) is None


def test_an_open_phase_is_tried_again_after_a_minute() -> None:
    """A phase that was mended but has no load reads zero too; a site without export would never start again."""
    before = open_phase()
    assert circuit_fault(meter(zero_since_s=5.0), "poi", 0.0, 10_000.0, before.at_s + 59.9, before) == before
    assert circuit_fault(meter(zero_since_s=5.0), "poi", 0.0, 10_000.0, before.at_s + 60.1, before) is None
