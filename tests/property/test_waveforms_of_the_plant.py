"""Waveforms of the simulated site hold the power, the angle and the answer times of the truth that they come from."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.analysis.build import Channel, Quantity, build
from hil.analysis.channel import parse_channel
from hil.analysis.judge import judge
from hil.analysis.movement import Side
from hil.analysis.result import Measurement, Question
from hil.analysis.series import Series
from hil.plant.inverter import InverterSpec
from hil.plant.orders import LimitOrder
from hil.plant.plant import Der, Load, Plant, PlantSpec
from hil.plant.source import Source
from hil.plant.system import Supply, System
from hil.plant.waveform import Harmonic, WaveformSpec, waveform, waveform_blocks
from hil.record.recording import Recording

SYSTEMS = {
    "single": System(name="single", nominal_v=230.0, nominal_hz=50.0),
    "split": System(name="split", nominal_v=120.0),
    "wye": System(name="wye", nominal_v=277.0),
    "delta": System(name="delta", nominal_v=480.0),
}


def site(
    system: System, watts: list[float], *, factor: float = 1.0, supply: Supply | None = None, tau_s: float = 0.5
) -> Plant:
    """Loads on the conductors (in a delta between them) and an inverter of 10 kW in full sun."""
    names = [f"L{k + 1}N" for k in range(system.phases)]
    if system.name == "delta":
        names = ["L1L2", "L2L3", "L1L3"]
    loads = tuple(
        Load(demand_w=Source.constant(w), connection=system.connect(name, factor))
        for w, name in zip(watts, names, strict=False)
    )
    spec = InverterSpec(
        id="inv1", nameplate_w=10_000.0, connection=system.connect("L123"), dead_time_s=0.4, time_constant_s=tau_s
    )
    ders = (Der(spec=spec, drive_w=Source.constant(10_000.0)),)
    return Plant(PlantSpec(system=system, supply=supply or Supply(), loads=loads, ders=ders))


def powers_w(recording: Recording, phases: int) -> list[np.ndarray]:
    """Power of each conductor over one measured period."""
    net = " + ".join(f"poi.voltage_v.L{k + 1}*poi.current_a.L{k + 1}" for k in range(phases))
    channel = build(recording, parse_channel(net, recording.channels), Quantity.W)
    assert isinstance(channel, Channel)
    assert all(isinstance(part, Series) for part in channel.parts)
    return [part.y for part in channel.parts if isinstance(part, Series)]


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(sorted(SYSTEMS)),
    watts=st.lists(st.floats(500.0, 30_000.0), min_size=3, max_size=3),
    factor=st.sampled_from([1.0, 0.8, 0.95, -0.9]),
    frequency_hz=st.floats(45.0, 65.0),
    voltage_factor=st.floats(0.8, 1.15),
    resistance_ohm=st.sampled_from([0.0, 0.05]),
    rate_hz=st.sampled_from([15_360.0, 12_800.0, 10_000.0]),
)
def test_the_power_of_a_waveform_is_that_of_the_plant_on_each_conductor(
    name: str,
    watts: list[float],
    factor: float,
    frequency_hz: float,
    voltage_factor: float,
    resistance_ohm: float,
    rate_hz: float,
) -> None:
    system = SYSTEMS[name]
    plant = site(system, watts, factor=factor, supply=Supply(resistance_ohm=resistance_ohm))
    plant.set_grid(0.1, voltage_factor=voltage_factor, frequency_hz=frequency_hz)
    trace = plant.trace()
    plant.advance(1.0)
    true_w = plant.phase_import_w()
    spec = WaveformSpec(
        rate_hz=rate_hz, current_harmonics=(Harmonic(order=3, part_ratio=0.2), Harmonic(order=7, part_ratio=0.1))
    )
    seen_w = powers_w(waveform(trace.rows, spec, 0.1, 0.9), system.phases)
    apparent_va = max(np.hypot(plant.phase_import_w(), plant.phase_import_var()))
    for k, one_w in enumerate(seen_w):
        # of the power, or where reactive power leaves little of it, of the apparent power that a recorder is rated for
        assert np.max(np.abs(one_w - true_w[k])) <= 1e-3 * max(abs(true_w[k]), 0.1 * apparent_va), k


def test_the_angle_runs_on_through_steps_of_load_voltage_and_frequency() -> None:
    plant = site(SYSTEMS["wye"], [1000.0, 2000.0, 3000.0])
    trace = plant.trace()
    for at_s, hz in ((0.303, 59.0), (0.517, 61.5), (0.7001, 60.0)):
        plant.set_grid(at_s, frequency_hz=hz)
    plant.set_load(0.55, 0, 9000.0)
    plant.advance(1.0)
    spec = WaveformSpec()
    record = waveform(trace.rows, spec, 0.0, 1.0)
    volts = record.channels["poi.voltage_v.L1"] / (277.0 * np.sqrt(2))
    # A cosine of the angle moves no faster than the angle: no jump anywhere.
    assert np.max(np.abs(np.diff(volts))) <= 2 * np.pi * 61.5 / spec.rate_hz * 1.0001
    turns = 0.303 * 60 + (0.517 - 0.303) * 59 + (0.7001 - 0.517) * 61.5 + (1.0 - 0.7001) * 60
    assert volts[-1] == pytest.approx(np.cos(2 * np.pi * turns), abs=1e-6)


def test_a_step_of_load_is_a_step_of_the_waveform_at_its_very_instant() -> None:
    plant = site(SYSTEMS["split"], [1000.0, 1000.0])
    trace = plant.trace()
    plant.set_load(0.5, 0, 11_000.0)
    plant.advance(0.6)
    record = waveform(trace.rows, WaveformSpec(rate_hz=12_000.0), 0.4, 0.6)
    crest_a = record.channels["poi.current_a.L1"] / np.cos(2 * np.pi * 60 * record.t_s) / np.sqrt(2)
    sure = np.abs(np.cos(2 * np.pi * 60 * record.t_s)) > 0.1
    before, after = sure & (record.t_s < 0.5), sure & (record.t_s >= 0.5)
    assert crest_a[before] == pytest.approx((1000 - 5000) / 120)
    assert crest_a[after] == pytest.approx((11_000 - 5000) / 120)


def test_the_same_samples_come_out_however_the_record_is_cut_and_noise_is_seeded() -> None:
    plant = site(SYSTEMS["wye"], [1000.0, 2000.0, 3000.0])
    trace = plant.trace()
    plant.advance(4.0)
    spec = WaveformSpec(noise_v=0.5, noise_a=0.2, resolution_v=0.1, resolution_a=0.01)
    blocks = list(waveform_blocks(trace.rows, spec, 0.0, 4.0))
    whole = waveform(trace.rows, spec, 0.0, 4.0)
    assert len(blocks) == 4
    assert max(len(block.t_s) for block in blocks) <= 1 << 14
    assert sum(len(block.t_s) for block in blocks) == len(whole.t_s) == 4 * 15_360 + 1
    again = waveform(trace.rows, spec, 0.0, 4.0)
    other = waveform(trace.rows, WaveformSpec(noise_v=0.5, seed=2), 0.0, 4.0)
    name = "poi.voltage_v.L2"
    assert np.array_equal(whole.channels[name], again.channels[name])
    assert not np.array_equal(whole.channels[name], other.channels[name])
    clean = waveform(trace.rows, WaveformSpec(), 0.0, 4.0)
    error_v = whole.channels[name] - clean.channels[name]
    assert np.std(error_v) == pytest.approx(np.hypot(0.5, 0.1 / np.sqrt(12)), rel=0.02)
    assert whole.channels[name] / 0.1 == pytest.approx(np.round(whole.channels[name] / 0.1), abs=1e-6)


def test_harmonics_have_the_size_that_they_were_given() -> None:
    plant = site(SYSTEMS["wye"], [13_000.0, 13_000.0, 13_000.0])
    trace = plant.trace()
    plant.advance(2.0)
    harmonics = (Harmonic(order=3, part_ratio=0.25, angle_deg=90.0), Harmonic(order=5, part_ratio=0.1))
    record = waveform(trace.rows, WaveformSpec(current_harmonics=harmonics), 0.0, 1.0 - 1 / 15_360)
    spectrum = np.abs(np.fft.rfft(record.channels["poi.current_a.L2"]))
    assert spectrum[[120, 180, 240, 300]] / spectrum[60] == pytest.approx([0, 0.25, 0, 0.1], abs=1e-6)


def answered(recording: Recording) -> Measurement:
    columns = recording.channels
    net = " + ".join(f"poi.voltage_v.L{k}*poi.current_a.L{k}" for k in (1, 2, 3))
    terms = parse_channel(net, columns)
    return judge(
        recording, parse_channel("limit.value", columns), terms, Quantity.W, Question(side=Side.BELOW)
    ).headline


@pytest.mark.parametrize("tau_s", [0.15, 0.3, 0.6, 1.5])
@pytest.mark.parametrize("noisy", [False, True])
def test_the_answer_time_that_is_measured_on_a_waveform_is_that_of_the_truth(tau_s: float, noisy: bool) -> None:
    """A limit of 20 % at 2 s: dead time 0.4 s and a lag, so 90 % of the way after 0.4 s + ln(10) tau."""
    plant = site(SYSTEMS["wye"], [1000.0, 1000.0, 1000.0], tau_s=tau_s)
    trace = plant.trace()
    plant.settle(2.0)
    plant.units["inv1"].write(2.0, LimitOrder(enabled=True, limit_pct=20.0))
    end_s = 2.4 + 12 * tau_s + 2.0
    plant.advance(end_s)
    spec = WaveformSpec(noise_v=0.3, noise_a=0.05, resolution_v=0.05, resolution_a=0.01) if noisy else WaveformSpec()
    record = waveform(trace.rows, spec, 0.0, end_s)
    limit_w = np.where(record.t_s < 2.0, 10_000.0, 2_000.0)
    found = answered(Recording(name=record.name, t_s=record.t_s, channels={**record.channels, "limit.value": limit_w}))
    assert found.olrt_s == pytest.approx(0.4 + np.log(10.0) * tau_s, abs=2e-3)


def test_rows_of_a_trace_rise_and_only_jumps_have_two_at_one_instant() -> None:
    plant = site(SYSTEMS["single"], [1000.0])
    trace = plant.trace(every_s=0.02)
    plant.set_load(0.11, 0, 2000.0)
    plant.set_load(0.11, 0, 3000.0)
    plant.advance(0.3)
    times_s = [row.at_s for row in trace.rows]
    assert times_s == sorted(times_s)
    doubles = [one.at_s for one, other in pairwise(trace.rows) if one.at_s == other.at_s]
    assert doubles == [0.11]
    assert max(np.diff(times_s)) <= 0.02 + 1e-9
    with pytest.raises(ValueError, match="no point"):
        plant.trace("nowhere")
