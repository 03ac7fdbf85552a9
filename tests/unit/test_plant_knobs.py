"""What a bench turns while the plant runs: loads and drives at any instant, with exact energies for its probes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.plant.inverter import InverterSpec
from hil.plant.plant import Der, Load, Plant, PlantSpec
from hil.plant.source import Source

instants_s = st.lists(st.floats(0.001, 9.999), min_size=1, max_size=6, unique=True).map(sorted)
powers_w = st.lists(st.floats(0, 9000), min_size=6, max_size=6)


def plant(demand_w: Source, sun_w: Source) -> Plant:
    """One load and one inverter that follows its sun at once."""
    spec = InverterSpec(id="pv1", nameplate_w=10_000, time_constant_s=0.0)
    return Plant(PlantSpec(loads=(Load(demand_w=demand_w),), ders=(Der(spec=spec, drive_w=sun_w),)))


@given(instants_s, powers_w)
def test_a_load_that_is_turned_by_hand_is_the_load_of_a_record_with_the_same_steps(
    times_s: list[float], values_w: list[float]
) -> None:
    turned = plant(Source.constant(0), Source.constant(3000))
    for at_s, value_w in zip(times_s, values_w, strict=False):
        turned.set_load(at_s, 0, value_w)
    played = plant(Source((0, *times_s), (0, *values_w[: len(times_s)]), linear=False), Source.constant(3000))
    for one in (turned, played):
        one.advance(10.0)
    assert turned.truth[-1] == pytest.approx(played.truth[-1])
    assert turned.demand_w == values_w[len(times_s) - 1]


@given(st.floats(0.001, 1.999), st.floats(0, 9000), st.floats(0.003, 0.5))
def test_a_probe_gives_the_mean_between_its_rows_whatever_moved_meanwhile(
    at_s: float, value_w: float, every_s: float
) -> None:
    one = plant(Source.constant(1000), Source.constant(2000))
    probe = one.watch(every_s, 10_000)
    one.set_load(at_s, 0, value_w)
    one.set_drive(at_s, "pv1", 500)
    one.advance(2.0)
    first, last = probe.rows[0], probe.rows[-1]
    span_s, before_s = last[0] - first[0], min(at_s, last[0])
    after_s = max(0.0, last[0] - at_s)
    assert last[0] == pytest.approx((len(probe.rows) - 1) * every_s)
    injected_j = last[-1] - first[-1]
    assert injected_j == pytest.approx(2000 * before_s + 500 * after_s, rel=1e-6)
    imported_j = sum(last[1:-1]) - sum(first[1:-1])
    assert imported_j == pytest.approx(1000 * before_s + value_w * after_s - injected_j, rel=1e-6, abs=1e-3)
    assert span_s <= 2.0


def test_a_probe_keeps_the_newest_rows_and_counts_all() -> None:
    one = plant(Source.constant(1000), Source.constant(0))
    probe = one.watch(0.1, 5)
    one.advance(2.05)
    assert (probe.noted, len(probe.rows)) == (21, 5)
    assert [row[0] for row in probe.rows] == pytest.approx([1.6, 1.7, 1.8, 1.9, 2.0])


def test_a_der_that_there_is_not_cannot_be_turned() -> None:
    with pytest.raises(KeyError):
        plant(Source.constant(0), Source.constant(0)).set_drive(1.0, "pv9", 5)
