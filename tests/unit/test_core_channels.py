"""The flow on a line's channel: sums of meters, conductors, amperes turned into watts."""

from math import sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcs.core.channels import import_w, measurable, reactive_var, room_w, summed
from pcs.core.measure import MeterState, Sample
from pcs.core.policy import Line
from pcs.model.limit import Basis, Direction, Limit, Quantity
from pcs.model.units import Span
from tests import core_site as site


def sample(total_w: float = 0.0, from_s: float = 0.9, received_s: float = 1.0, **more: Any) -> Sample:
    facts = {"phase_import_w": (), "resolution_w": 1.0, **more}
    span = Span(from_s=from_s, to_s=received_s)
    return Sample(import_w=total_w, span=span, published_s=received_s - 0.05, received_s=received_s, **facts)


def line(quantity: Quantity = Quantity.W, value: float = 100.0, phase: int = 0, basis: Basis = Basis.TOTAL) -> Line:
    limit = Limit(direction=Direction.EXPORT, quantity=quantity, value=value, basis=basis)
    return site.policy(limits=(limit,)).lines[phase]


def meters(*samples: Sample | None) -> tuple[MeterState, ...]:
    return tuple(MeterState(sample=s) for s in samples)


def test_a_point_between_two_meters_is_the_difference_of_both() -> None:
    whole = sample(5000.0, phase_import_w=(3000.0, 1000.0, 1000.0))
    part = sample(2000.0, from_s=0.7, received_s=1.1, phase_import_w=(500.0, 500.0, 1000.0), resolution_w=2.0)
    seen = summed(((0, 1), (1, -1)), meters(whole, part))
    assert seen is not None
    assert (seen.import_w, seen.phase_import_w) == (3000.0, (2500.0, 500.0, 0.0))
    assert seen.span == Span(from_s=0.7, to_s=1.1)
    assert (seen.published_s, seen.received_s, seen.resolution_w) == (pytest.approx(0.95), 1.1, 3.0)


def test_a_meter_that_counts_against_the_point_turns_its_sign() -> None:
    seen = summed(((0, -1),), meters(sample(5000.0, phase_import_w=(5000.0,))))
    assert seen is not None
    assert (seen.import_w, seen.phase_import_w) == (-5000.0, (-5000.0,))


def test_a_sum_waits_for_the_last_of_its_meters() -> None:
    assert summed(((0, 1), (1, 1)), meters(sample(1.0), None)) is None
    assert summed(((0, 1),), meters(None)) is None


def test_phases_of_a_sum_are_known_only_where_every_meter_says_them() -> None:
    seen = summed(((0, 1), (1, 1)), meters(sample(300.0, phase_import_w=(100.0,) * 3), sample(50.0)))
    assert seen is not None
    assert (seen.import_w, seen.phase_import_w) == (350.0, ())


def test_currents_of_several_meters_are_added_as_reactive_power_not_as_amperes() -> None:
    """RMS amperes have no direction: 10 A that lead and 10 A that lag are not 20 A."""
    lags = sample(0.0, phase_import_w=(0.0,), phase_import_var=(2300.0,), phase_voltage_v=(230.0,))
    leads = sample(0.0, phase_import_w=(0.0,), phase_import_var=(-2300.0,), phase_voltage_v=(230.0,))
    seen = summed(((0, 1), (1, 1)), meters(lags, leads))
    assert seen is not None
    assert seen.phase_import_var == (0.0,)
    assert room_w(line(Quantity.A, 10.0), 10.0, seen, 230.0) == pytest.approx(2300.0)


def test_reactive_power_that_is_not_stated_is_what_volts_amperes_and_watts_leave_over() -> None:
    seen = sample(3 * 600.0, phase_import_w=(600.0,) * 3, phase_current_a=(5.0,) * 3, phase_voltage_v=(200.0,) * 3)
    assert reactive_var(line(Quantity.A), seen) == pytest.approx(800.0)
    assert room_w(line(Quantity.A), 8.0, seen, 230.0) == pytest.approx(sqrt(1600.0**2 - 800.0**2))


@given(st.floats(1.0, 400.0), st.floats(80.0, 300.0), st.floats(-1e5, 1e5))
def test_watts_and_reactive_power_in_the_room_make_exactly_the_limit_s_amperes(
    limit_a: float, volts: float, var: float
) -> None:
    """CRD-DEF-1, G100-I2-Q."""
    seen = sample(0.0, phase_import_w=(0.0,), phase_import_var=(var,), phase_voltage_v=(volts,))
    room = room_w(line(Quantity.A), limit_a, seen, 230.0)
    if abs(var) == pytest.approx(limit_a * volts):
        return  # to the last bit: either is right
    if abs(var) > limit_a * volts:
        assert room is None, "nothing is left for watts"
    else:
        assert room is not None
        assert sqrt(room * room + var * var) / volts == pytest.approx(limit_a)


@pytest.mark.parametrize("quantity", [Quantity.A, Quantity.VA])
def test_a_limit_of_nothing_without_reactive_power_leaves_no_watts_and_is_in_force(quantity: Quantity) -> None:
    seen = sample(0.0, phase_import_w=(0.0,), phase_import_var=(0.0,), phase_voltage_v=(230.0,))
    assert room_w(line(quantity), 0.0, seen, 230.0) == 0.0
    assert room_w(line(quantity), 0.0, None, 230.0) == 0.0


def test_apparent_power_of_the_total_counts_the_reactive_power_of_all_phases() -> None:
    total = line(Quantity.VA, 5000.0)
    assert total.phase is None
    seen = sample(0.0, phase_import_w=(0.0,) * 3, phase_import_var=(1000.0,) * 3, phase_voltage_v=(230.0,) * 3)
    assert room_w(total, 5000.0, seen, 230.0) == pytest.approx(4000.0)


def test_before_the_first_sample_nominal_volts_and_no_reactive_power_are_assumed() -> None:
    assert room_w(line(Quantity.A), 10.0, None, 230.0) == pytest.approx(2300.0)
    assert room_w(line(), 1234.0, None, 230.0) == 1234.0


def test_a_conductor_is_read_from_its_own_phase_and_never_guessed_from_the_total() -> None:
    """NZ-PHASE."""
    second = line(basis=Basis.CONDUCTOR, phase=1)
    assert import_w(second, sample(300.0, phase_import_w=(100.0, 150.0, 50.0)), 3) == 150.0
    assert import_w(second, sample(300.0), 3) is None
    assert import_w(line(basis=Basis.CONDUCTOR), sample(300.0), 1) == 300.0, "one conductor is the total"


def test_what_a_meter_lacks_is_named() -> None:
    second = line(Quantity.A, phase=1)
    assert "power of L2" in measurable(second, sample(300.0), 3)
    assert "voltage of L2" in measurable(second, sample(300.0, phase_import_w=(100.0,) * 3), 3)
    volts = {"phase_import_w": (100.0,) * 3, "phase_voltage_v": (230.0,) * 3}
    assert "reactive power" in measurable(second, sample(300.0, **volts), 3)
    assert measurable(second, sample(300.0, phase_current_a=(1.0,) * 3, **volts), 3) == ""
    assert measurable(second, sample(300.0, phase_import_var=(0.0,) * 3, **volts), 3) == ""
    assert measurable(line(), sample(300.0), 3) == ""


@pytest.mark.parametrize("lacking", ["phase_current_a", "phase_voltage_v", "phase_import_w"])
def test_reactive_power_of_a_conductor_without_volts_or_amperes_is_not_known(lacking: str) -> None:
    facts = {"phase_import_w": (600.0,) * 3, "phase_current_a": (5.0,) * 3, "phase_voltage_v": (200.0,) * 3}
    seen = sample(1800.0, **{**facts, lacking: (1.0, 1.0)})
    assert reactive_var(line(Quantity.A, phase=2), seen) is None
    assert reactive_var(line(Quantity.A, phase=1), seen) is not None


def test_one_conductor_of_unknown_reactive_power_leaves_that_of_a_sum_unknown() -> None:
    known = sample(0.0, phase_import_w=(0.0,) * 2, phase_import_var=(100.0,) * 2)
    half = sample(0.0, phase_import_w=(0.0,) * 2, phase_import_var=(100.0,))
    seen = summed(((0, 1), (1, 1)), meters(known, half))
    assert seen is not None
    assert seen.phase_import_var == ()


def test_current_that_is_all_active_leaves_no_reactive_power() -> None:
    seen = sample(1000.0, phase_import_w=(1000.0,) * 3, phase_current_a=(5.0,) * 3, phase_voltage_v=(200.0,) * 3)
    assert reactive_var(line(Quantity.A), seen) == 0.0


def test_what_one_meter_says_is_taken_as_it_is() -> None:
    whole = sample(5.0, phase_import_w=(5.0,), phase_current_a=(9.0,), phase_voltage_v=(231.0,))
    assert summed(((1, 1),), meters(None, whole)) is whole


def test_a_sum_has_the_volts_of_its_first_meter() -> None:
    first, second = (sample(0.0, phase_voltage_v=(v,) * 3) for v in (231.0, 229.0))
    seen = summed(((0, 1), (1, -1)), meters(first, second))
    assert seen is not None
    assert seen.phase_voltage_v == (231.0,) * 3


def test_a_limit_of_the_first_conductor_needs_its_volts_and_no_others() -> None:
    first = line(Quantity.A)
    one = {"phase_import_w": (100.0,) * 3, "phase_import_var": (0.0,) * 3, "phase_voltage_v": (230.0,)}
    assert measurable(first, sample(300.0, **one), 3) == ""
    assert "voltage of L1" in measurable(first, sample(300.0, **{**one, "phase_voltage_v": ()}), 3)
    assert "voltage of L2" in measurable(line(Quantity.A, phase=1), sample(300.0, **one), 3)
