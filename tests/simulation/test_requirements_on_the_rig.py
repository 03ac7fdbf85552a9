"""One case each of requirements that nothing else plays on our controller: modes, sun, a shorted CT, power lost."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from hil.cli.judged import read_results
from hil.cli.main import cli
from tests.rig_kit import Played, case_of, make, play, sheet
from tests.virtual_time import run_virtually

pytestmark = pytest.mark.slow

ESS_TOLERANCE_W, TOLERANCE_W = 100.0, 160.0  # of the profiles' common parameters at these ratings


def played(profile: str, *parts: str, post_s: float) -> Played:
    return run_virtually(play(make(sheet()), case_of(profile, *parts, post_s=post_s), 1))


@pytest.mark.parametrize(
    ("profile", "parts"),
    [
        ("crd/mode-export-only", ("charge=100pct", "gen_level=100pct")),
        ("crd/mode-no-exchange-charge", ("charge=100pct", "gen_to=50pct")),
    ],
)
def test_in_a_mode_that_forbids_charging_from_outside_the_charge_gives_way(
    profile: str, parts: tuple[str, ...]
) -> None:
    """CRD-MODE-EXP, CRD-MODE-NEX, CRD-LIM-II: the storage charges from the sun, then load comes or the sun goes."""
    run = played(profile, *parts, post_s=15)
    assert run.mean("ess.injection_w", -3, -0.02) < -3000  # on its way up, slowly: nothing has proven the wiring yet
    assert run.mean("poi.import_w", 0.02, 0.3) > 1000  # before the answer it is charged from outside
    assert run.mean("poi.import_w", 10, 15) < ESS_TOLERANCE_W
    assert run.mean("ess.injection_w", 10, 15) > -2600


@pytest.mark.parametrize("profile", ["crd/mode-import-only", "crd/mode-no-exchange-discharge"])
def test_in_a_mode_that_forbids_discharging_to_outside_the_discharge_gives_way(profile: str) -> None:
    """CRD-MODE-IMP, CRD-MODE-NEX, CRD-LIM-ES: the storage feeds the load, which then falls."""
    run = played(profile, "discharge=100pct", post_s=15)
    before_w = run.mean("ess.injection_w", -3, -0.02)
    assert before_w > 2000
    assert run.least("poi.import_w", 0.0, 2.0) < -1000  # before the answer it is exported
    assert run.least("poi.import_w", 10, 15) > -ESS_TOLERANCE_W
    assert run.mean("ess.injection_w", 10, 15) < before_w - 1000


@pytest.mark.parametrize(("wish", "sign"), [("wish=100pct", 1.0), ("wish=-100pct", -1.0)])
def test_storage_without_restriction_charges_from_the_area_eps_and_discharges_to_it(wish: str, sign: float) -> None:
    """CRD-MODE-UNR: without load and sun all of it is exchanged with the Area EPS."""
    run = played("crd/mode-unrestricted", wish, post_s=15)
    assert sign * run.mean("ess.injection_w", 5, 15) > 5000 - 2 * ESS_TOLERANCE_W
    assert -sign * run.mean("poi.import_w", 5, 15) > 5000 - 2 * ESS_TOLERANCE_W


def test_a_sun_that_rises_is_restricted_to_what_the_load_takes() -> None:
    """CRD-STEP-G, CRD-LIM-EA, CRD-OLRT-2: from darkness to full sun, a load of a third of nameplate, no export."""
    parts = ("limit_level=0pct", "load_level=33pct", "gen_from=0pct", "gen_to=100pct")
    run = played("crd/step-generation-export-all", *parts, post_s=40)
    assert run.mean("der.injection_w", -3, -0.02) == pytest.approx(0, abs=20)
    assert run.least("poi.import_w", 30, 40) > -TOLERANCE_W
    assert run.mean("der.injection_w", 30, 40) == pytest.approx(0.33 * 8000, abs=200)


def test_a_shorted_ct_is_no_measurement_and_the_limit_holds_when_the_load_drops() -> None:
    """CRD-ABN-4, CRD-ABN-6: both CTs shorted while full load hides full sun; a minute later the load drops."""
    run = played("abnormal/signal-lost-running", "lost=sensor-short", "conductor=total", "gen_level=100pct", post_s=20)
    assert (run.mean("fault.contact", -5, -0.02), run.mean("fault.contact", 0.02, 80)) == (0.0, 1.0)
    assert run.mean("der.injection_w", -5, -0.02) > 7800
    assert run.mean("load.demand_w", 60.1, 80) == pytest.approx(0, abs=20)
    assert run.least("poi.import_w", 70, 80) > -1600 - TOLERANCE_W


def test_a_dwelling_on_a_small_service_keeps_its_amperes_beside_a_charger() -> None:
    """NEC-D15, U3141-SC-4, G100-I2-Q: 71 A of load and a car that wants 50 A on a service of 100 A, worst conductor."""
    run = played("nec/annex-d15", "load_from=0pct", "load_to=100pct", post_s=40)
    amperes = run.recording.between(run.zero_s + 0.02, run.zero_s + 40).channels["poi.current_a"]
    assert amperes.max() <= 102
    assert 90 < run.mean("poi.current_a", 30, 40) <= 100  # the charger gets what is left, and no more
    assert run.mean("load.demand_w", 30, 40) == pytest.approx(71 * 240, abs=50)


def test_without_power_for_the_controller_the_limit_holds_when_the_load_drops() -> None:
    """CRD-ABN-1, CRD-ABN-6: the simulated DER is one that falls back by itself."""
    run = played("abnormal/control-power-running", "dark=controller", "gen_level=100pct", post_s=20)
    assert run.mean("der.injection_w", -5, -0.02) > 7800
    assert run.mean("load.demand_w", 60.1, 80) == pytest.approx(0, abs=20)
    assert run.least("poi.import_w", 70, 80) > -1600 - TOLERANCE_W


RULES = (
    "as4777/load-following/load=2kW,switched=off",
    "de/pave-steps/factor=130pct,gen_level=100pct",
)


ISSUE_1 = (
    "g100/issue-1-export/limit_level=0pct,gen_level=100pct,load_to=33pct",
    "g100/issue-1-fail-safe/lost=meter-comms,load_level=100pct",
    "g100/issue-1-fail-safe/lost=der-comms,load_level=100pct",
    "g100/issue-1-power-lost/dark=gateway",
)
LOCKED = "g100/issue-2-lockout/load_level=0pct"
RIGS = Path("test_profiles/rigs")


def verdicts(tmp_path: Path, rig: Path, *cases: str) -> dict[str, str]:
    """The verdict of each case on a rig, one repeat of each."""
    out = tmp_path / "out"
    words = ["run", *cases, "--rig", str(rig), "--out", str(out), "--repeats", "1", "--json"]
    played = CliRunner().invoke(cli, words)
    assert played.exit_code in (0, 1), played.output
    return {case.case.id: case.verdict.value for case in read_results(out).cases}


@pytest.mark.parametrize(
    ("rig", "cases"), [("simulated-wye", RULES), ("simulated-g100-1", ISSUE_1), ("simulated-g100-2", (LOCKED,))]
)
def test_cases_of_each_national_rule_pass_on_the_bench(rig: str, cases: tuple[str, ...], tmp_path: Path) -> None:
    """G100-I1 (5 s, also without the controller), G100-I2-ST (lock-out), AU-SAPN-T2 and AU-4777-ACC (15 s, 4 %),
    DE-PAVE-3: judged, one repeat of each."""
    assert verdicts(tmp_path, RIGS / f"{rig}.yaml", *cases) == dict.fromkeys(cases, "PASS")


@pytest.mark.parametrize(("rig", "case"), [("simulated-g100-2", LOCKED), ("simulated-g100-1", ISSUE_1[-1])])
def test_a_controller_that_was_not_commissioned_for_the_rule_fails_it(rig: str, case: str, tmp_path: Path) -> None:
    """Without its preset it never locks out, and it arms its DERs with the time of their profile: the cases see it."""
    text = (RIGS / f"{rig}.yaml").read_text(encoding="utf-8")
    before, after = text.split("  preset:")
    plain = tmp_path / "plain.yaml"
    plain.write_text(before + after[after.index("  ratings:") :], encoding="utf-8")
    assert verdicts(tmp_path, plain, case) == {case: "FAIL"}
