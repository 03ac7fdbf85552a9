"""What we write as COMTRADE means the same to our reader and to the independent package `comtrade`."""

import json
from datetime import UTC, datetime
from pathlib import Path

import comtrade
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.cli.measure import measure
from hil.record.comtrade_writer import Form, Head, write_comtrade
from hil.record.recording import Recording, RecordingError, read_recording

HEAD = Head(
    station="Lab, one",
    device="WT1",
    line_hz=60.0,
    started=datetime(2026, 5, 1, 10, 0, 0, 250_000, tzinfo=UTC),
    trigger_s=1000.5,
)
SHARE = {Form.ASCII: 1 / 199_996, Form.BINARY: 1 / 65_534, Form.BINARY32: 1e-9, Form.FLOAT32: 1e-7}
"""What each form may lose, of the range (FLOAT32: of the largest value)."""


def made(even: bool = True, rows: int = 400) -> Recording:
    t_s = 1000.0 + np.arange(rows) / 15_360.0
    if not even:
        t_s = 1000.0 + np.cumsum(np.random.default_rng(1).uniform(0.05, 0.2, rows))
    wave = 325.0 * np.sin(2 * np.pi * 60 * t_s)
    flow = np.linspace(-8000.0, 1234.5, rows)
    flow[7] = np.nan
    contacts = {f"x{i}.contact": (np.arange(rows) % (i + 2) == 0).astype(float) for i in range(18)}
    return Recording(
        name="power",
        t_s=t_s,
        channels={"poi.voltage_v.L1": wave, "poi.import_w": flow, **contacts, "flat": np.full(rows, 5.5)},
    )


def theirs(path: Path) -> comtrade.Comtrade:
    return comtrade.load(str(path), use_numpy_arrays=True, use_double_precision=True)


@pytest.mark.parametrize("suffix", [".cfg", ".cff"])
@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("form", list(Form))
def test_both_readers_get_the_recording_back_in_every_form(form: Form, even: bool, suffix: str, tmp_path: Path) -> None:
    recording = made(even)
    write_comtrade(tmp_path / f"r{suffix}", recording, HEAD, form)
    ours, other = read_recording(tmp_path / f"r{suffix}"), theirs(tmp_path / f"r{suffix}")
    since_s = recording.t_s - recording.t_s[0]
    assert np.max(np.abs(ours.t_s - since_s)) <= 1e-7
    assert np.max(np.abs(other.time - since_s)) <= 1e-7
    assert set(ours.channels) == set(recording.channels)
    assert {*other.analog_channel_ids, *other.status_channel_ids} == set(recording.channels)
    assert [name for name in recording.channels if name.endswith("contact")] == other.status_channel_ids
    for name, values in recording.channels.items():
        row = (other.analog_channel_ids + other.status_channel_ids).index(name)
        read = (*other.analog, *other.status)[row]
        size = np.nanmax(np.abs(values)) if form is Form.FLOAT32 else np.nanmax(values) - np.nanmin(values)
        for found in (ours.channels[name], np.asarray(read, dtype=float)):
            assert np.array_equal(np.isnan(found), np.isnan(values)), name
            assert np.nanmax(np.abs(found - values)) <= SHARE[form] * size + 1e-12, name


def test_the_head_says_where_when_and_in_which_unit(tmp_path: Path) -> None:
    write_comtrade(tmp_path / "r.cfg", made(rows=15_360), HEAD)
    other = theirs(tmp_path / "r.cfg")
    assert (other.station_name, other.rec_dev_id, other.rev_year) == ("Lab  one", "WT1", "2013")
    assert (other.frequency, other.trigger_time) == (60.0, 0.5)
    assert other.start_timestamp == datetime(2026, 5, 1, 10, 0, 0, 250_000)  # noqa: DTZ001 - the package has no zones
    channel = other.cfg.analog_channels[0]
    assert (channel.name, channel.ph, channel.uu, channel.pors) == ("poi.voltage_v.L1", "L1", "V", "P")
    assert other.cfg.sample_rates == [[15_360.0, 15_360]]


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(-1e9, 1e9) | st.just(float("nan")), min_size=1, max_size=30),
    steps_s=st.lists(st.floats(1e-6, 1e4), min_size=30, max_size=30),
    form=st.sampled_from(Form),
)
def test_any_samples_come_back_within_the_resolution_of_the_form(
    values: list[float], steps_s: list[float], form: Form, tmp_path_factory: pytest.TempPathFactory
) -> None:
    t_s = np.cumsum(steps_s)[: len(values)]
    path = tmp_path_factory.mktemp("c") / "r.cfg"
    recording = Recording(name="x", t_s=t_s, channels={"a_w": np.array(values)})
    write_comtrade(path, recording, form=form)
    again = read_recording(path)
    assert np.max(np.abs(again.t_s - (t_s - t_s[0]))) <= 1e-7 + 1.2e-9 * (t_s[-1] - t_s[0])  # half of 10 units of 2**32
    given_a, found = np.array(values), again.channels["a_w"]
    assert np.array_equal(np.isnan(given_a), np.isnan(found))
    if np.any(np.isfinite(given_a)):
        largest = np.nanmax(np.abs(given_a))
        size = largest if form is Form.FLOAT32 else np.nanmax(given_a) - np.nanmin(given_a)
        assert np.nanmax(np.abs(found - given_a)) <= SHARE[form] * size + 1e-12 * largest + 1e-30


@pytest.mark.parametrize(
    ("recording", "what"),
    [
        (Recording(name="x", t_s=np.empty(0), channels={"a": np.empty(0)}), "would have no samples"),
        (Recording(name="x", t_s=np.array([1.0, 0.0]), channels={"a": np.zeros(2)}), "time that goes back"),
        (Recording(name="x", t_s=np.array([0.0, 1.0]), channels={"a,b": np.zeros(2)}), 'cannot name a channel "a,b"'),
        (Recording(name="x", t_s=np.array([0.0]), channels={"a": np.array([np.inf])}), "value of a that is infinite"),
    ],
)
def test_what_comtrade_cannot_hold_is_said_and_nothing_written(recording: Recording, what: str, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=what):
        write_comtrade(tmp_path / "r.cfg", recording)
    assert list(tmp_path.iterdir()) == []


def test_the_same_response_is_measured_in_the_export(tmp_path: Path) -> None:
    t_s = 100.0 + 0.02 * np.arange(1500)
    load = np.where(t_s < 105.0, 8000.0, 2000.0)
    flow = np.where(t_s < 105.0, 0.0, -6000.0 * np.exp(-np.maximum(0.0, t_s - 105.3) / 0.5))
    flow = np.where((t_s >= 105.0) & (t_s < 105.3), -6000.0, flow)
    recording = Recording(name="power", t_s=t_s, channels={"load.demand_w": load, "poi.import_w": flow})
    said = set()
    for form in Form:
        write_comtrade(tmp_path / f"{form.value}.cfg", recording, form=form)
        asked = [str(tmp_path / f"{form.value}.cfg"), "--stimulus", "load.demand_w", "--response", "poi.import_w"]
        found = json.loads(CliRunner().invoke(measure, [*asked, "--limit", "0", "--json"]).stdout)
        said.add((found["verdict"], round(found["t90_from_extreme_s"], 2)))
    (verdict, t90_s), *others = said
    assert (verdict, others) == ("PASS", [])
    assert t90_s == pytest.approx(0.3 + 0.5 * np.log(10.0), abs=0.02)  # dead, then lag; samples 0.02 s apart
