"""`pcs run --trace` on real sockets, and what else the command makes of its options."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pcs.config import load_site
from pcs.config.profiles import profile_folder
from pcs.io.links import unit_rules
from pcs.model.profile import LinkTiming
from pcs.model.site import LinkAddress

pytestmark = pytest.mark.realtime

ROOT = Path(__file__).parents[2]
TWIN = """\
schema: hil.twin/1
site: {name: T, system: wye, nominal_v: 230}
meters: [{id: poi, noise_w: 4}]
ders:
  - {id: inv1, nameplate_w: 10000, telemetry_s: 0.1}
load: [{constant: 1500}]
sun: {constant: 0.5}
limits:
  - {point: poi, direction: export, quantity: w, value: 0}
"""
TWIN_ARGUMENTS = ("twin", "twin.yaml", "--write-site", "site.yaml")


def pcs(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pcs.cli.main", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def site_file(folder: Path) -> Iterator[Path]:
    """The file of a simulated site that runs."""
    (folder / "twin.yaml").write_text(TWIN)
    command = [sys.executable, "-c", "from hil.cli.main import main; main()", *TWIN_ARGUMENTS]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as twin:
        try:
            assert twin.stdout is not None
            assert any(line == "serving\n" for line in twin.stdout)
            yield folder / "site.yaml"
        finally:
            twin.kill()


def test_every_request_of_a_run_is_in_its_trace_from_the_first_walk_to_the_last_limit(tmp_path: Path) -> None:
    with site_file(tmp_path) as site:
        ended = pcs("run", str(site), "--duration", "2", "--trace", str(tmp_path / "trace.jsonl"))
    assert ended.returncode == 0, ended.stderr
    head, *traced = (json.loads(line) for line in (tmp_path / "trace.jsonl").read_text().splitlines())
    assert head["schema"] == "pcs.trace/1"
    lines = [line for line in traced if "asked_s" in line]
    sent = [line for line in traced if "tx" in line]
    assert len(sent) >= len([line for line in lines if "reply" in line])
    assert sent[0]["tx"].endswith("9c400002")
    assert {line["address"] for line in lines[:2]} == {40000}
    assert lines[0]["reply"].startswith(b"SunS".hex())
    answered = [line for line in lines if "reply" in line]
    assert all(line["asked_s"] <= line["sent_s"] <= line["received_s"] for line in answered)
    assert len(lines) - len(answered) < 5  # requests that the end cut short
    writes = [line for line in lines if line["function"] == 16]
    assert writes[0]["words"][0] == 0
    assert lines.index(writes[-1]) > len(lines) - 8


def test_a_trace_that_cannot_be_written_is_a_usage_error_and_nothing_runs(tmp_path: Path) -> None:
    site = profile_folder() / "sites" / "example.yaml"
    ended = pcs("run", str(site), "--trace", str(tmp_path / "nowhere" / "trace.jsonl"))
    assert ended.returncode == 2
    assert "--trace" in ended.stderr
    assert "No such file or directory" in ended.stderr


def test_the_pause_that_a_profile_asks_for_reaches_the_link() -> None:
    site = load_site(profile_folder() / "sites" / "example.yaml")
    profile = site.ders[0].profile
    assert profile is not None
    slow = replace(profile, link=LinkTiming(deadline_s=1.0, min_gap_s=0.05))
    site = replace(site, ders=(replace(site.ders[0], profile=slow, unit=3), *site.ders[1:]))
    ders, meters = (unit_rules(site, LinkAddress(host="127.0.0.1", port=port)) for port in (15021, 15020))
    assert {unit: rules.min_gap_s for unit, rules in ders.items()} == {3: 0.05}
    assert {unit: (rules.min_gap_s, rules.vital) for unit, rules in meters.items()} == {1: (0.0, True)}
