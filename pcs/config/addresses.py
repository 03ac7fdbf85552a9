"""Link addresses as people write them."""

import ipaddress
import re

from pcs.model.site import LinkAddress

_TCP = re.compile(
    r"tcp://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?::(?P<port>\d{1,5}))?/?"
)
_BARE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?::\d{1,5})?")
_SERIAL = ("serial:", "rtu:", "/dev/")
_RTU_OVER_TCP = re.compile(r"(?i)(tcp\+rtu|rtu\+tcp|rtuovertcp|rtutcp)://|tcp://[^?]*\?.*(rtu)")


def parse_link(text: str) -> LinkAddress | None:
    """``tcp://HOST[:PORT]`` as an address, None if it is not one."""
    match = _TCP.fullmatch(text)
    if match is None:
        return None
    host = match["host"].strip("[]").lower()
    if match["host"].startswith("[") or re.fullmatch(r"[\d.]+", host):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return None
    if match["port"] is None:
        return LinkAddress(host=host)
    port = int(match["port"])
    return LinkAddress(host=host, port=port) if 1 <= port <= 65535 else None


def not_yet(text: str) -> str:
    """Which kind of link it is that this version cannot serve; empty for none."""
    if _RTU_OVER_TCP.match(text):
        return "RTU framing over TCP"
    if text.lower().startswith(_SERIAL) or re.fullmatch(r"(?i)com\d+", text):
        return "serial links"
    return ""


def link_hint(text: str) -> str:
    """What the author probably meant."""
    return f"write tcp://{text}" if _BARE.fullmatch(text) else "for example tcp://192.168.1.20:502"
