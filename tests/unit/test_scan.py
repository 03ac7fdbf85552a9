"""`pcs scan`: what it finds, what it never does, how long it takes, and the words when nobody is there."""

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from pcs.cli import scan as command_module
from pcs.cli.main import run
from pcs.cli.scan import command, page, settings, unit_list
from pcs.cli.scan_site import local_timezone, site_file
from pcs.codec.rtu import sealed
from pcs.config import load_profiles, load_site
from pcs.io.modbus_rtu import ModbusRtuLink
from pcs.io.modbus_tcp import ModbusTcpLink
from pcs.model.fault import Fault, FaultKind
from pcs.model.reading import DerReading, MeterReading
from pcs.model.site import LinkAddress, LinkKind
from pcs.ports import Link, Priority, Reply
from pcs.runtime.scan import BUS_UNITS, TCP_UNITS, Progress, Result, Scan
from pcs.runtime.scan_look import Found, ReadOnlyLink
from tests.link_helpers import ADDRESS, FakeLink, FaultyServer, healthy, in_virtual_time, saying, silent
from tests.rtu_kit import BUS, Asked, Bus
from tests.rtu_kit import saying as bus_saying
from tests.rtu_kit import silent as nobody_answers
from tests.sunspec_helpers import COMMON, image, model
from tests.sunspec_kit import METER, inverter_704

PROFILES = {name: profile for name, profile in load_profiles().items() if profile.protocol == "sunspec"}
LIVE_METER = {**METER, "W": 1500, "WphA": 500, "WphB": 510, "WphC": 490}


class Site:
    """Devices by unit behind one link; a unit that is not there is silent, and each link counts as one connection."""

    def __init__(self, **units: FakeLink) -> None:
        self.units = {int(name.removeprefix("u")): device for name, device in units.items()}
        self.connections = 0
        self.silence_s = 0.6
        self.otherwise: Fault | None = None

    def link(self, address: LinkAddress) -> "SiteLink":
        self.connections += 1
        return SiteLink(self)


class SiteLink:
    def __init__(self, site: Site) -> None:
        self.site = site

    async def read(
        self, unit: int, address: int, count: int, *, deadline_s: float, priority: Priority, function: int = 3
    ) -> Reply | Fault:
        device = self.site.units.get(unit)
        if device is not None:
            await asyncio.sleep(0.01)
            return await device.read(unit, address, count, deadline_s=deadline_s, priority=priority)
        if self.site.otherwise is not None:
            return self.site.otherwise
        await asyncio.sleep(self.site.silence_s)
        return Fault(kind=FaultKind.NO_ANSWER, source_id="link", at_s=0.0, detail="no reply in time")

    async def write(self, unit: int, address: int, words: tuple[int, ...], **_: object) -> Reply | Fault:
        raise AssertionError("a scan wrote")

    async def close(self) -> None: ...


def meter(serial: str = "S-1") -> FakeLink:
    link = FakeLink()
    link.put_bytes(40000, image(model(1, **{**COMMON, "SN": serial}), model(203, **LIVE_METER)))
    return link


def scanned(
    link_for: Callable[[LinkAddress], Link], places: Sequence[Sequence[LinkAddress]] = ((ADDRESS,),), **options: object
) -> Result:
    async def work() -> Result:
        return await Scan(link_for, PROFILES, **options).run(places)  # type: ignore[arg-type]

    return in_virtual_time(work)


def test_a_meter_and_an_inverter_behind_one_gateway_are_named_with_what_they_show() -> None:
    site = Site(u1=meter(), u3=inverter_704())
    first, second = scanned(site.link).found
    assert (first.unit, first.manufacturer, first.model, first.serial, first.variant) == (
        1,
        "Acme",
        "One",
        "S-1",
        "203",
    )
    assert isinstance(first.reading, MeterReading)
    assert first.reading.import_w == 1500.0
    assert first.reading.phase_voltage_v == (277.1, 276.9, 277.0)
    assert second.profile is not None
    assert (second.unit, second.profile.id, second.rating_w, second.limit_w) == (3, "sunspec/inverter", 9000.0, None)
    assert isinstance(second.reading, DerReading)
    assert second.reading.injection_w == 4320.0


def test_a_scan_only_reads_and_a_write_cannot_pass() -> None:
    inner = FakeLink()

    async def work() -> None:
        await ReadOnlyLink(inner).write(1, 2, (3,), deadline_s=1.0, priority=Priority.SCAN)

    with pytest.raises(PermissionError, match="a scan does not write"):
        in_virtual_time(work)
    assert inner.log == []


def test_each_silent_unit_costs_at_most_two_knocks_and_the_whole_has_a_bound() -> None:
    site = Site(u1=meter())
    told: list[Progress] = []
    result = scanned(site.link, on_progress=told.append)
    assert [p.unit for p in told] == list(TCP_UNITS)
    assert result.requests <= 12 + 2 * (len(TCP_UNITS) - 1)
    assert result.took_s <= 0.2 + 2 * 0.6 * (len(TCP_UNITS) - 1)


def test_a_scan_ends_in_its_time_and_keeps_what_it_found() -> None:
    result = scanned(Site(u1=meter()).link, within_s=2.0)
    assert [one.unit for one in result.found] == [1]
    assert result.took_s == pytest.approx(2.0)
    assert result.cut > 0
    assert f"{result.cut} units were not asked" in result.trouble[-1]


def test_a_gateway_that_says_nobody_is_there_is_believed() -> None:
    site = Site(u1=meter())
    words = "exception 11, no reply from the device behind the gateway (reading 2 at 40000)"
    site.otherwise = Fault(kind=FaultKind.NOT_NOW, source_id="link", at_s=0.0, detail=words)
    assert [one.unit for one in scanned(site.link).found] == [1]


def test_a_device_that_answers_for_every_unit_is_listed_once() -> None:
    site = Site(**{f"u{unit}": meter() for unit in TCP_UNITS})
    (one,) = scanned(site.link).found
    assert one.units_alike == TCP_UNITS[1:]
    assert "does not look at the unit id" in one.note
    two = Site(u1=meter("A"), u2=meter("B"))
    assert [found.serial for found in scanned(two.link).found] == ["A", "B"]


def test_what_answers_and_fits_no_profile_is_said_to_be_there() -> None:
    strange = FakeLink()
    strange.put(0, 1)
    battery = FakeLink()
    battery.put_bytes(40000, image(model(1, **COMMON), model(122)))
    one, other = scanned(Site(u1=strange, u2=battery).link).found
    assert (one.profile, one.note) == (None, "it answers (exception 2, illegal address), but no profile fits")
    assert "SunSpec map at 40000 with models 1, 122" in other.note


@pytest.mark.parametrize("unit", [2, 5])
def test_the_settings_of_a_serial_port_are_tried_until_one_is_answered(unit: int) -> None:
    tried: list[LinkAddress] = []
    site, nobody = Site(**{f"u{unit}": meter(), "u126": meter("B")}), Site()

    def link(address: LinkAddress) -> Link:
        tried.append(address)
        return (site if (address.baud, address.parity) == (19200, "E") else nobody).link(address)

    result = scanned(link, [settings("serial:///dev/ttyUSB0")], within_s=1000.0)
    right = "serial:///dev/ttyUSB0?baud=19200&parity=E"
    assert [(str(one.address), one.unit) for one in result.found] == [(right, unit), (right, 126)]
    assert (tried[0].baud, tried[0].parity) == (9600, "N")
    assert str(tried[-1]) == right


def test_a_bus_without_an_answer_names_what_was_tried_and_the_likely_causes() -> None:
    result = scanned(Site().link, [settings("serial:///dev/ttyUSB0?parity=N")], within_s=1000.0)
    (words,) = result.trouble
    assert "nobody answers at 9600 N, 19200 N" in words
    assert "A and B swapped" in words
    assert result.asked == 6 * len(BUS_UNITS)


@pytest.mark.parametrize(
    ("detail", "cause"),
    [
        ("cannot connect: [Errno 111] Connect call failed", "nothing listens on port 1502 there"),
        ("cannot connect: [Errno -2] Name or service not known", "is the host's name right?"),
        ("cannot connect: [Errno 113] No route to host", "is the device on?"),
        ("no TCP connection in time", "no firewall between?"),
    ],
)
def test_a_host_that_cannot_be_reached_is_told_with_its_likely_cause_at_once(detail: str, cause: str) -> None:
    site = Site()
    site.otherwise = Fault(kind=FaultKind.NO_CONNECTION, source_id="link", at_s=0.0, detail=detail)
    result = scanned(site.link)
    assert result.found == []
    assert result.asked == 1
    assert detail in result.trouble[0]
    assert cause in result.trouble[0]


def eastron(asked: Asked) -> list[tuple[float, bytes]]:
    """An SDM630: input registers only, holes read as zero, exception 2 for holding registers."""
    unit, function, address, count = struct.unpack_from(">BBHH", asked.frame)
    if function != 4:
        return [(0.005, sealed(bytes((unit, function | 0x80, 2))))]
    values = {
        0: 230.0,
        2: 231.0,
        4: 229.0,
        6: 5.0,
        8: 4.0,
        10: 3.0,
        12: 1000.0,
        14: 900.0,
        16: 600.0,
        52: 2500.0,
        70: 50.0,
    }
    image_ = bytearray(400)
    for place, value in values.items():
        struct.pack_into(">f", image_, 2 * place, value)
    return [(0.005, sealed(bytes((unit, 4, 2 * count)) + image_[2 * address : 2 * (address + count)]))]


def on_bus(bus: Bus, **options: object) -> Result:
    async def work() -> Result:
        scan = Scan(lambda address: ModbusRtuLink(address, line=lambda _: bus), load_profiles(), **options)  # type: ignore[arg-type]
        return await scan.run([[BUS]])

    return in_virtual_time(work)


def test_a_meter_on_a_serial_bus_is_found_by_its_profile_between_silent_units() -> None:
    bus = Bus(units={4: eastron}, otherwise=nobody_answers)
    result = on_bus(bus)
    (one,) = result.found
    assert one.profile is not None
    assert (one.profile.id, one.unit, one.manufacturer, one.model) == ("eastron/sdm630", 4, "Eastron", "SDM630")
    assert isinstance(one.reading, MeterReading)
    assert (one.reading.import_w, one.reading.phase_current_a) == (2500.0, (5.0, 4.0, 3.0))
    assert {asked.frame[1] for asked in bus.asked} <= {3, 4}
    assert result.took_s < 1.5 * len(BUS_UNITS)


def test_a_bus_that_sends_garbage_is_said_to_be_there_and_no_device_is_invented() -> None:
    bus = Bus(otherwise=bus_saying(lambda asked: bytes.fromhex("f80003e1e0fe80")))
    result = on_bus(bus, units=(1, 2))
    assert result.found == []
    assert "something is sent, but no frame that fits" in result.trouble[0]


def over_tcp(work: Callable[[LinkAddress], Awaitable[Result]], server: FaultyServer) -> Result:
    async def whole() -> Result:
        address = await server.start()
        try:
            return await work(address)
        finally:
            await server.stop()

    return in_virtual_time(whole)


async def scan_tcp(address: LinkAddress) -> Result:
    return await Scan(ModbusTcpLink, PROFILES, units=(1, 2, 3)).run([[address]])


def test_on_the_wire_there_are_reads_alone_and_no_request_overlaps_another() -> None:
    server = FaultyServer(otherwise=healthy)
    result = over_tcp(scan_tcp, server)
    assert {request.function for request in server.requests} <= {3, 4}
    assert [request.count <= 125 for request in server.requests]
    assert [one.profile for one in result.found] == [None]


def test_silent_units_behind_a_real_link_are_passed_without_its_back_off() -> None:
    result = over_tcp(scan_tcp, FaultyServer(otherwise=silent))
    assert result.asked == 3
    assert result.took_s == pytest.approx(3 * 0.6, abs=0.3)
    assert "connected, but no unit answers (3 units asked)" in result.trouble[0]


def test_a_web_server_is_not_taken_for_a_device() -> None:
    server = FaultyServer(otherwise=saying(lambda request: b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    result = over_tcp(scan_tcp, server)
    assert result.found == []
    assert "something is sent, but no frame that fits: no Modbus TCP header" in result.trouble[0]


def test_the_proposed_site_file_is_valid_and_carries_what_was_found(tmp_path: Path) -> None:
    text = site_file(scanned(Site(u1=meter(), u3=inverter_704(), u2=meter("B")).link).found, "Europe/Berlin")
    assert text is not None
    (tmp_path / "site.yaml").write_text(text)
    site = load_site(tmp_path / "site.yaml")
    assert (site.system.value, site.nominal_v, site.timezone) == ("wye", 277.0, "Europe/Berlin")
    assert [(m.id, m.unit, m.point) for m in site.meters] == [("poi", 1, "poi")]
    assert [(d.id, d.unit, d.nameplate_w) for d in site.ders] == [("inv1", 3, 9000.0)]
    assert [limit.value for limit in site.limits] == [0.0]
    assert "# another meter: {id: meter2" in text


def test_hostile_names_of_a_device_cannot_leave_their_comment(tmp_path: Path) -> None:
    evil = meter("S\nlimits: []\x1b[2J")
    text = site_file(scanned(Site(u1=evil).link).found, "UTC")
    assert text is not None
    (tmp_path / "site.yaml").write_text(text)
    assert len(load_site(tmp_path / "site.yaml").limits) == 1
    assert "\x1b" not in text


def test_without_a_meter_there_is_no_site_file() -> None:
    assert site_file(scanned(Site(u1=inverter_704()).link).found, "UTC") is None


def test_the_page_shows_volts_amperes_and_watts_of_each_phase() -> None:
    text = "\n".join(page(scanned(Site(u1=meter(), u3=inverter_704()).link)))
    for words in (
        "tcp://127.0.0.1:1502 unit 1: sunspec/meter: Acme One, serial S-1",
        "total +1500 W (import, if plus is import), 60.01 Hz",
        "L2  276.9 V  6.90 A  510 W",
        "injects 4320 W",
        "rating 9000 W, no limit set",
        "nothing was written to any",
    ):
        assert words in text


def test_lists_of_units_and_addresses_are_read_or_refused_with_words() -> None:
    assert unit_list("1-3,126, 2") == (1, 2, 3, 126)
    assert [(a.baud, a.parity) for a in settings("serial:///dev/ttyS0?baud=9600")] == [
        (9600, "N"), (9600, "E"), (9600, "O"),
    ]  # fmt: skip
    assert [a.kind for a in settings("rtu+tcp://h:502")] == [LinkKind.RTU_OVER_TCP]
    for arguments in (
        ["tcp://h", "--units", "0"],
        ["tcp://h", "--units", "9-3"],
        ["tcp//h"],
        ["serial:///dev/x?baud=3"],
    ):
        assert run(["scan", *arguments]) == 2


def test_the_command_ends_with_3_when_nobody_answers_and_with_0_and_a_file_when_somebody_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(u1=meter(), u3=inverter_704())
    site.silence_s = 0.0
    monkeypatch.setattr(command_module, "link_for", site.link)
    written = tmp_path / "site.yaml"
    answer = CliRunner().invoke(command, ["tcp://h", "--json", "--write-site", str(written)], standalone_mode=False)
    assert answer.return_value == 0
    told = json.loads(answer.stdout)
    assert [one["profile"] for one in told["found"]] == ["sunspec/meter", "sunspec/inverter"]
    assert told["found"][0]["values"]["phase_current_a"] == [7.2, 6.9, 4.0]
    assert written.read_text() == told["site_file"]
    again = CliRunner().invoke(command, ["tcp://h", "--write-site", str(written)], standalone_mode=True)
    assert "is not overwritten" in again.output
    site.units.clear()
    assert CliRunner().invoke(command, ["tcp://h"], standalone_mode=False).return_value == 3


def test_the_time_zone_of_this_machine_is_proposed_where_it_says(tmp_path: Path) -> None:
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Europe/Berlin")
    assert local_timezone(tmp_path / "localtime") == "Europe/Berlin"
    assert local_timezone(tmp_path / "none") == "UTC"


def test_a_meter_without_volts_gets_a_common_nominal_voltage() -> None:
    bare = Found(address=ADDRESS, unit=1, profile=PROFILES["sunspec/meter"])
    text = site_file([bare], "UTC")
    assert text is not None
    assert "nominal_v: 230" in text
