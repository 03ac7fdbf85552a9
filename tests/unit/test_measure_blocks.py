"""Long recordings, piece by piece: the same answer wherever the pieces end, and no more memory for a longer file."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest

from hil.analysis import build as building
from hil.analysis.build import Builder, Channel, Quantity, build, in_blocks
from hil.analysis.channel import parse_channel
from hil.analysis.judge import judge, judge_blocks
from hil.analysis.movement import Side
from hil.analysis.result import Question
from hil.analysis.series import Invalid, Series
from hil.record.blocks import open_blocks
from hil.record.recording import Recording, RecordingError, read_recording

RATE_HZ = 3000.0
V, LOAD, DER = (tuple(f"{what}{k}" for k in range(3)) for what in ("v", "load", "der"))
POWER = "+".join(f"v{k}*load{k}" for k in range(3))
OUTPUT = "+".join(f"v{k}*der{k}" for k in range(3))


def waves(seconds: float, rate_hz: float = RATE_HZ) -> Recording:
    """Three phases at 59.7 Hz; the load drops at 4 s, the DER follows as first order."""
    t = np.arange(0.0, seconds, 1.0 / rate_hz)
    since = t - 4.0
    load = np.where(since < 0.0, 1.0, 0.5)
    der = np.where(since < 0.3, 1.0, 0.5 + 0.5 * np.exp(-np.maximum(since - 0.3, 0.0) / 0.3))
    channels = {}
    for k in range(3):
        angle = 2 * np.pi * (59.7 * t - k / 3)
        channels |= {V[k]: 390.0 * np.sin(angle), LOAD[k]: 20.0 * load * np.sin(angle - 0.2)}
        channels |= {DER[k]: 20.0 * der * np.sin(angle)}
    return Recording(name="waves", t_s=t, channels=channels)


def net(made: Channel | Invalid) -> Series:
    assert isinstance(made, Channel), made
    assert isinstance(made.net, Series)
    return made.net


def in_uneven_blocks(recording: Recording, sizes: list[int]) -> Iterator[Recording]:
    start = 0
    for size in [*sizes, len(recording.t_s)]:
        part = {name: y[start : start + size] for name, y in recording.channels.items()}
        yield Recording(name="part", t_s=recording.t_s[start : start + size], channels=part)
        start += size


@pytest.mark.parametrize("sizes", [[], [1, 5, 0, 700], [37] * 150, [5000] * 3, list(range(1, 150))])
@pytest.mark.parametrize("quantity", Quantity)
def test_where_the_blocks_end_leaves_no_mark_on_the_result(sizes: list[int], quantity: Quantity) -> None:
    record = waves(8.0)
    terms = parse_channel(POWER, record.channels)
    builder = Builder(terms=terms, quantity=quantity)
    for block in in_uneven_blocks(record, sizes):
        builder.feed(block)
    whole, pieces = build(record, terms, quantity), builder.finish()
    assert isinstance(whole, Channel)
    assert isinstance(pieces, Channel)
    for one, other in zip(whole.parts, pieces.parts, strict=True):
        assert isinstance(one, Series)
        assert isinstance(other, Series)
        n = min(len(one.t_s), len(other.t_s))
        assert abs(len(one.t_s) - len(other.t_s)) <= 1
        assert other.t_s[:n] == pytest.approx(one.t_s[:n], abs=1e-9)
        assert other.y[:n] == pytest.approx(one.y[:n], rel=1e-4)


def test_a_judgement_in_blocks_is_that_of_the_whole() -> None:
    record = waves(8.0)
    terms = [parse_channel(said, record.channels) for said in (POWER, OUTPUT)]
    question = Question(side=Side.ABOVE)
    whole = judge(record, terms[0], terms[1], Quantity.W, question).headline
    pieces = judge_blocks(in_blocks(record, 900), terms[0], terms[1], Quantity.W, question).headline
    assert whole.olrt_s == pytest.approx(0.3 + 0.3 * np.log(10.0), abs=2e-3)
    assert pieces.olrt_s == pytest.approx(whole.olrt_s, abs=1e-4)
    assert pieces.olrt_u95_s == pytest.approx(whole.olrt_u95_s, rel=0.02)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda t: np.where(t == t[15_000], t[14_000], t), "time goes back after 4.99966666667 s (sample 15000)"),
        (lambda t: np.where(t >= t[15_000], t + 0.02, t), "has a gap of 0.0203 s after 4.99966666667 s"),
        (lambda t: np.where(t == t[15_000], np.nan, t), "time is not a number at sample 15001"),
    ],
)
@pytest.mark.parametrize("rows", [15_000, 15_001, 4096])
def test_what_is_wrong_between_two_blocks_is_found_too(rows: int, spoil, reason: str) -> None:  # type: ignore[no-untyped-def]
    record = waves(8.0)
    record = Recording(name="r", t_s=spoil(record.t_s), channels=record.channels)
    builder = Builder(terms=parse_channel(POWER, record.channels), quantity=Quantity.W)
    for block in in_blocks(record, rows):
        builder.feed(block)
    made = builder.finish()
    assert isinstance(made, Invalid)
    assert reason in made.reason


def test_a_line_that_vanishes_is_no_steady_line_frequency() -> None:
    record = waves(8.0)
    dead = {name: np.where(record.t_s > 4.0, 0.0, y) for name, y in record.channels.items()}
    builder = Builder(terms=parse_channel(POWER, dead), quantity=Quantity.W)
    for block in in_blocks(Recording(name="r", t_s=record.t_s, channels=dead), 3000):
        builder.feed(block)
    made = builder.finish()
    assert isinstance(made, Invalid)
    assert "no steady line frequency" in made.reason


def test_what_is_too_long_to_be_kept_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "MAX_READINGS", 500)
    monkeypatch.setattr(building, "MAX_SAMPLES", 5000)
    record = waves(8.0)
    for said in (POWER, "load0"):
        made = build(record, parse_channel(said, record.channels), Quantity.W)
        assert isinstance(made, Invalid)
        assert "too long to be judged as a whole: cut out" in made.reason


def hdf5(path: Path, record: Recording) -> Path:
    with h5py.File(path, "w") as file:
        file["t_s"] = record.t_s
        channels = file.create_group("channels", track_order=True)
        for name, y in record.channels.items():
            channels[name] = y
            channels[name].attrs["name"] = name
    return path


def comtrade(path: Path, record: Recording) -> Path:
    names = list(record.channels)
    analog = "\n".join(f"{i + 1},{name},,,X,0.02,0,0,-32767,32767,1,1,P" for i, name in enumerate(names))
    rows = len(record.t_s)
    head = f"here,logger,1999\n{len(names) + 1},{len(names)}A,1D\n{analog}\n1,contact,,,0\n60\n1\n{RATE_HZ:g},{rows}\n"
    path.write_text(head + "01/01/2026,00:00:00.000000\n" * 2 + "BINARY\n1\n")
    table = np.zeros(rows, dtype=[("n", "<u4"), ("t", "<u4"), ("a", "<i2", (len(names),)), ("d", "<u2")])
    table["n"], table["d"] = np.arange(1, rows + 1), record.t_s >= 4.0
    table["a"] = np.round(np.stack(list(record.channels.values()), axis=1) / 0.02)
    path.with_suffix(".dat").write_bytes(table.tobytes())
    return path


def text(path: Path, record: Recording, delimiter: str = ",") -> Path:
    columns = np.stack([record.t_s, *record.channels.values()], axis=1)
    rows = [delimiter.join(f"{x:.6f}" for x in row) for row in columns]
    rows[700] += "  # a comment"
    rows[800] = rows[800].rpartition(delimiter)[0] + delimiter  # the last cell is empty: a lost sample
    path.write_text("\n".join([delimiter.join(["t_s", *record.channels]), *rows, ""]))
    return path


@pytest.mark.parametrize("write", [hdf5, comtrade, text])
def test_a_large_file_in_blocks_holds_what_it_holds_as_a_whole(write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    record = waves(24.0)
    path = write(tmp_path / {"hdf5": "r.h5", "comtrade": "r.cfg", "text": "r.csv"}[write.__name__], record)
    whole = record if write is hdf5 else read_recording(path)
    source = open_blocks(path, whole_bytes=1000)
    assert source.names == tuple(whole.channels)
    blocks = list(source.between(None, None, source.names))
    assert len(blocks) == 2
    assert np.concatenate([block.t_s for block in blocks]) == pytest.approx(whole.t_s, abs=1e-9)
    for name, y in whole.channels.items():
        joined = np.concatenate([block.channels[name] for block in blocks])
        np.testing.assert_allclose(joined, y, atol=1e-9)
    some = list(source.between(1.0, 2.0, ["load1"]))
    assert sum(len(block.t_s) for block in some) == pytest.approx(RATE_HZ + 1, abs=1)
    assert {name for block in some for name in block.channels} >= {"load1"}


def test_mistakes_of_a_large_csv_are_said_with_their_line(tmp_path: Path) -> None:
    path = text(tmp_path / "r.csv", waves(1.0), ";")
    lines = path.read_text().splitlines()
    lines[2000], lines[2001] = "1;2", "x" + lines[2001]
    path.write_text("\n".join(lines))
    with pytest.raises(RecordingError, match=r"r\.csv:2001: has 2 cells, the header 10(?s:.*)r\.csv:2002: \"x"):
        list(open_blocks(path, whole_bytes=1000).between(None, None, ["v0"]))


def test_hdf5_that_is_damaged_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.h5"
    path.write_bytes(b"no hdf5 at all")
    with pytest.raises(RecordingError, match="is no whole HDF5 file"):
        open_blocks(path)
    with h5py.File(path, "w") as file:
        file["other"] = [1.0]
    with pytest.raises(RecordingError, match="has no t_s and channels"):
        open_blocks(path)
    with h5py.File(path, "w") as file:
        file["t_s"], file["channels/a"] = [0.0, 1.0], [1.0]
    with pytest.raises(RecordingError, match="has 1 samples of a at 2 instants"):
        open_blocks(path)
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        open_blocks(tmp_path / "gone.h5")


PEAK = """
import sys, tracemalloc
from tests.unit.test_measure_blocks import LOAD, POWER, RATE_HZ, V
import numpy as np
from hil.analysis.build import BLOCK_ROWS
from hil.analysis.channel import parse_channel
from hil.analysis.stream import PeriodMeans
from hil.record.recording import Recording

def block(k):
    t = (np.arange(BLOCK_ROWS, dtype=float) + k * BLOCK_ROWS) / RATE_HZ
    waves = {name: np.sin(2 * np.pi * (60 * t - i / 3)) for names in (V, LOAD) for i, name in enumerate(names)}
    return Recording(name="r", t_s=t, channels=waves)

def run(blocks):
    means = PeriodMeans(voltage="v0", products=list(zip(V, LOAD)))
    count = 0
    for k in range(blocks):
        count += len(means.feed(block(k)).t_s)
    return count + len(means.finish().t_s)

run(2)
tracemalloc.start()
assert run(int(sys.argv[1])) > 0
print(tracemalloc.get_traced_memory()[1])
"""


def peak_bytes(blocks: int) -> int:
    done = subprocess.run([sys.executable, "-c", PEAK, str(blocks)], check=True, capture_output=True, text=True)
    return int(done.stdout)


def test_ten_times_the_waveform_takes_no_more_memory() -> None:
    assert peak_bytes(40) < 1.05 * peak_bytes(4)
