"""How limits get into SunSpec inverters, against maps encoded by pysunspec2, over a link without a network."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcs.devices.sunspec_limit import LimitState
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import LimitApplied, LimitReadback
from pcs.ports import Priority
from tests.sunspec_helpers import COMMON, model, offset_of, serve
from tests.sunspec_kit import LIMIT_123, do, identified, inverter_123, inverter_704, limit


def test_123_is_written_in_one_frame_with_every_timer_off() -> None:
    link = inverter_123(WMaxLimPct_RvrtTms=120)
    inverter, _ = identified(link)
    applied = do(inverter.apply(limit(3_339.0, 1_000.0)))
    assert isinstance(applied, LimitApplied)
    assert applied.limit_w == 3_330.0
    assert link.written == [(offset_of(link, 123) + 5, (333, 0, 0, 0, 1))]
    assert [(kind, priority) for kind, _, _, priority in link.log] == [
        ("write", Priority.LIMIT_WRITE),
        ("read", Priority.VERIFY),
    ]


def test_timers_that_123_does_not_implement_get_their_not_implemented_value() -> None:
    link = serve(model(1, **COMMON), model(103), model(123, **LIMIT_123, WMaxLimPct_RvrtTms=0))
    inverter, _ = identified(link)
    assert isinstance(do(inverter.apply(limit(0.0, urgent=False))), LimitApplied)
    assert link.written[0][1] == (0, 0xFFFF, 0, 0xFFFF, 1)
    assert link.log[0][3] is Priority.VERIFY


def test_704_is_armed_in_the_same_frame_high_word_of_the_time_first() -> None:
    """SW-IMPL."""
    link = inverter_704()
    inverter, _ = identified(link, reversion_s=70_000.9)
    applied = do(inverter.apply(limit(4_500.0, 1_000.0)))
    assert isinstance(applied, LimitApplied)
    assert applied.limit_w == 4_500.0
    assert link.written == [(offset_of(link, 704) + 14, (1, 500, 111, 1, 1, 70_000 - 65_536))]
    held = do(inverter.read_limit())
    assert isinstance(held, LimitReadback)
    assert (held.limit_w, held.reversion_s, held.remaining_s) == (4_500.0, 70_000.0, 70_000.0)
    assert held.reversion_limit_w == pytest.approx(999.0)


def test_704_is_disarmed_where_the_profile_wants_no_reversion_and_left_alone_where_there_is_none() -> None:
    link = inverter_704(WMaxLimPctEnaRvrt=1, WMaxLimPctRvrtTms=99)
    inverter, _ = identified(link, reversion_s=None)
    assert isinstance(do(inverter.apply(limit(900.0, 900.0))), LimitApplied)
    assert link.written[-1][1] == (1, 100, 100, 0, 0, 0)
    bare = inverter_704(WMaxLimPctRvrtTms=None)
    inverter, found = identified(bare)
    assert not found.reverts_safe
    assert isinstance(do(inverter.apply(limit(900.0))), LimitApplied)
    assert bare.written[-1][1] == (1, 100)


@pytest.mark.parametrize(("offset", "word", "evidence"), [
    (5, 334, "334 instead of 333"),
    (9, 0, "not enabled"),
    (7, 60, "RvrtTms is 60"),
])  # fmt: skip
def test_123_that_keeps_something_else_is_not_applied(offset: int, word: int, evidence: str) -> None:
    link = inverter_123()
    inverter, _ = identified(link)
    link.after_write = lambda: link.put(offset_of(link, 123) + offset, word)
    fault = do(inverter.apply(limit(3_339.0)))
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.source_id) == (FaultKind.NOT_APPLIED, "inv1")
    assert evidence in fault.detail


@pytest.mark.parametrize(("offset", "words", "evidence"), [
    (14, (0,), "not enabled"),
    (15, (499,), "499 instead of 500"),
    (16, (1000,), "reversion percent is 1000 instead of 111"),
    (17, (0,), "reversion enable"),
    (18, (60, 0), "reversion time is 3932160 s instead of 60 s"),
    (20, (0, 0), "does not run"),
    (20, (0, 61), "does not run"),
])  # fmt: skip
def test_704_that_keeps_something_else_is_not_applied(offset: int, words: tuple[int, ...], evidence: str) -> None:
    link = inverter_704()
    inverter, _ = identified(link)
    base = offset_of(link, 704)

    def tamper() -> None:
        link.put(base + 20, 0, 60)
        link.put(base + offset, *words)

    link.after_write = tamper
    fault = do(inverter.apply(limit(4_500.0, 1_000.0)))
    assert isinstance(fault, Fault)
    assert fault.kind is FaultKind.NOT_APPLIED
    assert evidence in fault.detail


def test_a_limit_is_written_again_when_the_scale_factor_changed_under_it() -> None:
    link = inverter_123()
    inverter, _ = identified(link)
    link.put(offset_of(link, 123) + 23, 0)
    applied = do(inverter.apply(limit(3_339.0)))
    assert isinstance(applied, LimitApplied)
    assert applied.limit_w == 3_300.0
    assert [words[0] for _, words in link.written] == [333, 33]


def test_a_fault_on_the_wire_is_told_and_nothing_is_believed_to_be_applied() -> None:
    link = inverter_123()
    inverter, _ = identified(link)
    link.fault = FaultKind.NO_ANSWER
    fault = do(inverter.apply(limit(0.0)))
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.source_id) == (FaultKind.NO_ANSWER, "inv1")


@pytest.mark.parametrize("bad", [-1.0, math.nan])
def test_a_limit_that_is_no_magnitude_is_a_bug(bad: float) -> None:
    inverter, _ = identified(inverter_123())
    with pytest.raises(ValueError, match="magnitude"):
        do(inverter.apply(limit(bad)))


@given(
    limit_w=st.floats(0.0, 1e6),
    rating_w=st.integers(500, 2000),
    exponent=st.integers(-3, 1),
)
def test_rounding_never_exceeds_the_limit_and_loses_less_than_one_step(
    limit_w: float, rating_w: int, exponent: int
) -> None:
    link = serve(
        model(1, **COMMON),
        model(103, W=0, W_SF=0),
        model(121, WMax=rating_w, WMax_SF=0),
        model(123, **{**LIMIT_123, "WMaxLimPct_SF": exponent}),
    )
    inverter, found = identified(link, nameplate_w=1000.0)
    applied = do(inverter.apply(limit(limit_w)))
    assert isinstance(applied, LimitApplied)
    wanted_w = min(limit_w, float(rating_w), 65534 * found.resolution_w)
    assert applied.limit_w <= wanted_w * (1 + 1e-9) + 1e-8
    assert applied.limit_w > wanted_w - found.resolution_w - 1e-6
    raw = link.registers[offset_of(link, 123) + 5]
    assert applied.limit_w == pytest.approx(raw * 10.0**exponent / 100.0 * rating_w)


def test_a_limit_that_is_a_whole_number_of_steps_is_held_exactly() -> None:
    state = LimitState(enabled=True, pct_raw=0, exponent=-1)
    assert [state.raw_at_most(steps * 10.0, 10_000.0) for steps in range(1001)] == list(range(1001))


def test_a_scale_factor_out_of_range_is_no_limit_to_write_or_believe() -> None:
    for link, where in ((inverter_123(), 23), (inverter_704(), 54)):
        inverter, found = identified(link)
        link.put(offset_of(link, int(found.variant)) + where, 11)
        for answer in (do(inverter.read_limit()), do(inverter.apply(limit(100.0)))):
            assert isinstance(answer, Fault)
            assert answer.kind is FaultKind.NOT_A_NUMBER


def test_a_scale_factor_that_never_stands_still_is_not_applied() -> None:
    link = inverter_123()
    inverter, _ = identified(link)
    scale = offset_of(link, 123) + 23
    link.after_write = lambda: link.put(scale, link.registers[scale] ^ 1)
    fault = do(inverter.apply(limit(100.0)))
    assert isinstance(fault, Fault)
    assert fault.kind is FaultKind.NOT_APPLIED


@pytest.mark.parametrize("lost", ["write", "read"])
def test_a_limit_whose_write_or_proof_is_lost_is_not_claimed(lost: str) -> None:
    link = inverter_123()
    inverter, _ = identified(link)
    link.fail_after = 0 if lost == "write" else 1
    answer = do(inverter.apply(limit(100.0)))
    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.NO_CONNECTION
