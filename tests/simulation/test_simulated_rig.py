"""Whole cases of the library on the simulated rig, against our controller, on virtual time."""

import numpy as np
import pytest

from tests.rig_kit import Played, case_of, make, play, sheet
from tests.virtual_time import run_virtually


def played(profile: str, *parts: str, post_s: float, repeat: int = 1) -> Played:
    return run_virtually(play(make(sheet()), case_of(profile, *parts, post_s=post_s), repeat))


def test_a_load_that_drops_is_recorded_and_answered_within_the_limit() -> None:
    """CRD-STEP-L, CRD-LIM-EA: 8 kW of sun, the load falls from 8 to 4 kW, no export is allowed."""
    run = played("crd/step-load-export-all", "limit_level=0pct", "gen_level=100pct", "load_to=50pct", post_s=12)
    t_s = run.recording.t_s
    assert np.diff(t_s) == pytest.approx(0.02, abs=1e-6)  # what the sheet says of its update period
    assert run.mean("load.demand_w", -5, -0.02) == pytest.approx(8000, abs=20)
    assert run.mean("load.demand_w", 0.02, 12) == pytest.approx(4000, abs=20)
    assert run.least("poi.import_w", 0.0, 1.0) < -3500  # before the answer the load's drop is exported
    assert run.least("poi.import_w", 5.0, 12.0) > -160  # the profile's tolerance
    assert run.mean("der.injection_w", 5, 12) == pytest.approx(4000, abs=100)


def test_a_lost_sensor_is_recorded_as_a_contact_and_the_limit_holds_when_the_load_drops() -> None:
    """CRD-ABN-3, CRD-ABN-6: both CTs open while full load hides full sun; a minute later the load drops."""
    run = played("abnormal/signal-lost-running", "lost=sensor-open", "conductor=total", "gen_level=100pct", post_s=20)
    assert (run.mean("fault.contact", -5, -0.02), run.mean("fault.contact", 0.02, 80)) == (0.0, 1.0)
    assert run.mean("load.demand_w", 60.1, 80) == pytest.approx(0, abs=20)
    assert run.least("poi.import_w", 70, 80) > -1600 - 160
    halves = run.recording.channels["poi.import_w.L1"] + run.recording.channels["poi.import_w.L2"]
    assert halves == pytest.approx(run.recording.channels["poi.import_w"])


def test_the_charge_of_a_battery_gives_way_to_a_load_under_an_import_limit() -> None:
    """CRD-LIM-II: the storage wants 5 kW, the limit is 5 kW, and 1650 W of load come beside it."""
    run = played("crd/step-load-import-ess", "limit_level=100pct", "charge=100pct", "load_from=0pct", post_s=12)
    assert run.mean("ess.injection_w", -3, -0.02) < -4500
    assert run.mean("poi.import_w", 6, 12) < 5000 + 100
    assert run.mean("ess.injection_w", 6, 12) == pytest.approx(-3250, abs=150)


def test_a_limit_of_active_power_that_the_installer_sets_is_recorded_as_told_and_followed() -> None:
    """1547.1-5.13, 1547-4.6.2: from 100 % to 33 % of nameplate, by a new configuration of the device and a restart."""
    run = played("ieee1547/limit-active-power", "limit_to=33pct", post_s=30)
    assert run.mean("limit.value", -5, -0.02) == 1.0
    assert run.mean("limit.value", 0.02, 30) == pytest.approx(0.33)
    assert run.mean("der.injection_w", -3, -0.02) > 7800
    assert run.mean("der.injection_w", 20, 30) == pytest.approx(0.33 * 8000, abs=100)


def test_one_repeat_of_a_case_is_the_same_each_time_and_another_repeat_is_not() -> None:
    """The seed of a run is made of the case and the repeat; meters meet the step at another instant in each repeat."""
    parts = ("crd/step-load-export-all", "limit_level=0pct", "gen_level=100pct", "load_to=50pct")
    one, same, other = (played(*parts, post_s=3, repeat=repeat).recording for repeat in (1, 1, 2))
    assert np.array_equal(one.t_s, same.t_s)
    assert all(np.array_equal(one.channels[name], same.channels[name]) for name in one.channels)
    before = -150  # of the last 3 s: the step is at their beginning
    assert not np.allclose(one.channels["poi.import_w"][before:], other.channels["poi.import_w"][before:], atol=20)
