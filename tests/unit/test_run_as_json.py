"""What `pcs run` prints for a program: one JSON object on each line, whatever the site answers."""

import json
import subprocess
import sys
from pathlib import Path

SITE = """\
schema: pcs.site/1
site: {name: Nobody there, timezone: UTC, system: wye, nominal_v: 277}
meters:
  - {id: poi, profile: sunspec/meter, link: "tcp://127.0.0.1:1", unit: 1, point: poi}
ders:
  - {id: inv1, kind: pv, profile: sunspec/inverter, link: "tcp://127.0.0.1:1", unit: 2, nameplate_w: 10000}
limits:
  - {point: poi, direction: export, quantity: w, value: 0, basis: total, scope: all}
journal: {dir: ./journal}
"""


def test_a_run_as_json_is_one_object_a_line_and_ends_by_itself(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    done = subprocess.run(
        [sys.executable, "-m", "pcs.cli.main", "run", "site.yaml", "--json", "--duration", "0.2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (done.stdout + done.stderr).splitlines()]
    assert any("Nobody there" in str(line) for line in lines)
