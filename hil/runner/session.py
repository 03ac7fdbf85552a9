"""One order from the rig to the disk: played, watched, and written as a finished record. In whichever process it is."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hil.record.folder import write_run
from hil.record.model import End, RunRecord
from hil.record.source import sources_of
from hil.rig.roles import Rig
from hil.runner.bench import Bench
from hil.runner.feed import VALUES_EVERY_S
from hil.runner.play import Order, Outcome, play, utc_text
from hil.runner.script import State
from hil.runner.stop import Stop

READ_WITHIN_S = 5.0  # for the feed alone; a meter that takes longer is left out of it

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A run has entered a state, at `rig_s` of the rig's clock."""

    state: State
    rig_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What the meters read, channel by channel; None: no value."""

    rig_s: float
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An order is done and its record sealed. `is_safe`: the rig is known to be in its safe state."""

    end: End
    reason: str
    troubles: tuple[str, ...]
    is_safe: bool
    taken_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """An order was given up because somebody asked to stop: nothing is written, it will get a new attempt."""

    is_safe: bool = True


News = Entered | Values
Hear = Callable[[News], None]


def play_order(bench: Bench, folder: Path, order: Order, hear: Hear, stop: Stop) -> Ended | Stopped:
    """Play an order and write its record into the campaign's folder.

    Raises:
        RecordingError, OSError: the record cannot be written.
    """
    began_s = time.monotonic()
    began_utc = utc_text()
    try:
        outcome = bench.play(lambda rig: stop.guard(_watched(rig, order, hear)))
    except asyncio.CancelledError:
        if not stop.is_asked:
            raise
        return Stopped()
    except Exception as error:  # the rig could not even be made, or its time stood still
        logger.info("the rig failed outside of a run", exc_info=True)
        outcome = Outcome(
            record=_failed(order, began_utc, f"{type(error).__name__}: {error}"), is_safe=bench.is_virtual
        )
    write_run(folder, outcome.record, samples=bench.sheet.samples, sources=sources_of(bench.sheet))
    return Ended(
        end=outcome.record.end,
        reason=outcome.record.reason,
        troubles=outcome.troubles,
        is_safe=outcome.is_safe,
        taken_s=time.monotonic() - began_s,
    )


def _failed(order: Order, started_utc: str, reason: str) -> RunRecord:
    return RunRecord(
        case=order.case,
        repeat=order.repeat,
        attempt=order.attempt,
        end=End.RIG_FAILED,
        reason=reason,
        started_utc=started_utc,
        marks=(),
        identity={},
    )


async def _watched(rig: Rig, order: Order, hear: Hear) -> Outcome:
    """Play, and tell once a second what the meters read."""
    watcher = asyncio.create_task(_watch(rig, order.case.record.channels, hear))
    try:
        return await play(rig, order, lambda state, rig_s: hear(Entered(state=state, rig_s=rig_s)))
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await watcher


async def _watch(rig: Rig, channels: tuple[str, ...], hear: Hear) -> None:
    """Once a second by the slower of the rig's clock and the wall's: virtual time would make thousands of lines."""
    told_s = time.monotonic()
    while True:
        await rig.sleep(VALUES_EVERY_S)
        if time.monotonic() - told_s < VALUES_EVERY_S * 0.9:  # a timer that comes a little early is no second line
            continue
        told_s = time.monotonic()
        values: dict[str, float | None] = {}
        for channel in channels:
            with suppress(Exception):
                async with asyncio.timeout(READ_WITHIN_S):
                    values[channel] = await rig.latest_value(channel)
        hear(Values(rig_s=rig.now_s(), values=values))
