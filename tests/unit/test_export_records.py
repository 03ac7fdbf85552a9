"""`hil export` of records: the same samples in every form, and what is said where there is nothing to export."""

import os
from pathlib import Path

import comtrade
import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from hil.cli.export import export
from hil.record.folder import write_campaign, write_run
from hil.record.recording import read_recording
from hil.record.source import Source
from tests.record_kit import campaign, case, run, samples


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A campaign of two runs."""
    one = case(tmp_path)
    write_campaign(tmp_path / "c", campaign(one))
    for repeat in (1, 2):
        write_run(tmp_path / "c", run(one, repeat=repeat), sources={"power": Source(instrument="WT1")})
    return tmp_path / "c"


def asked(*words: object) -> Result:
    return CliRunner().invoke(export, [str(word) for word in words])


def test_every_run_of_a_campaign_is_exported_in_each_form(record: Path, tmp_path: Path) -> None:
    truth = samples()
    stems = [f"{path.name}-power" for path in sorted((record / "runs").iterdir())]
    for option, ending in (("--comtrade", ".cfg"), ("--csv", ".csv"), ("--hdf5", ".h5"), ("--parquet", ".parquet")):
        out = tmp_path / option
        assert asked(record, option, "--out", out).exit_code == 0
        assert sorted(path.stem for path in out.glob(f"*{ending}")) == stems
        if option == "--parquet":
            table = pq.read_table(out / f"{stems[0]}{ending}")
            assert table["t_s"].to_pylist() == truth.t_s.tolist()
            assert table["poi.import_w"].to_pylist()[2:5] == [0.0, None, 0.0]
            assert table.schema.field("poi.import_w").metadata == {b"unit": b"W"}
        else:
            again = read_recording(out / f"{stems[1]}{ending}")
            exact = option != "--comtrade"
            for name, values in truth.channels.items():
                assert np.allclose(again.channels[name], values, rtol=0 if exact else 1e-7, atol=0, equal_nan=True)
    with h5py.File(tmp_path / "--hdf5" / f"{stems[0]}.h5") as file:
        assert file.attrs["instrument"] == "WT1"


def test_comtrade_of_a_run_says_which_case_and_when_the_step_came(record: Path, tmp_path: Path) -> None:
    one = next((record / "runs").iterdir())
    assert asked(one, "--comtrade", "--form", "binary", "--out", tmp_path).exit_code == 0
    other = comtrade.load(str(tmp_path / f"{one.name}-power.cfg"))
    assert (other.station_name, other.rec_dev_id, other.ft) == (case(tmp_path).id.replace(",", " "), "WT1", "BINARY")
    assert other.start_timestamp.isoformat() == "2026-05-01T09:59:50"  # ten seconds before the first mark
    assert other.trigger_time == pytest.approx(10.0)


def test_a_recording_of_any_form_becomes_another(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("t_s,a_w\n0,1\n0.5,2\n1,\n")
    assert asked(tmp_path / "r.csv", "--comtrade", "--out", tmp_path / "x").exit_code == 0
    assert asked(tmp_path / "x" / "r.cfg", "--csv", "--out", tmp_path / "y").exit_code == 0
    assert (tmp_path / "y" / "r.csv").read_text().splitlines() == ["t_s,a_w", "0.0,1.0", "0.5,2.0", "1.0,"]


def test_a_spreadsheet_reads_the_csv_as_plain_cells(record: Path, tmp_path: Path) -> None:
    """RFC 4180: one header row, one kind of delimiter, numbers with a point, empty where a sample was lost."""
    assert asked(record, "--csv", "--out", tmp_path).exit_code == 0
    rows = [line.split(",") for line in next(tmp_path.glob("*.csv")).read_bytes().decode("ascii").split("\r\n")[:-1]]
    assert rows[0] == ["t_s", "poi.import_w", "load.demand_w"]
    assert {len(row) for row in rows} == {3}
    assert [float(cell) for cell in rows[1]] == [86_400.0, 0.0, 8000.0]
    assert rows[4][1] == ""


def test_what_cannot_be_exported_is_said_with_the_next_step(record: Path, tmp_path: Path) -> None:
    def said(*words: object) -> str:
        result = asked(*words)
        assert result.exit_code != 0
        return " ".join(result.stderr.split())

    assert "say one of --comtrade, --csv" in said(record)
    assert "is no campaign and no run" in said(tmp_path, "--csv")
    (tmp_path / "empty").mkdir()
    write_campaign(tmp_path / "empty", campaign())
    assert "has no finished run" in said(tmp_path / "empty", "--csv")
    one = next((record / "runs").iterdir())
    assert asked(one, "--csv", "--out", tmp_path / "out").exit_code == 0
    assert "is there already" in said(one, "--csv", "--out", tmp_path / "out")
    (one / "power.h5").chmod(0o644)
    os.truncate(one / "power.h5", 1000)
    assert "power.h5: has 1000 bytes, the manifest says" in said(one, "--csv", "--out", tmp_path / "out2")
    assert not (tmp_path / "out2").exists()
