"""A part of the library against our own controller, as `make crd` plays all of it: run, judged, reported, verified."""

import json
from pathlib import Path

from click.testing import CliRunner

from hil.cli.main import cli

RIG = "test_profiles/rigs/simulated-wye.yaml"
CASES = (
    "crd/step-load-export-all/limit_level=0pct,gen_level=100pct,load_from=100pct,load_to=50pct",
    "crd/step-load-export-all/limit_level=0pct,gen_level=33pct,load_from=0pct,load_to=100pct",
    "crd/step-generation-import-ess/limit_level=66pct,load_level=33pct,gen_from=100pct",
    "crd/mode-import-only/discharge=100pct,load_to=50pct",
    "abnormal/signal-lost-running/lost=sensor-open,conductor=L1,gen_level=100pct",
    "g100/issue-2-fail-safe/lost=sensor-open",
    "ieee1547/limit-active-power/limit_to=66pct",
)


def test_a_part_of_the_library_passes_and_its_bundle_can_be_verified_by_anyone(tmp_path: Path) -> None:
    """CRD-STEP-L, CRD-MODE-IMP, CRD-ABN-3, G100-I2-T, 1547-4.6.2 on the bench, one repeat of each; CRD-OLRT-3."""
    out = str(tmp_path / "out")
    played = CliRunner().invoke(cli, ["run", *CASES, "--rig", RIG, "--out", out, "--repeats", "1", "--json"])
    facts = json.loads(played.stdout)
    assert facts["verdicts"] == {"PASS": len(CASES), "FAIL": 0, "INDETERMINATE": 0, "INVALID": 0}, played.output
    assert played.exit_code == 0
    assert CliRunner().invoke(cli, ["verify", out]).exit_code == 0
    assert CliRunner().invoke(cli, ["report", out, "--out", str(tmp_path)]).exit_code == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert all(case in page for case in CASES)
    assert "pre-test, not certified" in page.lower()
