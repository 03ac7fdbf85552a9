"""Channels of a recording: how people name them, and true power from waveforms."""

import numpy as np
import pytest

from hil.analysis.build import Channel, Quantity, build
from hil.analysis.channel import ChannelError, TermKind, parse_channel
from hil.analysis.power import periods_of, rising_s, window_mean
from hil.analysis.series import Invalid, Series
from hil.record.recording import Recording

COLUMNS = ("va", "ia", "vb", "ib", "poi_w", "inv-1 (W)", "P*Q")


@pytest.mark.parametrize(
    ("said", "kinds", "columns"),
    [
        ("poi_w", ["sampled"], [("poi_w",)]),
        ("POI_W", ["sampled"], [("poi_w",)]),
        ("P*Q", ["sampled"], [("P*Q",)]),
        ("inv-1 (W)", ["sampled"], [("inv-1 (W)",)]),
        ('poi_w - "inv-1 (W)"', ["sampled", "sampled"], [("poi_w",), ("inv-1 (W)",)]),
        ("va*ia + vb*ib", ["v*i", "v*i"], [("va", "ia"), ("vb", "ib")]),
        ("-rms(ia)+rms(ib)", ["rms", "rms"], [("ia",), ("ib",)]),
    ],
)
def test_a_channel_is_a_column_a_sum_or_a_product(said: str, kinds: list[str], columns: list[tuple[str, ...]]) -> None:
    terms = parse_channel(said, COLUMNS)
    assert [term.kind for term in terms] == [TermKind(kind) for kind in kinds]
    assert [term.columns for term in terms] == columns


@pytest.mark.parametrize(
    "said", ["", "va*", "*ia", "va ia", "va+", "va*ia*vb", "(va)", "rms(ia)ib", "va+*ib", "+".join(["va"] * 13)]
)
def test_what_is_no_channel_is_refused(said: str) -> None:
    with pytest.raises(ChannelError, match="is no channel"):
        parse_channel(said, COLUMNS)


def test_an_unknown_column_is_said_with_what_there_is() -> None:
    with pytest.raises(ChannelError, match=r'no channel "poi" .did you mean "poi_w"'):
        parse_channel("va*ia+poi", COLUMNS)


def averaged(t: np.ndarray, quantity: Quantity, said: str, **channels: np.ndarray) -> Series:
    made = build(Recording(name="r", t_s=t, channels=channels), parse_channel(said, channels), quantity)
    assert isinstance(made, Channel), made
    assert isinstance(made.net, Series)
    return made.net


@pytest.mark.parametrize("hz", [45.0, 49.7, 59.3, 60.0, 60.5])
@pytest.mark.parametrize("rate_hz", [2000.0, 15_360.0])
def test_power_of_waveforms_is_true_to_half_a_thousandth_off_nominal(hz: float, rate_hz: float) -> None:
    """IEC 61000-4-30 asks for a window of measured periods."""
    random = np.random.default_rng(1)
    t = np.arange(0.0, 1.0, 1.0 / rate_hz)
    x = 2 * np.pi * hz * t + 0.3
    v = 325.0 * (np.sin(x) + 0.03 * np.sin(5 * x)) + 0.5 * random.standard_normal(len(t))
    i = 20.0 * (np.sin(x - 0.5) + 0.1 * np.sin(3 * x)) + 0.5 + 0.05 * random.standard_normal(len(t))
    seen = averaged(t, Quantity.W, "v*i", v=v, i=i)
    assert 1.0 / seen.window_s == pytest.approx(hz, rel=3e-4)
    assert seen.y == pytest.approx(np.full(len(seen.y), 0.5 * 325.0 * 20.0 * np.cos(0.5)), rel=4e-3)
    assert np.mean(seen.y) == pytest.approx(0.5 * 325.0 * 20.0 * np.cos(0.5), rel=5e-4)
    rms_a = np.sqrt(200.0 * 1.01 + 0.25 + 0.0025)
    back = averaged(t, Quantity.A, "v*i", v=v, i=-i)
    assert back.y == pytest.approx(np.full(len(back.y), -rms_a), rel=4e-3)


def test_direct_current_is_power_too() -> None:
    t = np.arange(0.0, 1.0, 1e-4)
    seen = averaged(t, Quantity.W, "v*i", v=300.0 * np.sin(2 * np.pi * 50 * t) + 10.0, i=np.full(len(t), 2.0))
    assert seen.y == pytest.approx(np.full(len(seen.y), 20.0), rel=1e-3)


def test_a_window_mean_is_stamped_at_its_centre() -> None:
    t = np.sort(np.random.default_rng(3).uniform(0.0, 10.0, 500))
    at = np.array([2.0, 5.0, 7.5])
    assert window_mean(t, 3.0 * t + 1.0, at, np.full(3, 0.7)) == pytest.approx(3.0 * at + 1.0)


@pytest.mark.parametrize("wave", [np.zeros(5000), np.ones(5000), np.sin(2 * np.pi * 400 * np.arange(5000) * 1e-4)])
def test_what_has_no_line_frequency_has_no_periods(wave: np.ndarray) -> None:
    assert periods_of(rising_s(np.arange(5000) * 1e-4, wave)) is None


def recording(**channels: np.ndarray) -> Recording:
    return Recording(name="r", t_s=np.arange(5000) * 1e-4, channels=channels)


def test_waveforms_and_samples_are_not_mixed_and_a_hole_in_a_waveform_is_invalid() -> None:
    t = np.arange(5000) * 1e-4
    v = np.sin(2 * np.pi * 50 * t)
    mixed = build(recording(v=v, i=v, p=t), parse_channel("v*i+p", ("v", "i", "p")), Quantity.W)
    assert isinstance(mixed, Invalid)
    holed = build(
        recording(v=v, i=np.where((t > 0.2) & (t < 0.21), np.nan, v)), parse_channel("v*i", ("v", "i")), Quantity.W
    )
    assert isinstance(holed, Invalid)
    assert "gap" in holed.reason
    dull = build(recording(v=np.ones(5000), i=v), parse_channel("v*i", ("v", "i")), Quantity.W)
    assert isinstance(dull, Invalid)
    assert "no steady line frequency" in dull.reason


def test_currents_of_several_conductors_have_no_sum() -> None:
    t = np.arange(5000) * 1e-4
    v = np.sin(2 * np.pi * 50 * t)
    terms = parse_channel("v*i+v*j", ("v", "i", "j"))
    made = build(recording(v=v, i=v, j=-v), terms, Quantity.A)
    assert isinstance(made, Channel)
    assert made.net is None
    assert [np.sign(part.y[0]) for part in made.parts if isinstance(part, Series)] == [1.0, -1.0]
    summed = build(recording(v=v, i=v, j=-v), terms, Quantity.W)
    assert isinstance(summed, Channel)
    assert isinstance(summed.net, Series)
    assert np.max(np.abs(summed.net.y)) < 1e-12
