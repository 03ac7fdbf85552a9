"""The library of device profiles."""

from pathlib import Path

import pytest

from pcs.config import ConfigError, load_profiles
from pcs.config.profiles import profile_folder
from pcs.model.profile import DeviceKind, Evidence, FallbackDirection, Persistence
from pcs.model.units import Band


def test_the_library_holds_the_sunspec_meter_with_its_update_period_to_be_identified() -> None:
    profile = load_profiles()["sunspec/meter"]
    assert (profile.kind, profile.protocol, profile.evidence) == (DeviceKind.METER, "sunspec", Evidence.UNVERIFIED)
    assert profile.meter is not None
    assert (profile.meter.update_s, profile.meter.averaging_s) == (None, None)
    assert profile.link.deadline_s == 0.5
    assert profile.der is None
    assert profile.limits is None


def test_the_library_holds_the_sunspec_inverter_with_its_band_and_both_limit_actions() -> None:
    profile = load_profiles()["sunspec/inverter"]
    assert profile.meter is None
    assert profile.der is not None
    assert profile.der.dead_time_s == Band(lo=0, hi=1)
    assert profile.der.time_constant_s == Band(lo=0.05, hi=1)
    assert (profile.der.ramp_pct_s, profile.der.telemetry_s) == (20, 1)
    assert profile.limits is not None
    by_123, by_704 = profile.limits["123"], profile.limits["704"]
    assert (by_123.fallback, by_123.reversion_s, by_123.refresh_s) == (FallbackDirection.HOLD, None, 60)
    assert (by_704.fallback, by_704.reversion_s, by_704.refresh_s) == (FallbackDirection.SAFE, 10, 3)
    assert {by_123.persistence, by_704.persistence} == {Persistence.VOLATILE}


def test_every_profile_of_the_library_names_its_sources() -> None:
    assert all(profile.sources for profile in load_profiles().values())


INVERTER = (profile_folder() / "sunspec" / "inverter.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("kind: inverter", "kind: inverters", "kind: is not a known value"),
        ("fast: 0.0", "fast: 2.0", "timing.dead_time_s: is upside down, expected fast at most slow"),
        ("ramp_pct_s: 20.0", "ramp_pct_s: null", "timing.ramp_pct_s: is missing"),
        ("timing:\n", "timing:\n  update_s: 1\n", "timing.update_s: does not belong to a profile of kind inverter"),
        ("reversion_s: 10", "reversion_s: null", "limits.704.reversion_s: contradicts the fallback"),
        ("fallback: hold", "fallback: safe", "limits.123.reversion_s: contradicts the fallback"),
        ("reversion_s: null", "reversion_s: 300", "limits.123.reversion_s: contradicts the fallback"),
        ("reversion_s: 10", "reversion_s: 8", "limits.704.reversion_s: is too short (got 8), expected at least 3 x"),
        ("protocol: sunspec", "protocol: [", "is not valid YAML"),
        ('"123":', "123:", ""),
    ],
)
def test_a_profile_that_contradicts_itself_is_refused(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    assert right in INVERTER
    (tmp_path / "maker").mkdir()
    (tmp_path / "maker" / "model.yaml").write_text(INVERTER.replace(right, wrong, 1), encoding="utf-8")
    if not said:
        assert list(load_profiles(tmp_path)) == ["maker/model"]
        return
    with pytest.raises(ConfigError) as refused:
        load_profiles(tmp_path)
    assert f": {said}" in str(refused.value)
    assert str(refused.value).startswith(f"{tmp_path / 'maker' / 'model.yaml'}:")


def test_a_folder_without_profiles_is_told() -> None:
    with pytest.raises(ConfigError, match="holds no device profiles"):
        load_profiles(Path("nowhere"))


def test_a_profile_that_holds_nothing_is_told_and_not_left_out_in_silence(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "one.yaml").write_text("~")
    (tmp_path / "acme" / "two.yaml").write_bytes((profile_folder() / "sunspec" / "meter.yaml").read_bytes())
    with pytest.raises(ConfigError, match=r"one\.yaml:1: is empty"):
        load_profiles(tmp_path)
