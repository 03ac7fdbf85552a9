"""The demonstration's sites on virtual time: the whole stack holds each of their limits, by the twin's truth alone."""

from pathlib import Path

import pytest

from hil.cli.demo_promise import read_promises
from hil.cli.demo_site import DATA
from hil.cli.demo_summary import Evidence, broken_promises
from hil.cli.demo_truth import as_rows
from hil.rig.simulated import SimulatedSite
from hil.rig.site_file import site_file
from hil.rig.twin_load import load_twin
from tests.simulation.stack import Stack, play

TOLERANCE_SHARE = 0.02
"""Of what the sources can inject: beyond that an excursion begins."""


@pytest.mark.parametrize(("name", "until_s"), [("demo-wye-twin.yaml", 90.0), ("demo-split-twin.yaml", 75.0)])
def test_a_demonstration_site_is_met_and_every_limit_of_it_held(name: str, until_s: float, tmp_path: Path) -> None:
    """All kinds of DER are identified through their own registers."""
    twin = load_twin(DATA / name)

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(until_s)
        (tmp_path / "site.yaml").write_text(site_file(stack.site), encoding="utf-8")

    stack = play(story, twin, folder=DATA)
    assert isinstance(stack.site, SimulatedSite)
    met = {event.source_id for event in stack.events if event.kind == "identified"}
    assert met == {part.id for part in (*twin.meters, *twin.ders)}
    assert set(stack.faults()) <= {"METER_LOST"}, "before its first measurements"
    rows = as_rows(stack.site.columns, stack.site.plant.truth)
    tolerance_w = TOLERANCE_SHARE * sum(part.nameplate_w or 0.0 for part in twin.ders)
    evidence = Evidence(rows=rows, status={}, control_s=(0.0, until_s), tolerance_w=tolerance_w)
    promises = read_promises(tmp_path / "site.yaml")
    assert len(promises) >= 2
    assert {promise.name: broken_promises(evidence, promise) for promise in promises} == {
        promise.name: [] for promise in promises
    }
