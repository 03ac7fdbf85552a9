"""What the journal writes in a day, and whether its writer delays a step.

Twenty minutes of a site with one meter at 10 Hz, four inverters at 5 Hz and a load that steps every 20 s are recorded
on virtual time, and given to a real journal on a real disk 60 times as fast. Blocks are counted as Linux does
(`write_bytes` of /proc/self/io: every page of 4 kB made dirty after it was clean); the file system's own log and what
the card makes of it are not in. `tests.bench.journal_volume` measures in real time, by what, and with the file system's
log. The reference of the step time is the same steps without a writer, in turns with them.
"""

import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pcs.codec.journal import StepRecord, decode, encode
from pcs.core.policy import Policy
from pcs.core.state import Inputs, State
from pcs.core.step import step
from pcs.io import journal_sqlite
from pcs.io.journal_sqlite import SqliteJournal
from pcs.model.command import LimitActivePower
from pcs.model.event import Event
from pcs.model.units import Instant
from pcs.ports import Clock
from pcs.runtime.checkpoint import Checkpoint, decode_checkpoint
from pcs.runtime.in_process import MemoryJournal
from tests.simulation.stack import Stack, inverter, play, twin

RECORDED_S = 1200
SPEED = 60.0
DAY_S = 86_400.0
PACED_STEPS = 3000
BLOCK = 300  # steps with a writer, then as many without: what else the machine does meets both
PACE_S = 0.005
TIME = re.compile(rb"\d+\.\d{5,}")


class _Recorder(MemoryJournal):
    """Everything that a journal is told, in order, with its time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.calls: list[tuple[float, Callable[[SqliteJournal], None]]] = []
        self.first: Checkpoint | None = None
        self._clock = clock
        self._chance = random.Random(2)
        self._digits: dict[bytes, bytes] = {}

    def _note(self, call: Callable[[SqliteJournal], None]) -> None:
        self.calls.append((self._clock.now().mono_s, call))

    def intend(self, serial: str, command: LimitActivePower, at: Instant) -> None:
        super().intend(serial, command, at)
        self._note(lambda journal: journal.intend(serial, command, at))

    def step(self, line: bytes) -> None:
        line = TIME.sub(self._with_all_digits, line)
        self._note(lambda journal: journal.step(line))

    def _with_all_digits(self, found: re.Match[bytes]) -> bytes:
        """A time to the nanosecond, as a real clock gives it; virtual ones compress better."""
        text = found[0]
        if text not in self._digits:
            time_s = float(text) + self._chance.randrange(1000) * 1e-9
            self._digits[text] = repr(time_s).encode("ascii")
        return self._digits[text]

    def checkpoint(self, line: bytes) -> None:
        self.first = self.first or decode_checkpoint(line)
        self._note(lambda journal: journal.checkpoint(line))

    def event(self, event: Event) -> None:
        self._note(lambda journal: journal.event(event))


class _FastClock:
    """Time, `SPEED` times as fast, with the digits that a real clock has."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()

    def now(self) -> Instant:
        passed_s = SPEED * (time.monotonic() - self._began_s)
        return Instant(mono_s=passed_s, utc_s=1.78e9 + passed_s)


def recorded() -> tuple[_Recorder, Stack]:
    """Twenty minutes of control."""
    chance = random.Random(1)
    load = [{"steps": [[at, 3000 + 6000 * chance.random()] for at in range(0, RECORDED_S, 20)]}]
    ders = [inverter(f"inv{n}", 5000, control=704 if n % 2 else 123, telemetry_phase_s=0.1 * n) for n in range(1, 5)]
    made: list[_Recorder] = []

    def journal(clock: Clock) -> _Recorder:
        made.append(_Recorder(clock))
        return made[-1]

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.run(RECORDED_S)

    stack = play(story, twin(ders=ders, load=load, meter={"noise_w": 10, "update_s": 0.2}), journal=journal)
    return made[0], stack


def written() -> tuple[int, int]:
    """Bytes of pages that this process made dirty, and its calls that write."""
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(lines["write_bytes"]), int(lines["syscw"])


def volume(recorder: _Recorder) -> dict[str, float | str]:
    """Bytes per day, in all and of intents alone."""
    tick_s, journal_sqlite.TICK_S = journal_sqlite.TICK_S, journal_sqlite.TICK_S / SPEED
    result: dict[str, float | str] = {}
    try:
        for name, wanted in (("journal", ""), ("intents", "intend")):
            with tempfile.TemporaryDirectory() as folder:
                clock = _FastClock()
                journal = SqliteJournal(folder, clock)
                journal.flush()
                before, calls = written()
                for at_s, call in recorder.calls:
                    if wanted in call.__qualname__:
                        time.sleep(max(0.0, (at_s - clock.now().mono_s) / SPEED))
                        call(journal)
                journal.close()
                after, more = written()
                stored = sum(p.stat().st_size for p in Path(folder).glob("journal.*/*"))
            result[f"{name}_written_mb_per_day"] = (after - before) / RECORDED_S * DAY_S / 1e6
            result[f"{name}_write_calls_per_s"] = (more - calls) / RECORDED_S
            if not wanted:
                result["journal_stored_mb_per_day"] = stored / RECORDED_S * DAY_S / 1e6
    finally:
        journal_sqlite.TICK_S = tick_s
    return result


def step_times(recorder: _Recorder, stack: Stack) -> tuple[list[float], list[float]]:
    """Seconds of each step with a writer, and without: the core, the line, and handing it over."""
    assert recorder.first is not None
    state: State = recorder.first.state
    policy: Policy = recorder.first.policy
    steps = [decode(line) for line in stack.lines[:PACED_STEPS]]
    with_s: list[float] = []
    without_s: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        journal = SqliteJournal(folder, _PacedClock())
        for number, kept in enumerate(steps * 2):
            if number == len(steps):
                state = recorder.first.state
            is_writing = (number // BLOCK) % 2 == (0 if number < len(steps) else 1)
            time.sleep(PACE_S)
            began_s = time.perf_counter()
            outcome = step(state, Inputs(observations=kept.inputs), policy, kept.now)
            line = encode(
                StepRecord(now=kept.now, inputs=kept.inputs, commands=outcome.commands, events=outcome.events)
            )
            if is_writing:
                journal.step(line)
                for event in outcome.events:
                    journal.event(event)
            (with_s if is_writing else without_s).append(time.perf_counter() - began_s)
            state = outcome.state
        journal.close()
    return with_s, without_s


class _PacedClock:
    """A batch for every 300 steps, as at 10 Hz."""

    def now(self) -> Instant:
        now_s = time.monotonic() * journal_sqlite.BATCH_S / (300 * PACE_S)
        return Instant(mono_s=now_s, utc_s=1.78e9 + now_s)


def run() -> dict[str, float | str]:
    """All figures of one run."""
    recorder, stack = recorded()
    result: dict[str, float | str] = {"steps_per_s": len(stack.lines) / RECORDED_S}
    result |= {"events_per_hour": len(stack.events) / RECORDED_S * 3600} | volume(recorder)
    with_s, without_s = step_times(recorder, stack)
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        result[f"step_{name}_us"] = 1e6 * sorted(with_s)[int(share * len(with_s))]
        result[f"reference_step_{name}_us"] = 1e6 * sorted(without_s)[int(share * len(without_s))]
    result["step_mean_us"] = 1e6 * statistics.fmean(with_s)
    result["reference_step_mean_us"] = 1e6 * statistics.fmean(without_s)
    return result
