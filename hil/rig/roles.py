"""The seam between the runner and a rig: roles that act, roles that look, and the world that they share.

A driver implements `Actor` or `Gauge` for one role; it may be simulated, a person, a file or an instrument. Everything
is asynchronous and runs the same on real and on virtual time, because nobody asks for the time but through `World`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from hil.profile.model import Case, Step
from hil.profile.rig_sheet import RigSheet
from hil.record.recording import Recording


class RigError(Exception):
    """The rig cannot do what it said it could: which part, what happened, and the next step for a person."""

    def __init__(self, part: str, what: str, remedy: str):
        super().__init__(f"{part}: {what} ({remedy})")
        self.part, self.what, self.remedy = part, what, remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A step that was done: when it was asked for and when it was known to be done (s, clock of the world).

    `note` is what a report prints: a readback, or what a person typed.
    """

    asked_s: float
    done_s: float
    note: str = ""


class Actor(Protocol):
    """A role that does something. Each step is idempotent: asked for twice, it is done once."""

    async def do(self, step: Step) -> Done:
        """Do one step of this role; returns when it is done.

        Raises:
            RigError: it cannot be done.
        """
        ...

    async def safe(self) -> None:
        """Go to this role's safe state, from any state, twice in a row as well."""
        ...


class Gauge(Protocol):
    """A role that looks: a power meter or a waveform recorder."""

    async def begin(self, channels: tuple[str, ...], each_phase: bool) -> None:
        """Begin to record these channels of `hil.profile.words.CHANNELS`.

        Raises:
            RigError: one of them cannot be recorded.
        """
        ...

    async def latest_value(self, channel: str) -> float | None:
        """The newest value of a channel, recorded or not; None where there is none yet."""
        ...

    async def end(self) -> Recording:
        """End and hand over what was recorded; `t_s` by the clock of the world.

        A channel goes by its name, one conductor of it by `NAME.L1`. The newest of bounded memory is kept.
        """
        ...


@runtime_checkable
class RestTeller(Protocol):
    """A rig or gauge that nobody can watch from here: a person says when a channel is at rest."""

    async def rest_value(self, channel: str) -> float | None:
        """Wait until somebody says that the channel is at rest, and what it is; None: it can be watched.

        Raises:
            RigError: they say why not, or nobody answers.
        """
        ...


class World(Protocol):
    """What the roles share: the clock, and a site that is made ready for each run."""

    async def open(self, case: Case, repeat: int) -> None:
        """Make ready for one repeat of a case: the device under test as it was delivered, everything at rest.

        Raises:
            RigError: it cannot be made ready; nothing is energised.
        """
        ...

    async def close(self) -> None:
        """Put everything away after a run, whatever state it is in."""
        ...

    def now_s(self) -> float:
        """Seconds; monotonic."""
        ...

    async def sleep(self, seconds_s: float) -> None:
        """Let time pass."""
        ...

    def identity(self) -> Mapping[str, str]:
        """What was found: versions, serial numbers, hash of the device's configuration. For the record."""
        ...


class Rig(Protocol):
    """A whole rig, as the runner sees it: a world, and roles that are asked by the step's own role."""

    sheet: RigSheet

    async def open(self, case: Case, repeat: int) -> None:
        """As `World.open`."""
        ...

    async def close(self) -> None:
        """As `World.close`."""
        ...

    def now_s(self) -> float:
        """As `World.now_s`."""
        ...

    async def sleep(self, seconds_s: float) -> None:
        """As `World.sleep`."""
        ...

    async def do(self, step: Step) -> Done:
        """Have the step done by its role. Steps without a role (wait, await_steady, safe) are the runner's."""
        ...

    async def latest_value(self, channel: str) -> float | None:
        """The newest value of a channel."""
        ...

    async def begin(self, channels: tuple[str, ...], each_phase: bool) -> None:
        """Begin to record with every measuring role that the case needs."""
        ...

    async def end(self) -> tuple[Recording, ...]:
        """End recording: one recording for each measuring role, named `power` or `waveform`."""
        ...

    async def safe(self) -> None:
        """The ordered safe state: sources and storage to nothing, faults cleared, loads off, grid to nominal."""
        ...

    def identity(self) -> Mapping[str, str]:
        """As `World.identity`."""
        ...
