"""From measured runs to verdicts: the guard band, maximum and average, repeats, grades and calibration."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from hil.analysis.result import Grade, Measurement, Verdict
from hil.profile.words import Measure
from hil.record.model import End
from hil.verdict.case import judge_case
from hil.verdict.criteria import Seen, decide, judge_criterion
from hil.verdict.figures import Figure, Missing, figure
from hil.verdict.gauges import Gauge, gauge_of, gauges_of, instruments
from hil.verdict.model import StepResult
from hil.verdict.run import judge_run
from hil.verdict.together import average, greatest, least, spread, student_t_factor
from tests.profile_kit import RIG, rig
from tests.verdict_kit import GAUGES, answered, asleep, case, criterion

REAL = st.floats(-1e4, 1e4)
WIDE = st.floats(0.0, 1e3)
SOFTER = {Verdict.FAIL: 0, Verdict.INDETERMINATE: 1, Verdict.PASS: 2}


@pytest.mark.parametrize(
    ("value", "u95", "op", "verdict"),
    [
        (29.0, 0.9, "<=", Verdict.PASS),
        (29.0, 1.0, "<=", Verdict.PASS),  # value + U = limit is inside
        (29.0, 1.1, "<=", Verdict.INDETERMINATE),
        (31.0, 1.0, "<=", Verdict.INDETERMINATE),  # value - U = limit is not beyond
        (31.0, 0.9, "<=", Verdict.FAIL),
        (31.0, 0.9, ">=", Verdict.PASS),
        (30.5, 0.9, ">=", Verdict.INDETERMINATE),
        (29.0, 0.9, ">=", Verdict.FAIL),
    ],
)
def test_the_guard_band_lies_on_both_sides_of_the_limit(value: float, u95: float, op: str, verdict: Verdict) -> None:
    """JCGM 106, 8.3.2."""
    assert decide(value, u95, criterion(op=op)) is verdict
    assert (
        decide(value - 2.0 if op == "<=" else value + 2.0, u95, criterion(limit_value=28.0, op=op))
        is decide(value, u95, criterion(op=op))
        or op == ">="
    )


@given(REAL, WIDE, WIDE, REAL, st.sampled_from(("<=", ">=")), WIDE)
def test_more_uncertainty_never_decides_what_was_open_or_turns_a_verdict_round(
    value: float, u95: float, more: float, limit: float, op: str, tolerance: float
) -> None:
    of = criterion(limit_value=limit, op=op, tolerance_value=tolerance)
    narrow, wide = decide(value, u95, of), decide(value, u95 + more, of)
    assert wide in (narrow, Verdict.INDETERMINATE)


@given(REAL, WIDE, REAL, REAL, st.sampled_from(("guarded", "simple")))
def test_a_looser_limit_never_makes_a_verdict_worse(
    value: float, u95: float, limit: float, move: float, rule: str
) -> None:
    tight, loose = (criterion(limit_value=limit + each, rule=rule) for each in (0.0, abs(move)))
    assert SOFTER[decide(value, u95, loose)] >= SOFTER[decide(value, u95, tight)]


@given(REAL, WIDE, REAL, WIDE)
def test_at_least_is_the_mirror_image_of_at_most(value: float, u95: float, limit: float, tolerance: float) -> None:
    up = criterion(limit_value=limit, op="<=", tolerance_value=tolerance)
    down = criterion(limit_value=-limit, op=">=", tolerance_value=tolerance)
    assert decide(value, u95, up) is decide(-value, u95, down)


def test_simple_acceptance_counts_no_uncertainty() -> None:
    assert decide(29.9, 5.0, criterion(rule="simple")) is Verdict.PASS
    assert decide(30.1, 5.0, criterion(rule="simple")) is Verdict.FAIL
    assert "simple acceptance" in judge_criterion(criterion(rule="simple"), seen((29.9, 5.0))).reason


def test_a_tolerance_lies_beyond_the_limit_in_its_own_direction() -> None:
    assert decide(30.4, 0.1, criterion(tolerance_value=0.5)) is Verdict.PASS
    assert decide(29.6, 0.1, criterion(op=">=", tolerance_value=0.5)) is Verdict.PASS
    assert decide(29.4, 0.05, criterion(op=">=", tolerance_value=0.5)) is Verdict.FAIL


def seen(*figures: tuple[float, float]) -> list[Seen]:
    return [
        Seen(repeat=i, step=1, found=Figure(value=value, u95_value=u95))
        for i, (value, u95) in enumerate(figures, start=1)
    ]


def test_the_greatest_is_as_uncertain_as_the_highest_of_all_ends() -> None:
    found = greatest([Figure(value=1.0, u95_value=0.1), Figure(value=0.9, u95_value=0.5)])
    assert (found.value, found.u95_value) == (1.0, pytest.approx(0.4))
    low = least([Figure(value=1.0, u95_value=0.1), Figure(value=1.1, u95_value=0.5)])
    assert (low.value, low.u95_value) == (1.0, pytest.approx(0.4))


FIGURES = st.lists(st.builds(lambda v, u: Figure(value=v, u95_value=u), REAL, WIDE), min_size=1, max_size=12)


@given(FIGURES)
def test_the_greatest_passes_only_where_each_one_passes(figures: list[Figure]) -> None:
    values = [Seen(repeat=i, step=1, found=each) for i, each in enumerate(figures, start=1)]
    each, most = (judge_criterion(criterion(over=over), values).verdict for over in ("each", "maximum"))
    near = any(abs(f.value + f.u95_value - 30.0) < 1e-6 for f in figures)
    assert near or (most is Verdict.PASS) == (each is Verdict.PASS)


@given(FIGURES)
def test_an_average_is_at_least_as_uncertain_as_its_parts_are_alike(figures: list[Figure]) -> None:
    """What the instruments leave open does not shrink with the number of repeats."""
    found = average(figures)
    assert min(f.value for f in figures) - 1e-6 <= found.value <= max(f.value for f in figures) + 1e-6
    assert found.u95_value >= float(np.mean([f.u95_value for f in figures])) * (1 - 1e-9)


def test_the_average_of_equal_figures_has_their_uncertainty() -> None:
    same = [Figure(value=2.0, u95_value=0.3)] * 3
    assert average(same).u95_value == pytest.approx(0.3)
    assert average(same[:1]) == same[0]


def test_the_average_of_exact_figures_has_that_of_a_small_sample() -> None:
    """JCGM 100, 4.2.3 and G.3: three values of sd 0.1 have t(2) 0.1 / sqrt(3)."""
    figures = [Figure(value=value, u95_value=0.0) for value in (0.9, 1.0, 1.1)]
    assert average(figures).u95_value == pytest.approx(4.30 * 0.1 / np.sqrt(3.0))


def test_the_interval_of_an_average_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    hits = 0
    for _ in range(2000):
        common = random.normal(0.0, 0.05)  # of the instrument, the same in each repeat
        values = 1.0 + common + random.normal(0.0, 0.08, 3)
        found = average([Figure(value=float(v), u95_value=1.96 * 0.05) for v in values])
        hits += abs(found.value - 1.0) <= found.u95_value
    assert 0.945 <= hits / 2000 <= 0.995


@pytest.mark.parametrize("freedom", [1, 2, 3, 7, 18, 19, 22, 25, 33, 49, 60, 100, 1e9])
def test_the_table_of_students_t_is_that_of_scipy(freedom: float) -> None:
    exact = float(stats.t.ppf(0.975, freedom))
    assert student_t_factor(freedom) == pytest.approx(exact, rel=0.025)
    assert student_t_factor(freedom) >= exact - 0.006


def test_a_spread_counts_least_average_greatest_and_deviation() -> None:
    found = spread([1.0, 2.0, 4.0])
    assert (found.count, found.least_value, found.greatest_value) == (3, 1.0, 4.0)
    assert found.average_value == pytest.approx(7.0 / 3.0)
    assert found.deviation_value == pytest.approx(float(np.std([1.0, 2.0, 4.0], ddof=1)))
    assert spread([3.0]).deviation_value == 0.0


def test_one_repeat_without_a_number_decides_over_all_others() -> None:
    values = seen((1.0, 0.1), (2.0, 0.1))
    for verdict in (Verdict.FAIL, Verdict.INVALID, Verdict.INDETERMINATE):
        gone = Seen(repeat=3, step=2, found=Missing(verdict=verdict, reason="why"))
        for over in ("each", "maximum", "average"):
            found = judge_criterion(criterion(over=over), [*values, gone])
            assert (found.verdict, found.reason, found.repeat, found.step) == (verdict, "why", 3, 2)
    assert judge_criterion(criterion(), []).verdict is Verdict.INVALID


def test_the_deciding_value_is_named_with_its_repeat() -> None:
    values = seen((10.0, 0.1), (31.0, 0.5), (29.0, 3.0))
    for over in ("each", "maximum"):
        found = judge_criterion(criterion(over=over), values)
        assert (found.verdict, found.value, found.repeat) == (
            (Verdict.FAIL, 31.0, 2) if over == "each" else (Verdict.INDETERMINATE, 31.0, 2)
        )
    low = judge_criterion(criterion(op=">=", over="maximum", limit_value=15.0), values)
    assert (low.verdict, low.value, low.repeat) == (Verdict.FAIL, 10.0, 1)
    assert low.reason.startswith("least of 3")


def test_repeats_are_judged_by_maximum_and_average() -> None:
    """CRD-OLRT-3."""
    of = case(criterion(over="maximum", limit_value=3.0), criterion(over="average", limit_value=3.0), repeats=3)
    runs = [judge_run(answered(of, lag_s=lag_s, repeat=i), GAUGES) for i, lag_s in enumerate((0.4, 0.5, 0.6), start=1)]
    found = judge_case(of, runs)
    times_s = [run.steps[0].net.olrt_judged_s for run in runs]
    assert found.verdict is Verdict.PASS
    assert found.criteria[0].value == max(times_s)  # type: ignore[type-var]
    assert found.criteria[1].value == pytest.approx(float(np.mean(times_s)))  # type: ignore[arg-type]
    assert found.spreads["olrt_judged_s"].count == 3
    assert found.spreads["olrt_judged_s"].greatest_value == max(times_s)  # type: ignore[type-var]


def test_a_missing_repeat_is_invalid_and_a_failure_is_said_all_the_same() -> None:
    of = case(criterion(), repeats=3)
    found = judge_case(of, [judge_run(asleep(of), GAUGES), judge_run(answered(of, repeat=3), GAUGES)])
    assert found.verdict is Verdict.INVALID
    assert found.reason.startswith("repeat 2 is missing; olrt_judged_s-each, repeat 1: still beyond the limit")


def test_a_repeat_is_not_done_again_until_it_passes() -> None:
    of = case(criterion())
    failed, passed = judge_run(asleep(of), GAUGES), judge_run(answered(of, attempt=2), GAUGES)
    found = judge_case(of, [passed, failed])
    assert found.verdict is Verdict.FAIL
    assert "repeat 1 was attempted 2 times; attempt 1 counts" in found.notes
    broken = judge_run(answered(of, end=End.RIG_FAILED, reason="tripped"), GAUGES)
    again = judge_case(of, [broken, passed])
    assert (again.verdict, again.notes[0][-16:]) == (Verdict.PASS, "attempt 2 counts")


def test_an_expired_calibration_lowers_the_grade_and_says_so() -> None:
    due = {"power": Gauge(name="WT5000", update_s=0.02, calibration_due="2026-02-28")}
    valid = {"power": Gauge(name="WT5000", update_s=0.02, calibration_due="2026-03-01")}
    for demanded, verdict in (("C", Verdict.PASS), ("B", Verdict.INDETERMINATE)):
        of = case(criterion(), grade=demanded)
        found = judge_case(of, [judge_run(answered(of), due)])
        assert (found.grade, found.verdict) == (Grade.C, verdict)
        assert "calibration had expired: WT5000 (due 2026-02-28); grade C instead of B" in found.notes
        assert judge_case(of, [judge_run(answered(of), valid)]).grade is Grade.B
    of = case(criterion(), grade="B")
    failed = judge_case(of, [judge_run(asleep(of), due)])
    assert failed.verdict is Verdict.INDETERMINATE
    assert "would be FAIL: still beyond the limit" in failed.reason


def test_a_grade_below_what_the_case_demands_decides_nothing() -> None:
    of = case(criterion(), grade="A")
    found = judge_case(of, [judge_run(answered(of), GAUGES)])
    assert found.verdict is Verdict.INDETERMINATE
    assert "grade B, the case demands A (would be PASS: " in found.reason
    lowest = {"power": Gauge(name="m", update_s=1.0, calibration_due="2020-01-01")}
    none = judge_case(case(criterion(), grade="C"), [judge_run(answered(of), lowest)])
    assert (none.grade, none.verdict) == (None, Verdict.INDETERMINATE)


def test_a_case_without_any_criterion_or_number_is_invalid() -> None:
    of = replace(case(), criteria=())
    assert judge_case(of, [judge_run(answered(of), GAUGES)]).reason == "the case has no criterion"
    assert judge_case(case(), []).reason == "repeat 1 is missing"


def test_every_measure_has_a_number_and_an_uncertainty_or_a_reason() -> None:
    of = case()
    result = judge_run(answered(of), GAUGES).steps[0]
    for measure in Measure:
        found = figure(measure, result, of, 0.001)
        assert isinstance(found, Figure), (measure, found)
        assert found.value == getattr(result.net, measure.value)
        assert found.u95_value > 0.0
    level = figure(Measure.FINAL, result, of, 0.5)
    assert isinstance(level, Figure)
    assert level.u95_value == pytest.approx(0.5 * level.value, rel=0.05)


def test_what_a_missing_number_means_depends_on_where_the_flow_ended() -> None:
    base = Measurement(initial_value=0.0, extreme_value=0.0, final_value=0.0, final_u95_value=1.0, limit_value=0.0)
    base = replace(base, tolerance_value=100.0)

    def missing(
        measure: Measure, found: Measurement, answered: bool | None = None, *, is_fault: bool = False
    ) -> object:
        got = figure(measure, StepResult(number=1, net=found, answered=answered), case(is_fault=is_fault))
        return got.verdict if isinstance(got, Missing) else got.value

    gone = replace(base, final_value=-500.0)
    near = replace(base, final_value=-100.5)
    inside = replace(base, back_under_limit_s=0.0, olrt_judged_s=0.0, olrt_judged_u95_s=0.0, back_under_limit_u95_s=0.0)
    free = Measurement(final_value=0.0)
    assert [missing(m, gone) for m in (Measure.OLRT_JUDGED, Measure.BACK_UNDER_LIMIT)] == [Verdict.FAIL] * 2
    assert missing(Measure.BACK_UNDER_LIMIT, near) is Verdict.INDETERMINATE
    assert missing(Measure.BACK_UNDER_LIMIT, inside) == 0.0
    assert missing(Measure.BACK_UNDER_LIMIT, inside, False) is Verdict.INVALID
    assert missing(Measure.BACK_UNDER_LIMIT, inside, False, is_fault=True) == 0.0
    assert missing(Measure.OLRT_JUDGED, inside) is Verdict.INVALID
    assert missing(Measure.OLRT_JUDGED, inside, True) == 0.0  # it answered faster than the flow shows
    assert missing(Measure.OLRT, inside, True) is Verdict.INVALID
    assert missing(Measure.OLRT, free) is Verdict.FAIL
    assert missing(Measure.BACK_UNDER_LIMIT, free) is Verdict.INVALID
    assert missing(Measure.INADVERTENT, free) is Verdict.INVALID
    assert missing(Measure.FINAL, Measurement(reason="a gap")) is Verdict.INVALID


def test_what_a_measurement_lacks_beside_a_movement_is_said() -> None:
    moved = replace(judge_run(answered(case()), GAUGES).steps[0].net, olrt_s=None, settling_2pct_s=None, lag_s=None)
    result = StepResult(number=1, net=moved)
    said = [figure(m, result, case()) for m in (Measure.OLRT, Measure.SETTLING_2, Measure.LAG)]
    assert [each.reason for each in said if isinstance(each, Missing)] == [
        "no literal OLRT: the response ends where it began",
        "noise fills the band: no settling time",
        "there is no lag_s",
    ]


def test_instruments_are_taken_from_the_rigs_sheet(tmp_path: object) -> None:
    sheet = rig(tmp_path, ("uncertainty: 0.5 %", "uncertainty: 0.5 %\n    instrument: WT5000 91K")) if RIG else None  # type: ignore[arg-type]
    assert sheet is not None
    found = gauges_of(sheet)["power"]
    assert (found.name, found.update_s, found.uncertainty_ratio, found.stated) == ("WT5000 91K", 0.1, 0.005, True)
    assert gauge_of({}, "power").stated is False
    slow, fast = Gauge(name="a", group_delay_s=0.3), Gauge(name="b", group_delay_s=0.1)
    apart = instruments(fast, slow, "load.demand_w")
    assert (apart.delay_s, apart.u_delay_s) == (pytest.approx(0.2), pytest.approx(0.2))
    assert instruments(slow, slow, "load.demand_w").delay_s == 0.0
