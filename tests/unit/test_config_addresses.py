"""Link addresses as people write them."""

import pytest

from pcs.config.addresses import link_hint, parse_link
from pcs.model.site import LinkAddress, LinkKind


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


SERIAL = [
    ("serial:///dev/ttyUSB0?baud=9600", "/dev/ttyUSB0", 9600, "N", 1),
    ("serial:///dev/ttyS0?baud=19200&parity=E", "/dev/ttyS0", 19200, "E", 1),
    (
        "serial:///dev/serial/by-id/usb-FTDI_A-if00?stopbits=2&baud=115200",
        "/dev/serial/by-id/usb-FTDI_A-if00",
        115200,
        "N",
        2,
    ),
]


@pytest.mark.parametrize(("text", "device", "baud", "parity", "stopbits"), SERIAL)
def test_a_serial_link_is_a_port_and_how_it_is_set(
    text: str, device: str, baud: int, parity: str, stopbits: int
) -> None:
    address = parse_link(text)
    assert address == LinkAddress(
        kind=LinkKind.SERIAL, device=device, port=0, baud=baud, parity=parity, stopbits=stopbits
    )
    assert parse_link(str(address)) == address
    assert address.character_s == pytest.approx((10 + (parity != "N") + (stopbits - 1)) / baud)


def test_rtu_frames_go_over_tcp_where_the_link_says_so() -> None:
    assert parse_link("rtu+tcp://gateway:4001") == LinkAddress(host="gateway", port=4001, kind=LinkKind.RTU_OVER_TCP)
    assert str(parse_link("rtu+tcp://[::1]:4001")) == "rtu+tcp://[::1]:4001"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("serial:///dev/ttyUSB0", "say how fast the bus is: serial:///dev/ttyUSB0?baud=9600"),
        ("/dev/ttyUSB0", "say how fast the bus is: serial:///dev/ttyUSB0?baud=9600"),
        ("serial:///dev/ttyUSB0?baud=9601", "write serial:///dev/ttyUSB0?baud=9600 with baud one of 1200, 2400"),
        ("serial:///dev/ttyUSB0?baud=9600&parity=M", "parity N, E or O"),
        ("serial:///dev/ttyUSB0?baud=9600&baud=19200", "each once"),
        ("serial:///dev/ttyUSB0?baud=9600&stopbits=3", "stopbits 1 or 2"),
        ("serial:///dev/ttyUSB0?baud=9600&flow=rts", "each once"),
        ("COM3", "runs on Linux"),
        ("tcp://h:502?framing=rtu", "write rtu+tcp://HOST:PORT"),
        ("tcp+rtu://h:4001", "write rtu+tcp://h:4001"),
        ("rtu+tcp://h", "with the gateway's port"),
    ],
)
def test_a_link_that_is_nearly_one_is_told_how_to_write_it(text: str, hint: str) -> None:
    assert parse_link(text) is None
    assert hint in link_hint(text)
