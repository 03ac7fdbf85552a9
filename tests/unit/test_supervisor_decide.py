"""The supervisor on the test's clock, with a simulated chip: when it trips, what it says, and what ends a trip."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcs.model.limit import Direction
from pcs.model.supervisor import Rearm, Watch
from pcs.supervisor.decide import TEST_OPEN_S, mismatch_after_s
from pcs.supervisor.memory import STATE_NAME
from pcs.supervisor.state import Asked, Contact, Flow, Mode, Nonsense, Reason, Seen
from tests.supervisor_kit import HOLD_S, Bench, flow_w, spec

STEP_S = 20.03
TICK_S, UPDATE_S = 0.05, 0.2


def stepped(before_w: float, after_w: float, at_s: float = STEP_S) -> Callable[[float], Seen | None]:
    return lambda now_s: flow_w(before_w if now_s < at_s else after_w, now_s)


def test_the_relay_closes_only_after_good_data_in_a_row(tmp_path: Path) -> None:
    bench = Bench(tmp_path, stepped(1000, 1000))
    bench.run(4.9)
    assert not any(closed for _, closed in bench.trace)
    bench.run(10)
    assert bench.chip.closed()
    assert bench.told("closed") == [pytest.approx(5.0, abs=TICK_S)]


@pytest.mark.parametrize("delay_s", [0.5, 1.0, 2.0, 5.0, 10.0, 30.0])
def test_it_opens_after_its_delay_and_no_later_than_one_update_and_the_hold_time_more(
    tmp_path: Path, delay_s: float
) -> None:
    bench = Bench(tmp_path, stepped(1000, -600), spec(delay_s=delay_s))
    bench.run(STEP_S + delay_s + 3)
    opened_s = bench.opened_s(STEP_S)
    assert opened_s is not None
    assert delay_s < opened_s - STEP_S <= delay_s + UPDATE_S + 2 * TICK_S + HOLD_S
    assert bench.supervisor.state.reason is Reason.BEYOND


def test_flow_within_limit_and_tolerance_is_allowed_for_ever(tmp_path: Path) -> None:
    bench = Bench(tmp_path, stepped(1000, -500))
    bench.run(120)
    assert bench.mode is Mode.CLOSED
    assert bench.opened_s(6) is None


def test_an_excursion_that_the_controller_corrects_in_time_opens_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lambda s: flow_w(-5000 if 20 <= s % 30 < 24.5 else 0, s))
    bench.run(150)
    assert bench.opened_s(6) is None


def test_a_flow_that_dips_inside_for_an_instant_does_not_start_the_delay_anew(tmp_path: Path) -> None:
    """Beyond in turns of 4 s with 0.4 s between: an oscillating controller must not be able to hide."""
    bench = Bench(tmp_path, lambda s: flow_w(-5000 if s > STEP_S and (s - STEP_S) % 4.4 < 4 else 0, s))
    bench.run(40)
    assert bench.supervisor.state.reason is Reason.BEYOND
    opened_s = bench.opened_s(STEP_S)
    assert opened_s is not None
    assert opened_s <= STEP_S + 5 + 0.4 + UPDATE_S + 2 * TICK_S + HOLD_S


def test_an_import_watch_counts_the_other_direction(tmp_path: Path) -> None:
    watch = Watch(direction=Direction.IMPORT, limit_w=10_000, tolerance_w=500, delay_s=5)
    bench = Bench(tmp_path, stepped(-20_000, 10_600), spec(watches=(watch,)))
    bench.run(30)
    assert bench.supervisor.state.reason is Reason.BEYOND


BAD: dict[str, tuple[Callable[[float], Seen | None], Reason, float]] = {
    "missing": (lambda s: flow_w(0, s) if s < STEP_S else None, Reason.MISSING, 5.0),
    "frozen": (lambda s: flow_w(0, min(s, STEP_S)), Reason.FROZEN, 10.0),
    "no number": (lambda s: flow_w(0, s) if s < STEP_S else Nonsense(detail="NaN"), Reason.IMPLAUSIBLE, 5.0),
    "not a number": (lambda s: flow_w(0 if s < STEP_S else math.nan, s), Reason.IMPLAUSIBLE, 5.0),
    "too large": (lambda s: flow_w(0 if s < STEP_S else 1e6, s), Reason.IMPLAUSIBLE, 5.0),
    "lost tap": (
        lambda s: flow_w(0, s, (230.0, 230.0 if s < STEP_S else 3.0, 230.0)),
        Reason.IMPLAUSIBLE,
        5.0,
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_data_that_cannot_be_trusted_open_the_relay_after_a_delay_of_their_own(tmp_path: Path, name: str) -> None:
    flow, reason, delay_s = BAD[name]
    bench = Bench(tmp_path, flow)
    bench.run(STEP_S + delay_s + 3)
    assert bench.supervisor.state.reason is reason
    opened_s = bench.opened_s(STEP_S)
    assert opened_s is not None
    assert delay_s - UPDATE_S <= opened_s - STEP_S <= delay_s + UPDATE_S + 2 * TICK_S + HOLD_S


def test_data_that_were_never_good_keep_the_relay_open_without_a_latched_trip(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lambda s: None if s < 60 else flow_w(0, s))
    bench.run(59)
    assert (bench.mode, any(closed for _, closed in bench.trace)) == (Mode.WAITING, False)
    bench.run(67)
    assert bench.chip.closed()


def test_an_open_protection_contact_opens_the_relay_at_once(tmp_path: Path) -> None:
    given_spec = spec(meter=None, watches=(), contact=spec().relay.output)  # type: ignore[union-attr]
    bench = Bench(tmp_path, lambda s: Contact(closed=s < STEP_S), given_spec)
    bench.run(STEP_S + 3)
    opened_s = bench.opened_s(STEP_S)
    assert bench.supervisor.state.reason is Reason.CONTACT
    assert opened_s is not None
    assert opened_s - STEP_S <= 0.1 + UPDATE_S + 2 * TICK_S + HOLD_S


@pytest.mark.parametrize("death", ["no ticks", "exception"])
def test_without_ticks_the_relay_drops_within_its_hold_time(tmp_path: Path, death: str) -> None:
    """No ticks: killed, stopped, wedged or without supply; all that reaches the relay is that no edge comes."""
    bench = Bench(tmp_path, stepped(0, 0))
    bench.run(STEP_S)
    if death == "exception":

        def broken(_: float) -> Seen | None:
            raise RuntimeError("the floor gave way")

        bench.data.flow = broken
        with pytest.raises(RuntimeError):
            bench.run(STEP_S + 1)
    stopped_s = bench.at_s
    bench.run(stopped_s + 2, ticks=False)
    opened_s = bench.opened_s(stopped_s)
    assert opened_s is not None
    assert opened_s - stopped_s <= HOLD_S + TICK_S


@pytest.mark.parametrize("level", [False, True])
def test_a_level_that_stays_cannot_hold_the_relay(tmp_path: Path, level: bool) -> None:
    bench = Bench(tmp_path, stepped(0, 0))
    bench.run(STEP_S)
    while bench.chip.level is not level:
        bench.run(bench.at_s + TICK_S)
    bench.run(bench.at_s + 2, ticks=False)
    assert bench.chip.level is level
    assert not bench.chip.closed()


def test_a_trip_is_latched_until_a_person_rearms_and_the_data_are_good(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lambda s: flow_w(-5000 if 20 < s < 30 else 0, s))
    bench.run(300)
    assert (bench.mode, bench.chip.closed()) == (Mode.TRIPPED, False)
    bench.run(300.1, asked=Asked(rearm=True))
    bench.run(304)
    assert not bench.chip.closed()
    bench.run(310)
    assert bench.chip.closed()


def test_a_person_who_rearms_while_the_flow_is_too_large_closes_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, stepped(0, -5000))
    bench.run(30)
    bench.run(30.1, asked=Asked(rearm=True))
    bench.run(120)
    assert bench.opened_s(30) == 30
    assert not any(closed for at_s, closed in bench.trace if at_s > 30)


def test_it_rearms_by_itself_so_many_times_and_then_waits_for_a_person(tmp_path: Path) -> None:
    """Every 200 s it is too much for ten seconds: three times it comes back, the fourth trip stays."""
    rearm = Rearm(after_s=60, most=3, within_s=86_400)
    bench = Bench(tmp_path, lambda s: flow_w(-5000 if 20 < s % 200 < 30 else 0, s), spec(rearm=rearm))
    bench.run(6 * 200)
    assert len(bench.told("BEYOND")) == 4
    assert len(bench.told("re-armed")) == 3
    assert bench.mode is Mode.TRIPPED


def test_a_trip_and_the_count_of_rearms_survive_the_process(tmp_path: Path) -> None:
    rearm = Rearm(after_s=60, most=1)
    bench = Bench(tmp_path, lambda s: flow_w(-5000 if 20 < s % 200 < 30 else 0, s), spec(rearm=rearm))
    bench.run(210)
    assert len(bench.told("re-armed")) == 1
    bench.run(228)
    assert bench.mode is Mode.TRIPPED
    bench.start()
    bench.run(390)
    assert (bench.mode, bench.supervisor.state.reason) == (Mode.TRIPPED, Reason.BEYOND)
    assert not bench.chip.closed()


@pytest.mark.parametrize("cut", [0, 1, 30, 120, 200])
def test_a_half_written_latch_keeps_the_relay_open_until_somebody_looked(tmp_path: Path, cut: int) -> None:
    bench = Bench(tmp_path, stepped(0, 0))
    bench.run(STEP_S)
    file = tmp_path / STATE_NAME
    file.write_bytes(file.read_bytes()[:cut])
    bench.start()
    bench.run(STEP_S + 60)
    assert bench.supervisor.state.reason is Reason.BAD_STATE
    assert not bench.chip.closed()


def test_a_changed_latch_is_not_believed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, stepped(0, -5000))
    bench.run(40)
    file = tmp_path / STATE_NAME
    file.write_text(file.read_text().replace('"BEYOND"', "null"))
    bench.start()
    assert bench.supervisor.state.reason is Reason.BAD_STATE


def test_a_welded_contact_is_told_within_ten_pulses_of_its_hold_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path, stepped(0, -5000))
    bench.run(STEP_S)
    bench.chip.welded = True
    bench.run(STEP_S + 10)
    beyond_s, welded_s = bench.told("BEYOND")[0], bench.told("WELDED")[0]
    assert welded_s - beyond_s <= mismatch_after_s(bench.spec) + 3 * TICK_S
    bench.run(STEP_S + 11, asked=Asked(rearm=True))
    bench.run(STEP_S + 30)
    assert bench.supervisor.state.reason is Reason.WELDED


def test_a_contact_that_does_not_close_is_told_and_the_pulses_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path, stepped(0, 0))
    bench.chip.broken = True
    bench.run(20)
    closed_s, missing_s = bench.told("closed")[0], bench.told("NOT_CLOSED")[0]
    assert missing_s - closed_s <= mismatch_after_s(bench.spec) + 3 * TICK_S
    assert bench.chip.edges_s[-1] <= missing_s


def test_a_trip_test_opens_the_contact_measures_it_and_closes_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, stepped(0, 0))
    bench.run(10)
    bench.run(15, asked=Asked(test=True))
    opened_s, passed_s = bench.opened_s(10), bench.told("trip test passed")[0]
    assert opened_s is not None
    assert HOLD_S - 2 * TICK_S <= opened_s - 10 <= HOLD_S + 2 * TICK_S
    assert passed_s - opened_s == pytest.approx(TEST_OPEN_S, abs=2 * TICK_S)
    assert bench.chip.closed()


def test_a_trip_test_of_a_welded_contact_fails_and_latches(tmp_path: Path) -> None:
    bench = Bench(tmp_path, stepped(0, 0))
    bench.run(10)
    bench.chip.welded = True
    bench.run(15, asked=Asked(test=True))
    assert bench.supervisor.state.reason is Reason.WELDED
    assert bench.told("trip test passed") == []


def test_a_trip_test_without_feedback_is_told_as_unproven(tmp_path: Path) -> None:
    bench = Bench(tmp_path, stepped(0, 0), spec(feedback=None))
    bench.supervisor._relay._reader = None  # type: ignore[attr-defined]
    bench.run(10)
    bench.run(15, asked=Asked(test=True))
    assert bench.told("trip test unproven") != []
    assert bench.told("trip test passed") == []


def test_a_limit_that_is_exceeded_during_a_trip_test_ends_in_a_trip(tmp_path: Path) -> None:
    bench = Bench(tmp_path, stepped(0, -5000))
    bench.chip.hold_s = 30
    bench.run(STEP_S + 4.8)
    bench.run(STEP_S + 6, asked=Asked(test=True))
    assert bench.supervisor.state.reason is Reason.BEYOND


@settings(max_examples=60, deadline=None)
@given(
    flows=st.lists(
        st.tuples(st.floats(0.2, 8.0), st.sampled_from([-5000.0, -501.0, -499.0, 0.0, 2000.0])), max_size=12
    ),
    delay_s=st.sampled_from([1.0, 5.0]),
)
def test_no_flow_beyond_the_bound_lasts_longer_than_delay_update_and_hold_with_the_contact_closed(
    tmp_path_factory: pytest.TempPathFactory, flows: list[tuple[float, float]], delay_s: float
) -> None:
    ends: list[tuple[float, float]] = []
    at_s = 10.0
    for lasts_s, import_w in flows:
        at_s += lasts_s
        ends.append((at_s, import_w))

    def flow(now_s: float) -> Flow:
        return flow_w(next((w for end_s, w in ends if 10 <= now_s < end_s), 0.0), now_s)

    bench = Bench(tmp_path_factory.mktemp("s"), flow, spec(delay_s=delay_s))
    bench.run(at_s + 5)
    began_s: float | None = None
    for now_s, closed in bench.trace:
        beyond = flow(now_s).import_w < -500 and closed
        began_s = (began_s if began_s is not None else now_s) if beyond else None
        assert began_s is None or now_s - began_s <= delay_s + UPDATE_S + 2 * TICK_S + HOLD_S
