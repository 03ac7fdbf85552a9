"""A measuring role whose recording is made elsewhere and handed over as a file: CSV, COMTRADE or HDF5.

A person starts and stops the recorder. The first sample is taken to be `offset` after the Enter that says it runs, so
the file lies on the clock of the world to a second or so; responses are measured inside the file, on its own clock.
"""

import re
from pathlib import Path

from hil.profile.file_columns import Column
from hil.profile.rig_sheet import RoleSheet
from hil.record.recording import FloatArray, Recording, RecordingError, read_recording
from hil.record.source import RECORDING_NAMES
from hil.rig.console import Console
from hil.rig.human import console_of
from hil.rig.human_meter import RestByHand
from hil.rig.real_world import RealWorld
from hil.rig.roles import Gauge, RigError, World

CONDUCTORS = ("L1", "L2", "L3")
TRIES_MAX = 5  # a file that is still not there was saved somewhere else
Seen = tuple[int, int] | None
"""Time of the last change (ns) and size of a file; None: it is not there."""


class FileGauge:
    """A `Gauge`. The file of a run must be another than the one that lay there before it."""

    def __init__(self, sheet: RoleSheet, world: RealWorld, console: Console):
        self._sheet, self._world, self._console = sheet, world, console
        self._asked: tuple[tuple[str, ...], bool, float, Seen] | None = None
        self._rest = RestByHand(sheet, console)

    async def begin(self, channels: tuple[str, ...], each_phase: bool) -> None:
        """See `Gauge.begin`.

        Raises:
            RigError: a channel that is not recorded, or the person says that the recorder does not run.
        """
        unknown = [channel for channel in channels if channel not in self._sheet.channels]
        if unknown:
            raise RigError(self._part, f"does not record {', '.join(unknown)}", "see its `channels` in the sheet")
        before = _seen(self._path)
        async with self._console.turn():
            started = await self._console.confirm(self._part, f"start the recorder of {', '.join(channels)}")
        self._asked = (channels, each_phase, started.done_s, before)

    async def latest_value(self, channel: str) -> float | None:
        """See `Gauge.latest_value`: what a person last read there, and nothing from the recording before its end."""
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
            RigError: there is no new file, it cannot be read, or a channel is not in it: each is named.
        """
        if self._asked is None:
            raise RigError(self._part, "it does not record", "begin before the end")
        channels, each_phase, started_s, before = self._asked
        self._asked = None
        found = await self._file(before)
        try:
            made = read_recording(found)
        except RecordingError as error:
            raise RigError(self._part, str(error), "record it again with `hil resume`") from None
        if not len(made.t_s):
            raise RigError(self._part, f"{found} has no samples", "record it again with `hil resume`")
        t_s = made.t_s - made.t_s[0] + started_s + self._sheet.offset_s
        columns: dict[str, FloatArray] = {}
        for channel in channels:
            columns |= self._columns(channel, each_phase, made, found)
        return Recording(name=RECORDING_NAMES[self._sheet.role], t_s=t_s, channels=columns)

    @property
    def _part(self) -> str:
        return self._sheet.role.value

    @property
    def _path(self) -> Path:
        case = self._world.case
        name = self._sheet.files.replace("{hash}", case.hash[:12]).replace("{repeat}", str(self._world.repeat))
        name = name.replace("{case}", re.sub(r"[^A-Za-z0-9.=+-]+", "_", case.id))
        return Path(self._world.sheet.file).parent / name

    async def _file(self, before: Seen) -> Path:
        path = self._path
        pair = "" if path.suffix.lower() != ".cfg" else " (with its .dat)"
        text = f"stop the recorder and save what it recorded as {path}{pair}"
        for _ in range(TRIES_MAX):
            async with self._console.turn():
                await self._console.confirm(self._part, text)
            now = _seen(path)
            if now is not None and now != before:
                return path
            what = "is not there" if now is None else "is still the file that was there before this run"
            text = f"{path} {what}: save the recording of this run under that name"
        raise RigError(self._part, f"{path} {what}", "look where the recorder saves; then `hil resume`")

    def _columns(self, channel: str, each_phase: bool, made: Recording, path: Path) -> dict[str, FloatArray]:
        """A channel of the file, and its conductors where these are asked for."""
        known = self._sheet.columns
        names = [channel, *(f"{channel}.{conductor}" for conductor in CONDUCTORS)]
        places = {name: known.get(name, Column(name=name)) for name in names}
        there = {name: place for name, place in places.items() if place.name in made.channels}
        lost = [name for name in known if name in places and name not in there]
        if lost or channel not in there or (each_phase and len(there) < 2):
            name = lost[0] if lost else channel if channel not in there else f"{channel}.L1"
            what = f"{path} has no column {places[name].name} for {name}; it has {', '.join(made.channels)}"
            raise RigError(self._part, what, "name it under `columns` of the sheet")
        wanted = there if each_phase else {channel: there[channel]}
        return {name: place.factor * made.channels[place.name] for name, place in wanted.items()}


def file_gauge(sheet: RoleSheet, world: World) -> Gauge:
    """The driver of one measuring role of a sheet.

    Raises:
        RigError: nobody is in this world who could start a recorder.
    """
    console = console_of(sheet, world)
    assert isinstance(world, RealWorld)
    return FileGauge(sheet, world, console)


def _seen(path: Path) -> Seen:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size
