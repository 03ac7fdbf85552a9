"""How a DER's power and current spread over the conductors of a service."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcs.core.service import CONDUCTORS, conductor_v, shares
from pcs.model.site import System

THREE_PHASE = [System.WYE, System.DELTA]


def amperes(system: System, connection: str | None, power_w: float, nominal_v: float) -> list[float]:
    return [power_w * s / conductor_v(system, nominal_v) for s in shares(system, connection, True)]


def test_6_kw_between_two_conductors_of_a_208_v_service_draw_28_9_amperes_on_each() -> None:
    """DESIGN section 5: not 25 A, which half of the power against one conductor's own voltage would give."""
    assert amperes(System.WYE, "L1L2", 6000.0, 208.0 / sqrt(3.0)) == pytest.approx([28.85, 28.85, 0.0], abs=0.01)
    assert amperes(System.DELTA, "L3L1", 6000.0, 208.0) == pytest.approx([28.85, 0.0, 28.85], abs=0.01)


@given(st.sampled_from(THREE_PHASE), st.sampled_from(["L1L2", "L2L3", "L3L1"]), st.floats(10.0, 1e5))
def test_a_unit_between_two_conductors_draws_its_power_over_their_voltage(
    system: System, connection: str, power_w: float
) -> None:
    line_v = 400.0 if system is System.DELTA else 230.0 * sqrt(3.0)
    found_a = amperes(system, connection, power_w, 400.0 if system is System.DELTA else 230.0)
    assert sorted(found_a) == pytest.approx([0.0, power_w / line_v, power_w / line_v])


def test_on_a_split_service_a_240_v_unit_is_on_both_legs_with_the_same_current() -> None:
    assert amperes(System.SPLIT, "L1L2", 6000.0, 120.0) == pytest.approx([25.0, 25.0])
    assert amperes(System.SPLIT, None, 6000.0, 120.0) == pytest.approx([25.0, 25.0])
    assert amperes(System.SPLIT, "L2N", 1200.0, 120.0) == pytest.approx([0.0, 10.0])


def test_a_three_phase_unit_is_on_all_conductors_alike() -> None:
    assert amperes(System.WYE, "L123", 6900.0, 230.0) == pytest.approx([10.0, 10.0, 10.0])
    assert amperes(System.SINGLE, None, 2300.0, 230.0) == pytest.approx([10.0])


@given(st.sampled_from(list(System)), st.sampled_from([None, "L1N", "L1L2", "L123"]))
def test_the_watts_of_a_unit_add_up_to_its_power_on_every_service(system: System, connection: str | None) -> None:
    spread = shares(system, connection, False)
    assert len(spread) == CONDUCTORS[system]
    assert sum(spread) == pytest.approx(1.0)
    assert all(a >= w - 1e-12 for a, w in zip(shares(system, connection, True), spread, strict=True))
