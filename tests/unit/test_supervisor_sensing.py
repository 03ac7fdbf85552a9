"""The supervisor's meter over real bytes: a SunSpec map is found, faults are no data, serial frames work on a pty."""

import os
import struct
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pcs.codec.rtu import sealed
from pcs.model.site import LinkAddress, LinkKind, MeterSpec
from pcs.model.supervisor import GpioLine
from pcs.supervisor.gpio import GET_LINE, GET_VALUES, SET_VALUES, Line
from pcs.supervisor.sensor import MeterSensor
from pcs.supervisor.state import Flow, Nonsense, Seen
from pcs.supervisor.wire import Wire
from tests.supervisor_kit import meter
from tests.supervisor_wire import Meter, Server


class SunSpec:
    """A map by hand: mark, common model, meter model 203 with W = -1234.5 W at a scale of -1, end."""

    def __init__(self, base: int = 40000, *, model: int = 203) -> None:
        common = [1, 66] + [0x4142] * 66
        body = [0] * 105
        body[8 - 2 : 11 - 2] = [2301, 2302, 2303]  # PhVphA to C at 8 to 10
        body[15 - 2], body[18 - 2], body[22 - 2] = 0xFFFF, (-12345) & 0xFFFF, 0xFFFF
        words = [0x5375, 0x6E53, *common, model, 105, *body, 0xFFFF, 0]
        self.image = {base + n: word for n, word in enumerate(words)}
        self.silent = False

    def answer(self, pdu: bytes) -> bytes | None:
        function, first, count = struct.unpack(">BHH", pdu)
        if self.silent:
            return None
        if first not in self.image:
            return bytes([function | 0x80, 2])
        data = b"".join(struct.pack(">H", self.image.get(first + n, 0)) for n in range(count))
        return bytes([function, len(data)]) + data


def heard(sensor: MeterSensor, wanted: Callable[[Seen | None], bool], within_s: float = 10.0) -> Seen:
    """What the sensor says, once it is what is waited for."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        began_s = time.monotonic()
        seen = sensor.look(began_s)
        assert time.monotonic() - began_s < 1.0, "a look must not wait"
        if seen is not None and wanted(seen):
            return seen
        time.sleep(0.005)
    raise AssertionError(f"nothing heard: {sensor.trouble()}")


def sensor_at(port: int, profile: str = "sunspec/meter") -> MeterSensor:
    return MeterSensor(meter(profile), Wire(LinkAddress(host="127.0.0.1", port=port), 0.3))


@pytest.mark.parametrize("base", [40000, 50000, 0])
def test_a_sunspec_meter_is_found_and_read_wherever_its_map_begins(base: int) -> None:
    device = SunSpec(base)
    if base != 40000:  # a device that answers the wrong base with something else, or refuses, is looked through
        device.image |= {40000: 0, 40001: 0, 50000: device.image.get(50000, 0), 50001: device.image.get(50001, 0)}
    server = Server(device.answer)
    sensor = sensor_at(server.port)
    try:
        seen = heard(sensor, lambda s: isinstance(s, Flow))
        assert isinstance(seen, Flow)
        assert seen.import_w == pytest.approx(-1234.5)
        assert seen.volts_v == pytest.approx((230.1, 230.2, 230.3))
    finally:
        sensor.close()
        server.__exit__()


def test_a_device_without_a_meter_model_is_nonsense_and_never_a_zero() -> None:
    server = Server(SunSpec(model=103).answer)
    sensor = sensor_at(server.port)
    try:
        assert isinstance(heard(sensor, lambda s: s is not None), Nonsense)
    finally:
        sensor.close()
        server.__exit__()


def test_a_meter_that_was_silent_is_heard_again_without_help() -> None:
    device = Meter()
    server = Server(device.answer)
    sensor = sensor_at(server.port, "eastron/sdm630")
    try:
        device.import_w = 100.0
        heard(sensor, lambda s: isinstance(s, Flow))
        device.silent = True
        time.sleep(0.1)
        with pytest.raises(AssertionError, match="no answer in time"):
            heard(sensor, lambda s: isinstance(s, Flow) and s.import_w == 200.0, 1.5)
        device.silent, device.import_w = False, 200.0
        heard(sensor, lambda s: isinstance(s, Flow) and s.import_w == pytest.approx(200.0))
    finally:
        sensor.close()
        server.__exit__()


def test_an_address_that_nobody_answers_at_is_trouble_and_no_wait() -> None:
    sensor = sensor_at(9)
    with pytest.raises(AssertionError, match="nothing heard: Connection refused"):
        heard(sensor, lambda s: s is not None, 1.0)


@pytest.fixture
def bus() -> Iterator[tuple[str, Meter]]:
    """An SDM630 behind a pty; it answers whole frames of unit 1."""
    controller, port = os.openpty()
    tty.setraw(controller)
    device = Meter()

    def serve() -> None:
        while True:
            try:
                frame = os.read(controller, 8)
            except OSError:
                return
            if len(frame) == 8 and frame[0] == 1 and (answer := device.answer(frame[1:6])) is not None:
                os.write(controller, sealed(bytes([1]) + answer))

    threading.Thread(target=serve, daemon=True).start()
    yield os.ttyname(port), device
    os.close(port)
    os.close(controller)


def test_a_serial_meter_is_read_on_a_port_of_its_own(bus: tuple[str, Meter]) -> None:
    name, device = bus
    device.import_w = -777.0
    spec: MeterSpec = meter("eastron/sdm630")
    sensor = MeterSensor(spec, Wire(LinkAddress(kind=LinkKind.SERIAL, device=name, port=0, baud=19200), 0.5))
    seen = heard(sensor, lambda s: isinstance(s, Flow))
    assert isinstance(seen, Flow)
    assert seen.import_w == -777.0
    sensor.close()


class Kernel:
    """A GPIO chip as the kernel shows it: one line, its requests and values."""

    def __init__(self, fd: int) -> None:
        self.fd, self.level, self.flags, self.asked = fd, 0, 0, 0

    def __call__(self, _: int, code: int, data: bytearray) -> None:
        if code == GET_LINE:
            self.asked = struct.unpack_from("=I", data, 0)[0]
            self.flags = struct.unpack_from("=Q", data, 288)[0]
            struct.pack_into("=i", data, 588, self.fd)
        elif code == SET_VALUES:
            bits, mask = struct.unpack("=QQ", data)
            self.level = bits & mask
        elif code == GET_VALUES:
            struct.pack_into("=QQ", data, 0, self.level, 1)


def test_a_line_is_asked_for_set_and_read_as_the_kernel_wants_it(tmp_path: Path) -> None:
    chip = tmp_path / "gpiochip0"
    chip.touch()
    kernel = Kernel(os.open(chip, os.O_RDONLY))
    line = Line(GpioLine(chip=str(chip), line=17, active_low=True), output=True, ioctl=kernel)
    assert (kernel.asked, kernel.flags) == (17, 8 | 2)
    line.set(True)
    assert (kernel.level, line.active()) == (1, True)
    line.set(False)
    assert (kernel.level, line.active()) == (0, False)
    line.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(kernel.fd)
