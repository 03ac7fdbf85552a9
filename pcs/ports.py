"""What the shell needs of the world, as Protocols. Implementations live in `pcs.io`; tests bring their own."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from pcs.model.command import LimitActivePower
from pcs.model.event import Event
from pcs.model.fault import Fault
from pcs.model.lockout import LockoutRecord
from pcs.model.units import Instant


class Priority(IntEnum):
    """Who goes first on a link; the lower number wins (DESIGN section 6)."""

    LIMIT_WRITE = 0
    FAST_READ = 1
    VERIFY = 2
    SLOW_READ = 3
    SCAN = 4


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that fits its request exactly: `data` are the register bytes (big-endian words; empty for a write)."""

    data: bytes
    sent_s: float
    received_s: float


class Link(Protocol):
    """One Modbus connection with one owner. Every method returns a value: the reply, or the fault that came instead."""

    async def read(
        self, unit: int, address: int, count: int, *, deadline_s: float, priority: Priority, function: int = 3
    ) -> Reply | Fault:
        """Read `count` registers from `address`: holding registers, or input registers with `function` 4.

        `deadline_s` is a duration, counted from this call: it covers waiting for the turn, connecting and the reply.
        """
        ...

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
        """Write `words` in one frame (function 16; or 6, a single word).

        On a serial bus unit 0 is every unit whose profile allows a broadcast: nobody answers, and nothing is proven.
        """
        ...

    async def close(self) -> None:
        """Close the connection; later requests answer `NO_CONNECTION`."""
        ...


class Clock(Protocol):
    """Where the shell takes its time from."""

    def now(self) -> Instant:
        """The present moment on both clocks."""
        ...


class TimeTrust(Protocol):
    """Whether the time of day can be believed; what depends on it is at its tightest where it cannot."""

    def trusted(self, now: Instant) -> bool:
        """Whether `now.utc_s` is the time of day. To be asked at each cycle: jumps are seen between two looks."""
        ...


class Watchdog(Protocol):
    """What restarts the controller when it hangs. Nothing here blocks or raises."""

    def feed(self, now_s: float, status: str) -> None:
        """A step was completed on fresh knowledge; `status` is one line for people."""
        ...

    def starve(self, why: str) -> None:
        """A step was completed, but something hangs; `why` in words."""
        ...


class LockoutMemory(Protocol):
    """What outlives the controller of its lock-outs. Nothing here blocks for long or raises."""

    def load(self) -> LockoutRecord:
        """What the last controller left; the tightest that it may have been where that is not known."""
        ...

    def save(self, record: LockoutRecord) -> None:
        """Have this record survive a power cut, as soon as the disk allows."""
        ...

    def trouble(self) -> str:
        """Why it cannot be remembered, in words; empty when all is well."""
        ...


class Journal(Protocol):
    """The site's memory. Nothing here blocks, raises or delays a command; trouble shows in `trouble()`."""

    def intend(self, serial: str, command: LimitActivePower, at: Instant) -> None:
        """Remember a limit *before* it goes on the wire, so that a restart recognises it as our own."""
        ...

    def confirm(self, serial: str, command: LimitActivePower, at: Instant) -> None:
        """The device was read back and holds this command: what was intended before is not on it any more.

        It may be forgotten, not at once: something of before may still land behind it.
        """
        ...

    def explains(self, serial: str, limit_w: float, tolerance_w: float) -> bool:
        """Whether a limit found on the device with this serial number is one that we intended.

        Limits of its draw and its set points are asked for by `charge_limit_of(serial)` and `setpoint_of(serial)`.
        """
        ...

    def foreign(self, serial: str) -> tuple[float | None, float | None]:
        """What the last command for this device kept to because somebody else had left it: limit, limit of draw (W)."""
        ...

    def step(self, line: bytes) -> None:
        """Keep one step's inputs and commands (a line of `pcs.codec.journal`); given up first when space runs out."""
        ...

    def checkpoint(self, line: bytes) -> None:
        """Keep the core's whole memory as it is after the last step (a line): from here steps can be replayed."""
        ...

    def event(self, event: Event) -> None:
        """Keep one event; written out at once, one of the daily routine within seconds."""
        ...

    def trouble(self) -> str:
        """What is wrong with the journal, in words; empty when all is well."""
        ...

    def close(self) -> None:
        """Write out what is waiting and close."""
        ...
