"""One cycle: from observations to commands, and what trouble does to them."""

import pytest

from pcs.core.failsafe import Action
from pcs.core.lines import PROBATION_SLEW_PCT_S, PROBE_SLEW_PCT_S
from pcs.core.report import why
from pcs.core.wiring import Wiring
from pcs.model.event import EventKind
from pcs.model.fault import FaultKind
from pcs.model.profile import Persistence
from pcs.model.site import Tuning
from tests import core_site as site
from tests.core_plant import Scene, Trace, Unit, simulate, steps
from tests.core_site import Run


def running(
    limit_w: float = 3000.0, ders: int = 1, demand_w: float = 4000.0, seconds: float = 3.0, **more: object
) -> Run:
    """A site at work: every DER follows its cap at once, the sun allows everything."""
    run = Run(site.policy(limit_w=limit_w, ders=tuple(site.der_spec(k) for k in range(ders)), **more))  # type: ignore[arg-type]
    work(run, demand_w, seconds)
    return run


RELEASE_W_S = Tuning().release_slew_pct_s * 100.0  # of 10 kW


def work(run: Run, demand_w: float, seconds: float, *, silent: frozenset[int] = frozenset()) -> None:
    """Go on for some seconds with DERs that do as they are told; those in `silent` say nothing and do not obey."""
    for _ in range(round(seconds * 10)):
        told = run.outcomes[-1].commands
        run.now_s += 0.1
        held_w = {d.spec.id: d.held_w or 0.0 for d in run.state.ders}
        held_w.update({c.der_id: c.limit_w for c in told if int(c.der_id[1:]) not in silent})
        numbers = [k for k in range(len(run.state.ders)) if k not in silent]
        confirmed = [site.done(c.limit_w, run.now_s, int(c.der_id[1:])) for c in told if int(c.der_id[1:]) in numbers]
        says = [site.der_says(held_w[f"d{k}"], run.now_s, k) for k in numbers]
        run.step(*confirmed, *says, site.meter_says(demand_w - sum(held_w.values()), run.now_s))


def test_it_starts_in_the_safe_set_and_says_why() -> None:
    """CRD-ABN-2."""
    run = Run(site.policy(limit_w=3000.0))
    assert (run.state.action, run.state.caps_w) == (Action.SAFE, (2975.0,))
    assert [c.limit_w for c in run.outcomes[-1].commands] == [2975.0]
    assert (
        why(run.state, run.rules)
        == "safe set of the export limit 3000 W at poi: no valid meter sample (waiting for its first measurements)"
    )


def test_at_zero_export_the_safe_set_is_nothing() -> None:
    assert Run(site.policy(limit_w=0.0)).state.caps_w == (0.0,)


def test_without_a_limit_the_safe_set_is_everything() -> None:
    run = Run(site.policy(limit_w=None))
    assert run.state.caps_w == (10_000.0,)
    assert run.state.safe_w == (10_000.0,)


def test_it_leaves_the_safe_set_when_the_meter_is_believed() -> None:
    run = running(seconds=1.0)
    assert run.state.action is Action.NORMAL
    assert run.state.caps_w[0] > 2975.0


def test_caps_rise_slowly_until_the_wiring_is_verified() -> None:
    run = running(demand_w=9000.0, seconds=1.0)
    for slew_pct_s in (PROBE_SLEW_PCT_S, PROBATION_SLEW_PCT_S):
        before_w = run.state.lines[0].budget.total_w
        work(run, 9000.0, 0.5)
        assert run.state.lines[0].budget.total_w - before_w == pytest.approx(slew_pct_s * 100.0 * 0.5, rel=0.01)
        work(run, 9000.0, 0.5)
    for _ in range(30):
        if run.state.watches[0].wiring.verdict is not Wiring.VERIFIED:
            work(run, 9000.0, 0.1)
    assert run.state.watches[0].wiring.verdict is Wiring.VERIFIED
    before_w = run.state.lines[0].budget.total_w
    work(run, 9000.0, 0.5)
    assert run.state.lines[0].budget.total_w - before_w == pytest.approx(
        Tuning().release_slew_pct_s * 100.0 * 0.5, rel=0.01
    )


def test_a_slew_that_the_site_file_sets_lower_holds_on_probation_too() -> None:
    run = running(demand_w=9000.0, seconds=1.5, tuning=Tuning(release_slew_pct_s=1.0))
    before_w = run.state.lines[0].budget.total_w
    work(run, 9000.0, 1.0)
    assert run.state.lines[0].budget.total_w - before_w == pytest.approx(100.0, rel=0.01)


def test_a_lost_meter_brings_the_safe_set_and_its_return_does_not_jump() -> None:
    """CRD-ABN-2, CRD-ABN-6."""
    run = running(seconds=20.0)
    assert run.state.caps_w[0] > 6500.0
    run.step(site.der_says(6900.0, run.now_s + 2.1), after_s=2.1)
    assert (run.state.action, run.state.caps_w) == (Action.SAFE, (2975.0,))
    work(run, 4000.0, 0.3)
    assert run.state.action is Action.NORMAL
    assert run.state.caps_w[0] < 2975.0 + 0.2 * 10_000 * 0.4


def test_a_stale_meter_tightens_step_by_step() -> None:
    run = running(seconds=20.0)
    caps_w = []
    for _ in range(19):
        failed = site.fault(FaultKind.NO_ANSWER, run.now_s + 0.1)
        run.step(failed, site.der_says(6900.0, run.now_s + 0.1), after_s=0.1)
        caps_w.append(run.state.caps_w[0])
    assert run.state.action is Action.TIGHTEN
    assert caps_w == sorted(caps_w, reverse=True)
    assert caps_w[1] > 6500.0 > caps_w[6] > caps_w[-1] > 2975.0
    assert "tightening" in why(run.state, run.rules)


def shaded(run: Run, sun_w: float, seconds: float, *, meter: bool = True) -> list[tuple[float, ...]]:
    """Go on with as much sun as d1 has; what was told after each step (W). Without `meter` its polls fail."""
    told_w: list[tuple[float, ...]] = []
    for _ in range(round(seconds * 10)):
        told = run.outcomes[-1].commands
        run.now_s += 0.1
        held_w = [d.sent.limit_w if d.sent else 0.0 for d in run.state.ders]
        held_w[1] = min(held_w[1], sun_w)
        confirmed = [site.done(c.limit_w, run.now_s, int(c.der_id[1:])) for c in told]
        says = [site.der_says(w, run.now_s, k) for k, w in enumerate(held_w)]
        failed = site.fault(FaultKind.NO_ANSWER, run.now_s)
        run.step(*confirmed, *says, site.meter_says(4000.0 - sum(held_w), run.now_s) if meter else failed)
        told_w.append(tuple(d.sent.limit_w if d.sent else 0.0 for d in run.state.ders))
    return told_w


def test_while_a_meter_is_stale_no_source_is_raised_by_what_another_leaves() -> None:
    """Fault campaign, whole stack, seed 5152: the sum fell as it should, and yet the sun's return raised some."""
    run = running(seconds=5.0, ders=2)
    shaded(run, 300.0, 20.0)
    before_w = [d.sent.limit_w for d in run.state.ders if d.sent]
    assert before_w[0] > 2.0 * before_w[1]
    shaded(run, 300.0, 0.2, meter=False)
    assert run.state.action is Action.HOLD
    told_w = [tuple(before_w), *shaded(run, 10_000.0, 1.2, meter=False)]
    assert run.state.action is Action.TIGHTEN
    assert all(list(w) == sorted(w, reverse=True) for w in zip(*told_w, strict=True))
    assert sum(told_w[-1]) < 0.8 * sum(before_w)
    shaded(run, 10_000.0, 5.0)
    assert run.state.ders[1].sent.limit_w > before_w[1]  # type: ignore[union-attr]


def test_a_trouble_never_raises_a_cap() -> None:
    """CRD-ABN-6."""
    run = running(seconds=20.0)
    for k in range(10):  # an unknown source: less than the safe set is allowed
        work(run, -2500.0 + k, 0.1)
    before_w = run.state.caps_w[0]
    assert before_w < 1000.0
    for _ in range(60):
        run.step(site.fault(FaultKind.NO_ANSWER, run.now_s), site.der_says(before_w, run.now_s + 0.1), after_s=0.1)
        assert run.state.caps_w[0] <= before_w
    assert run.state.action is Action.SAFE
    assert FaultKind.METER_LOST in run.kinds()
    assert FaultKind.DER_SILENT not in run.kinds()


def test_a_meter_that_was_late_lets_nothing_rise_even_with_its_next_sample() -> None:
    run = running(seconds=20.0)
    work(run, 9000.0, 0.1)
    before_w = run.state.lines[0].budget.total_w
    run.step(site.fault(FaultKind.NO_ANSWER, run.now_s + 0.2), after_s=0.2)
    assert run.state.action is Action.HOLD
    assert run.state.lines[0].budget.total_w == before_w
    work(run, 9000.0, 0.1)
    assert run.state.lines[0].budget.total_w <= before_w + RELEASE_W_S * 0.1 + 1.0, "no time counted meanwhile"


def test_a_silent_der_counts_at_nameplate_and_the_others_make_room() -> None:
    """CRD-ABN-2."""
    run = running(limit_w=15_000.0, ders=2, demand_w=4000.0, seconds=20.0)
    work(run, 4000.0, 5.0, silent=frozenset({1}))
    assert FaultKind.DER_SILENT in run.kinds()
    assert run.state.caps_w[1] == 0.0
    assert run.state.caps_w[0] <= 15_000 + 4000 - 10_000
    assert run.state.safe_w[0] == pytest.approx(15_000 - 50 - 10_000)


def test_a_der_that_was_silent_is_written_to_again_although_nothing_changed() -> None:
    run = running(limit_w=0.0, demand_w=0.0, seconds=20.0)
    assert run.state.ders[0].sent_w == 0.0
    work(run, 0.0, 3.0, silent=frozenset({0}))
    assert FaultKind.DER_SILENT in run.kinds()
    outcome = run.step(site.der_says(9000.0, run.now_s + 0.1), after_s=0.1)
    assert [c.limit_w for c in outcome.commands] == [0.0]


def test_a_der_whose_writes_come_to_nothing_is_not_counted_on() -> None:
    scene = Scene(
        units=(Unit(), Unit(refuses_after_s=30.0)), demand=steps((0.0, 16_000.0), (40.0, 9000.0)), seconds=70.0
    )
    trace = simulate(scene)
    assert FaultKind.DER_UNWRITABLE in {f.kind for f in trace.state.faults}
    assert trace.state.caps_w[1] == 0.0
    assert trace.beyond_w(60.0) < 100.0


def test_a_single_failed_write_is_no_disobedience() -> None:
    run = running(seconds=20.0)
    run.step(site.meter_says(-9000.0, run.now_s + 0.1), after_s=0.1)
    assert len(run.outcomes[-1].commands) == 1
    run.step(site.failed(run.state.caps_w[0], run.now_s + 0.1), after_s=0.1)
    run.step(site.done(run.state.caps_w[0], run.now_s + 0.3), after_s=0.3)
    work(run, 4000.0, 10.0)
    assert run.kinds() == set()


def test_caps_never_exceed_a_foreign_limit_not_even_in_the_safe_set() -> None:
    run = Run(site.policy(limit_w=3000.0))
    run.step(site.der_met(limit_w=700.0), after_s=0.1)
    assert run.state.action is Action.SAFE
    assert run.state.caps_w == (700.0,)
    work(run, 9000.0, 10.0)
    assert run.state.caps_w == (700.0,)
    assert all(c.limit_w <= 700.0 for o in run.outcomes[1:] for c in o.commands)


def test_an_unidentified_der_gets_no_command_and_its_nameplate_is_reserved() -> None:
    """CRD-ABN-2, CRD-CHK-1."""
    run = Run(site.policy(limit_w=15_000.0, ders=(site.der_spec(0), site.der_spec(1))), meet=False)
    outcome = run.step(site.meter_met(), site.der_met(0), after_s=0.1)
    assert [c.der_id for c in outcome.commands] == ["d0"]
    assert run.state.safe_w == (15_000 - 50 - 10_000, 0.0)


def test_what_cannot_be_held_is_said() -> None:
    run = running(limit_w=0.0, demand_w=500.0, seconds=20.0)
    work(run, -2000.0, 8.9)  # a source that nobody declared
    assert FaultKind.CANNOT_HOLD not in run.kinds()
    work(run, -2000.0, 1.5)
    assert run.state.caps_w == (0.0,)
    assert FaultKind.CANNOT_HOLD in run.kinds()
    work(run, 500.0, 1.0)
    assert FaultKind.CANNOT_HOLD not in run.kinds()


def test_an_open_ct_brings_the_safe_set() -> None:
    """CRD-ABN-3."""
    run = running(seconds=20.0)
    for _ in range(15):
        run.step(site.meter_says(0.0, run.now_s + 0.1, phase_import_w=(0.0, 0.0, 0.0)), after_s=0.1)
    assert FaultKind.METER_OPEN_CT in run.kinds()
    assert run.state.caps_w == (2975.0,)


def test_a_reversed_meter_is_found_while_caps_rise_and_brings_the_safe_set() -> None:
    """CRD-ABN-5, CRD-CHK-1: in doubt and safe at once; the fall confirms it."""
    run, verdicts = Run(site.policy(limit_w=0.0)), []
    for _ in range(100):
        run.now_s += 0.1
        held_w = run.state.ders[0].sent_w or 0.0
        run.step(
            *(site.done(c.limit_w, run.now_s) for c in run.outcomes[-1].commands),
            site.der_says(held_w, run.now_s),
            site.meter_says(-(-1000.0 - held_w), run.now_s),
        )
        verdicts.append(run.state.watches[0].wiring.verdict)
        if verdicts[-1] in (Wiring.DOUBTED, Wiring.WRONG):
            assert (run.state.action, run.state.caps_w) == (Action.SAFE, (0.0,))
    assert list(dict.fromkeys(verdicts)) == [Wiring.UNVERIFIED, Wiring.DOUBTED, Wiring.WRONG]
    assert verdicts[59] is not Wiring.UNVERIFIED, "no later than before"
    assert max(o.state.caps_w[0] for o in run.outcomes) < 1300.0


def test_another_meter_at_the_point_is_learnt_from_the_beginning() -> None:
    run = running(seconds=20.0)
    assert run.state.watches[0].wiring.verdict is Wiring.VERIFIED
    run.step(site.meter_met(serial="2"), after_s=0.1)
    assert run.state.action is Action.SAFE
    assert run.state.watches[0].wiring.verdict is Wiring.UNVERIFIED
    run.step(site.meter_met(serial="2"), after_s=0.1)
    assert run.state.watches[0].wiring.verdict is Wiring.UNVERIFIED


def test_a_parked_der_keeps_its_safe_share() -> None:
    profile = site.inverter_profile(limits={"123": site.action(Persistence.EEPROM)})
    run = Run(site.policy(limit_w=3000.0, ders=(site.der_spec(profile=profile),)))
    work(run, 9000.0, 20.0)
    assert [c.limit_w for o in run.outcomes for c in o.commands] == [2975.0]


def test_of_two_samples_in_one_step_the_newest_counts() -> None:
    run = running(seconds=20.0)
    run.step(site.meter_says(500.0, run.now_s + 0.05), site.meter_says(-9000.0, run.now_s + 0.1), after_s=0.1)
    assert run.state.lines[0].budget.total_w < 1000.0


def test_observations_of_strangers_are_ignored() -> None:
    run = running(seconds=2.0)
    before = run.state.ders
    outcome = run.step(
        site.der_says(9.0, run.now_s, 7), site.fault(FaultKind.NO_ANSWER, run.now_s, "d7"), site.failed(0.0, 1.0, 7)
    )
    assert outcome.state.ders == before


def test_a_failed_poll_of_a_der_is_remembered_until_it_answers() -> None:
    run = running(seconds=2.0)
    run.step(site.fault(FaultKind.BAD_ANSWER, run.now_s, "d0"))
    assert run.state.ders[0].failing is not None
    run.step(site.holds(run.state.ders[0].held_w, run.now_s + 0.1), after_s=0.1)
    assert run.state.ders[0].failing is None


def test_every_change_is_an_event() -> None:
    run = running(seconds=20.0)
    seen = [e.kind for o in run.outcomes for e in o.events]
    for kind in (
        EventKind.IDENTIFIED,
        EventKind.FAULT_RAISED,
        EventKind.FAULT_CLEARED,
        EventKind.ACTION_CHANGED,
        EventKind.WIRING_VERIFIED,
    ):
        assert kind in seen
    assert seen.count(EventKind.ACTION_CHANGED) == 1


def test_power_that_stands_still_while_the_ders_surely_move_is_frozen() -> None:
    run = running(demand_w=9000.0, seconds=3.0)
    seen = set()
    for _ in range(150):  # it shows room for ever, so the DERs rise, and nothing of that is seen
        run.now_s += 0.1
        told = run.outcomes[-1].commands
        held_w = told[0].limit_w if told else run.state.ders[0].held_w or 0.0
        run.step(
            *(site.done(c.limit_w, run.now_s) for c in told),
            site.der_says(held_w, run.now_s),
            site.meter_says(2000.0, run.now_s),
        )
        seen |= run.kinds()
    assert FaultKind.METER_FROZEN in seen


def test_power_that_stands_still_while_a_raise_is_of_no_use_is_no_trouble() -> None:
    scene = Scene(units=(Unit(sun=steps((0.0, 0.3))),), demand=steps((0.0, 8000.0)), seconds=30.0)
    assert quiet(simulate(scene)) == {"no valid meter sample: waiting for its first measurements"}


def test_power_that_the_meter_saw_fall_before_the_telemetry_told_of_it_is_not_frozen() -> None:
    unit = Unit(sun=steps((0.0, 0.6), (12.0, 0.4)), telemetry_s=0.5, telemetry_late_s=0.4)
    trace = simulate(Scene(units=(unit,), demand=steps((0.0, 20_000.0)), seconds=20.0))
    assert quiet(trace) == {"no valid meter sample: waiting for its first measurements"}


def quiet(trace: Trace) -> set[str]:
    return {e.text for _, o in trace.outcomes for e in o.events if e.kind is EventKind.FAULT_RAISED}


def test_an_ordinary_day_raises_no_fault_after_the_start() -> None:
    scene = Scene(units=(Unit(), Unit(dead_s=0.8)), demand=steps((0.0, 8000.0), (20.0, 1000.0), (40.0, 9000.0)))
    assert quiet(simulate(scene)) == {"no valid meter sample: waiting for its first measurements"}
