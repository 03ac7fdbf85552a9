"""Who SunSpec meters and inverters are and what they measure, against maps encoded by pysunspec2."""

import struct
from dataclasses import replace
from typing import Any

import pytest

from pcs.codec.sunspec import window
from pcs.devices.inverter import SunSpecInverter
from pcs.devices.meter import SunSpecMeter
from pcs.devices.registry import inverter_for, meter_for
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import DerIdentified, DerReading, MeterReading
from pcs.model.site import MeterSign
from pcs.ports import Priority
from tests.link_helpers import FakeLink
from tests.sunspec_helpers import COMMON, der_spec, meter_spec, model, offset_of, serve
from tests.sunspec_kit import LIMIT_123, LIMIT_704, METER, do, identified, inverter_123, inverter_704, limit, meter_on


def test_a_meter_is_read_in_one_request_and_turned_to_import_positive() -> None:
    link = serve(model(1, **COMMON), model(203, **METER))
    meter, found = meter_on(link)
    assert (found.variant, found.phases, found.has_liveness, found.serial) == ("203", 3, True, "S-1")
    reading = do(meter.measure())
    assert isinstance(reading, MeterReading)
    assert reading.import_w == -5000.0
    assert reading.phase_import_w == (-2000.0, -1900.0, -1100.0)
    assert reading.phase_current_a == (7.2, 6.9, 4.0)
    assert reading.phase_voltage_v == (277.1, 276.9, 277.0)
    assert reading.frequency_hz == 60.01
    assert reading.resolution_w == 1.0
    assert [entry[0] for entry in link.log] == ["read"]
    assert link.log[0][3] is Priority.FAST_READ
    assert len(reading.words) == 2 * link.log[0][2]


def test_sign_and_ct_ratio_of_the_site_file_are_applied_to_power_and_current_only() -> None:
    link = serve(model(1, **COMMON), model(203, **METER))
    meter, _ = meter_on(link, sign=MeterSign.EXPORT_POSITIVE, ratio=20.0)
    reading = do(meter.measure())
    assert isinstance(reading, MeterReading)
    assert reading.import_w == 100_000.0
    assert reading.phase_import_w == (40_000.0, 38_000.0, 22_000.0)
    assert reading.phase_current_a == (144.0, 138.0, 80.0)
    assert reading.phase_voltage_v[0] == 277.1
    assert reading.resolution_w == 20.0


@pytest.mark.parametrize("model_id", [211, 212, 213, 214])
def test_float_meters_are_read_in_one_request_too(model_id: int) -> None:
    link = serve(model(1, **COMMON), model(model_id, W=1234.5, WphA=1.5, WphB=2.5, WphC=3.5, Hz=50.0))
    meter, found = meter_on(link)
    reading = do(meter.measure())
    assert isinstance(reading, MeterReading)
    assert reading.import_w == 1234.5
    assert reading.phase_import_w == (1.5, 2.5, 3.5)[: found.phases]
    assert len(link.log) == 1


@pytest.mark.parametrize("gone", [{"W": None}, {"W_SF": None}, {"W_SF": 11}, {"W_SF": -11}])
def test_a_meter_without_a_total_is_not_a_number_and_never_a_sum_of_phases(gone: dict[str, Any]) -> None:
    link = serve(model(1, **COMMON), model(203, **METER))
    meter, _ = meter_on(link)
    link.put_bytes(offset_of(link, 203), model(203, **{**METER, **gone}))
    fault = do(meter.measure())
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.source_id) == (FaultKind.NOT_A_NUMBER, "poi")


@pytest.mark.parametrize("word", ["7fc00000", "7f800001", "ff800000", "7f800000"])
def test_no_kind_of_nan_or_infinity_is_a_power(word: str) -> None:
    link = serve(model(1, **COMMON), model(213, W=1.0, Hz=50.0))
    meter, _ = meter_on(link)
    link.put_bytes(offset_of(link, 213) + 28, bytes.fromhex(word))
    fault = do(meter.measure())
    assert isinstance(fault, Fault)
    assert fault.kind is FaultKind.NOT_A_NUMBER


def test_a_changed_scale_factor_counts_from_the_very_reply_that_brings_it() -> None:
    link = serve(model(1, **COMMON), model(203, **METER))
    meter, _ = meter_on(link)
    link.put_bytes(offset_of(link, 203), model(203, **{**METER, "W": -500, "W_SF": 1}))
    reading = do(meter.measure())
    assert isinstance(reading, MeterReading)
    assert (reading.import_w, reading.resolution_w) == (-5000.0, 10.0)


def test_a_meter_without_phases_volts_and_hertz_says_so() -> None:
    meter, found = meter_on(serve(model(1, **COMMON), model(203, W=10, W_SF=0)))
    assert not found.has_liveness
    reading = do(meter.measure())
    assert isinstance(reading, MeterReading)
    assert (reading.phase_import_w, reading.phase_current_a, reading.phase_voltage_v) == ((), (), ())
    assert reading.frequency_hz is None


def test_an_inverter_is_no_meter_and_the_fault_says_what_was_found() -> None:
    fault = do(SunSpecMeter(meter_spec(), inverter_123()).identify())
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.source_id) == (FaultKind.WRONG_DEVICE, "poi")
    assert "Acme One" in fault.detail
    assert "1, 103, 120, 121, 123" in fault.detail


def test_a_meter_is_no_inverter_and_the_fault_says_what_was_found() -> None:
    link = serve(model(1, **COMMON), model(203, **METER))
    fault = do(SunSpecInverter(der_spec(), link, lambda *_: False).identify())
    assert isinstance(fault, Fault)
    assert fault.kind is FaultKind.WRONG_DEVICE
    assert "203" in fault.detail


@pytest.mark.parametrize("kind", [FaultKind.NO_ANSWER, FaultKind.NO_CONNECTION])
def test_a_device_that_is_not_reached_is_not_called_a_wrong_one(kind: FaultKind) -> None:
    for device in (
        SunSpecMeter(meter_spec(), FakeLink(fault=kind)),
        SunSpecInverter(der_spec(), FakeLink(fault=kind), lambda *_: False),
    ):
        fault = do(device.identify())
        assert isinstance(fault, Fault)
        assert fault.kind is kind


def test_another_serial_number_behind_the_same_address_is_a_wrong_device() -> None:
    link = inverter_123()
    inverter, _ = identified(link)
    assert do(inverter.still_same()) is None
    assert len(link.log) == 1
    link.put_bytes(offset_of(link, 1), model(1, **{**COMMON, "SN": "S-2"}))
    fault = do(inverter.still_same())
    assert isinstance(fault, Fault)
    assert fault.kind is FaultKind.WRONG_DEVICE
    assert "S-1" in fault.detail
    assert "S-2" in fault.detail


def test_an_inverter_with_123_is_identified_with_its_rating_and_no_limit() -> None:
    _, found = identified(inverter_123())
    assert (found.variant, found.rating_w, found.rating_source, found.resolution_w) == (
        "123",
        10_000.0,
        "121.WMax",
        10.0,
    )
    assert (found.manufacturer, found.model, found.firmware, found.serial) == ("Acme", "One", "1.2", "S-1")
    assert not found.reverts_safe
    assert found.found.limit_w is None
    assert found.found_is_own


def test_an_inverter_with_704_is_identified_with_the_rating_its_percents_refer_to() -> None:
    _, found = identified(inverter_704())
    assert (found.variant, found.rating_w, found.rating_source, found.resolution_w) == ("704", 9_000.0, "702.WMax", 9.0)
    assert found.reverts_safe


def test_704_is_preferred_where_a_device_has_both_and_left_aside_where_it_is_an_empty_shell() -> None:
    parts = (model(1, **COMMON), model(103, W=1, W_SF=0), model(123, **LIMIT_123))
    _, both = identified(serve(*parts, model(704, **LIMIT_704)))
    assert both.variant == "704"
    _, shell = identified(serve(*parts, model(704)))
    assert shell.variant == "123"


@pytest.mark.parametrize(("w_max", "w_rtg", "rating_w", "source"), [
    (1200, 900, 12_000.0, "121.WMax"),
    (0, 900, 9_000.0, "120.WRtg; 121.WMax is 0 W"),
    (None, 900, 9_000.0, "120.WRtg; 121.WMax is not implemented"),
    (0, 0, 10_000.0, "nameplate of the site file; 121.WMax is 0 W; 120.WRtg is 0 W"),
    (499, 499, 10_000.0, "nameplate of the site file; 121.WMax is 4990 W; 120.WRtg is 4990 W"),
    (2001, 499, 20_010.0, "121.WMax; the site file says 10000 W"),
    (500, 1, 5_000.0, "121.WMax"),
])  # fmt: skip
def test_a_rating_is_believed_only_near_the_nameplate(
    w_max: int | None, w_rtg: int, rating_w: float, source: str
) -> None:
    link = serve(
        model(1, **COMMON),
        model(103, W=0, W_SF=0),
        model(120, WRtg=w_rtg, WRtg_SF=1),
        model(121, WMax=w_max, WMax_SF=1),
        model(123, **LIMIT_123),
    )
    inverter, found = identified(link)
    assert (found.rating_w, found.rating_source) == (rating_w, source)
    link.put(offset_of(link, 121) + 2, 0)
    again = do(inverter.identify())
    assert isinstance(again, DerIdentified)
    assert again.rating_w == rating_w


def test_a_limit_found_is_own_if_the_journal_or_the_armed_reversion_explains_it() -> None:
    held = {"WMaxLimPct": 300, "WMaxLim_Ena": 1}
    assert identified(inverter_123(**held), own=True)[1].found_is_own
    _, foreign = identified(inverter_123(**held), own=False)
    assert not foreign.found_is_own
    assert foreign.found.limit_w == 3000.0
    armed = {"WMaxLimPctEna": 1, "WMaxLimPct": 100, "WMaxLimPctRvrt": 100, "WMaxLimPctEnaRvrt": 1}
    assert identified(inverter_704(**armed, WMaxLimPctRvrtTms=60))[1].found_is_own
    assert not identified(inverter_704(**{**armed, "WMaxLimPct": 500}, WMaxLimPctRvrtTms=60))[1].found_is_own
    assert not identified(inverter_704(**armed, WMaxLimPctRvrtTms=0))[1].found_is_own


@pytest.mark.parametrize(("link", "injection_w", "count"), [
    (inverter_123(), 4321.0, 2),
    (inverter_704(), 4320.0, 107),
    (serve(model(1, **COMMON), model(113, W=99.5), model(123, **LIMIT_123)), 99.5, 2),
    (serve(model(1, **COMMON), model(113), model(123, **LIMIT_123)), None, 2),
    (serve(model(1, **COMMON), model(101, W_SF=0), model(123, **LIMIT_123)), None, 2),
])  # fmt: skip
def test_injected_power_is_one_read_with_its_scale_factor(
    link: FakeLink, injection_w: float | None, count: int
) -> None:
    inverter, _ = identified(link)
    reading = do(inverter.measure())
    assert isinstance(reading, DerReading)
    assert reading.injection_w == injection_w
    assert [(kind, n) for kind, _, n, _ in link.log] == [("read", count)]


def test_devices_are_made_by_the_protocol_of_their_profile() -> None:
    link = FakeLink()
    assert isinstance(meter_for(meter_spec(), link), SunSpecMeter)
    assert isinstance(inverter_for(der_spec(), link, lambda *_: False), SunSpecInverter)


def test_bytes_of_another_length_than_the_window_are_a_bug() -> None:
    with pytest.raises(ValueError, match="decoded from"):
        window(103, 50, ("W",)).decode(struct.pack(">h", 1))


def test_devices_that_were_not_identified_answer_nothing() -> None:
    meter, inverter = SunSpecMeter(meter_spec(), FakeLink()), SunSpecInverter(der_spec(), FakeLink(), lambda *_: False)
    for work in (meter.measure, meter.still_same, inverter.measure, inverter.read_limit, inverter.still_same):
        with pytest.raises(RuntimeError, match="not identified"):
            do(work())
    with pytest.raises(RuntimeError, match="not identified"):
        do(inverter.apply(limit(1.0)))


@pytest.mark.parametrize("device", ["meter", "inverter"])
def test_a_fault_at_any_step_of_identification_is_told_as_it_came(device: str) -> None:
    for step in range(1, 40):
        link = serve(model(1, **COMMON), model(203, **METER)) if device == "meter" else inverter_704()
        made: Any = SunSpecMeter(meter_spec(), link)
        if device == "inverter":
            made = SunSpecInverter(der_spec(), link, lambda *_: False)
        link.fail_after = step
        found = do(made.identify())
        if not isinstance(found, Fault):
            assert step >= 6
            return
        assert found.kind is FaultKind.NO_CONNECTION
    raise AssertionError("never identified")


def test_an_inverter_that_does_not_measure_is_a_wrong_device() -> None:
    fault = do(SunSpecInverter(der_spec(), serve(model(1), model(123, **LIMIT_123)), lambda *_: False).identify())
    assert isinstance(fault, Fault)
    assert fault.kind is FaultKind.WRONG_DEVICE
    assert "no model with the power" in fault.detail


def test_a_device_without_model_1_is_a_wrong_device() -> None:
    fault = do(SunSpecMeter(meter_spec(), serve(model(203, **METER))).identify())
    assert isinstance(fault, Fault)
    assert fault.kind is FaultKind.WRONG_DEVICE


def test_an_unknown_protocol_is_a_bug_of_the_configuration() -> None:
    strange = replace(meter_spec().profile, protocol="telepathy")
    with pytest.raises(LookupError, match="telepathy"):
        meter_for(replace(meter_spec(), profile=strange), FakeLink())
    with pytest.raises(LookupError, match="telepathy"):
        inverter_for(replace(der_spec(), profile=strange), FakeLink(), lambda *_: False)
    with pytest.raises(ValueError, match="profile"):
        SunSpecInverter(replace(der_spec(), profile=None), FakeLink(), lambda *_: False)
