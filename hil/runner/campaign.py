"""A campaign from its first run to its last: hands out runs, keeps the journal, and stops where it must.

Everything that says what happened goes through `Conductor.hear`, whichever process it happened in.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hil.profile.model import Case
from hil.record.codec import from_json
from hil.record.durable import remove_folder
from hil.record.folder import RUN, RUN_NAME, RUNS, RunFile, list_runs, write_run
from hil.record.manifest import manifest_problems
from hil.record.model import RUN_SCHEMA, End, RunRecord
from hil.record.recording import RecordingError
from hil.runner.bench import Bench
from hil.runner.crew import Crew, Lost
from hil.runner.feed import Feed, Line
from hil.runner.journal import FINISH, STOP, Entry, Journal, last_attempts, last_ends
from hil.runner.journal import RUN as RUN_KIND
from hil.runner.plan import ENDED, Finished, all_runs, missing_runs
from hil.runner.play import Order, make_safe, utc_text
from hil.runner.progress import Progress, begin
from hil.runner.room import FreeBytes, NoRoomError, check_room, free_bytes
from hil.runner.script import State
from hil.runner.session import Ended, Entered, News, Stopped, Values, play_order
from hil.runner.stop import Stop

FAILURES_MAX = 3  # rig failures in a row: what fails three times fails a fourth time, and somebody should look
LISTEN_S = 0.2  # how long to wait for news of the crew at a time; a signal is noticed within it

MakeCrew = Callable[[], Crew]
Tell = Callable[[Progress, Order, Ended | None], None]
"""Told when a run begins (None) and when it has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How a campaign was left. `stopped`: why before its end; empty: it is whole. `rig_troubles`: what failed."""

    total: int
    done: int
    ends: Mapping[End, int]
    stopped: str = ""
    rig_troubles: tuple[str, ...] = ()
    signal: int = 0


@dataclass(slots=True, kw_only=True)
class Conductor:
    """Plays what is missing of a campaign whose locks are held. `free` says how much room there is."""

    folder: Path
    bench: Bench
    cases: tuple[Case, ...]
    journal: Journal
    feed: Feed
    stop: Stop
    tell: Tell = lambda progress, order, ended: None
    free: FreeBytes = free_bytes
    make_crew: MakeCrew | None = None
    jobs: int = 1
    progress: Progress = field(default_factory=lambda: Progress(total=0))
    troubles: list[str] = field(default_factory=list)
    failures: int = 0
    halted: str = ""

    def safe_first(self) -> str:
        """The rig's safe state before anything else: what a killed runner left is not known. Returns what failed."""
        return self.bench.play(make_safe)

    def play(self) -> Summary:
        """Play every run that is missing.

        Raises:
            RecordingError, OSError: a record or the journal cannot be written.
        """
        remove_leftovers(self.folder)
        finished = finished_runs(self.folder)
        self._adopt(finished)
        orders = missing_runs(self.cases, finished, last_attempts(self.journal.entries))
        total = len(all_runs(self.cases))
        cases = [order.case for order in orders]
        self.progress = begin(cases, total, jobs=self.jobs, is_real_time=not self.bench.is_virtual)
        self._show({"kind": "campaign", "what": "begins"})
        if self.make_crew is not None and len(orders) > 1:
            self._play_crew(orders, self.make_crew)
        else:
            self._play_here(orders)
        why = self.halted or (f"by {self.stop.signal.name}" if self.stop.signal else "")
        self.journal.append(Entry(utc=utc_text(), kind=STOP if why else FINISH, note=why))
        self._show({"kind": "campaign", "what": why or "is finished"})
        return Summary(
            total=total,
            done=self.progress.done,
            ends=Counter(End(entry.end) for entry in last_ends(self.journal.entries).values()),
            stopped=why,
            rig_troubles=tuple(self.troubles),
            signal=self.stop.signal or 0,
        )

    def _adopt(self, finished: Iterable[Finished]) -> None:
        """Say of records that were sealed, but whose runner was killed before it said so, that they are done."""
        said = {(entry.case, entry.repeat, entry.attempt) for entry in self.journal.entries if entry.end}
        by_hash = {case.hash[:12]: case for case in self.cases}
        for run in finished:
            case = by_hash.get(run.hash12)
            if case is not None and run.end in ENDED and (case.hash, run.repeat, run.attempt) not in said:
                order = Order(case=case, repeat=run.repeat, attempt=run.attempt)
                self._write(order, state=State.DONE.value, end=run.end.value, reason="found finished")

    def _play_here(self, orders: Iterable[Order]) -> None:
        for order in orders:
            if not self._may_begin(order):
                return
            self._begin(order)
            self.hear(order, play_order(self.bench, self.folder, order, self._ear(order), self.stop))

    def _ear(self, order: Order) -> Callable[[News], None]:
        return lambda news: self.hear(order, news)

    def _play_crew(self, orders: Iterable[Order], make_crew: MakeCrew) -> None:
        """Hand out runs as workers become free; the order of results does not matter, their content is the same."""
        waiting, asked = list(orders)[::-1], False
        crew = make_crew()
        try:
            while waiting or crew.busy:
                while waiting and crew.free and self._may_begin(waiting[-1], crew.busy):
                    order = waiting.pop()
                    self._begin(order)
                    crew.give(order)
                if (self.stop.is_asked or self.halted) and not asked:
                    asked, waiting = True, []
                    if self.stop.is_asked:
                        crew.stop()
                if not crew.busy and not crew.free:
                    self.halted = self.halted or "every process that plays runs has ended"
                    return
                for order, news in crew.hear(LISTEN_S):
                    self.hear(order, news)
        finally:
            crew.close()

    def _may_begin(self, order: Order, others: int = 0) -> bool:
        """Whether the next run may begin; if not, `halted` or the signal says why."""
        if self.stop.is_asked or self.halted:
            return False
        try:
            check_room(order.case, self.bench.sheet, self.folder, self.free, runs=others + 1)
        except NoRoomError as error:
            self.halted = str(error)
            self.troubles.append(self.halted)
        return not self.halted

    def _begin(self, order: Order) -> None:
        self._write(order, state=State.CHECK.value)
        self.tell(self.progress, order, None)

    def hear(self, order: Order, news: News | Ended | Stopped | Lost) -> None:
        """Something happened in a run."""
        match news:
            case Entered():
                self._write(order, state=news.state.value, rig_s=news.rig_s)
                self._show({"kind": "state", **_named(order), "state": news.state.value, "rig_s": news.rig_s})
            case Values():
                self._show({"kind": "values", **_named(order), "rig_s": news.rig_s, "values": dict(news.values)})
            case Stopped():
                if not news.is_safe:
                    self.troubles.append("the safe state was not reached")
            case Lost():
                ended = Ended(end=End.RIG_FAILED, reason=news.reason, troubles=(), is_safe=True, taken_s=0.0)
                with suppress(RecordingError):  # it may have finished its record before it was lost
                    write_run(self.folder, _lost_record(order, news.reason))
                self._done(order, ended)
            case Ended():
                self._done(order, news)

    def _done(self, order: Order, ended: Ended) -> None:
        self._write(order, state=State.DONE.value, end=ended.end.value, reason=ended.reason)
        self.progress.finish(order.case, ended.taken_s)
        name = f"{order.case.id} repeat {order.repeat}"
        if ended.end is End.RIG_FAILED:
            self.troubles.append(f"{name}: {ended.reason}")
        self.troubles += [f"{name}: {trouble}" for trouble in ended.troubles]
        self.failures = self.failures + 1 if ended.end is End.RIG_FAILED else 0
        if not ended.is_safe:
            self.halted = "the safe state was not reached: see that everything is off before anybody goes near the rig"
        elif self.failures >= FAILURES_MAX:
            self.halted = f"the rig failed {self.failures} times in a row; mend it, then `hil resume` goes on"
        self._show({"kind": "run", **_named(order), "end": ended.end.value, "reason": ended.reason})
        self.tell(self.progress, order, ended)

    def _write(self, order: Order, *, state: str, rig_s: float | None = None, end: str = "", reason: str = "") -> None:
        self.journal.append(
            Entry(
                utc=utc_text(),
                kind=RUN_KIND,
                state=state,
                rig_s=rig_s,
                case=order.case.hash,
                id=order.case.id,
                repeat=order.repeat,
                attempt=order.attempt,
                end=end,
                reason=reason,
            )
        )

    def _show(self, line: Line) -> None:
        left_s = self.progress.left_s()
        counts = {"done": self.progress.done, "total": self.progress.total}
        self.feed.say({"utc": utc_text(), **line, **counts, "left_s": None if left_s is None else round(left_s, 1)})


def finished_runs(folder: Path) -> list[Finished]:
    """Every finished and undamaged run of a campaign: what was changed since it was sealed does not count."""
    found = []
    for path in list_runs(folder):
        named = RUN_NAME.fullmatch(path.name)
        if named is None or manifest_problems(path):
            continue
        with suppress(OSError, ValueError):
            said = from_json(RunFile, (path / RUN).read_text(encoding="utf-8"), RUN_SCHEMA)
            found.append(Finished(hash12=named[1], repeat=int(named[2]), attempt=int(named[3]), end=said.end))
    return found


def remove_leftovers(folder: Path) -> None:
    """Take away what a killed runner had begun to write; finished runs have other names."""
    for path in (folder / RUNS).glob(".*.part"):
        remove_folder(path)


def _named(order: Order) -> dict[str, str | int]:
    case = order.case
    return {"case": case.hash, "id": case.id, "repeat": order.repeat, "attempt": order.attempt}


def _lost_record(order: Order, reason: str) -> RunRecord:
    return RunRecord(
        case=order.case,
        repeat=order.repeat,
        attempt=order.attempt,
        end=End.RIG_FAILED,
        reason=reason,
        started_utc=utc_text(),
        marks=(),
        identity={},
    )
