"""What the journal's tests put into it."""

import zlib

from pcs.codec import journal as codec
from pcs.codec.journal import StepRecord
from pcs.model.event import Event, EventKind
from pcs.model.reading import MeterReading
from pcs.model.units import Instant


class HandClock:
    """Time moves when the test says so."""

    def __init__(self) -> None:
        self.mono_s = 100.0

    def now(self) -> Instant:
        return Instant(mono_s=self.mono_s, utc_s=1.7e9 + self.mono_s)


def event(n: int, clock: HandClock) -> Event:
    return Event(
        at=clock.now(), kind=EventKind.FAULT_RAISED, source_id="poi", text=f"event {n}", facts=(("n", float(n)),)
    )


def line(n: int) -> bytes:
    reading = MeterReading(
        meter_id="poi", import_w=float(n), words=bytes(range(80)), sent_s=n * 0.1, received_s=n * 0.1
    )
    return codec.encode(StepRecord(now=Instant(mono_s=n * 0.1, utc_s=1.7e9), inputs=(reading,)))


def noisy(n: int) -> bytes:
    """A line that zlib cannot make smaller by much."""
    words = b"".join(zlib.crc32(b"%d %d" % (n, k)).to_bytes(4, "big") for k in range(250))
    reading = MeterReading(meter_id="poi", import_w=float(n), words=words, sent_s=0.0, received_s=0.0)
    return codec.encode(StepRecord(now=Instant(mono_s=n * 0.1, utc_s=1.7e9), inputs=(reading,)))
