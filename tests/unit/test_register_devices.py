"""Devices with a register map: the two profiles of the library against images made by hand."""

import struct
from dataclasses import replace

import pytest

from pcs.config.profiles import load_profiles
from pcs.devices.register_inverter import RegisterInverter
from pcs.devices.register_meter import RegisterMeter
from pcs.devices.registry import inverter_for, meter_for
from pcs.model.command import LimitActivePower
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import DerIdentified, DerReading, LimitApplied, LimitReadback, MeterIdentified, MeterReading
from pcs.model.site import CurrentTransformer, DerKind, DerSpec, LinkAddress, MeterSign, MeterSpec
from pcs.ports import Priority
from tests.register_kit import Image, sdm630, solaredge

PROFILES = load_profiles()
HERE = LinkAddress(host="test")


def meter(image: Image, **changes: object) -> RegisterMeter:
    spec = MeterSpec(id="poi", profile=PROFILES["eastron/sdm630"], link=HERE, unit=1, point="poi")
    made = meter_for(replace(spec, **changes), image)  # type: ignore[arg-type]
    assert isinstance(made, RegisterMeter)
    return made


async def test_an_sdm630_is_recognised_and_read_in_one_request_of_its_input_registers() -> None:
    image = sdm630()
    poi = meter(image)
    met = await poi.identify()
    assert isinstance(met, MeterIdentified)
    assert (met.manufacturer, met.model, met.phases, met.has_liveness) == ("Eastron", "SDM630", 3, True)
    image.log.clear()
    reading = await poi.measure()
    assert isinstance(reading, MeterReading)
    assert image.log == [("read4", 0, 72, Priority.FAST_READ)]
    assert reading.import_w == 1503.0
    assert reading.phase_import_w == (500.0, 501.0, 502.0)
    assert reading.phase_current_a == (2.5, 2.5, 2.5)
    assert reading.phase_voltage_v == (230.0, 231.0, 232.0)
    assert reading.frequency_hz == pytest.approx(49.98)
    assert len(reading.words) == 144
    assert await poi.still_same() is None


@pytest.mark.parametrize(
    ("sign", "ratio", "turned", "import_w"),
    [
        (MeterSign.IMPORT_POSITIVE, 1.0, False, 1503.0),
        (MeterSign.EXPORT_POSITIVE, 2.0, False, -3006.0),
        (MeterSign.IMPORT_POSITIVE, 2.0, True, -3006.0),
        (MeterSign.EXPORT_POSITIVE, 1.0, True, 1503.0),
    ],
)
async def test_the_site_file_turns_what_the_profile_has_turned_to_import(
    sign: MeterSign, ratio: float, turned: bool, import_w: float
) -> None:
    profile = PROFILES["eastron/sdm630"]
    assert profile.registers is not None
    other = replace(profile, registers=replace(profile.registers, positive_is_import=not turned))
    poi = meter(sdm630(), sign=sign, ct=CurrentTransformer(ratio=ratio), profile=other)
    await poi.identify()
    reading = await poi.measure()
    assert isinstance(reading, MeterReading)
    assert reading.import_w == import_w
    assert reading.phase_current_a == (2.5 * ratio,) * 3


async def test_a_device_that_holds_something_else_is_not_the_meter() -> None:
    image = sdm630()
    image.put(4, 70, struct.pack(">f", 0.0))
    met = await meter(image).identify()
    assert isinstance(met, Fault)
    assert met.kind is FaultKind.WRONG_DEVICE
    assert met.detail == "no Eastron SDM630: frequency is 0 instead of 40 to 70"
    assert isinstance(refused := await meter(Image()).identify(), Fault)
    assert refused.kind is FaultKind.WRONG_DEVICE


async def test_a_total_that_is_no_number_is_no_reading() -> None:
    image = sdm630()
    poi = meter(image)
    await poi.identify()
    image.put(4, 52, struct.pack(">f", float("nan")))
    answer = await poi.measure()
    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.NOT_A_NUMBER


def inverter(image: Image, *, ours: bool = False, nameplate_w: float = 10_000.0) -> RegisterInverter:
    profile = PROFILES["solaredge/edpc"]
    spec = DerSpec(id="inv1", kind=DerKind.PV, nameplate_w=nameplate_w, profile=profile, link=HERE, unit=2)
    made = inverter_for(spec, image, lambda serial, limit_w, tolerance_w: ours)
    assert isinstance(made, RegisterInverter)
    return made


async def met(der: RegisterInverter) -> DerIdentified:
    answer = await der.identify()
    assert isinstance(answer, DerIdentified), answer
    return answer


def limit(limit_w: float, *, reversion_limit_w: float = 500.0, urgent: bool = True) -> LimitActivePower:
    return LimitActivePower(der_id="inv1", limit_w=limit_w, reversion_limit_w=reversion_limit_w, urgent=urgent)


async def test_an_inverter_is_recognised_with_its_rating_and_without_a_limit() -> None:
    der = inverter(solaredge())
    identified = await met(der)
    assert (identified.manufacturer, identified.serial, identified.firmware) == ("SolarEdge", "7E1234", "4.19")
    assert (identified.rating_w, identified.rating_source, identified.variant) == (10_000.0, "rated_power", "edpc")
    assert identified.resolution_w == pytest.approx(10.0)
    assert identified.reverts_safe
    assert identified.found.limit_w is None
    reading = await der.measure()
    assert isinstance(reading, DerReading)
    assert reading.injection_w == 8760.0


async def test_the_first_limit_arms_the_device_so_that_it_falls_back_by_itself() -> None:
    """The order of the arming writes is that of dbus-fronius: the ramps take -1 only after another value."""
    image = solaredge()
    der = inverter(image)
    await met(der)
    image.log.clear()
    applied = await der.apply(limit(4321.0))
    assert isinstance(applied, LimitApplied), applied
    assert applied.limit_w == pytest.approx(4320.0)
    written = [address for what, address, _, priority in image.log if what == "write16"]
    assert written == [62242, 62232, 62234, 62232, 62234, 62226, 62224, 62208, 62242]
    assert all(priority is Priority.LIMIT_WRITE for what, _, _, priority in image.log if what == "write16")
    assert image.number(62242, ">f") == pytest.approx(43.2)
    assert image.number(62226, ">f") == pytest.approx(5.0)
    assert image.number(62224, ">I") == 60
    assert (image.number(62232, ">f"), image.number(62234, ">f"), image.registers[3, 62208]) == (-1.0, -1.0, 1)
    seen = await der.read_limit()
    assert isinstance(seen, LimitReadback)
    assert (seen.limit_w, seen.reversion_limit_w, seen.reversion_s) == (
        pytest.approx(4320.0),
        pytest.approx(500.0),
        60.0,
    )


async def test_an_armed_device_gets_one_frame_for_a_limit_and_one_more_where_the_fallback_changes() -> None:
    image = solaredge()
    der = inverter(image)
    await met(der)
    await der.apply(limit(4000.0))
    for command, written in (
        (limit(3000.0), [62242]),
        (limit(3000.0, reversion_limit_w=400.0), [62242, 62226]),
        (limit(0.0, reversion_limit_w=400.0), [62242]),
    ):
        image.log.clear()
        assert isinstance(await der.apply(command), LimitApplied)
        assert [address for what, address, _, _ in image.log if what == "write16"] == written


async def test_a_device_that_lost_its_arming_is_armed_again_with_the_next_limit() -> None:
    image = solaredge()
    der = inverter(image)
    await met(der)
    await der.apply(limit(4000.0))
    image.registers[3, 62208] = 0
    seen = await der.read_limit()
    assert isinstance(seen, LimitReadback)
    assert seen.limit_w is None
    assert isinstance(await der.apply(limit(4000.0)), LimitApplied)
    assert image.registers[3, 62208] == 1


@pytest.mark.parametrize(
    ("address", "said"),
    [(62242, "limit is 100 instead of 40"), (62208, "enable is 0 instead of 1"), (62226, "fallback_limit is 100")],
)
async def test_what_reads_back_otherwise_is_not_applied(address: int, said: str) -> None:
    image = solaredge()
    image.ignores = {address}
    der = inverter(image)
    await met(der)
    answer = await der.apply(limit(4000.0))
    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.NOT_APPLIED
    assert said in answer.detail


@pytest.mark.parametrize(
    ("stated_w", "rating_w", "source"),
    [
        (float("nan"), 10_000.0, "nameplate of the site file; rated_power is not implemented"),
        (10.0, 10_000.0, "nameplate of the site file; rated_power is 10 W"),
        (30_000.0, 30_000.0, "rated_power; the site file says 10000 W"),
    ],
)
async def test_a_rating_that_cannot_be_true_is_not_believed(stated_w: float, rating_w: float, source: str) -> None:
    image = solaredge()
    image.put(3, 62212, struct.pack(">f", stated_w), low_first=True)
    identified = await met(inverter(image))
    assert (identified.rating_w, identified.rating_source) == (rating_w, source)


async def test_another_inverter_at_the_same_address_is_found_out() -> None:
    image = solaredge()
    der = inverter(image)
    await met(der)
    assert await der.still_same() is None
    image.put(3, 40052, b"OTHER".ljust(32, b"\0"))
    changed = await der.still_same()
    assert changed is not None
    assert (changed.kind, changed.detail) == (
        FaultKind.WRONG_DEVICE,
        "serial OTHER answers instead of serial 7E1234",
    )


async def test_a_rating_is_kept_over_a_night_and_read_anew_from_another_inverter() -> None:
    image = solaredge()
    der = inverter(image)
    await met(der)
    image.put(3, 62212, struct.pack(">f", 6_000.0), low_first=True)
    assert (await met(der)).rating_w == 10_000.0, "the same unit"
    image.put(3, 40052, b"OTHER".ljust(32, b"\0"))
    assert (await met(der)).rating_w == 6_000.0
    image.put(3, 62212, struct.pack(">f", 0.0), low_first=True)
    assert (await met(der)).rating_w == 6_000.0, "what it says at night"


async def test_a_limit_found_is_ours_when_the_journal_or_the_armed_timer_explains_it() -> None:
    image = solaredge()
    image.registers[3, 62208] = 1
    image.put(3, 62242, struct.pack(">f", 30.0), low_first=True)
    assert not (await met(inverter(image))).found_is_own
    assert (await met(inverter(image, ours=True))).found_is_own
    image.put(3, 62226, struct.pack(">f", 30.0), low_first=True)
    assert (await met(inverter(image))).found_is_own
