"""How long the timer is that a DER falls back by: never longer than its profile's, never too short to be renewed."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pcs.config import load_site
from pcs.config.reversion import least_reversion_s, with_reversions
from pcs.config.review import warnings
from pcs.core.economy import RETRY_FIRST_S
from pcs.core.predict import follow_s
from pcs.model.limit import Direction, Limit
from pcs.model.profile import LimitAction
from pcs.model.site import Site, System
from tests.core_site import action, der_spec, inverter_profile, meter_spec

HEAD = """\
schema: pcs.site/1
site: {{name: Demo, timezone: Europe/London, system: wye, nominal_v: 230}}
meters:
  - {{id: poi, profile: sunspec/meter, link: "tcp://127.0.0.1:15020", unit: 1, point: poi, update_s: 0.5}}
ders:
  - {{id: inv1, kind: pv, profile: {profile}, link: "{link}", unit: 1, nameplate_w: 8000}}
limits:
  - {{direction: export, value: 3000, correct_within_s: {within:g}}}
"""
PRESET = HEAD.replace(", correct_within_s: {within:g}", "")


def loaded(folder: Path, text: str) -> Site:
    file = folder / "site.yaml"
    file.write_text(text)
    return load_site(file)


def site(folder: Path, within: float, profile: str = "sunspec/inverter", link: str = "tcp://127.0.0.1:15021") -> Site:
    return loaded(folder, HEAD.format(within=within, profile=profile, link=link))


def timer(made: Site, variant: str = "704") -> LimitAction:
    profile = made.ders[0].profile
    assert profile is not None
    assert profile.limits is not None
    return profile.limits[variant]


def test_thirty_seconds_leave_the_timer_of_the_profile_as_it_is(tmp_path: Path) -> None:
    """CRD-OLRT-2: 10 s and the slowest movement are inside them."""
    found = timer(site(tmp_path, 30.0))
    assert (found.reversion_s, found.refresh_s) == (10.0, 3.0)


def test_the_timer_and_the_movement_of_the_der_fit_the_time_of_the_limit(tmp_path: Path) -> None:
    """15 s less the 6.7 s that the slowest inverter of the profile takes for 90 % of its way."""
    found = timer(site(tmp_path, 15.0))
    assert found.reversion_s == 8.0
    assert found.refresh_s == 2.0


def test_a_timer_is_never_shorter_than_what_is_renewed_after_a_lost_write(tmp_path: Path) -> None:
    """Deadline 1 s: 4/3 (2 x 1 s + 0.25 s) is 3 s."""
    found = timer(site(tmp_path, 2.0))
    assert (found.reversion_s, found.refresh_s) == (3.0, 0.75)


def test_the_five_seconds_of_issue_one_shorten_the_timer_through_the_preset(tmp_path: Path) -> None:
    """G100-I1: loss of any component, the controller as well."""
    text = PRESET.format(profile="sunspec/inverter", link="tcp://127.0.0.1:15021") + "preset: uk-g100-1\n"
    assert timer(loaded(tmp_path, text)).reversion_s == 3.0


def test_a_serial_line_that_several_ders_share_keeps_the_longer_timer(tmp_path: Path) -> None:
    """Three of them: 4/3 (2 x 3 x 1.5 s + 0.25 s) is more than the 10 s of the profile."""
    line = "serial:///dev/ttyUSB0?baud=9600"
    text = HEAD.format(within=2.0, profile="sunspec/inverter", link=line)
    first = next(row for row in text.splitlines() if "inv1" in row)
    more = "\n".join(first.replace("inv1", f"inv{n}").replace("unit: 1", f"unit: {n}") for n in (2, 3))
    found = timer(loaded(tmp_path, text.replace(first, f"{first}\n{more}")))
    assert (found.reversion_s, found.refresh_s) == (10.0, 3.0)


def test_a_device_without_a_timer_that_is_safe_never_gets_one(tmp_path: Path) -> None:
    """SunSpec 123: its timer would remove the limit."""
    assert timer(site(tmp_path, 5.0), "123").reversion_s is None


def test_a_der_that_no_limit_acts_on_keeps_the_times_of_its_profile(tmp_path: Path) -> None:
    """A limit on storage says nothing to PV."""
    text = HEAD.format(within=5.0, profile="sunspec/inverter", link="tcp://127.0.0.1:15021")
    first = next(row for row in text.splitlines() if "inv1" in row)
    storage = first.replace("inv1", "bat1").replace("kind: pv", "kind: battery").replace("15021", "15022")
    text = text.replace(first, f"{first}\n{storage}").replace("value: 3000,", "value: 3000, scope: ess,")
    assert timer(loaded(tmp_path, text)).reversion_s == 10.0


def test_a_timer_that_ends_too_late_for_its_limit_is_said_by_check(tmp_path: Path) -> None:
    """Neither hidden nor refused: a relay may be behind it."""
    said = [text for text in warnings(site(tmp_path, 5.0)) if "its own timer takes 3 s" in text]
    assert len(said) == 1
    assert "longer than the 5 s of the export limit" in said[0]
    assert not [text for text in warnings(site(tmp_path, 30.0)) if "its own timer" in text]


@given(within_s=st.floats(0.1, 1000.0), count=st.integers(1, 6))
def test_every_timer_is_renewed_in_time_and_fits_its_limit_where_it_can(within_s: float, count: int) -> None:
    """Whatever is asked, one lost write is survived, and no timer becomes longer than its profile's."""
    profile = inverter_profile(limits={"123": action(), "704": action(refresh_s=3.0, reversion_s=10.0)})
    limit = Limit(direction=Direction.EXPORT, value=0.0, correct_within_s=within_s)
    plain = Site(
        name="test",
        timezone="UTC",
        system=System.WYE,
        nominal_v=230.0,
        meters=(meter_spec(),),
        ders=tuple(der_spec(n, profile=profile) for n in range(count)),
        limits=(limit,),
        journal_dir="",
    )
    for before, after in zip(plain.ders, with_reversions(plain).ders, strict=True):
        assert before.profile is not None
        assert before.profile.limits is not None
        assert after.profile is not None
        assert after.profile.limits is not None
        for variant, old in before.profile.limits.items():
            new = after.profile.limits[variant]
            if old.reversion_s is None:
                assert new == old
                continue
            assert new.reversion_s is not None
            least_s = least_reversion_s(after, plain)
            assert min(old.reversion_s, least_s) <= new.reversion_s <= old.reversion_s
            assert 3 * new.refresh_s <= new.reversion_s * (1 + 1e-9)
            if new.reversion_s > least_s:
                assert new.reversion_s + follow_s(after) <= within_s or new == old
                lost_s = new.refresh_s + 2 * after.profile.link.deadline_s + RETRY_FIRST_S
                assert lost_s <= new.reversion_s
