"""Register maps in device profiles: what contradicts itself is refused, each mistake with its place."""

from pathlib import Path

import pytest

from pcs.config import ConfigError, load_profiles
from pcs.config.profiles import profile_folder

METER = (profile_folder() / "eastron" / "sdm630.yaml").read_text(encoding="utf-8")
INVERTER = (profile_folder() / "solaredge" / "edpc.yaml").read_text(encoding="utf-8")


def refusal(tmp_path: Path, text: str) -> str:
    """Everything that a profile is refused with; empty when it is not."""
    (tmp_path / "maker").mkdir()
    (tmp_path / "maker" / "model.yaml").write_text(text, encoding="utf-8")
    try:
        load_profiles(tmp_path)
    except ConfigError as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("text", [METER, INVERTER])
def test_the_register_maps_of_the_library_are_accepted(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text) == ""


METER_MISTAKES = [
    ("protocol: modbus", "protocol: sunspec", "registers: does not belong to a profile of protocol sunspec"),
    ("sign: import+\n", "sign: injection+\n", "registers.sign: does not belong to a profile of kind meter"),
    ("slow: [energy_import", "slow: [energy_imported", "registers.slow[0]: unknown point (got energy_imported)"),
    ("{point: frequency, at_least", "{point: hertz, at_least", "registers.identity[0].point: unknown point"),
    ("at_least: 40, at_most: 70", "at_least: 40, equals: [50]", "registers.identity[0]: says nothing, or two things"),
    ("read_max: 80", "read_max: 60", "registers.fast: does not fit one read (got 72 registers)"),
    ("power_total, frequency]", "frequency]", "registers.fast: has no power_total, expected power_total in W or kW"),
    (
        "{address: 52, type: float32, unit: W}",
        "{address: 52, type: float32, unit: A}",
        "registers.fast: has no power_total",
    ),
    ("{address: 70, type: float32", "{address: 70, type: float32, function: 3", "registers.fast: mixes function codes"),
    ("{address: 74, type: float32", "{address: 65535, type: float32", "points.energy_export.address: lies behind"),
    ("{address: 74, type: float32", "{address: 74, type: string", "points.energy_export.words: contradicts the type"),
    ("{address: 74, type: float32", "{address: 74, type: f32", "points.energy_export.type: is not a known value"),
    (
        "{address: 62, type: float32}",
        "{address: 62, type: float32, exponent: frequency, scale: 2}",
        "is a second scale",
    ),
]
INVERTER_MISTAKES = [
    (
        "fast: [power_total, power_exponent]",
        "fast: [power_total]",
        "registers.fast: lacks power_exponent, the exponent",
    ),
    ("persistence: volatile", "persistence: eeprom", "limits.edpc.persistence: would wear out the device"),
    ("      point: limit\n", "      point: enable\n", "limits.edpc.registers.point: is no limit"),
    ("enable_point: enable", "enable_point: limit", "limits.edpc.registers.enable_point: is not written"),
    ("value: reversion_s", "value: 60", "limits.edpc.registers.arm: contradicts the fallback"),
    ("at_least: 0\n", "at_least: 101\n", "limits.edpc.registers.at_least: is upside down"),
    ("step: 0.1", "step: 0.1\n      write_function: 6", "limits.edpc.registers.write_function: cannot write limit"),
    (
        "{address: 62208, type: uint16}",
        "{address: 62208, type: uint16, function: 4}",
        "points.enable: cannot be written",
    ),
]


@pytest.mark.parametrize(
    ("whole", "right", "wrong", "said"),
    [(METER, *row) for row in METER_MISTAKES] + [(INVERTER, *row) for row in INVERTER_MISTAKES],
    ids=[row[2][:60] for row in METER_MISTAKES + INVERTER_MISTAKES],
)
def test_a_register_map_that_contradicts_itself_is_refused(
    tmp_path: Path, whole: str, right: str, wrong: str, said: str
) -> None:
    assert right in whole
    assert said in refusal(tmp_path, whole.replace(right, wrong, 1))


def test_a_profile_of_protocol_modbus_needs_its_registers(tmp_path: Path) -> None:
    assert "registers: is missing" in refusal(tmp_path, METER[: METER.index("registers:")])
