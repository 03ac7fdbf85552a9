"""How commands get into older SunSpec storage: charging rates of model 124 beside the limit of 123; no network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcs.model.fault import Fault
from pcs.model.reading import LimitApplied
from tests.storage_kit import battery_124, command, met
from tests.sunspec_helpers import offset_of
from tests.sunspec_kit import do


def _applied(answer: object) -> LimitApplied:
    assert isinstance(answer, LimitApplied), answer
    return answer


def test_124_bounds_charging_natively_rate_before_the_bit_that_puts_it_in_force() -> None:
    link = battery_124(InOutWRte_RvrtTms=120)
    battery, found = met(link)
    assert (found.bounds_charge, found.takes_setpoint, found.variant) == (True, False, "123")
    assert found.charge_rating_w == 5_000.0
    assert found.charge_resolution_w == pytest.approx(0.5)
    applied = _applied(do(battery.apply(command(0.0, 1_234.9))))
    base_123, base = offset_of(link, 123), offset_of(link, 124)
    assert link.written == [
        (base_123 + 5, (0, 0, 0, 0, 1)),
        (base + 13, (2_469, 0, 0, 0xFFFF)),
        (base + 5, (1,)),
    ]
    assert (applied.charge_limit_w, applied.setpoint_w) == (pytest.approx(1_234.5), None)
    link.written.clear()
    _applied(do(battery.apply(command(0.0, 2_000.0))))
    assert [address for address, _ in link.written] == [base_123 + 5, base + 13]


def test_a_discharging_rate_of_somebody_else_stays_in_force() -> None:
    link = battery_124(StorCtl_Mod=2, OutWRte=3_000)
    battery, _ = met(link)
    _applied(do(battery.apply(command(0.0, 0.0))))
    base = offset_of(link, 124)
    assert (link.registers[base + 5], link.registers[base + 12]) == (3, 3_000)


def test_a_negative_charging_rate_lets_nothing_in() -> None:
    _, found = met(battery_124(StorCtl_Mod=1, InWRte=-2_000))
    assert found.found.charge_limit_w == 0.0


def test_without_a_word_about_its_draw_124_is_left_alone() -> None:
    link = battery_124()
    battery, _ = met(link)
    applied = _applied(do(battery.apply(command(0.0))))
    assert [address for address, _ in link.written] == [offset_of(link, 123) + 5]
    assert applied.charge_limit_w is None


def test_the_larger_reference_of_a_charging_rate_counts() -> None:
    link = battery_124()
    battery, _ = met(link)
    link.put(offset_of(link, 124) + 2, 10_000)
    applied = _applied(do(battery.apply(command(0.0, 1_000.0))))
    assert link.written[-1] == (offset_of(link, 124) + 13, (1_000, 0, 0, 0xFFFF))
    assert applied.charge_limit_w == pytest.approx(1_000.0)


@pytest.mark.parametrize(("offset", "word", "evidence"), [
    (13, 2_001, "InWRte is 2001 instead of 2000"),
    (15, 60, "InOutWRte_RvrtTms is 60 instead of 0"),
    (5, 0, "StorCtl_Mod is 0 instead of 1"),
])  # fmt: skip
def test_124_that_keeps_something_else_is_not_applied(offset: int, word: int, evidence: str) -> None:
    link = battery_124()
    battery, _ = met(link)
    link.after_write = lambda: link.put(offset_of(link, 124) + offset, word)
    fault = do(battery.apply(command(0.0, 1_000.0)))
    assert isinstance(fault, Fault)
    assert evidence in fault.detail


def test_a_charging_rate_that_somebody_takes_out_of_force_is_not_applied() -> None:
    link = battery_124(StorCtl_Mod=1)
    battery, _ = met(link)
    link.after_write = lambda: link.put(offset_of(link, 124) + 5, 0)
    fault = do(battery.apply(command(0.0, 1_000.0)))
    assert isinstance(fault, Fault)
    assert "does not put the charging rate in force" in fault.detail


@pytest.mark.parametrize(("changes", "journal", "own"), [
    ({"StorCtl_Mod": 1, "InWRte": 4_000}, {}, False),
    ({"StorCtl_Mod": 1, "InWRte": 4_000}, {"charge limit of S-1": 2_000.0}, True),
    ({"StorCtl_Mod": 1, "InWRte": 10_000}, {}, True),
    ({"StorCtl_Mod": 0, "InWRte": 4_000}, {}, True),
])  # fmt: skip
def test_a_charging_rate_found_is_own_if_the_journal_explains_it_or_if_it_bounds_nothing(
    changes: dict[str, int], journal: dict[str, float], own: bool
) -> None:
    _, found = met(battery_124(**changes), lambda name, w, tolerance_w: abs(journal.get(name, 1e9) - w) <= tolerance_w)
    assert found.found_is_own is own


def test_124_without_a_charging_rate_bounds_nothing() -> None:
    battery, found = met(battery_124(InWRte=None))
    assert not found.bounds_charge
    assert _applied(do(battery.apply(command(0.0, 1_000.0)))).charge_limit_w is None


@given(charge_w=st.floats(0.0, 20_000.0), exponent=st.integers(-2, 1), reference_w=st.integers(3_000, 12_000))
def test_charging_rates_are_rounded_down_and_lose_less_than_one_step(
    charge_w: float, exponent: int, reference_w: int
) -> None:
    battery, found = met(battery_124(WChaMax=reference_w, InOutWRte_SF=exponent, InWRte=0))
    applied = _applied(do(battery.apply(command(0.0, charge_w))))
    wanted_w = min(charge_w, found.charge_rating_w)
    assert applied.charge_limit_w is not None
    assert applied.charge_limit_w <= wanted_w + 1e-6
    assert applied.charge_limit_w > wanted_w - found.charge_resolution_w - 1e-6
