"""Plays one repeat of a case on a rig: does the acts of its script, and on every way out the ordered safe state.

A role that cannot do its step, does not return in time or raises whatever it likes is a rig failure: a value, not an
exception. Only being stopped (cancelled) leaves this module as an exception, after the safe state.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hil.profile.model import Case, Step
from hil.record.model import End, Mark, RunRecord
from hil.record.recording import Recording
from hil.rig.roles import RestTeller, Rig, RigError
from hil.runner.rest import NoRatingError, Rest, rating_value
from hil.runner.script import Act, Deed, Patience, State, patience, phase_offset_s, script, way_out

Enter = Callable[[State, float], None]
"""Told of every state that is entered, and when (s, clock of the rig), before anything is done in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One attempt of one repeat of a case. `hil.record.folder` gives it its folder."""

    case: Case
    repeat: int
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it. `troubles`: what else went wrong. `is_safe`: the safe state was reached on the way out."""

    record: RunRecord
    troubles: tuple[str, ...] = ()
    is_safe: bool = True


@dataclass(slots=True)
class _Run:
    """What is known of a run while it lasts."""

    rig: Rig
    order: Order
    patience: Patience
    enter: Enter
    state: State = State.CHECK
    first_s: float | None = None
    opened: bool = False
    recording: bool = False
    recorded: tuple[Recording, ...] = ()
    end: End = End.COMPLETE
    reason: str = ""
    is_safe: bool = False
    identity: dict[str, str] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def mark(self, what: str, at_s: float | None = None, number: int = 0) -> None:
        self.marks.append(Mark(t_s=self.rig.now_s() if at_s is None else at_s, what=what, step=number))

    def into(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            self.enter(state, self.rig.now_s())


def utc_text() -> str:
    """The wall clock as records print it: ISO 8601 with milliseconds and Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def play(rig: Rig, order: Order, enter: Enter) -> Outcome:
    """Play one repeat, from OPEN to SAFE.

    Raises:
        asyncio.CancelledError: it was stopped; the safe state has been asked for by then.
    """
    case, started_utc = order.case, utc_text()
    drivers = {role: sheet.driver for role, sheet in rig.sheet.roles.items()}
    run = _Run(rig, order, patience(drivers), enter)
    try:
        await _main_path(run)
    except asyncio.CancelledError:
        run.recording = False  # nobody will read it, and the rig waits for nobody
        raise
    finally:
        await _uninterrupted(_leave(run))
    record = RunRecord(
        case=case,
        repeat=order.repeat,
        attempt=order.attempt,
        end=run.end,
        reason=run.reason,
        started_utc=started_utc,
        marks=tuple(run.marks),
        identity=run.identity,
        recordings=run.recorded,
    )
    return Outcome(record=record, troubles=tuple(run.troubles), is_safe=run.is_safe)


async def make_safe(rig: Rig) -> str:
    """The rig's ordered safe state by itself; returns what went wrong, empty if nothing did."""
    drivers = {role: sheet.driver for role, sheet in rig.sheet.roles.items()}
    return await _safe(rig, patience(drivers).safe_s)


async def _main_path(run: _Run) -> None:
    """The script until something fails. What fails after the recording was handed over does not take it away."""
    case = run.order.case
    offset_s = phase_offset_s(case.hash, run.order.repeat)
    try:
        for act in script(case, offset_s, run.patience):
            await _do(run, act)
    except Exception as error:
        failed = _words(error, run.state)
        run.mark(f"failed: {failed}")
        if run.state is State.CLEANUP:
            run.troubles.append(failed)
        else:
            run.end, run.reason = End.RIG_FAILED, failed


async def _uninterrupted(work: Coroutine[Any, Any, None]) -> None:
    """Work that a stop does not cut short. Whoever asked for it is heard afterwards, by `hil.runner.stop`."""
    task = asyncio.create_task(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    task.result()


async def _leave(run: _Run) -> None:
    """The way out, each act whatever becomes of the others."""
    acts = way_out(opened=run.opened, recording=run.recording, is_safe=run.is_safe, patience=run.patience)
    for act in acts:
        try:
            await _do(run, act)
        except Exception as error:
            failed = _words(error, run.state)
            run.troubles.append(failed)
            run.mark(f"failed: {failed}")


async def _do(run: _Run, act: Act) -> None:
    """One act, within its time."""
    run.into(act.state)
    try:
        async with asyncio.timeout(act.within_s) as limit:
            await _deed(run, act)
    except TimeoutError as error:
        if not limit.expired():
            raise
        role = act.step.role.value if act.step and act.step.role else "the rig"
        what = f"{act.step or act.deed.value} had not returned after {act.within_s:g} s"
        raise RigError(role, what, "look at the instrument, its link and its supply") from error


async def _deed(run: _Run, act: Act) -> None:
    rig, case = run.rig, run.order.case
    match act.deed:
        case Deed.OPEN:
            run.is_safe, run.opened = False, True  # also where it fails half way: what was begun is put away
            await rig.open(case, run.order.repeat)
            run.identity = dict(rig.identity())
            run.mark("opened")
        case Deed.STEP:
            assert act.step is not None
            await _step(run, act.step, act.number)
        case Deed.PAUSE:
            await _pause(run, act)
        case Deed.REST:
            assert act.step is not None
            await _rest(run, act.step)
        case Deed.BEGIN:
            run.mark("recording begins")
            run.recording = True
            await rig.begin(case.record.channels, case.record.each_phase)
        case Deed.END:
            run.recording = False
            run.recorded = await rig.end()
            run.mark("recording ended")
        case Deed.SAFE:
            run.mark("safe state asked for")
            await rig.safe()
            run.is_safe = True
            run.mark("safe state reached")
        case Deed.CLOSE:
            run.opened = False
            await rig.close()
            run.identity |= rig.identity()  # some of it is known only once the device has been put away


async def _step(run: _Run, step: Step, number: int) -> None:
    run.is_safe = False
    done = await run.rig.do(step)
    if run.state is State.STIMULATE and run.first_s is None:
        run.first_s = done.asked_s
    note = f": {done.note}" if done.note else ""
    late_s = done.done_s - done.asked_s
    run.mark(f"{step} (done after {late_s:.3f} s){note}", done.asked_s, number)


async def _pause(run: _Run, act: Act) -> None:
    pause_s = act.pause_s
    if act.at_s is not None:
        first_s = run.rig.now_s() if run.first_s is None else run.first_s
        pause_s = first_s + act.at_s - run.rig.now_s()
    if act.step is not None:
        run.mark(str(act.step))
    if pause_s > 0.0:
        await run.rig.sleep(pause_s)


async def _rest(run: _Run, step: Step) -> None:
    """Wait for rest. Running out of time before the stimulus makes the run one that is recorded and INVALID."""
    channel = step.word("channel")
    try:
        band_value = step.number("band") * rating_value(run.order.case, run.rig.sheet, channel)
    except NoRatingError as error:
        raise RigError("sheet", str(error), "state the rating under device.ratings of the rig's sheet") from error
    rest = Rest(band_value=band_value, duration_s=step.number("duration"))
    began_s = run.rig.now_s()
    run.mark(str(step))
    if isinstance(run.rig, RestTeller) and (said_value := await run.rig.rest_value(channel)) is not None:
        run.mark(f"{channel} at rest at {said_value:g}, as a person said")
        return
    values_seen = 0
    while (now_s := run.rig.now_s()) - began_s < step.number("timeout"):
        value = await run.rig.latest_value(channel)
        if value is None:
            rest.lose()
        else:
            values_seen += 1
            if rest.see(now_s, value):
                run.mark(f"{channel} at rest at {value:g} after {now_s - began_s:.1f} s")
                return
        await run.rig.sleep(rest.period_s)
    if not values_seen:
        raise RigError("PowerMeter", f"no value of {channel} came", "see that it measures and that its link is up")
    reason = (
        f"{channel} moved by {rest.spread_value():.4g} in the last {rest.duration_s:g} s, {2 * band_value:.4g} allowed"
    )
    run.mark(f"not steady: {reason}")
    if run.state is State.SETTLE and run.end is End.COMPLETE:
        run.end, run.reason = End.NOT_STEADY, reason


async def _safe(rig: Rig, within_s: float) -> str:
    try:
        async with asyncio.timeout(within_s):
            await rig.safe()
    except Exception as error:
        return _words(error, State.SAFE)
    finally:
        with suppress(Exception):
            async with asyncio.timeout(within_s):
                await rig.close()
    return ""


def _words(error: Exception, state: State) -> str:
    """What a report says of something that was raised; of a bug its kind, too."""
    if isinstance(error, BaseExceptionGroup):
        return f"{state.value}: " + "; ".join(str(inner) for inner in error.exceptions)
    kind = "" if isinstance(error, RigError) else f"{type(error).__name__}: "
    return f"{state.value}: {kind}{error}"
