"""Link addresses as people write them."""

import pytest

from pcs.config.addresses import not_yet, parse_link
from pcs.model.site import LinkAddress


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("tcp://127.0.0.1:15020", "127.0.0.1", 15020),
        ("tcp://Inverter-1.local", "inverter-1.local", 502),
        ("tcp://a:65535/", "a", 65535),
        ("tcp://[FE80::1]:1502", "fe80::1", 1502),
    ],
)
def test_a_tcp_link_is_host_and_port(text: str, host: str, port: int) -> None:
    assert parse_link(text) == LinkAddress(host=host, port=port)
    assert parse_link(str(parse_link(text))) == parse_link(text)


NO_LINKS = ["", "tcp://", "tcp://:502", "tcp://h:0", "tcp://h:65536", "tcp://h:x", "tcp://300.1.1.1", "tcp://1.2.3"]
NO_LINKS += ["tcp://[1:2]", "http://h", "tcp://u@h", "tcp://h/path", "tcp://h:1 ", "tcp://h\n", "tcp://-h", "tcp://a b"]


@pytest.mark.parametrize("text", NO_LINKS)
def test_anything_else_is_no_link(text: str) -> None:
    assert parse_link(text) is None


@pytest.mark.parametrize("text", ["serial:///dev/ttyUSB0?baud=9600", "/dev/ttyUSB0", "COM3", "rtu:///dev/ttyS0"])
def test_serial_links_are_known_but_not_built(text: str) -> None:
    assert not_yet(text) == "serial links"


@pytest.mark.parametrize("text", ["tcp://h:502?framing=rtu", "tcp+rtu://h", "rtuovertcp://h:1"])
def test_rtu_framing_over_tcp_is_known_but_not_built(text: str) -> None:
    assert not_yet(text) == "RTU framing over TCP"


def test_an_ordinary_link_is_no_wish() -> None:
    assert not_yet("tcp://rtu-gateway:502") == ""
