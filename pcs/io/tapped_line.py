"""A line of which a trace hears everything, bytes and moments; it changes nothing."""

from collections.abc import Callable

from pcs.io.modbus_connection import Tap
from pcs.io.rtu_line import Line


class TappedLine:
    """A `Line` that tells `tap` what goes out (True) and what comes in (False)."""

    def __init__(self, line: Line, tap: Tap) -> None:
        self._line, self._tap = line, tap

    @property
    def character_s(self) -> float:
        """See `Line`."""
        return self._line.character_s

    @property
    def late_s(self) -> float:
        """See `Line`."""
        return self._line.late_s

    @property
    def note(self) -> str:
        """See `Line`."""
        return self._line.note

    @property
    def on_bytes(self) -> Callable[[bytes], None]:
        """See `Line`."""
        return self._line.on_bytes

    @on_bytes.setter
    def on_bytes(self, hear: Callable[[bytes], None]) -> None:
        def heard(data: bytes) -> None:
            self._tap(False, data)
            hear(data)

        self._line.on_bytes = heard

    @property
    def on_lost(self) -> Callable[[str], None]:
        """See `Line`."""
        return self._line.on_lost

    @on_lost.setter
    def on_lost(self, lost: Callable[[str], None]) -> None:
        self._line.on_lost = lost

    async def open(self) -> None:
        """See `Line.open`."""
        await self._line.open()

    def send(self, data: bytes) -> None:
        """See `Line.send`."""
        self._tap(True, data)
        self._line.send(data)

    def complaints(self) -> str:
        """See `Line.complaints`."""
        return self._line.complaints()

    def close(self) -> None:
        """See `Line.close`."""
        self._line.close()
