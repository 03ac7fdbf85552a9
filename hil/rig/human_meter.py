"""A power meter that a person reads: readings typed by hand while it records, for grade C at best."""

import asyncio
from collections import deque
from contextlib import suppress

import numpy as np

from hil.profile.rig_sheet import RoleSheet
from hil.profile.words import CHANNELS, Role
from hil.record.recording import Recording
from hil.rig.console import Console, NoAnswerError, typed_value
from hil.rig.roles import RigError

READINGS_MAX = 10_000  # a day of one every eight seconds
NAME = "power"
TOOK = "reading.took_s"


class TypedMeter:
    """A `Gauge`. While it records, it asks for one reading of all channels after the other, whenever nobody acts.

    A reading lies in the middle between question and answer; how long the answer took is the channel `reading.took_s`.
    """

    def __init__(self, sheet: RoleSheet, console: Console):
        if sheet.role is Role.WAVEFORM:
            raise RigError(sheet.role.value, "nobody can type a waveform", "take it as a file, or leave it out")
        self._sheet, self._console = sheet, console
        self._rows: deque[tuple[float, ...]] = deque(maxlen=READINGS_MAX)
        self._channels: tuple[str, ...] = ()
        self._task: asyncio.Task[None] | None = None
        self._rest = RestByHand(sheet, console)

    async def begin(self, channels: tuple[str, ...], each_phase: bool) -> None:
        """See `Gauge.begin`.

        Raises:
            RigError: a channel that this meter does not show, or one per conductor.
        """
        unknown = [channel for channel in channels if channel not in self._sheet.channels]
        if unknown or each_phase:
            what = f"does not show {', '.join(unknown)}" if unknown else "nobody can type one value per conductor"
            raise RigError(self._sheet.role.value, what, "see its `channels` in the rig's sheet")
        await self._stop()
        self._rows.clear()
        self._channels = channels
        self._task = asyncio.create_task(self._read(), name="readings")

    async def latest_value(self, channel: str) -> float | None:
        """See `Gauge.latest_value`: the last that was typed; asks for nothing."""
        if self._rows and channel in self._channels:
            return self._rows[-1][2 + self._channels.index(channel)]
        return self._rest.known_value(channel)

    async def rest_value(self, channel: str) -> float | None:
        """See `RestTeller.rest_value`.

        Raises:
            RigError: the person gives up, or does not answer.
        """
        return await self._rest.rest_value(channel)

    async def end(self) -> Recording:
        """See `Gauge.end`.

        Raises:
            RigError: nothing was typed, or the reading was given up.
        """
        await self._stop()
        if not self._rows:
            raise RigError(self._sheet.role.value, "no reading was typed", "type one after the other while it records")
        table = np.array(self._rows, dtype=np.float64)
        self._rows.clear()
        columns = {channel: table[:, 2 + i] for i, channel in enumerate(self._channels)}
        return Recording(name=NAME, t_s=table[:, 0], channels={**columns, TOOK: table[:, 1]})

    async def _read(self) -> None:
        units = [CHANNELS[channel][0] for channel in self._channels]
        names = ", ".join(f"{channel} [{unit or '-'}]" for channel, unit in zip(self._channels, units, strict=True))

        def read_values(line: str) -> tuple[float, ...]:
            cells = line.split()
            if len(cells) != len(units):
                raise NoAnswerError(f"type {len(units)} numbers with blanks between them")
            return tuple(typed_value(cell, unit or "times") for cell, unit in zip(cells, units, strict=True))

        while True:
            answer = await self._console.reading(self._sheet.role.value, f"read {names}, then type:", read_values)
            if answer is not None:
                took_s = answer.done_s - answer.asked_s
                if self._rows and answer.asked_s + took_s / 2 <= self._rows[-1][0]:
                    continue  # two lines at once, from a file: one instant has one reading
                self._rows.append((answer.asked_s + took_s / 2, took_s, *answer.value))
            await asyncio.sleep(0)  # whoever waits for their turn has it first

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            if task.done():
                task.result()  # a reading that was given up says so here
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


class RestByHand:
    """What a person said that channels are at rest at. It counts until somebody acts."""

    def __init__(self, sheet: RoleSheet, console: Console):
        self._sheet, self._console = sheet, console
        self._said: dict[str, tuple[int, float]] = {}

    def known_value(self, channel: str) -> float | None:
        """What was said since somebody acted last; None: nothing."""
        turns, value = self._said.get(channel, (-1, 0.0))
        return value if turns == self._console.turns else None

    async def rest_value(self, channel: str) -> float | None:
        """See `RestTeller.rest_value`.

        Raises:
            RigError: the person gives up, or does not answer.
        """
        text = f"wait until {channel} is at rest at the meter. What is it then"
        async with self._console.turn():
            answer = await self._console.number(self._sheet.role.value, text, CHANNELS[channel][0] or "times")
        self._said[channel] = self._console.turns, answer.value
        return answer.value
