"""A line that bounds import is one that bounds export on the mirrored plant: the same law, all signs turned."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from pcs.core import der_state, line_state, lines, observe
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.failsafe import Action
from pcs.core.line_state import LineState
from pcs.core.lines import Fleet
from pcs.core.measure import MeterState, Sample
from pcs.core.policy import Policy
from pcs.model.limit import Direction, Limit
from pcs.model.site import DerKind, DerSpec
from pcs.model.units import Span
from tests import core_site as site

SIZE_W = 5000.0


@dataclass(frozen=True)
class Moment:
    """One sample and what is known of both batteries (watts); `fresh`: whether the meter said something new."""

    after_s: float
    import_w: float
    known_w: tuple[tuple[float, float], ...]
    obeying: tuple[bool, ...]
    action: Action
    fresh: bool
    asks: bool


KNOWN = st.tuples(st.floats(-SIZE_W, SIZE_W), st.floats(0.0, 2000.0)).map(lambda p: (p[0], min(SIZE_W, p[0] + p[1])))
MOMENTS = st.lists(
    st.builds(
        Moment,
        st.floats(0.05, 3.0),
        st.floats(-15_000.0, 15_000.0),
        st.tuples(KNOWN, KNOWN),
        st.tuples(st.booleans(), st.just(True)),
        st.sampled_from([Action.NORMAL, Action.NORMAL, Action.NORMAL, Action.HOLD]),
        st.booleans(),
        st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=12,
)


def rules(direction: Direction, limit_w: float, helps: bool) -> Policy:
    """Two batteries that draw as much as they inject."""
    facts = {"kind": DerKind.BATTERY, "charge_w": SIZE_W, "absorbs": helps, "supports": helps}
    ders: tuple[DerSpec, ...] = tuple(site.der_spec(k, SIZE_W, **facts) for k in range(2))
    return site.policy(ders=ders, limits=(Limit(direction=direction, value=limit_w),))


def fleet(policy: Policy, moment: Moment, way: float, helps: bool, now_s: float) -> Fleet:
    made: list[DerState] = []
    for spec, timing, (lo_w, hi_w) in zip(policy.controlled, policy.timings, moment.known_w, strict=True):
        der = der_state.new(spec, timing, 0.0)
        bounds = (lo_w, hi_w) if way > 0.0 else (-hi_w, -lo_w)
        last = der.track.ticks[-1]._replace(at_s=now_s, lo_w=bounds[0], hi_w=bounds[1])
        wide = last._replace(at_s=now_s - 0.19, lo_w=bounds[0] - 0.1 * SIZE_W, hi_w=bounds[1] + 0.1 * SIZE_W)
        made.append(evolve(der, track=evolve(der.track, ticks=(wide, last._replace(at_s=now_s - 0.17), last))))
    can_w = tuple(SIZE_W if helps and o else 0.0 for o in moment.obeying)
    nothing = (0.0, 0.0)
    return Fleet(
        ders=tuple(made),
        obeying=moment.obeying,
        help_w=can_w if way > 0.0 else nothing,
        support_w=can_w if way < 0.0 else nothing,
        left_cap_w=nothing,
        left_charge_w=nothing,
        settle_s=tuple(observe.settle_s(t, 1.0) for t in policy.timings),
    )


def budgets_w(direction: Direction, limit_w: float, helps: bool, moments: list[Moment]) -> list[tuple[float, bool]]:
    """The line's budget, and whether an excursion is seen, moment by moment."""
    way = 1.0 if direction is Direction.EXPORT else -1.0
    policy = rules(direction, limit_w, helps)
    line = policy.lines[0]
    state: LineState = line_state.new(line, policy)
    found, now_s = [], 0.0
    for moment in moments:
        now_s += moment.after_s
        sample = None
        if moment.fresh:
            sample = Sample(
                import_w=way * moment.import_w,
                phase_import_w=(),
                resolution_w=1.0,
                span=Span(from_s=now_s - 0.2, to_s=now_s),
                published_s=now_s - 0.1,
                received_s=now_s,
            )
        seen = fleet(policy, moment, way, helps, now_s)
        bounds = lines.bounds_of(seen.ders, sample, way < 0.0, lines.asked(line, seen.ders)) if sample else None
        meters = (MeterState(sample=sample),)
        turn = lines.take_turn(
            state, line, policy, seen, meters, sample, bounds, moment.action, True, moment.asks, None, now_s
        )  # fmt: skip
        state = turn.state
        found.append((round(state.budget.total_w, 6), state.excursions.present is not None))
    return found


@given(st.sampled_from([0.0, 1000.0, 8000.0]), st.booleans(), MOMENTS)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_an_import_line_on_a_mirrored_plant_is_the_export_line(
    limit_w: float, helps: bool, moments: list[Moment]
) -> None:
    exported = budgets_w(Direction.EXPORT, limit_w, helps, moments)
    assert budgets_w(Direction.IMPORT, limit_w, helps, moments) == exported
