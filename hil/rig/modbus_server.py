"""One simulated device as a Modbus server: it answers requests, and can also misbehave. Its bus carries the bytes.

Requests are answered with the values of the moment of the answer, after the device's reply time.
"""

from collections.abc import Callable
from random import Random
from struct import Struct

from hil.rig.bus import Bus
from hil.rig.devices import ILLEGAL_FUNCTION, ILLEGAL_VALUE, Device
from hil.rig.link_fault import LinkFault

READS = (3, 4)
MAX_READ = 125  # registers, Modbus Application Protocol V1.1b3, 6.3
MAX_WRITE = 123  # same, 6.12

_WORD = Struct(">H")
_TWO_WORDS = Struct(">HH")


class DeviceServer:
    """One device on a bus. `fault` may be set at any time; `down` and `up` unplug and plug the cable of its bus."""

    def __init__(
        self,
        device: Device,
        bus: Bus,
        *,
        name: str,
        unit: int,
        now_s: Callable[[], float],
        settle: Callable[[float], None],
        reply_s: float = 0.0,
        reply_jitter_s: float = 0.0,
        seed: int = 1,
    ):
        self.device, self.bus, self.name, self.unit = device, bus, name, unit
        self.fault = LinkFault.OK
        self.slow_s = 0.0
        self.reads = self.writes = 0
        self.random = Random(f"{seed}:{name}:link")
        self._now_s, self._settle = now_s, settle
        self._reply_s, self._jitter_s = reply_s, reply_jitter_s
        bus.units[unit] = self

    @property
    def host(self) -> str:
        """Where its TCP port is."""
        return self.bus.link.host

    @property
    def port(self) -> int:
        """Its TCP port; the real one once it is up."""
        return self.bus.link.port

    async def up(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        await self.bus.up()

    def down(self) -> None:
        """Stop listening and cut every conversation of the bus."""
        self.bus.down()

    def set_fault(self, fault: LinkFault, slow_s: float = 0.0) -> None:
        """Fail in this way from now on. `slow_s` is added to the reply time of `SLOW`."""
        self.fault, self.slow_s = fault, slow_s
        self.bus.refresh()

    def hears(self, pdu: bytes) -> bool:
        """Whether a request reaches it at all."""
        return self.fault is not LinkFault.SILENT and (self.fault is not LinkFault.DEAF or pdu[0] in READS)

    def delay_s(self) -> float:
        """How long the next answer takes."""
        delay_s = self._reply_s + (self.slow_s if self.fault is LinkFault.SLOW else 0.0)
        return delay_s + self.random.random() * self._jitter_s if self._jitter_s else delay_s

    def answer(self, pdu: bytes) -> bytes:
        """The reply to a request, without any fault of the link."""
        function = pdu[0]
        now_s = self._now_s()
        self._settle(now_s)
        code = ILLEGAL_FUNCTION
        if function in READS and len(pdu) == 5:
            address, count = _TWO_WORDS.unpack_from(pdu, 1)
            self.reads += 1
            if not 1 <= count <= MAX_READ:
                return bytes((function | 0x80, ILLEGAL_VALUE))
            self.device.refresh(now_s)
            data = self.device.read(function, address, count)
            if isinstance(data, bytes):
                return bytes((function, len(data))) + data
            code = data
        elif function == 6 and len(pdu) == 5:
            address, word = _TWO_WORDS.unpack_from(pdu, 1)
            code = self._write(now_s, 6, address, (word,))
            if code == 0:
                return pdu
        elif function == 16 and len(pdu) >= 6:
            code = self._write_many(now_s, pdu)
            if code == 0:
                return pdu[:5]
        return bytes((function | 0x80, code))

    def _write_many(self, now_s: float, pdu: bytes) -> int:
        address, count = _TWO_WORDS.unpack_from(pdu, 1)
        if not 1 <= count <= MAX_WRITE or pdu[5] != 2 * count or len(pdu) != 6 + 2 * count:
            return ILLEGAL_VALUE
        return self._write(now_s, 16, address, tuple(_WORD.unpack_from(pdu, 6 + 2 * i)[0] for i in range(count)))

    def _write(self, now_s: float, function: int, address: int, words: tuple[int, ...]) -> int:
        self.writes += 1
        return self.device.write(now_s, function, address, words)
