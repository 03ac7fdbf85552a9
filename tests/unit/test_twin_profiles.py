"""The twin behind register maps of device profiles: what each point shows, and what writes do to the plant."""

import asyncio
import struct
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from hil.rig.mistake import BadFileError
from hil.rig.register_profile import BadProfileError, load_profile
from hil.rig.simulated import SimulatedSite
from hil.rig.site_file import site_file
from hil.rig.twin_file import FaultPart
from hil.rig.twin_load import load_twin
from tests.twin_kit import with_site

PARTS: dict[str, Any] = {
    "meters": [{"id": "poi", "profile": "eastron/sdm630", "reply_s": 0}],
    "ders": [{"id": "inv1", "profile": "solaredge/edpc", "nameplate_w": 10000, "telemetry_s": 0.1, "reply_s": 0}],
    "load": [{"constant": 3000}],
    "sun": {"constant": 0.75},
}


def ask(site: SimulatedSite, name: str, request: str, *words: object) -> bytes:
    """What a device says to a request: function, address and count or words."""
    return site.servers[name].answer(struct.pack(">B" + request, *words))


def floats(site: SimulatedSite, address: int, count: int) -> tuple[float, ...]:
    got = ask(site, "poi", "HH", 4, address, 2 * count)
    assert got[:2] == bytes((4, 4 * count)), got.hex(" ")
    return struct.unpack(f">{count}f", got[2:])


def test_an_sdm630_shows_volts_amperes_watts_and_hertz_as_input_registers() -> None:
    """Addresses of the Eastron manual, as anybody's meter library knows them: 0x0034 is the total power."""

    async def work(site: SimulatedSite) -> None:
        await asyncio.sleep(0.5)
        flow_w = 3000 - 7500
        assert floats(site, 0x34, 1)[0] == pytest.approx(flow_w, rel=1e-3)
        volts, amperes, watts = floats(site, 0, 3), floats(site, 6, 3), floats(site, 12, 3)
        assert volts == pytest.approx((230,) * 3, abs=1)
        assert watts == pytest.approx((flow_w / 3,) * 3, rel=1e-3)
        assert amperes == pytest.approx([abs(w) / v for w, v in zip(watts, volts, strict=True)], rel=1e-3)
        assert floats(site, 0x46, 1)[0] == pytest.approx(60, abs=0.2)
        assert floats(site, 0x4A, 1)[0] == pytest.approx(7500 / 3600 / 2e3 * 0.6, rel=0.1)  # kWh after half a second

    with_site(work, **PARTS)


def test_a_hole_reads_zero_and_everything_that_the_meter_has_not_is_refused() -> None:
    async def work(site: SimulatedSite) -> None:
        assert floats(site, 18, 4) == (0.0,) * 4
        assert ask(site, "poi", "HH", 4, 70, 8) == b"\x84\x02"  # beyond the last register
        assert ask(site, "poi", "HH", 4, 0, 82) == b"\x84\x03"  # the manual allows 80
        assert ask(site, "poi", "HH", 3, 0, 2) == b"\x83\x01"  # these are input registers
        assert ask(site, "poi", "HHBHH", 16, 0, 2, 4, 1, 1) == b"\x90\x01"

    with_site(work, **PARTS)


def test_a_meter_without_a_value_shows_not_a_number() -> None:
    async def work(site: SimulatedSite) -> float:
        site.inject(FaultPart(at_s=0, on="poi", fault="nan"))
        await asyncio.sleep(0.5)
        return floats(site, 0x34, 1)[0]

    got = with_site(work, **PARTS)
    assert got != got


def little_float(value: float) -> tuple[int, int]:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return low, high


LIMIT, ENABLE, TIMEOUT, FALLBACK, RATED = 0xF322, 0xF300, 0xF310, 0xF312, 0xF304


def test_an_edpc_inverter_identifies_itself_and_shows_its_power_with_a_power_of_ten() -> None:
    async def work(site: SimulatedSite) -> None:
        await asyncio.sleep(2)
        assert ask(site, "inv1", "HH", 3, 40000, 2)[2:] == b"SunS"
        assert ask(site, "inv1", "HH", 3, 40004, 16)[2:].rstrip(b"\0") == b"SolarEdge"
        assert ask(site, "inv1", "HH", 3, 40069, 1)[2:] == struct.pack(">H", 101)
        mantissa, exponent = struct.unpack(">hh", ask(site, "inv1", "HH", 3, 40083, 2)[2:])
        assert mantissa * 10.0**exponent == pytest.approx(7500, rel=0.01)
        assert ask(site, "inv1", "HH", 3, RATED, 2)[2:] == struct.pack(">HH", *little_float(10000))

    with_site(work, **PARTS)


def arm(site: SimulatedSite) -> None:
    """As the profile says, each point in a frame of its own."""
    for address, words in (
        (FALLBACK, little_float(10.0)),
        (TIMEOUT, (5, 0)),
        (ENABLE, (1,)),
    ):
        count = len(words)
        got = ask(site, "inv1", f"HHB{count}H", 16, address, count, 2 * count, *words)
        assert got == struct.pack(">BHH", 16, address, count)


def limit(site: SimulatedSite, limit_pct: float) -> bytes:
    return ask(site, "inv1", "HHBHH", 16, LIMIT, 2, 4, *little_float(limit_pct))


def test_a_limit_holds_while_it_is_refreshed_and_falls_back_to_the_armed_one_when_it_is_not() -> None:
    async def work(site: SimulatedSite) -> None:
        inverter = site.plant.units["inv1"]
        arm(site)
        for _ in range(3):
            assert limit(site, 40.0) == struct.pack(">BHH", 16, LIMIT, 2)
            await asyncio.sleep(4)
            site.settle()
            assert inverter.injection_w == pytest.approx(4000, rel=0.01)
        assert ask(site, "inv1", "HH", 3, LIMIT, 2)[2:] == struct.pack(">HH", *little_float(40.0))
        await asyncio.sleep(4)
        site.settle()
        assert inverter.injection_w == pytest.approx(1000, rel=0.01)

    with_site(work, **PARTS)


def test_a_limit_before_it_is_enabled_does_nothing_and_one_out_of_range_is_refused() -> None:
    async def work(site: SimulatedSite) -> None:
        assert limit(site, 40.0) == struct.pack(">BHH", 16, LIMIT, 2)
        await asyncio.sleep(4)
        site.settle()
        assert site.plant.units["inv1"].injection_w == pytest.approx(7500, rel=0.01)
        assert limit(site, 101.0) == b"\x90\x03"
        assert ask(site, "inv1", "HH", 3, LIMIT, 2)[2:] == struct.pack(">HH", *little_float(40.0))
        assert ask(site, "inv1", "HHBH", 16, 40069, 1, 2, 7) == b"\x90\x02"
        assert ask(site, "inv1", "HHBH", 16, LIMIT, 1, 2, 7) == b"\x90\x02"  # half a float

    with_site(work, **PARTS)


def test_the_site_file_names_the_profiles() -> None:
    async def work(site: SimulatedSite) -> str:
        return site_file(site)

    text = with_site(work, **PARTS)
    assert "profile: eastron/sdm630" in text
    assert "profile: solaredge/edpc" in text


PROFILE = """\
schema: pcs.profile/1
title: T
kind: {kind}
protocol: modbus
registers:
  function: 3
  word_order: little
  sign: {sign}
  who: {{manufacturer: M, model: T}}
  points:
    power_total: {{address: 10, type: int32, unit: kW, scale: 0.001, absent: [-2147483648]}}
    frequency: {{address: 12, type: uint16, unit: Hz, scale: 0.01}}
{more}
"""


def test_sign_scale_word_order_and_a_value_that_is_absent_are_those_of_the_profile(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(PROFILE.format(kind="meter", sign="export+", more=""))

    async def work(site: SimulatedSite) -> tuple[bytes, bytes]:
        await asyncio.sleep(0.5)
        good = ask(site, "poi", "HH", 3, 10, 3)[2:]
        site.inject(FaultPart(at_s=0, on="poi", fault="nan"))
        await asyncio.sleep(0.5)
        return good, ask(site, "poi", "HH", 3, 10, 2)[2:]

    quiet = {"id": "poi", "profile": str(path), "noise_w": 0, "reply_s": 0}
    good, absent = with_site(work, **{**PARTS, "meters": [quiet]})
    low, high, hertz = struct.unpack(">3H", good)
    assert (high << 16 | low, hertz) == (4500, pytest.approx(6000, abs=20))
    assert absent == struct.pack(">HH", 0x0000, 0x8000)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PROFILE.format(kind="inverter", sign="injection+", more=""), "describes no meter"),
        (PROFILE.format(kind="meter", sign="import+", more="    a: {address: 65535, type: float32}"), "address space"),
        (PROFILE.format(kind="meter", sign="import+", more="    a: {address: 0, type: int16, exponent: b}"), "names"),
        (PROFILE.format(kind="meter", sign="import+", more="    a: {address: 0, type: int8}"), "points.a.type"),
        ("title: [", "is not YAML"),
    ],
)
def test_a_profile_that_cannot_be_served_is_a_mistake_of_the_twin_file(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "m.yaml").write_text(text)
    twin_file = tmp_path / "twin.yaml"
    twin_file.write_text(
        "schema: hil.twin/1\nsite: {name: T, system: wye, nominal_v: 230}\nmeters: [{id: poi, profile: m.yaml}]\n"
    )
    with pytest.raises(BadFileError, match=rf"meters\[0\]\.profile: .*{words}"):
        load_twin(twin_file)


@pytest.mark.parametrize("name", ["nobody/nothing", "../../pyproject", "gone.yaml"])
def test_a_profile_that_does_not_exist_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadProfileError, match=r"no profile|cannot be read"):
        load_profile(name, tmp_path)


SHIPPED = {
    path: YAML(typ="safe", pure=True).load(path.read_text())
    for path in sorted((Path(__file__).parents[2] / "firmware_config").glob("*/*.yaml"))
}
REGISTER_MAPS = [path for path, raw in SHIPPED.items() if raw.get("protocol") == "modbus"]


@pytest.mark.parametrize("path", REGISTER_MAPS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_shipped_register_map_is_served(path: Path) -> None:
    name, kind = f"{path.parent.name}/{path.stem}", SHIPPED[path]["kind"]
    parts = dict(PARTS)
    if kind == "meter":
        parts["meters"] = [{"id": "poi", "profile": name, "reply_s": 0}]
    else:
        own = {"kind": "evse", "most_a": 16} if kind == "evse" else {"nameplate_w": 10000}
        parts["ders"] = [{"id": "inv1", "profile": name, "reply_s": 0, **own}]

    async def work(site: SimulatedSite) -> None:
        await asyncio.sleep(2)
        on = "poi" if kind == "meter" else "inv1"
        for point in load_profile(name, path.parent).registers.points.values():
            function = point.function or SHIPPED[path]["registers"]["function"]
            got = ask(site, on, "HH", function, point.address, point.size)
            assert got[:2] == bytes((function, 2 * point.size)), got.hex(" ")

    with_site(work, **parts)
