"""Devices with a register map, made by hand: what an SDM630 and a SolarEdge unit hold, and a link to one of them."""

import struct
from dataclasses import dataclass, field

from pcs.model.fault import Fault, FaultKind
from pcs.ports import Priority, Reply


@dataclass
class Image:
    """A link to one device whose registers are these bytes; each function has registers of its own."""

    registers: dict[tuple[int, int], int] = field(default_factory=dict)
    log: list[tuple[str, int, int, Priority]] = field(default_factory=list)
    ignores: set[int] = field(default_factory=set)
    holes: bool = False
    now_s: float = 10.0

    def put(self, function: int, address: int, data: bytes, *, low_first: bool = False) -> None:
        words = [word for (word,) in struct.iter_unpack(">H", data)]
        words = words[::-1] if low_first else words
        self.registers.update({(function, address + i): word for i, word in enumerate(words)})

    def number(self, address: int, code: str) -> float:
        """A value with the low word first, as the device holds it."""
        count = struct.calcsize(code) // 2
        words = [self.registers[3, address + i] for i in range(count)][::-1]
        value: float = struct.unpack(code, struct.pack(f">{count}H", *words))[0]
        return value

    async def read(
        self, unit: int, address: int, count: int, *, deadline_s: float, priority: Priority, function: int = 3
    ) -> Reply | Fault:
        self.log.append((f"read{function}", address, count, priority))
        self.now_s += 0.01
        wanted = [(function, address + i) for i in range(count)]
        if not self.holes and any(where not in self.registers for where in wanted):
            return Fault(kind=FaultKind.REFUSED, source_id="link", at_s=self.now_s, detail="exception 2")
        data = b"".join(struct.pack(">H", self.registers.get(where, 0)) for where in wanted)
        return Reply(data=data, sent_s=self.now_s - 0.01, received_s=self.now_s)

    async def write(
        self,
        unit: int,
        address: int,
        words: tuple[int, ...],
        *,
        deadline_s: float,
        priority: Priority,
        function: int = 16,
    ) -> Reply | Fault:
        self.log.append((f"write{function}", address, len(words), priority))
        self.now_s += 0.01
        if address not in self.ignores:
            self.registers.update({(3, address + i): word for i, word in enumerate(words)})
        return Reply(data=b"", sent_s=self.now_s - 0.01, received_s=self.now_s)

    async def close(self) -> None:
        """Nothing to close."""


def sdm630() -> Image:
    """Import of 3 x 500 W at 230 V, 49.98 Hz, written as the manual's table says (input registers, big-endian)."""
    image = Image(holes=True)
    for n in range(3):
        image.put(4, 2 * n, struct.pack(">f", 230.0 + n))
        image.put(4, 6 + 2 * n, struct.pack(">f", 2.5))
        image.put(4, 12 + 2 * n, struct.pack(">f", 500.0 + n))
    image.put(4, 52, struct.pack(">f", 1503.0))
    image.put(4, 70, struct.pack(">f", 49.98))
    return image


def solaredge(serial: str = "7E1234") -> Image:
    """A 10 kW unit that injects 8.76 kW, not limited, ramps and fallback at their defaults (low word first)."""
    image = Image()
    image.put(3, 40000, b"SunS")
    image.put(3, 40004, b"SolarEdge".ljust(32, b"\0"))
    image.put(3, 40044, b"4.19".ljust(16, b"\0"))
    image.put(3, 40052, serial.encode().ljust(32, b"\0"))
    image.put(3, 40069, struct.pack(">H", 103))
    image.put(3, 40083, struct.pack(">hh", 876, 1))
    image.put(3, 62208, struct.pack(">H", 0))
    image.put(3, 62212, struct.pack(">f", 10_000.0), low_first=True)
    image.put(3, 62224, struct.pack(">I", 120), low_first=True)
    image.put(3, 62226, struct.pack(">f", 100.0), low_first=True)
    image.put(3, 62232, struct.pack(">f", 5.0), low_first=True)
    image.put(3, 62234, struct.pack(">f", 5.0), low_first=True)
    image.put(3, 62242, struct.pack(">f", 100.0), low_first=True)
    return image
