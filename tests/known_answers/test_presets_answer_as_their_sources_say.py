"""Each preset in the plant, against the figure that its source gives."""

import pytest

from hil.plant.inverter import InverterSpec
from hil.plant.orders import LimitOrder
from hil.plant.plant import Der, Plant, PlantSpec
from hil.plant.presets import DER_PRESETS
from hil.plant.source import Source

KEYS = {"dead_time_s", "dead_jitter_s", "time_constant_s", "ramp_up_pct_s", "ramp_down_pct_s"}

FIGURES = [
    # settling of bslib's table is to within a band that it does not state: 3 to 5 lags after the dead time
    ("kostal_plenticore_5", 0.975, 2.79, 2.95),
    ("kostal_plenticore_10", 0.975, 2.70, 2.85),
    ("siemens_junelight", 0.975, 3.7, 3.9),
    ("fronius_gen24", 0.95, 13.5, 14.4),
    ("sma_data_manager", 0.9, 0.95, 1.05),
    ("sma_inverter_manager", 0.9, 0.95, 2.05),
    ("kaco_gridsave", 0.99, 1.0, 1.2),
    ("solectria_xgi", 0.9, 1.0, 1.4),
    ("solaredge_lcd", 0.97, 57.0, 60.5),
    ("solaredge_setapp", 0.9, 0.0, 1.0),
    ("hoymiles_hm", 0.95, 25.0, 90.0),
    ("ev_ac", 0.9, 1.0, 6.2),
    ("ev_ac_slow", 0.9, 6.0, 11.5),
    ("ev_dc", 0.9, 4.5, 5.0),
    ("field_mean", 0.95, 1.16, 1.19),
    ("cec_slow", 0.9, 9.9, 10.0),
]
"""Preset, part of the way, and between which times (s) it is made."""


def answered_s(preset: str, part: float, from_pct: float = 100.0, to_pct: float = 0.0) -> float:
    """When a unit like this has made `part` of its way after a limit was written."""
    values = {key: value for key, value in DER_PRESETS[preset].values.items() if key in KEYS}
    spec = InverterSpec(id="der", nameplate_w=10_000.0, **values)
    plant = Plant(PlantSpec(ders=(Der(spec=spec, drive_w=Source.constant(100.0 * from_pct)),), step_s=0.01))
    unit = plant.units["der"]
    plant.advance(1.0)
    unit.write(1.0, LimitOrder(enabled=True, limit_pct=to_pct))
    goal_w = 100.0 * (from_pct + part * (to_pct - from_pct))
    while unit.output_w > goal_w and plant.now_s < 200.0:
        plant.step(0.01)
    return plant.now_s - 1.0


@pytest.mark.parametrize(("preset", "part", "least_s", "most_s"), FIGURES)
def test_a_preset_answers_as_fast_as_its_source_says(preset: str, part: float, least_s: float, most_s: float) -> None:
    assert least_s <= answered_s(preset, part) <= most_s
    assert DER_PRESETS[preset].source


def test_every_preset_of_a_der_is_held_against_a_figure() -> None:
    assert {preset for preset, *_ in FIGURES} == set(DER_PRESETS)
