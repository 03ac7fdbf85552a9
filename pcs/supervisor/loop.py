"""The shell around the decision: one thread, one tick after the other. A tick that does not end gives no pulse."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pcs.model.supervisor import SupervisorSpec
from pcs.model.units import Instant
from pcs.supervisor.decide import decide, latched, why
from pcs.supervisor.memory import Memory
from pcs.supervisor.relay import Relay
from pcs.supervisor.sensor import Sensor
from pcs.supervisor.state import Asked, Decision, Mode, News, State

SLOWEST_TICK_S = 0.05
"""Data are looked at this often, however slowly the relay is fed."""
LAST_TICKS = 5
"""Without pulses, before the end: time to tell a board to open at once rather than after its own time."""


def system_time() -> Instant:
    """The present moment; the supervisor has a clock of its own code path, too."""
    return Instant(mono_s=time.monotonic(), utc_s=time.time())


@dataclass(slots=True)
class Wishes:
    """What signals left for the next tick."""

    stop: bool = False
    rearm: bool = False
    test: bool = False


class Supervisor:
    """Sensor, decision and relay, tied together once per tick."""

    def __init__(
        self,
        spec: SupervisorSpec,
        sensor: Sensor,
        relay: Relay,
        memory: Memory,
        *,
        clock: Callable[[], Instant] = system_time,
        on_news: Callable[[News], None] = lambda _: None,
        on_tick: Callable[["Supervisor"], None] = lambda _: None,
    ) -> None:
        """Remember the trip of the run before; the relay stays open until the data are good."""
        self.spec, self._sensor, self._relay, self._memory = spec, sensor, relay, memory
        self._clock, self._on_news, self._on_tick = clock, on_news, on_tick
        now = clock()
        self.state: State = latched(spec, now, memory.load(now))
        self.ticks = 0
        self._keep(self.state)
        self._tell(News(what="started", text=f"sensing by {spec.sensing}; {self.words(now)}"), now)

    @property
    def tick_s(self) -> float:
        """The length of a tick: the relay is fed once in each, or less often."""
        return min(SLOWEST_TICK_S, self.spec.relay.feed_s)

    def tick(self, asked: Asked) -> Decision:
        """Look, decide, and feed the relay or not. Whatever raises in here ends the pulses."""
        now = self._clock()
        seen = self._sensor.look(now.mono_s)
        before = self.state
        decision = decide(before, seen, self._relay.feed(now.mono_s), asked, self.spec, now)
        (self._relay.pulse if decision.pulse else self._relay.rest)(now.mono_s)
        self.state, self.ticks = decision.state, self.ticks + 1
        if (before.mode, before.reason, before.rearms_utc_s) != (
            self.state.mode,
            self.state.reason,
            self.state.rearms_utc_s,
        ):
            self._keep(self.state)  # after the relay: a slow disk must not hold a trip up
        for news in decision.news:
            self._tell(news, now)
        self._on_tick(self)
        return decision

    def words(self, now: Instant) -> str:
        """The present state in one line."""
        state = self.state
        if state.mode is Mode.TRIPPED and state.reason is not None:
            return f"TRIPPED: {state.reason.value}: {state.detail}"
        reason = why(state, self.spec, now.mono_s)
        trouble = self._sensor.trouble() or (reason[1] if reason else "")
        flow = "" if state.import_w is None else f", import {state.import_w:.0f} W"
        return f"{state.mode.value}{flow}{'; ' + trouble if trouble else ''}"

    def run(self, wishes: Wishes, until: Callable[[Decision], bool] = lambda _: False) -> None:
        """Tick until told to stop; whatever ends it, the relay is left without pulses."""
        try:
            due_s = self._clock().mono_s
            while not wishes.stop:
                asked = Asked(rearm=wishes.rearm, test=wishes.test)
                wishes.rearm = wishes.test = False
                if until(self.tick(asked)):
                    return
                now_s = self._clock().mono_s
                due_s = max(due_s + self.tick_s, now_s - self.tick_s)
                time.sleep(max(0.0, due_s - now_s))
        finally:
            for _ in range(LAST_TICKS):
                self._relay.rest(self._clock().mono_s)
                time.sleep(self.tick_s)
            self._relay.close()
            self._sensor.close()
            self._tell(News(what="stopped", text="no more pulses: the relay opens"), self._clock())

    def _keep(self, state: State) -> None:
        self._memory.save(state)

    def _tell(self, news: News, now: Instant) -> None:
        self._memory.tell(news, now)
        self._on_news(news)


def program_digest() -> str:
    """SHA-256 over the supervisor's own source: which program it is that trips (SW-IMPL)."""
    total = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()
