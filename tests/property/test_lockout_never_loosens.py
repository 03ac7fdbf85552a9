"""Lock-outs in general: more excursions, restarts at any moment and clocks that jump never loosen them."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from pcs.core import lockout
from pcs.core.evolve import evolve
from pcs.core.excursion import Excursion
from pcs.core.failsafe import RULES, Action
from pcs.model.fault import FaultKind
from pcs.model.lockout import ExcursionRule, LockoutRecord, LockoutRules, ResetRules

LINE = "export limit 0 W at poi"
SECONDS = 400
RULES_OF = st.lists(
    st.builds(
        lambda number, lasting_s, count, window_s: ExcursionRule(
            id=f"r{number}", lasting_s=lasting_s, count=count, window_s=window_s if count > 1 else None
        ),
        st.integers(0, 9),
        st.sampled_from([0.5, 3.0, 7.0, 15.0, 40.0]),
        st.integers(1, 3),
        st.sampled_from([30.0, 120.0, 1000.0]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda rule: rule.id,
).map(lambda rules: LockoutRules(preset="any", rules=tuple(rules), reset=ResetRules(by_itself_s=50.0)))
BEYOND = st.lists(st.tuples(st.integers(0, SECONDS), st.integers(1, 60)), max_size=8)
"""When flow was beyond the limit: from which second on, for how many."""


@dataclass
class Site:
    """One line, a sample a second; `beyond` says whether flow is beyond the limit in it."""

    rules: LockoutRules
    mono_s: float = 0.0

    def __post_init__(self) -> None:
        self.saved: LockoutRecord | None = None
        self.start(LockoutRecord())

    def start(self, record: LockoutRecord) -> None:
        self.state = lockout.resumed(record, self.rules, (LINE,), self.mono_s, 0.0)
        (self.present,) = lockout.seeds(record, self.rules, (LINE,), self.mono_s)
        self.keep()

    def keep(self) -> None:
        if lockout.due(self.saved, self.state.record):
            self.saved = evolve(self.state.record, orderly=False)

    def cut(self) -> None:
        """Power is lost and comes back; what was written is all that is left."""
        assert self.saved is not None
        record, self.saved = self.saved, None
        self.start(record)
        self.mono_s += 0.25  # a step before the first measurement
        self.state = lockout.advance(self.state, (self.present,), (LINE,), self.rules, self.mono_s, 0.0)
        self.keep()

    def second(self, beyond: bool, utc_s: float = 0.0) -> bool:
        self.mono_s += 1.0
        known = self.present[0]
        from_s = known.from_s if known else self.mono_s - 1.0
        self.present = (Excursion(from_s=from_s, to_s=self.mono_s, peak_w=1.0, energy_wh=0.0),) if beyond else (None,)
        self.state = lockout.advance(self.state, (self.present,), (LINE,), self.rules, self.mono_s, utc_s)
        self.keep()
        return self.state.record.locked is not None


def flows(spans: list[tuple[int, int]]) -> list[bool]:
    return [any(begin <= s < begin + lasts for begin, lasts in spans) for s in range(SECONDS)]


def played(rules: LockoutRules, beyond: list[bool], cuts: frozenset[int] = frozenset()) -> list[bool]:
    site = Site(rules)
    made = []
    for second, is_beyond in enumerate(beyond):
        if second in cuts:
            site.cut()
        made.append(site.second(is_beyond))
    return made


def never_looser(tight: list[bool], loose: list[bool]) -> bool:
    return all(t or not w for t, w in zip(tight, loose, strict=True))


@given(rules=RULES_OF, spans=BEYOND, cuts=st.frozensets(st.integers(1, SECONDS - 1), max_size=4))
def test_a_power_cut_at_any_moment_never_loosens(
    rules: LockoutRules, spans: list[tuple[int, int]], cuts: frozenset[int]
) -> None:
    """G100-I2-NV: locked out with the cuts whenever it is without them, and no earlier free."""
    beyond = flows(spans)
    assert never_looser(played(rules, beyond, cuts), played(rules, beyond))


@given(rules=RULES_OF, spans=BEYOND, more=st.tuples(st.integers(0, SECONDS), st.integers(1, 60)))
def test_an_excursion_that_is_longer_never_leads_to_less_lock_out(
    rules: LockoutRules, spans: list[tuple[int, int]], more: tuple[int, int]
) -> None:
    """G100-I2-ST: the same excursions and one more, apart from the others, lock out at least as long."""
    begin, lasts = more
    apart = [s for s in spans if s[0] + s[1] < begin or begin + lasts < s[0]]
    assert never_looser(played(rules, flows([*apart, more])), played(rules, flows(apart)))


@given(rules=RULES_OF, spans=BEYOND, jumps=st.lists(st.floats(-1e9, 1e9), min_size=SECONDS, max_size=SECONDS))
def test_a_clock_that_jumps_changes_nothing(
    rules: LockoutRules, spans: list[tuple[int, int]], jumps: list[float]
) -> None:
    steady, jumping = Site(rules), Site(rules)
    for is_beyond, utc_s in zip(flows(spans), jumps, strict=True):
        assert steady.second(is_beyond) is jumping.second(is_beyond, utc_s)
        assert steady.state.record.clock_s == jumping.state.record.clock_s


@given(steps=st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=30))
def test_a_monotonic_clock_that_stands_or_goes_back_counts_nothing_down(steps: list[float]) -> None:
    site = Site(LockoutRules(preset="any", rules=(ExcursionRule(id="one", lasting_s=1.0),)))
    now_s, most_s = 0.0, 0.0
    for step_s in steps:
        now_s += step_s
        most_s = max(most_s, now_s)
        site.state = lockout.advance(site.state, ((None,),), (LINE,), site.rules, now_s, 0.0)
        assert site.state.record.clock_s <= most_s + 1e-6


@given(rules=RULES_OF, spans=BEYOND)
def test_the_memory_of_excursions_is_bounded(rules: LockoutRules, spans: list[tuple[int, int]]) -> None:
    site = Site(rules)
    for is_beyond in flows(spans):
        site.second(is_beyond)
        record = site.state.record
        assert len(record.marks) <= sum(rule.count for rule in rules.rules)
        assert len(record.begun_s) <= lockout.BEGUN_MOST
        assert len(record.under_way) <= 1


def test_a_lock_out_is_a_row_that_only_tightens() -> None:
    assert RULES[FaultKind.LOCKED_OUT].action is max(Action)
    assert lockout.SAVE_S < lockout.UNSAVED_S
