"""Every row of the fail-safe table, driven through `pcs.core.step`: how it is reached, what it does, how it ends.

A site of two inverters of 10 kW with all the sun there is, 4 kW of load and a limit of 8 kW: both together feed 12 kW.
The safe set is 4 kW for each; with 10 kW reserved for one, 2 kW are left for the other.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache

import pytest

from pcs.core.conditions import HELD_S
from pcs.core.evolve import evolve
from pcs.core.failsafe import RULES, TABLE, Action, Clears, DerAction, Rule, obeys
from pcs.core.wiring import BACKOFF_S, Wiring
from pcs.model.event import EventKind
from pcs.model.fault import FaultKind
from pcs.model.limit import Basis, Direction, Limit
from pcs.model.lockout import ExcursionRule, LockoutAction, LockoutRules, ResetRules
from pcs.model.reading import Observation
from pcs.model.site import Tuning
from tests import core_site as site
from tests.core_site import Run

LIMIT_W, DEMAND_W, RATING_W, FOUND_W = 8000.0, 4000.0, 10_000.0, 1000.0
REST_S = 15.0
"""Until both feed what the limit allows, their wiring verified."""
OTHER_W = LIMIT_W + DEMAND_W - RATING_W
"""What is left for the one while the other counts with its nameplate."""
SAFE_W = LIMIT_W / 2
TICK_S = 0.1
BACK_S = 20.0
"""Until the yield is back after the longest way: from the safe set, unverified."""


class Site:
    """The two inverters and the meter, and what is wrong with them: `meter` and `second` say how they behave."""

    def __init__(self, *, per_conductor_w: float | None = None) -> None:
        limits = [Limit(direction=Direction.EXPORT, value=LIMIT_W)]
        if per_conductor_w is not None:
            limits.append(Limit(direction=Direction.EXPORT, value=per_conductor_w, basis=Basis.CONDUCTOR))
        ders = (site.der_spec(0), site.der_spec(1))
        self.run = Run(site.policy(ders=ders, limits=tuple(limits), tuning=Tuning(release_slew_pct_s=10.0)))
        self.demand_w, self.meter, self.second = DEMAND_W, "true", "true"
        self.held_w = [SAFE_W, SAFE_W]
        self.says_phases = per_conductor_w is None
        self.shown: tuple[float, bytes] = (0.0, b"")

    def live(self, seconds: float) -> None:
        """Go on for a while."""
        for _ in range(round(seconds / TICK_S)):
            self.tick()

    def tick(self, *more: Observation) -> None:
        """One cycle: commands reach the inverters, these say what they feed, the meter what flows."""
        run = self.run
        run.now_s += TICK_S
        heard: list[Observation] = []
        for command in run.outcomes[-1].commands:
            k = int(command.der_id[1:])
            if k == 1 and self.second in ("silent", "another"):
                continue
            if k == 1 and self.second == "refuses":
                heard.append(site.failed(command.limit_w, run.now_s, k))
                continue
            self.held_w[k] = command.limit_w
            heard.append(site.done(command.limit_w, run.now_s, k))
        feeds_w = [self.held_w[0], RATING_W if self.second == "disobeys" else self.held_w[1]]
        heard.append(site.der_says(feeds_w[0], run.now_s, 0))
        if self.second == "another":
            heard.append(site.fault(FaultKind.WRONG_DEVICE, run.now_s, "d1", "serial 7"))
        elif self.second != "silent":
            heard.append(site.der_says(feeds_w[1], run.now_s, 1))
        run.step(*heard, self._metered(self.demand_w - sum(feeds_w)), *more)

    def _metered(self, import_w: float) -> Observation:
        now_s = self.run.now_s
        if self.meter == "silent":
            return site.fault(FaultKind.NO_ANSWER, now_s)
        if self.meter == "same":
            return site.meter_says(self.shown[0], now_s, words=self.shown[1])
        shown_w = {"true": import_w, "open": 0.0, "reversed": -import_w}[self.meter]
        self.shown = (shown_w, f"{now_s:.4f}".encode())
        phases_w = (shown_w / 3,) * 3 if self.says_phases else ()
        return site.meter_says(shown_w, now_s, words=self.shown[1], phase_import_w=phases_w)

    def until(self, kind: FaultKind, within_s: float) -> None:
        """Go on until a condition is there."""
        for _ in range(round(within_s / TICK_S)):
            if kind in self.run.kinds():
                return
            self.tick()
        assert kind in self.run.kinds(), f"not reached within {within_s:g} s: {self.run.kinds()}"


LOCKED_S = 30.0
LOCKS_OUT = LockoutRules(
    preset="test",
    rules=(ExcursionRule(id="any", lasting_s=0.05),),
    action=LockoutAction.SAFE,
    reset=ResetRules(by_itself_s=LOCKED_S),
)


def exceeds(of: Site) -> None:
    """A tenth of a second beyond the limit locks out from now on; and the load falls away."""
    of.run.rules = evolve(of.run.rules, lockout=LOCKS_OUT)
    of.demand_w = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """How a condition comes about and is mended, and between which times after that it ends (seconds)."""

    fails: Callable[[Site], None]
    mends: Callable[[Site], None]
    within_s: float
    ends_s: tuple[float, float]


def meter(how: str) -> Callable[[Site], None]:
    return lambda of: setattr(of, "meter", how)


def second(how: str) -> Callable[[Site], None]:
    return lambda of: setattr(of, "second", how)


def refuses(of: Site) -> None:
    """It takes no command in the moment in which it has to give way."""
    of.second, of.demand_w = "refuses", 3000.0


def accepts(of: Site) -> None:
    of.second, of.demand_w = "true", DEMAND_W


def met_again(of: Site) -> None:
    """What is behind the address now is itself again."""
    of.second = "true"
    of.tick(site.der_met(1, of.run.now_s))


def loses_its_limit(of: Site) -> None:
    of.held_w[1] = RATING_W
    of.tick(site.holds(None, of.run.now_s + TICK_S, 1))


def found_limited(of: Site) -> None:
    of.held_w[1] = FOUND_W
    of.tick(site.der_met(1, of.run.now_s, limit_w=FOUND_W))


def overwritten(of: Site) -> None:
    of.held_w[1] = FOUND_W
    of.tick(site.holds(FOUND_W, of.run.now_s + TICK_S, 1))


def demand(demand_w: float) -> Callable[[Site], None]:
    return lambda of: setattr(of, "demand_w", demand_w)


def says_phases(of: Site) -> None:
    of.says_phases = True


def load_of_twice_the_flow(of: Site) -> None:
    """What flows out now flows in then, to the watt: as if the CT had been turned around."""
    of.demand_w = 2.0 * sum(of.held_w) - of.demand_w


def nothing(of: Site) -> None:
    """There is nothing to mend, or nobody to mend it."""


THREE_SAMPLES_S = (2 * TICK_S, 3 * TICK_S)
NEVER_S = (0.0, 120.0)
STORIES = {
    FaultKind.METER_LATE: Story(fails=meter("silent"), mends=meter("true"), within_s=0.3, ends_s=(0.0, TICK_S)),
    FaultKind.METER_STALE: Story(fails=meter("silent"), mends=meter("true"), within_s=0.5, ends_s=(0.0, TICK_S)),
    FaultKind.METER_LOST: Story(fails=meter("silent"), mends=meter("true"), within_s=2.1, ends_s=THREE_SAMPLES_S),
    FaultKind.METER_FROZEN: Story(fails=meter("same"), mends=meter("true"), within_s=2.1, ends_s=THREE_SAMPLES_S),
    FaultKind.METER_OPEN_CT: Story(fails=meter("open"), mends=meter("true"), within_s=1.2, ends_s=(0.0, TICK_S)),
    FaultKind.METER_DOUBTED: Story(fails=load_of_twice_the_flow, mends=nothing, within_s=0.1, ends_s=(0.0, 4.0)),
    FaultKind.METER_MISWIRED: Story(
        fails=meter("reversed"), mends=meter("true"), within_s=4.0, ends_s=(BACKOFF_S[0] - 1.0, BACKOFF_S[0] + 0.3)
    ),
    FaultKind.RESTARTS: Story(
        fails=lambda of: of.tick(site.fault(FaultKind.RESTARTS, of.run.now_s, "controller")),
        mends=nothing,
        within_s=0.1,
        ends_s=(HELD_S - 1.0, HELD_S + 0.3),
    ),
    FaultKind.LOCKED_OUT: Story(
        fails=exceeds, mends=demand(DEMAND_W), within_s=0.5, ends_s=(LOCKED_S - 1.0, LOCKED_S + 0.3)
    ),
    FaultKind.CANNOT_MEASURE: Story(fails=nothing, mends=says_phases, within_s=0.1, ends_s=(0.0, TICK_S)),
    FaultKind.DER_SILENT: Story(fails=second("silent"), mends=second("true"), within_s=3.1, ends_s=(0.0, TICK_S)),
    FaultKind.DER_DISOBEDIENT: Story(fails=second("disobeys"), mends=second("true"), within_s=12.0, ends_s=(9.8, 10.3)),
    FaultKind.DER_UNWRITABLE: Story(fails=refuses, mends=accepts, within_s=5.0, ends_s=(0.0, 2.2)),
    FaultKind.WRONG_DEVICE: Story(fails=second("another"), mends=met_again, within_s=0.2, ends_s=(0.0, TICK_S)),
    FaultKind.DER_RESTARTED: Story(fails=loses_its_limit, mends=nothing, within_s=0.1, ends_s=(0.0, TICK_S)),
    FaultKind.DER_FOREIGN_LIMIT: Story(fails=found_limited, mends=nothing, within_s=0.1, ends_s=NEVER_S),
    FaultKind.DER_SECOND_WRITER: Story(fails=overwritten, mends=nothing, within_s=0.1, ends_s=NEVER_S),
    FaultKind.CANNOT_HOLD: Story(fails=demand(-15_000.0), mends=demand(DEMAND_W), within_s=15.0, ends_s=(0.0, TICK_S)),
}
ROWS = pytest.mark.parametrize("rule", TABLE, ids=lambda rule: rule.kind.name)


@cache
def rested(per_conductor_w: float | None) -> Site:
    """The site at rest at its limit."""
    of = Site(per_conductor_w=per_conductor_w)
    of.live(REST_S)
    return of


def at_work(kind: FaultKind) -> Site:
    """One of its own for each test; where the meter lacks something, it does so from the beginning."""
    return deepcopy(rested(2000.0 if kind is FaultKind.CANNOT_MEASURE else None))


def reached(kind: FaultKind) -> Site:
    """The site in the moment in which the condition begins."""
    of = at_work(kind)
    assert of.run.state.action is Action.NORMAL
    STORIES[kind].fails(of)
    of.until(kind, STORIES[kind].within_s)
    return of


def is_over(of: Site, kind: FaultKind) -> bool:
    """No longer there, nor what it turns into: a meter that was frozen is lost until it has earned belief again."""
    return kind not in of.run.kinds() and of.run.state.action is Action.NORMAL


def told(of: Site, kind: EventKind) -> set[str]:
    """The conditions that events of a kind told of."""
    return {dict(e.facts)["fault"] for o in of.run.outcomes for e in o.events if e.kind is kind}


def test_every_row_of_the_table_has_its_story() -> None:
    assert set(STORIES) == set(RULES)


@ROWS
def test_every_row_is_reached_and_acts_on_the_site_as_it_says(rule: Rule) -> None:
    """CRD-ABN-6: at once for the caps; what flows follows with the DERs."""
    of = reached(rule.kind)
    assert rule.kind.name in told(of, EventKind.FAULT_RAISED)
    state, before_w = of.run.state, of.run.outcomes[-2].state.caps_w
    assert state.action is rule.action
    if rule.action is not Action.NORMAL:
        assert all(cap_w <= was_w for cap_w, was_w in zip(state.caps_w, before_w, strict=True))
    if rule.action is Action.SAFE:
        assert state.caps_w == state.safe_w == pytest.approx((SAFE_W, SAFE_W), abs=0.02 * SAFE_W)
    if rule.kind is FaultKind.CANNOT_MEASURE:
        assert sum(state.caps_w) <= 3 * 2000.0, "the safe set of the limit that cannot be measured"
    if rule.kind is FaultKind.CANNOT_HOLD:
        assert state.caps_w == (0.0, 0.0)


@ROWS
def test_every_row_acts_on_its_der_as_it_says(rule: Rule) -> None:
    of = reached(rule.kind)
    outcome = of.run.outcomes[-1]
    assert obeys(outcome.state.faults, "d1") is (rule.der_action is not DerAction.RESERVE)
    assert obeys(outcome.state.faults, "d0")
    if rule.der_action is DerAction.REASSERT:
        assert [c.der_id for c in outcome.commands if c.der_id == "d1"] == ["d1"]
    of.live(5.0)
    if rule.der_action is DerAction.RESERVE:
        assert of.run.state.caps_w[0] <= OTHER_W
    if rule.der_action is DerAction.HONOUR:
        assert of.run.state.caps_w[1] == FOUND_W
        assert all(c.limit_w <= FOUND_W for o in of.run.outcomes[-50:] for c in o.commands if c.der_id == "d1")


@ROWS
def test_every_row_ends_as_it_says_and_production_comes_back(rule: Rule) -> None:
    story, of = STORIES[rule.kind], reached(rule.kind)
    mended_s = of.run.now_s
    story.mends(of)
    not_before_s, by_s = story.ends_s
    while not is_over(of, rule.kind) and of.run.now_s - mended_s < by_s:
        of.tick()
    took_s = of.run.now_s - mended_s
    if rule.clears is Clears.BY_INSTALLER:
        assert rule.kind in of.run.kinds(), "nobody but the installer may end it"
        assert of.run.state.caps_w[1] == FOUND_W
        return
    assert is_over(of, rule.kind)
    assert took_s >= not_before_s - 1e-6
    if rule.clears is Clears.AFTER_BACKOFF:
        assert of.run.state.watches[0].wiring.verdict is Wiring.UNVERIFIED
    of.live(BACK_S)
    assert of.run.kinds() == set()
    assert rule.kind.name in told(of, EventKind.FAULT_CLEARED)
    bound_w = 3 * 2000.0 if rule.kind is FaultKind.CANNOT_MEASURE else LIMIT_W
    assert sum(of.held_w) == pytest.approx(min(bound_w + of.demand_w, 2 * RATING_W), rel=0.03)


@pytest.mark.parametrize("kind", [FaultKind.DER_FOREIGN_LIMIT, FaultKind.DER_SECOND_WRITER])
def test_a_limit_of_somebody_else_is_gone_once_the_installer_released_it(kind: FaultKind) -> None:
    """A release is a new start that claims the limit that it finds; a start that does not claim it honours it again."""
    assert kind in reached(kind).run.kinds()
    for own in (True, False):
        again = Run(site.policy(limit_w=LIMIT_W, ders=(site.der_spec(0), site.der_spec(1))))
        again.step(site.der_met(1, 0.0, limit_w=FOUND_W, own=own), after_s=0.1)
        assert (FaultKind.DER_FOREIGN_LIMIT in again.kinds()) is not own


def test_the_meters_conditions_follow_each_other_while_it_is_silent() -> None:
    """CRD-ABN-2: one missed update, two, then max(2 s, three periods); caps never rise on the way."""
    of = at_work(FaultKind.METER_LATE)
    of.meter = "silent"
    seen: list[Action] = []
    for _ in range(30):
        before_w = of.run.state.caps_w
        of.tick()
        assert all(cap_w <= was_w for cap_w, was_w in zip(of.run.state.caps_w, before_w, strict=True))
        if not seen or seen[-1] is not of.run.state.action:
            seen.append(of.run.state.action)
    assert seen == [Action.NORMAL, Action.HOLD, Action.TIGHTEN, Action.SAFE]
