"""Small parts of the runner: script, rest, room, locks, progress, feed and plan."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.profile.library import library
from hil.profile.load import load_profile
from hil.profile.model import Case, Step, StepArgument
from hil.profile.rig_sheet import load_rig
from hil.profile.words import Role, Verb
from hil.record.model import End
from hil.runner.feed import FEED, FEED_BEFORE, Feed
from hil.runner.lock import LockedError, acquire, lock_files
from hil.runner.plan import Finished, all_runs, missing_runs
from hil.runner.progress import begin
from hil.runner.rest import Rest, rating_value
from hil.runner.room import RESERVE_BYTES, NoRoomError, check_room, needed_bytes
from hil.runner.script import FOLLOWS, Deed, State, patience, script, stimulus_numbers
from tests.runner_kit import cases, sheet_file

SIMULATED = patience(dict.fromkeys(Role, "simulated"))


def load_to(value: float, at_s: float | None = None) -> Step:
    to = StepArgument(name="to", value=value, unit="W")
    return Step(verb=Verb.SET_LOAD, role=Role.AC_LOAD, at_s=at_s, arguments=(to,))


def test_every_case_of_the_library_has_a_script_that_keeps_the_order_of_states() -> None:
    for path in library().values():
        for case in load_profile(path).cases:
            states = [act.state for act in script(case, 0.5, SIMULATED)]
            changes = [(a, b) for a, b in itertools.pairwise(states) if a is not b]
            assert all(after in FOLLOWS[before] for before, after in changes), case.id
            assert [act.deed for act in script(case, 0.5, SIMULATED)].count(Deed.BEGIN) == 1
            assert max(stimulus_numbers(case)) >= 1, case.id


def test_every_act_has_a_limit_and_a_person_has_longer(tmp_path: Path) -> None:
    case = cases(tmp_path)[0]
    people = patience(dict.fromkeys(Role, "human"))
    for machine, person in zip(script(case, 0.0, SIMULATED), script(case, 0.0, people), strict=True):
        assert 0.0 < machine.within_s <= person.within_s
    assert people.safe_s > SIMULATED.safe_s


def test_steps_that_set_what_is_set_have_no_number(tmp_path: Path) -> None:
    case = cases(tmp_path)[0]
    steps = (load_to(1.0, 0.0), load_to(1.0, 2.0), load_to(3.0, 3.0))
    assert stimulus_numbers(replace(case, stimulus=replace(case.stimulus, steps=steps))) == (1, 0, 2)


def test_a_failed_run_can_be_left_from_every_state() -> None:
    ends = {State.DONE, State.CHECK}
    assert all(follows & {State.SAFE, State.DONE} for state, follows in FOLLOWS.items() if state not in ends)


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=60), st.floats(0.1, 1e4))
def test_rest_is_every_sample_of_the_duration_inside_the_band(values: list[float], band_value: float) -> None:
    """CRD-SS-1."""
    rest = Rest(band_value=band_value, duration_s=1.0)
    for i, value in enumerate(values):
        at_rest = rest.see(i * 0.1, value)
        window = values[max(0, i - 10) : i + 1]
        assert at_rest == (i >= 10 and max(window) - min(window) <= 2 * band_value)


def test_a_sample_that_is_lost_starts_the_wait_anew() -> None:
    rest = Rest(band_value=1.0, duration_s=1.0)
    assert [rest.see(i * 0.5, 0.0) for i in range(3)] == [False, False, True]
    rest.lose()
    assert [rest.see(2.0 + i * 0.5, 0.0) for i in range(3)] == [False, False, True]


@pytest.mark.parametrize(
    ("channel", "rating"), [("poi.import_w", 8000.0), ("ess.injection_w", 5000.0), ("poi.voltage_v", 230.0)]
)
def test_a_band_is_a_share_of_the_rating_of_what_it_watches(channel: str, rating: float) -> None:
    sheet = load_rig(Path("test_profiles/rigs/simulated-wye.yaml"))
    case = load_profile(library()["crd/step-load-export-all"], ratings=sheet.ratings, rated_by="rig.yaml").cases[0]
    assert rating_value(case, sheet, channel) == rating
    assert rating_value(case, sheet, "poi.current_a") == pytest.approx(8000.0 / 3.0 / (400.0 / 3.0**0.5))


def test_too_little_room_is_found_before_a_run_and_says_what_to_do(tmp_path: Path) -> None:
    case, sheet = cases(tmp_path)[0], load_rig(sheet_file(tmp_path))
    needed = needed_bytes(case, sheet)
    assert needed > 17.0 / 0.1 * 3 * 8  # its samples alone
    check_room(case, sheet, tmp_path, lambda _: RESERVE_BYTES + needed)
    with pytest.raises(NoRoomError, match=r"hil resume"):
        check_room(case, sheet, tmp_path, lambda _: RESERVE_BYTES + needed - 1)
    with pytest.raises(NoRoomError):
        check_room(case, sheet, tmp_path, lambda _: RESERVE_BYTES + needed, runs=2)


def test_a_real_rig_is_locked_by_its_instruments_wherever_the_campaign_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENPCS_LOCK_DIR", str(tmp_path))
    sheet = load_rig(sheet_file(tmp_path))
    meter = replace(sheet.roles[Role.POWER_METER], instrument="Maker  Model 5, 1234")
    same_meter = replace(meter, instrument="maker model 5, 1234")
    one = replace(sheet, roles={**sheet.roles, Role.POWER_METER: meter})
    other = replace(sheet, id="another", roles={**sheet.roles, Role.POWER_METER: same_meter})
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    held = acquire(lock_files(tmp_path / "a", one, is_private=False), tmp_path / "a")
    with pytest.raises(LockedError, match=rf"process \d+ since 20.* for the campaign {tmp_path}/a"):
        acquire(lock_files(tmp_path / "b", other, is_private=False), tmp_path / "b", patience_s=0.0)
    acquire(lock_files(tmp_path / "b", other, is_private=True), tmp_path / "b").release()
    held.release()
    acquire(lock_files(tmp_path / "b", other, is_private=False), tmp_path / "b").release()


def test_time_left_is_the_plan_corrected_by_what_was_measured(tmp_path: Path) -> None:
    case = cases(tmp_path)[0]
    progress = begin([case] * 10, 12, jobs=2, is_real_time=True)
    assert (progress.done, progress.left_s()) == (2, pytest.approx(10 * (case.duration_s + 1.0) / 2))
    for _ in range(5):
        progress.finish(case, 2.0 * (case.duration_s + 1.0))
    assert progress.left_s() == pytest.approx(5 * 2.0 * (case.duration_s + 1.0) / 2)
    for _ in range(5):
        progress.finish(case, 1.0)
    assert (progress.done, progress.left_s()) == (12, 0.0)
    assert begin([case], 1, jobs=1, is_real_time=False).left_s() is None


def test_the_feed_is_bounded_and_every_line_is_whole(tmp_path: Path) -> None:
    feed = Feed(tmp_path, max_bytes=1000)
    for number in range(100):
        feed.say({"kind": "values", "number": number})
    feed.close()
    sizes = [(tmp_path / name).stat().st_size for name in (FEED, FEED_BEFORE)]
    assert max(sizes) <= 1000
    text = (tmp_path / FEED_BEFORE).read_text() + (tmp_path / FEED).read_text()
    numbers = [json.loads(line)["number"] for line in text.splitlines()]
    assert numbers == list(range(100 - len(numbers), 100))


def test_only_what_is_missing_is_played_and_no_attempt_is_used_twice(tmp_path: Path) -> None:
    known: tuple[Case, ...] = cases(tmp_path)
    a, b, c = known

    def finished(case: Case, repeat: int, attempt: int, end: End) -> Finished:
        return Finished(hash12=case.hash[:12], repeat=repeat, attempt=attempt, end=end)

    there = [
        finished(a, 1, 1, End.COMPLETE),
        finished(a, 2, 1, End.RIG_FAILED),
        finished(a, 2, 2, End.NOT_STEADY),
        finished(b, 1, 3, End.RIG_FAILED),
    ]
    orders = missing_runs(known, there, {(b.hash, 2): 4, (a.hash, 1): 7})
    assert [(order.case, order.repeat, order.attempt) for order in orders] == [
        (b, 1, 4), (b, 2, 5), (c, 1, 1), (c, 2, 1)
    ]  # fmt: skip
    assert len(all_runs(known)) == 6
