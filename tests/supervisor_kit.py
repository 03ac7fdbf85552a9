"""A bench for the supervisor on the test's clock: a simulated chip with a monostable behind it, and scripted data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pcs.model.limit import Direction
from pcs.model.site import LinkAddress, MeterSpec
from pcs.model.supervisor import Feedback, GpioLine, PulsedRelay, Rearm, SupervisorSpec, Watch
from pcs.model.units import Instant
from pcs.runtime.in_process import known_profiles
from pcs.supervisor.loop import Supervisor
from pcs.supervisor.memory import Memory
from pcs.supervisor.relay import PulsedOutput
from pcs.supervisor.state import Asked, Flow, Mode, News, Seen

HOLD_S = 0.5
UTC_S = 1_700_000_000.0
CHIP = GpioLine(chip="/dev/gpiochip0", line=17)


def meter(profile: str = "sunspec/meter", **more: object) -> MeterSpec:
    """The supervisor's own meter."""
    return MeterSpec(
        id="supervisor",
        profile=known_profiles()[profile],
        link=LinkAddress(host="127.0.0.1", port=15099),
        unit=1,
        point="poi",
        **more,  # type: ignore[arg-type]
    )


def spec(delay_s: float = 5.0, **more: object) -> SupervisorSpec:
    """500 W of export beyond a limit of 0 W for at most `delay_s`; pulses at 10 Hz, held for half a second."""
    given: dict[str, object] = {
        "meter": meter(update_s=0.2),
        "watches": (Watch(direction=Direction.EXPORT, limit_w=0.0, tolerance_w=500.0, delay_s=delay_s),),
        "most_w": 100_000.0,
        "nominal_v": 230.0,
        "relay": PulsedRelay(output=CHIP, pulse_hz=10.0, hold_s=HOLD_S),
        "feedback": Feedback(gpio=CHIP),
        "rearm": Rearm(),
    }
    return SupervisorSpec(**(given | more))  # type: ignore[arg-type]


@dataclass
class Chip:
    """A GPIO line with a monostable behind it: closed for `hold_s` after an edge, whatever level it rests at."""

    now_s: Callable[[], float]
    hold_s: float = HOLD_S
    welded: bool = False
    broken: bool = False
    level: bool = False
    edges_s: list[float] = field(default_factory=list)

    def set(self, active: bool) -> None:
        if active is not self.level:
            self.edges_s.append(self.now_s())
        self.level = active

    def closed(self) -> bool:
        held = bool(self.edges_s) and self.now_s() - self.edges_s[-1] < self.hold_s
        return self.welded or (held and not self.broken)

    def close(self) -> None: ...


@dataclass
class Data:
    """What the sensor says at each instant: a function of time, new every `update_s`."""

    now_s: Callable[[], float]
    flow: Callable[[float], Seen | None]
    update_s: float = 0.2
    next_s: float = 0.0

    def look(self, now_s: float) -> Seen | None:
        if now_s < self.next_s:
            return None
        self.next_s = now_s + self.update_s
        return self.flow(now_s)

    def trouble(self) -> str:
        return ""

    def close(self) -> None: ...


def flow_w(import_w: float, at_s: float, volts_v: tuple[float, ...] = (230.0, 230.0, 230.0)) -> Flow:
    """A live reading: its words change with time."""
    return Flow(import_w=import_w, words=repr((import_w, at_s)).encode(), volts_v=volts_v)


class Bench:
    """One supervisor on a clock that only this class moves."""

    def __init__(self, folder: Path, flow: Callable[[float], Seen | None], given: SupervisorSpec | None = None) -> None:
        self.at_s, self.spec, self.folder = 0.0, given or spec(), folder
        self.chip, self.data = Chip(self.now_s), Data(self.now_s, flow)
        self.news: list[tuple[float, News]] = []
        self.trace: list[tuple[float, bool]] = []
        self.start()

    def start(self) -> None:
        """A new process on the same site."""
        self.supervisor = Supervisor(
            self.spec,
            self.data,
            PulsedOutput(self.chip, self.spec.relay.feed_s, self.chip),
            Memory(self.folder),
            clock=lambda: Instant(mono_s=self.at_s, utc_s=UTC_S + self.at_s),
            on_news=lambda news: self.news.append((self.at_s, news)),
        )

    def now_s(self) -> float:
        return self.at_s

    def run(self, until_s: float, *, ticks: bool = True, asked: Asked | None = None) -> None:
        """Let time pass; without ticks the process is dead, stopped or wedged."""
        while self.at_s < until_s - 1e-9:
            if ticks:
                self.supervisor.tick(asked or Asked())
                asked = None
            self.trace.append((self.at_s, self.chip.closed()))
            self.at_s = round(self.at_s + self.supervisor.tick_s, 6)

    @property
    def mode(self) -> Mode:
        return self.supervisor.state.mode

    def opened_s(self, after_s: float) -> float | None:
        """When the contact was first seen open after this instant."""
        return next((at_s for at_s, closed in self.trace if at_s >= after_s and not closed), None)

    def told(self, what: str) -> list[float]:
        return [at_s for at_s, news in self.news if news.what == what]
