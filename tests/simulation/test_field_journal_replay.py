"""A field journal made into a twin: the disputed excursion shows again when a controller plays the twin."""

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hil.cli.demo_site import DATA
from hil.cli.main import cli
from hil.record.field_journal import KIND, JournalError, read_events, read_runs, read_steps
from hil.rig.simulated import SimulatedSite
from hil.rig.site_file import site_file
from hil.rig.twin_file import TwinFile
from hil.rig.twin_load import load_twin
from pcs import __version__
from pcs.codec.origin import Origin, source_file
from pcs.io import journal_read
from pcs.io.journal_read import connect
from pcs.io.journal_sqlite import SqliteJournal
from pcs.runtime.checkpoint import VOCABULARY
from tests.simulation.stack import UTC_START_S, Stack, inverter, play, twin

UNTIL_S = 60.0
PEAK_TOLERANCE = 0.10
"""Of the peak of the excursion: a meter's window and an unknown phase against the step move it by so much."""


@dataclass(frozen=True)
class Excursion:
    """Flow beyond a limit, by the truth: its peak (W), and how long it is beyond a tenth of that (s)."""

    peak_w: float
    lasts_s: float


def excursion(stack: Stack, limit_w: float, from_s: float, to_s: float, sign: float = -1.0) -> Excursion:
    """The worst of the flow beyond a limit in a stretch of time; `sign` -1: export."""
    columns = list(stack.truth.columns)
    at, flow = columns.index("t_s"), columns.index("import_w")
    rows = [(row[at], sign * row[flow] - limit_w) for row in stack.truth.rows if from_s <= row[at] <= to_s]
    peak_w = max(over_w for _, over_w in rows)
    beyond = [t for t, over_w in rows if over_w > 0.1 * peak_w]
    return Excursion(peak_w=peak_w, lasts_s=beyond[-1] - beyond[0])


def kept(
    journal: Path, site: TwinFile, until_s: float = UNTIL_S, *, with_site: bool = True, folder: Path | None = None
) -> Stack:
    """The controller on a site, with its journal in a folder, as `pcs run` keeps it."""
    journal.mkdir()
    text = site_file(SimulatedSite(site, folder)) if with_site else ""
    files = (source_file("site.yaml", text.encode()),) if with_site else ()
    origin = Origin(program=__version__, files=files, table=VOCABULARY.table)

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(until_s)
        await stack.stop()

    return play(story, site, journal=lambda clock: SqliteJournal(journal, clock, origin=origin), folder=folder)


def replayed(folder: Path, out: Path, *words: str) -> tuple[TwinFile, str]:
    result = CliRunner().invoke(cli, ["twin", "--from-journal", str(folder), "--out", str(out), *words])
    assert result.exit_code == 0, result.output
    return load_twin(out / "twin.yaml"), result.output


async def to_its_end(stack: Stack) -> None:
    stack.start()
    await stack.until(UNTIL_S + 30.0)
    await stack.stop()


DROP = [{"steps": [[0, 6000], [35.04, 1000]]}]


@pytest.mark.parametrize(
    ("device", "dead_time_s", "time_constant_s"),
    [
        ({"telemetry_s": 1.0, "telemetry_latency_s": 0.6}, 0.25, 0.3),
        ({"telemetry_s": 0.2, "dead_time_s": 0.6, "time_constant_s": 0.6}, 0.6, 0.6),
        ({"time_constant_s": 1.5}, 0.25, 1.5),
    ],
)
def test_an_excursion_of_a_load_that_fell_shows_again(
    device: dict[str, Any], dead_time_s: float, time_constant_s: float, tmp_path: Path
) -> None:
    was = excursion(kept(tmp_path / "journal", twin(load=DROP, ders=[inverter(**device)])), 0.0, 30.0, UNTIL_S)
    assert was.peak_w > 4000
    again, said = replayed(tmp_path / "journal", tmp_path / "replay", "--minutes", "1")
    shown = excursion(play(to_its_end, again, folder=tmp_path / "replay"), 0.0, 55.0, UNTIL_S + 30.0)
    assert shown.peak_w == pytest.approx(was.peak_w, rel=PEAK_TOLERANCE)
    assert shown.lasts_s == pytest.approx(was.lasts_s, abs=0.3, rel=0.2)
    inv1 = again.ders[0]
    assert inv1.dead_time_s == pytest.approx(dead_time_s, abs=0.1)
    assert inv1.time_constant_s == pytest.approx(time_constant_s, rel=0.25, abs=0.1)
    assert "is known for" in said, "what the sun could have given behind a limit is in no journal"


def test_a_load_on_one_conductor_that_rises_beyond_an_import_limit_shows_again_on_that_conductor(
    tmp_path: Path,
) -> None:
    loads = [{"constant": 1500}, {"steps": [[0, 500], [40.0, 4500], [44.0, 500]], "connection": "L2N"}]
    limits = [{"point": "poi", "direction": "import", "value": 3000}]
    site = twin(load=loads, ders=[inverter()], sun={"constant": 0.1}, limits=limits)
    first = kept(tmp_path / "journal", site)
    was = excursion(first, 3000.0, 30.0, UNTIL_S, sign=1.0)
    assert was.peak_w == pytest.approx(1500 + 4500 - 1000 - 3000, abs=5)
    at = datetime.fromtimestamp(UTC_START_S + 40.0, UTC).isoformat()
    again, _ = replayed(tmp_path / "journal", tmp_path / "replay", "--minutes", "0.5", "--at", at)
    second = play(to_its_end, again, folder=tmp_path / "replay")
    shown = excursion(second, 3000.0, 31.0, 59.0, sign=1.0)
    assert shown.peak_w == pytest.approx(was.peak_w, rel=0.05)
    assert shown.lasts_s == pytest.approx(was.lasts_s, abs=0.3)
    columns = list(second.truth.columns)
    most_w = {name: max(row[columns.index(f"import_{name}_w")] for row in second.truth.rows) for name in ("l1", "l2")}
    assert most_w["l2"] - most_w["l1"] == pytest.approx(4500, rel=0.05)


def test_a_home_with_storage_and_a_charger_becomes_a_twin_with_the_same_devices(tmp_path: Path) -> None:
    home = load_twin(DATA / "demo-split-twin.yaml")
    kept(tmp_path / "journal", home, until_s=50.0, folder=DATA)
    at = datetime.fromtimestamp(UTC_START_S + 30.0, UTC).isoformat()
    again, said = replayed(tmp_path / "journal", tmp_path / "replay", "--at", at, "--minutes", "0.5")
    assert [(part.id, part.kind, part.connection) for part in again.ders] == [
        (part.id, part.kind, part.connection) for part in home.ders
    ]
    assert [meter.id for meter in again.meters] == [meter.id for meter in home.meters]
    assert again.limits == home.limits
    for part in home.ders:
        if part.kind == "battery":
            assert f"{part.id}: its capacity is not known" in said
    SimulatedSite(again, tmp_path / "replay")


def test_a_journal_without_its_site_file_needs_it_and_takes_it(tmp_path: Path) -> None:
    site = twin(load=DROP, ders=[inverter()])
    kept(tmp_path / "journal", site, until_s=40.0, with_site=False)
    words = ["twin", "--from-journal", str(tmp_path / "journal"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(cli, words)
    assert (result.exit_code, "--site" in result.stderr) == (2, True), result.output
    (tmp_path / "site.yaml").write_text(site_file(SimulatedSite(site)))
    again, said = replayed(tmp_path / "journal", tmp_path / "out", "--site", str(tmp_path / "site.yaml"))
    assert (again.ders[0].nameplate_w, again.limits[0]["value"]) == (10_000, 0)
    assert "not replayed: METER_LOST of poi" in said


def test_what_the_bench_reads_from_a_journal_is_what_the_controller_reads(tmp_path: Path) -> None:
    kept(tmp_path / "journal", twin(load=DROP, ders=[inverter()]), until_s=45.0)
    runs = read_runs(tmp_path / "journal")
    ours = list(read_steps(tmp_path / "journal", runs, 0.0, 1e12))
    with closing(connect(tmp_path / "journal" / "journal.sqlite")) as db:
        theirs = [step for _, _, step in journal_read.read_steps(db)]
        events = [event for _, _, event in journal_read.read_events(db)]
    assert len(ours) == len(theirs) > 300
    for own, step in zip(ours, theirs, strict=True):
        assert (own.mono_s, own.utc_s) == (step.now.mono_s, step.now.utc_s)
        assert [row[KIND] for row in own.inputs] == [type(record).__name__ for record in step.inputs]
        for row, record in zip((*own.inputs, *own.commands), (*step.inputs, *step.commands), strict=True):
            for name in ("import_w", "injection_w", "limit_w", "received_s", "words", "phase_import_w", "values"):
                assert row.get(name, "none") == getattr(record, name, "none")
    told = list(read_events(tmp_path / "journal", runs))
    assert [(one.kind, one.source_id, one.text) for one in told] == [
        (e.kind.value, e.source_id, e.text) for e in events
    ]
    assert [dict(one.facts) for one in told] == [dict(event.facts) for event in events]


def test_a_torn_end_is_left_out_and_damage_is_told_with_the_next_step(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    kept(journal, twin(load=DROP, ders=[inverter()]), until_s=45.0)
    runs, segment = read_runs(journal), journal / "journal.steps" / "00000001.log"
    whole, data = len(list(read_steps(journal, runs, 0.0, 1e12))), segment.read_bytes()
    segment.write_bytes(data[:-7])
    assert 0 < len(list(read_steps(journal, runs, 0.0, 1e12))) < whole
    segment.write_bytes(data[:30] + b"x" + data[31:])
    with pytest.raises(JournalError, match="pcs journal verify"):
        list(read_steps(journal, runs, 0.0, 1e12))


def test_what_is_no_journal_and_what_is_no_question_is_refused_with_exit_code_2(tmp_path: Path) -> None:
    for words, why in (
        (["--from-journal", str(tmp_path)], "journal.sqlite"),
        ([], "give a twin file"),
        ([str(tmp_path / "twin.yaml"), "--from-journal", str(tmp_path)], "give a twin file"),
        (["--from-journal", str(tmp_path), "--at", "yesterday"], "no instant"),
    ):
        result = CliRunner().invoke(cli, ["twin", *words])
        assert (result.exit_code, why in result.stderr) == (2, True), (words, result.output)
