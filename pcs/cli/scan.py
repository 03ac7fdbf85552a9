"""`pcs scan ADDRESS`: names the devices on a host or a serial bus, and proposes a site file."""

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from pcs.cli.exits import Exit
from pcs.cli.scan_site import local_timezone, seen, site_file
from pcs.config.addresses import link_form, link_hint, parse_link
from pcs.config.profiles import load_profiles
from pcs.io.modbus_rtu import ModbusRtuLink
from pcs.io.modbus_tcp import ModbusTcpLink
from pcs.model.reading import DerReading, MeterReading
from pcs.model.site import LinkAddress, LinkKind
from pcs.ports import Link
from pcs.runtime.scan import Progress, Result, Scan
from pcs.runtime.scan_look import Found

BAUDS = (9600, 19200, 38400, 115200, 4800, 2400)
"""Most likely first: the defaults of meters (9600, 2400) and inverters (9600, 19200)."""
PARITIES = ("N", "E", "O")
"""The standard asks for E, most devices leave the factory with N, few use O."""
WITHIN_S = 120.0
PLACES_MOST = 16


@click.command("scan", short_help="Find meters and inverters.")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@click.option("--units", metavar="LIST", help="Unit ids to ask, such as 1-10,126. Default: those that makers use.")
@click.option(
    "--seconds", "within_s", type=click.FloatRange(min=1, max=3600), default=WITHIN_S, help="End after this time."
)
@click.option(
    "--write-site", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a site file."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON on stdout.")
def command(
    addresses: tuple[str, ...], units: str | None, within_s: float, write_site: Path | None, as_json: bool
) -> Exit:
    """Name the devices at ADDRESS and show what they measure. It reads only and never writes to a device.

    ADDRESS is tcp://HOST[:PORT], rtu+tcp://HOST:PORT or serial:///dev/PORT[?baud=BAUD&parity=N|E|O]; without baud or
    parity several are tried. Stop a controller that uses the same device first: many devices serve one client only.
    """
    if len(addresses) > PLACES_MOST:
        raise click.BadParameter(f"at most {PLACES_MOST} at once", param_hint="ADDRESS")
    places = [settings(text) for text in addresses]
    chosen = None if units is None else unit_list(units)
    if write_site is not None and write_site.exists():
        raise click.BadParameter(f"{write_site} exists and is not overwritten", param_hint="--write-site")
    told = _Line(shown=sys.stderr.isatty() and not as_json)
    scan = Scan(link_for, load_profiles(), units=chosen, within_s=within_s, on_progress=told.progress)
    try:
        result = asyncio.run(scan.run(places))
    finally:
        told.clear()
    text = site_file(result.found, local_timezone())
    if as_json:
        click.echo(json.dumps(as_dict(result, text), indent=2))
    else:
        click.echo("\n".join(page(result)))
        if text is not None and write_site is None:
            click.echo(f"\na site file for it (--write-site FILE writes it):\n\n{text}")
    if write_site is not None:
        _write(write_site, text)
    return Exit.DONE if result.found else Exit.LINK


def link_for(address: LinkAddress) -> Link:
    """The link to an address; nothing is opened before the first request."""
    return ModbusTcpLink(address) if address.kind is LinkKind.TCP else ModbusRtuLink(address)


def settings(text: str) -> list[LinkAddress]:
    """An address, or one serial port with every setting to try.

    Raises:
        click.BadParameter: it is no address.
    """
    if not re.match(r"serial://", text):
        address = parse_link(text)
        found = [] if address is None else [address]
    else:
        device, _, given = text.partition("?")
        bauds = [""] if "baud=" in given else [f"baud={baud}" for baud in BAUDS]
        parities = [""] if "parity=" in given else [f"parity={parity}" for parity in PARITIES]
        tried = ("&".join(filter(None, (given, baud, parity))) for parity in parities for baud in bauds)
        found = [one for setting in tried if (one := parse_link(f"{device}?{setting}")) is not None]
    if not found:
        raise click.BadParameter(f"{text}: expected {link_form(text)}; {link_hint(text)}", param_hint="ADDRESS")
    return found


def unit_list(text: str) -> tuple[int, ...]:
    """Unit ids of a list such as 1-10,126.

    Raises:
        click.BadParameter: it is no such list.
    """
    units: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,3})(?:-(\d{1,3}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= first <= last <= 255:
            raise click.BadParameter(
                f"{part!r}: expected unit ids from 1 to 255, such as 1-10,126", param_hint="--units"
            )
        units += range(first, last + 1)
    return tuple(dict.fromkeys(units))


class _Line:
    """One line of progress on a terminal, written over and over."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown

    def progress(self, at: Progress) -> None:
        """Say which unit is asked now."""
        if self._shown:
            found = f", {at.found} found" if at.found else ""
            click.echo(f"\r\x1b[K{at.address} unit {at.unit} ({at.asked} of {at.of}){found}", nl=False, err=True)

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)


def page(result: Result) -> Iterator[str]:
    """What was found, for people."""
    for one in result.found:
        profile = one.profile.id if one.profile else "UNKNOWN"
        yield f"{one.address} unit {one.unit}: {profile}" + (f": {seen(one)}" if one.profile else "")
        yield from (f"  {line}" for line in _values(one))
        if one.units_alike:
            yield f"  so do units {', '.join(map(str, one.units_alike))}"
        if one.note:
            yield f"  note: {one.note}"
    yield from result.trouble
    many = "1 device" if len(result.found) == 1 else f"{len(result.found)} devices"
    effort = f"{result.asked} units asked with {result.requests} reads in {result.took_s:.1f} s"
    yield f"{many}; {effort}; nothing was written to any"


def _values(one: Found) -> Iterator[str]:
    """What a person compares with the display of the device."""
    if one.firmware or one.variant:
        yield f"firmware {one.firmware or '?'}, model {one.variant or '?'}"
    reading = one.reading
    if isinstance(reading, MeterReading):
        flow = "import" if reading.import_w >= 0 else "export"
        hertz = f", {reading.frequency_hz:.2f} Hz" if reading.frequency_hz is not None else ""
        yield f"total {reading.import_w:+.0f} W ({flow}, if plus is import){hertz}"
        yield from _phases(reading)
    elif isinstance(reading, DerReading) and reading.injection_w is not None:
        yield f"injects {reading.injection_w:.0f} W"
    if one.rating_w is not None:
        limit = "no limit set" if one.limit_w is None else f"a limit of {one.limit_w:.0f} W is set"
        yield f"rating {one.rating_w:.0f} W, {limit}"


def _phases(reading: MeterReading) -> Iterator[str]:
    columns = (("V", reading.phase_voltage_v, 1), ("A", reading.phase_current_a, 2), ("W", reading.phase_import_w, 0))
    for k in range(max(len(values) for _, values, _ in columns)):
        said = (f"{values[k]:.{digits}f} {unit}" for unit, values, digits in columns if k < len(values))
        yield f"L{k + 1}  {'  '.join(said)}"


def as_dict(result: Result, text: str | None) -> dict[str, Any]:
    """The result for programs; powers in watts."""
    return {
        "schema": "pcs.scan/1",
        "found": [_found_dict(one) for one in result.found],
        "trouble": result.trouble,
        "units_asked": result.asked,
        "reads": result.requests,
        "seconds": round(result.took_s, 3),
        "site_file": text,
    }


def _found_dict(one: Found) -> dict[str, Any]:
    names = ("unit", "manufacturer", "model", "serial", "firmware", "variant", "rating_w", "limit_w", "note")
    facts = {name: getattr(one, name) for name in names}
    profile = {"profile": one.profile.id, "kind": one.profile.kind.value} if one.profile else {"profile": None}
    values: dict[str, Any] = {}
    if isinstance(one.reading, MeterReading):
        shown = ("import_w", "phase_import_w", "phase_current_a", "phase_voltage_v", "frequency_hz")
        values = {name: getattr(one.reading, name) for name in shown}
    elif one.reading is not None:
        values = {"injection_w": one.reading.injection_w}
    return {"address": str(one.address), **facts, **profile, "units_alike": list(one.units_alike), "values": values}


def _write(path: Path, text: str | None) -> None:
    """Write the site file, if there is enough for one."""
    if text is None:
        click.echo("no site file: a site needs a meter, and none was found; name its address too", err=True)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.BadParameter(f"{path}: {error.strerror or error}", param_hint="--write-site") from None
    click.echo(f"{path}: written; check the lines that say CHANGE, then run `pcs check {path}`", err=True)
