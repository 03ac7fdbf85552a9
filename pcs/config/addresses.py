"""Link addresses as people write them."""

import ipaddress
import re

from pcs.model.site import LinkAddress, LinkKind

_SERIAL_FORM = "serial:///dev/PORT?baud=BAUD[&parity=N|E|O][&stopbits=1|2]"
_OVER_TCP_FORM = "rtu+tcp://HOST:PORT"
_TCP_FORM = "tcp://HOST[:PORT], port 1 to 65535"
BAUDS = (1200, 2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600, 115200, 230400, 460800, 921600)
"""Speeds that serial ports offer; pyserial's list from the slowest meter up."""
_HOST = r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
_TCP = re.compile(rf"tcp://{_HOST}(?::(?P<port>\d{{1,5}}))?/?")
_RTU_OVER_TCP = re.compile(rf"rtu\+tcp://{_HOST}:(?P<port>\d{{1,5}})/?")
_SERIAL = re.compile(r"serial://(?P<device>/[A-Za-z0-9._/:+@-]+)\?(?P<settings>[a-z0-9=&NEO]+)")
_BARE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?::\d{1,5})?")
_LIKE_RTU_OVER_TCP = re.compile(r"(?i)(?:tcp\+rtu|rtu\+tcp|rtuovertcp|rtutcp)://(?P<rest>.*)")
_LIKE_SERIAL = re.compile(r"(?i)(?:serial|rtu)?:?(?://)?(?P<device>/dev/[^?]*)(?P<settings>\?.*)?")


def parse_link(text: str) -> LinkAddress | None:
    """An address written in one of three forms (`link_form`), None if it is none of them."""
    serial = _SERIAL.fullmatch(text)
    if serial is not None:
        return _serial(serial["device"], serial["settings"])
    over_tcp = _RTU_OVER_TCP.fullmatch(text)
    match = over_tcp or _TCP.fullmatch(text)
    if match is None:
        return None
    host = match["host"].strip("[]").lower()
    if match["host"].startswith("[") or re.fullmatch(r"[\d.]+", host):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return None
    port = 502 if match["port"] is None else int(match["port"])
    kind = LinkKind.TCP if over_tcp is None else LinkKind.RTU_OVER_TCP
    return LinkAddress(host=host, port=port, kind=kind) if 1 <= port <= 65535 else None


def _serial(device: str, settings: str) -> LinkAddress | None:
    """A serial port with its settings, each at most once; the speed must be there, because a wrong one is silence."""
    given: dict[str, str] = {}
    for setting in settings.split("&"):
        key, equals, value = setting.partition("=")
        if not equals or key in given:
            return None
        given[key] = value
    baud, parity, stopbits = given.pop("baud", ""), given.pop("parity", "N"), given.pop("stopbits", "1")
    if given or baud not in map(str, BAUDS) or parity not in ("N", "E", "O") or stopbits not in ("1", "2"):
        return None
    return LinkAddress(
        kind=LinkKind.SERIAL, device=device, port=0, baud=int(baud), parity=parity, stopbits=int(stopbits)
    )


def link_form(text: str) -> str:
    """The form of the link that the author seems to want."""
    if _LIKE_SERIAL.fullmatch(text) or re.match(r"(?i)serial|com\d", text):
        return _SERIAL_FORM
    return _OVER_TCP_FORM if _LIKE_RTU_OVER_TCP.match(text) else _TCP_FORM


def link_hint(text: str) -> str:
    """What the author probably meant."""
    if re.fullmatch(r"(?i)(serial://)?com\d+.*", text):
        return "the controller runs on Linux; a serial port is for example serial:///dev/serial/by-id/NAME?baud=9600"
    like_serial = _LIKE_SERIAL.fullmatch(text)
    if like_serial is not None:
        settings = like_serial["settings"] or ""
        if "baud=" not in settings:
            return f"say how fast the bus is: serial://{like_serial['device']}?baud=9600"
        known = f"baud one of {', '.join(map(str, BAUDS))}; parity N, E or O; stopbits 1 or 2; each once"
        return f"write serial://{like_serial['device']}?baud=9600 with {known}"
    over_tcp = _LIKE_RTU_OVER_TCP.fullmatch(text)
    if over_tcp is not None:
        return f"write rtu+tcp://{over_tcp['rest'].partition('?')[0] or 'HOST:PORT'} with the gateway's port"
    if "rtu" in text.lower():
        return "for RTU frames through a TCP gateway write rtu+tcp://HOST:PORT"
    return f"write tcp://{text}" if _BARE.fullmatch(text) else "for example tcp://192.168.1.20:502"
