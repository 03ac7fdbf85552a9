"""The table of `make bench`."""

import pytest

from tests.bench.__main__ import Row, benchmarks, rows, said, table


def test_a_measurement_with_a_reference_gets_their_ratio_and_one_row() -> None:
    assert rows("link", {"reads_per_s": 2000.0, "reference_reads_per_s": 4000.0, "note": "loopback"}) == [
        Row(name="link.reads_per_s", value=2000.0, reference=4000.0, ratio=0.5),
        Row(name="link.note", value="loopback"),
    ]


def test_a_reference_of_zero_gives_no_ratio_instead_of_an_error() -> None:
    assert rows("x", {"a": 1.0, "reference_a": 0.0})[0].ratio is None


def test_the_table_lines_its_columns_up_and_rounds_for_people() -> None:
    lines = table(rows("link", {"reads_per_s": 12345.6, "reference_reads_per_s": 24691.2})).splitlines()
    assert [len(line) for line in lines] == [len(lines[0])] * 2
    assert lines[1].split() == ["link.reads_per_s", "12,346", "24,691", "0.5"]
    assert said(0.123456) == "0.1235"


def test_an_unknown_benchmark_is_refused_with_the_names_there_are(tmp_path) -> None:
    (tmp_path / "bench_core.py").touch()
    assert benchmarks(tmp_path, []) == ["core"]
    with pytest.raises(SystemExit, match="no warp; there are: core"):
        benchmarks(tmp_path, ["warp"])
