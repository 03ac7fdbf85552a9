"""The command `hil measure`: keys, exit codes, messages."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest

from hil.cli.main import main
from hil.record import blocks

CONTRACT = ["t0_s", "olrt_s", "olrt_judged_s", "olrt_u95_s", "back_under_limit_s", "settling_2pct_s"]
CONTRACT += ["settling_5pct_s", "overshoot_pct", "initial", "extreme", "final", "direction", "grade", "verdict"]


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["hil", "measure", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def record(folder: Path, final_w: float = 2900.0, rows: slice = slice(None)) -> Path:
    t = np.arange(0.0, 60.0, 0.1)
    since = t - 20.03
    load = np.where(since < 0, 8000.0, 3000.0)
    der = np.where(since < 0.5, 8000.0, final_w + (8000.0 - final_w) * np.exp(-np.maximum(since - 0.5, 0) / 0.8))
    lines = [f"{a:.2f},{b:.1f},{c:.1f},{b - c:.1f}" for a, b, c in zip(t, load, der, strict=True)][rows]
    path = folder / "drop.csv"
    path.write_text("\n".join(["t_s,load_w,inv1_w,poi_w", *lines]))
    return path


def test_json_has_the_keys_of_the_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """CRD-OLRT-4."""
    code = run(monkeypatch, record(tmp_path), "--stimulus", "load_w", "--response", "poi_w", "--limit", 0, "--json")
    found = json.loads(capsys.readouterr().out)
    assert code == 0
    assert list(found)[: len(CONTRACT)] == CONTRACT
    truth_s = 0.5 + 0.8 * np.log(10.0)
    assert found["olrt_s"] == pytest.approx(truth_s, abs=found["olrt_u95_s"])
    assert found["olrt_u95_s"] < 0.1
    assert (found["verdict"], found["direction"], found["grade"], found["within_s"]) == ("PASS", "restrict", "B", 30.0)
    assert found["initial"] == pytest.approx(0.0, abs=1.0)
    assert found["extreme"] == pytest.approx(-5000.0, abs=5.0)
    assert found["final"] == pytest.approx(100.0, abs=5.0)


def test_a_page_for_people_ends_with_the_verdict_and_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, record(tmp_path), "--stimulus", "load_w", "--response", "poi_w", "--limit", 0) == 0
    page = capsys.readouterr().out
    assert "OLRT, literal" in page
    assert "PASS: the final value is 100 inside the limit; judged" in page
    assert "limit: below -0 W is beyond it" in page


def test_without_a_criterion_there_is_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, record(tmp_path), "--stimulus", "load_w", "--response", "inv1_w", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["side"], found["direction"]) == (None, "above", "restrict")


@pytest.mark.parametrize(
    ("final_w", "rows", "words", "verdict"),
    [
        (3500.0, slice(None), ["--limit", 0], "FAIL"),
        (2900.0, slice(None), ["--within", 1], "FAIL"),
        (2900.0, slice(None), ["--within", 2.342], "INDETERMINATE"),
        (2900.0, slice(0, 230), [], "INVALID"),
        (2900.0, slice(0, 200), [], "INVALID"),
        (2900.0, slice(None), ["--to", 22], "INVALID"),
    ],
)
def test_any_verdict_but_pass_is_exit_code_1(
    final_w: float,
    rows: slice,
    words: list[object],
    verdict: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = record(tmp_path, final_w, rows)
    assert run(monkeypatch, path, "--stimulus", "load_w", "--response", "poi_w", *words, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == verdict
    assert found["reason"]
    if verdict == "INVALID":
        assert found["olrt_s"] is None
        assert run(monkeypatch, path, "--stimulus", "load_w", "--response", "poi_w", *words) == 1
        assert f"INVALID: {found['reason']}" in capsys.readouterr().out


def test_time_that_goes_back_is_invalid_and_not_a_bad_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path)
    path.write_text(path.read_text().replace("\n25.00,", "\n24.00,"))
    assert run(monkeypatch, path, "--stimulus", "load_w", "--response", "poi_w", "--json") == 1
    assert "goes back" in json.loads(capsys.readouterr().out)["reason"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--stimulus", "lod_w", "--response", "poi_w"], 'no channel "lod_w" (did you mean "load_w"? there are:'),
        (["--stimulus", "load_w", "--response", "poi_w*"], "is no channel"),
        (["--stimulus", "load_w"], "Missing option '--response'"),
        (["--stimulus", "load_w", "--response", "poi_w", "--limit", "-5"], "-5.0 is not in the range x>=0"),
    ],
)
def test_wrong_usage_is_exit_code_2_with_a_remedy(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, record(tmp_path), *words) == 2
    assert said in capsys.readouterr().err


def test_a_bad_file_is_exit_code_2_with_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path)
    path.write_text(path.read_text().replace("\n25.00,", "\nabc,"))
    assert run(monkeypatch, path, "--stimulus", "load_w", "--response", "poi_w") == 2
    assert f'{path}:252: "abc" in column 1 is no number' in capsys.readouterr().err


def test_phases_are_measured_and_their_sum_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = record(tmp_path).read_text().splitlines()[1:]
    cells = [[float(cell) for cell in row.split(",")] for row in rows]
    path = tmp_path / "phases.csv"
    path.write_text("t_s,load_w,a_w,b_w\n" + "\n".join(f"{t},{p},{w * 0.6},{w * 0.4}" for t, p, _, w in cells))
    words = ["--stimulus", "load_w", "--response", "a_w+b_w", "--limit", 0, "--json"]
    assert run(monkeypatch, path, *words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["channel"] == "a_w+b_w"
    assert found["parts"]["a_w"]["extreme"] == pytest.approx(-3000.0, abs=5.0)
    assert found["parts"]["b_w"]["verdict"] is None


def test_the_worst_conductor_decides_a_current_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = record(tmp_path).read_text().splitlines()[1:]
    cells = [[float(cell) for cell in row.split(",")] for row in rows]
    path = tmp_path / "amps.csv"
    path.write_text("t_s,load_w,ia,ib\n" + "\n".join(f"{t},{p},{w / 240},{w / 480 - 9}" for t, p, _, w in cells))
    words = ["--stimulus", "load_w", "--response", "ia+ib", "--quantity", "a", "--limit", 5, "--json"]
    assert run(monkeypatch, path, *words) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["channel"], found["verdict"]) == ("ib", "FAIL")
    assert found["parts"]["ia"]["verdict"] == "PASS"


def test_other_commands_start_without_numpy() -> None:
    code = "import sys, hil.cli.main; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def waves(folder: Path) -> Path:
    """One phase at 59.6 Hz: a load in amperes that drops from 20 to 10 A, a DER that follows after 0.4 s."""
    t = np.arange(0.0, 6.0, 1.0 / 3000.0)
    angle = 2 * np.pi * 59.6 * t
    v = 240.0 * np.sqrt(2.0) * np.sin(angle)
    wave = np.sqrt(2.0) * np.sin(angle)
    load = np.where(t < 2.0, 20.0, 10.0) * wave
    der = np.where(t < 2.4, 20.0, 10.0 + 10.0 * np.exp(-np.maximum(t - 2.4, 0.0) / 0.3)) * wave
    path = folder / "waves.csv"
    np.savetxt(path, np.stack([t, v, load, der], axis=1), "%.6f", ",", header="t_s,v,load,der", comments="")
    return path


@pytest.mark.parametrize(
    ("stimulus", "response", "words", "direction"),
    [
        ("v*load", "v*der", ["--side", "above"], "restrict"),
        ("rms(load)", "v*load-v*der", ["--limit", 50], "restrict"),
        ("rms(load)", "rms(der)", ["--quantity", "a", "--limit", 12], "restrict"),
        ("v*load", "v*der", ["--quantity", "a", "--limit", 12, "--side", "above"], "restrict"),
    ],
)
def test_waveforms_are_measured_from_the_command_line(
    stimulus: str,
    response: str,
    words: list[object],
    direction: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = waves(tmp_path)
    assert run(monkeypatch, path, "--stimulus", stimulus, "--response", response, *words, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["grade"], found["direction"]) == ("A", direction)
    assert found["t90_from_extreme_s"] == pytest.approx(0.4 + 0.3 * np.log(10.0), abs=0.012)
    assert found["t0_s"] == pytest.approx(2.0, abs=0.005)


def test_a_record_of_the_bench_is_measured_and_says_what_its_uncertainty_is_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = np.loadtxt(record(tmp_path), delimiter=",", skiprows=1)
    path = tmp_path / "power.h5"
    with h5py.File(path, "w") as file:
        file["t_s"] = table[:, 0] + 1.7e9  # a clock that counts from 1970
        for k, name in enumerate(("load_w", "inv1_w", "poi_w"), start=1):
            file[f"channels/{name}"] = table[:, k]
    words = ["--stimulus", "load_w", "--response", "poi_w", "--delay-u", 0.2]
    assert run(monkeypatch, path, *words, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    parts = found["budget"]
    assert max(parts, key=parts.get) == "delay_s"
    assert found["olrt_judged_u95_s"] == pytest.approx(np.hypot.reduce(list(parts.values())), rel=0.1)
    assert run(monkeypatch, path, *words) == 0
    page = capsys.readouterr().out
    assert "step at                 17000000" in page
    assert "its uncertainty is of   delay 0.19 s, step sampling 0.05 s" in page


@pytest.mark.parametrize(
    ("spoil", "words", "reason"),
    [
        (lambda rows: [*rows[:210], *rows[235:]], [], "the response has a gap of 2.6 s after 20.9 s"),
        (lambda rows: [*rows[:260], rows[100], *rows[260:]], [], "time goes back after 25.9 s (sample 260)"),
        (lambda rows: [*rows[:260], *rows[259:]], [], "time stands still after 25.9 s (sample 260)"),
        (lambda rows: [f"{row.split(',')[0]},8000,1,{row.split(',')[3]}" for row in rows], [], "never changes"),
        (lambda rows: rows, ["--from", 100], "has only 0 samples"),
        (lambda rows: rows, ["--step", 2], "there is no step 2"),
    ],
)
@pytest.mark.parametrize("whole_bytes", [blocks.WHOLE_BYTES, 100])
def test_a_record_without_a_number_is_invalid_with_its_reason_read_whole_or_in_blocks(
    spoil: Callable[[list[str]], list[str]],
    words: list[object],
    reason: str,
    whole_bytes: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(blocks.open_blocks, "__defaults__", (whole_bytes,))
    path = record(tmp_path)
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *spoil(rows)]))
    assert run(monkeypatch, path, "--stimulus", "load_w", "--response", "poi_w", *words, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "INVALID"
    assert reason in found["reason"]
    assert (found["olrt_s"], found["olrt_judged_s"], found["budget"]) == (None, None, None)
