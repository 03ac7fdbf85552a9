"""The controller's own open-loop response time, from each natural step that is large enough. `self-measured`.

A step is a change of the flow that no command explains: the demand interval ``import + [lo, hi]`` leaves the last one.
OLRT (UL 1741 CRD, CRD-OLRT-1) is measured on the flow at the point, from its post-step extreme: the time from the step
until 90 % of the way to the final value is made. The judged figure is the larger of that and the last instant beyond
the limit. Both times lie in intervals that contain the meter's age and window, and so does the result.
"""

from dataclasses import dataclass
from enum import StrEnum

from pcs.core.evolve import evolve
from pcs.core.measure import Sample

STEP_SHARE = 0.05
"""A step is at least 5 % of the controlled nameplate."""
BASELINE = 8
"""Samples before the step that it must stand out from."""
LONGEST_S = 60.0
"""Twice the CRD's 30 s: what has not settled by then is no step response."""
SETTLED_FOR_S = 2.0
SETTLED_SHARE = 0.03
REST = 4.0
"""What an exponential has still before it, at most, in units of what it did in the last second: 3.5 at 4 s lag."""
ANSWERS_WITHIN_S = 10.0
"""How long a release may lie still at its beginning and still be one: three times the longest dead time of reference
plant study section 3.1 (3 s). What has not begun by then has nothing to release."""
SHOWS_SHARE = 0.05
"""A sample with 5 % of a step in it was taken, in part, after it: a meter that averages shows a step in two samples."""
SAMPLES = 1200
"""A limit on the series of one step: 60 s at 20 Hz."""


class StepKind(StrEnum):
    """What stepped."""

    LOAD = "load"
    GENERATION = "generation"
    LIMIT = "limit"


class Way(StrEnum):
    """Which way the DERs had to go."""

    RESTRICT = "restrict"
    RELEASE = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One measured response: OLRT between `olrt_lo_s` and `olrt_hi_s`, best estimate `olrt_s`; flows in watts."""

    kind: StepKind
    way: Way
    at_s: float
    """The middle of when the step was; it lies between `at_lo_s` and `at_hi_s`."""
    at_lo_s: float
    at_hi_s: float
    olrt_s: float
    olrt_lo_s: float
    olrt_hi_s: float
    beyond_s: float
    """Last instant beyond the limit, from the step; 0 if never."""
    step_w: float
    final_import_w: float

    @property
    def judged_s(self) -> float:
        """The larger of the 90 % time and the time beyond the limit."""
        return max(self.olrt_s, self.beyond_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """All responses of one way: how many, the sum and maximum of the judged figure (seconds), and the last."""

    count: int = 0
    sum_s: float = 0.0
    max_s: float = 0.0
    last: Response | None = None

    def plus(self, response: Response) -> "Tally":
        """The tally with one response more."""
        judged_s = response.judged_s
        return Tally(count=self.count + 1, sum_s=self.sum_s + judged_s, max_s=max(self.max_s, judged_s), last=response)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsePoint:
    """One fresh sample as the response sees it (seconds, watts)."""

    published_s: float
    received_s: float
    import_w: float
    lo_w: float
    hi_w: float

    @property
    def demand_w(self) -> float:
        """The middle of what the demand can be (W)."""
        return self.import_w + 0.5 * (self.lo_w + self.hi_w)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseState:
    """The baseline, and the step that is being followed: when it was, what it was, and the flow since."""

    baseline: tuple[ResponsePoint, ...] = ()
    kind: StepKind | None = None
    t0_lo_s: float = 0.0
    t0_hi_s: float = 0.0
    before: ResponsePoint | None = None
    series: tuple[ResponsePoint, ...] = ()
    limit_w: float | None = None
    restrict: Tally = Tally()
    release: Tally = Tally()
    unsettled: int = 0
    """Steps that another one overtook or that did not settle: counted, never guessed."""


def follow(
    state: ResponseState, sample: Sample, lo_w: float, hi_w: float, limit_w: float | None, nameplate_w: float
) -> tuple[ResponseState, Response | None]:
    """Take one fresh sample with the bounds on all injection in its span; returns a response when one is complete."""
    point = ResponsePoint(
        published_s=sample.published_s, received_s=sample.received_s, import_w=sample.import_w, lo_w=lo_w, hi_w=hi_w
    )
    least_w = max(STEP_SHARE * nameplate_w, 10 * sample.resolution_w)
    jumped = _jump(state.baseline, point, least_w)
    limit_stepped = bool(state.baseline) and limit_w != state.limit_w
    if jumped and not limit_stepped and _explained(state, point, least_w):
        jumped, state = False, evolve(state, baseline=())
    if jumped or limit_stepped:
        k = _untouched(state.baseline, point) if jumped else len(state.baseline) - 1
        before, series = state.baseline[k], (*state.baseline[k + 1 :], point)
        state = evolve(
            state,
            kind=StepKind.LIMIT if limit_stepped and not jumped else StepKind.LOAD,
            t0_lo_s=before.published_s,
            t0_hi_s=series[0].received_s,
            before=before,
            series=series,
            baseline=(point,),
            limit_w=limit_w,
            unsettled=state.unsettled + (state.kind is not None),
        )
        return state, None
    state = evolve(state, baseline=(*state.baseline, point)[-BASELINE:], limit_w=limit_w)
    if state.kind is None:
        return state, None
    return _track(evolve(state, series=(*state.series, point)), least_w)


def _jump(baseline: tuple[ResponsePoint, ...], point: ResponsePoint, least_w: float) -> bool:
    """Whether demand left the interval of the last samples: no DER movement that we know of explains it."""
    if len(baseline) < 2:
        return False
    lo_w = min(p.import_w + p.lo_w for p in baseline)
    hi_w = max(p.import_w + p.hi_w for p in baseline)
    return point.import_w + point.hi_w < lo_w - least_w or point.import_w + point.lo_w > hi_w + least_w


def _untouched(baseline: tuple[ResponsePoint, ...], point: ResponsePoint) -> int:
    """The number of the last sample before a step that shows nothing of it yet."""
    k = len(baseline) - 1
    while k > 0 and _shows(baseline[k - 1], baseline[k], point):
        k -= 1
    return k


def _shows(before: ResponsePoint, middle: ResponsePoint, after: ResponsePoint) -> bool:
    """Whether the sample in the middle lies on the way from the one before to the one after, in flow and in demand."""
    return all(
        (part_w > SHOWS_SHARE * whole_w) if whole_w > 0.0 else (part_w < SHOWS_SHARE * whole_w)
        for part_w, whole_w in (
            (middle.import_w - before.import_w, after.import_w - before.import_w),
            (middle.demand_w - before.demand_w, after.demand_w - before.demand_w),
        )
    )


def _explained(state: ResponseState, point: ResponsePoint, least_w: float) -> bool:
    """Whether the demand is back where it was before the step that is followed: the sun stepped, and telemetry says so.

    A meter sees the sun before the telemetry does, so a step of the sun begins as a step of the load.
    """
    if state.kind is not StepKind.LOAD or state.before is None:
        return False
    return not _jump((state.before, state.before), point, least_w)


def _track(state: ResponseState, least_w: float) -> tuple[ResponseState, Response | None]:
    series = state.series
    elapsed_s = series[-1].received_s - state.t0_hi_s
    if elapsed_s > LONGEST_S or len(series) > SAMPLES:
        return evolve(state, kind=None, series=(), unsettled=state.unsettled + 1), None
    if elapsed_s < SETTLED_FOR_S:
        return state, None
    tail = [p for p in series[-64:] if p.received_s >= series[-1].received_s - SETTLED_FOR_S]
    if len(tail) < 2:  # after a gap
        return state, None
    if state.limit_w is not None and tail[-1].import_w < -state.limit_w - 0.2 * least_w:
        return state, None  # a dead time lies as flat as rest, but beyond the limit
    if elapsed_s < ANSWERS_WITHIN_S and _is_unanswered(state, tail[-1].import_w, least_w):
        return state, None  # or far inside it, where a release is still to come
    flows_w = [p.import_w for p in tail]
    moved_w = max(abs(p.import_w - flows_w[-1]) for p in series)
    if max(flows_w) - min(flows_w) > max(SETTLED_SHARE * moved_w, 0.25 * least_w):
        return state, None
    done = evolve(state, kind=None, series=())
    half = len(flows_w) // 2
    early_w, late_w = _mean(flows_w[:half]), _mean(flows_w[half:])
    response = _evaluate(state, late_w, REST * (late_w - early_w), tail[-1], least_w)
    if response is None:
        return done, None
    if response.way is Way.RESTRICT:
        return evolve(done, restrict=done.restrict.plus(response)), response
    return evolve(done, release=done.release.plus(response)), response


def _is_unanswered(state: ResponseState, import_w: float, least_w: float) -> bool:
    """Whether the step took the flow away from the limit, and the DERs have not yet begun to follow it back."""
    assert state.before is not None
    if state.limit_w is None or import_w < -state.limit_w + least_w:
        return False
    if max(p.import_w for p in state.series) - import_w >= least_w:
        return False
    if state.kind is StepKind.LIMIT:
        return abs(import_w - state.before.import_w) < least_w
    return state.before.import_w < -state.limit_w + least_w


def _mean(values_w: list[float]) -> float:
    return sum(values_w) / len(values_w)


def _evaluate(
    state: ResponseState, final_w: float, rest_w: float, last: ResponsePoint, least_w: float
) -> Response | None:
    """The response in the followed series, or None where the DERs had nothing to do.

    The flow ends somewhere between `final_w` and `final_w + rest_w`: a slow plant creeps on when it counts as settled.
    """
    assert state.before is not None
    assert state.kind is not None
    before, series = state.before, state.series
    injection_w = 0.5 * (last.lo_w + last.hi_w) - 0.5 * (before.lo_w + before.hi_w)
    demand_w = final_w - before.import_w + injection_w
    kind = state.kind
    if kind is StepKind.LOAD and abs(demand_w) < 0.3 * abs(injection_w):
        kind = StepKind.GENERATION
    way = Way.RESTRICT if injection_w < 0 or (kind is StepKind.GENERATION) else Way.RELEASE
    if abs(injection_w) < least_w or not _limit_decided(state, kind, way, injection_w, final_w, least_w):
        return None
    points = (before, *series) if kind is StepKind.LIMIT else series
    k = max(range(len(points)), key=lambda i: abs(points[i].import_w - final_w))
    way_w = final_w - points[k].import_w
    t0_s = 0.5 * (state.t0_lo_s + state.t0_hi_s)
    beyond_s = _beyond_s(state, t0_s, least_w)
    if abs(way_w) < least_w:  # the flow went where it stays: a step of the sun under a cap that held
        crossed_lo_s, crossed_hi_s = state.t0_lo_s, state.t0_hi_s
    else:
        early, late = sorted((_crossed(points, k, way_w), _crossed(points, k, way_w + rest_w)))
        crossed_lo_s, crossed_hi_s = points[max(early - 1, 0)].published_s, points[late].received_s
    olrt_s = max(0.0, 0.5 * (crossed_lo_s + crossed_hi_s) - t0_s)
    return Response(
        kind=kind,
        way=way,
        at_s=t0_s,
        at_lo_s=state.t0_lo_s,
        at_hi_s=state.t0_hi_s,
        olrt_s=olrt_s,
        olrt_lo_s=max(0.0, crossed_lo_s - state.t0_hi_s),
        olrt_hi_s=max(0.0, crossed_hi_s - state.t0_lo_s),
        beyond_s=beyond_s,
        step_w=demand_w if kind is StepKind.LOAD else injection_w,
        final_import_w=final_w,
    )


def _crossed(points: tuple[ResponsePoint, ...], first: int, way_w: float) -> int:
    """The first point that has made 90 % of the way from the extreme; the last one where none has."""
    extreme_w = points[first].import_w
    made = (i for i in range(first, len(points)) if (points[i].import_w - extreme_w) / way_w >= 0.9)
    return next(made, len(points) - 1)


def _limit_decided(
    state: ResponseState, kind: StepKind, way: Way, injection_w: float, final_w: float, least_w: float
) -> bool:
    """Whether the limit, and not a cloud or the sun, made the DERs move by `injection_w`."""
    if state.limit_w is None or state.before is None:
        return False
    near_w = -state.limit_w + least_w
    if kind is StepKind.LIMIT:
        return True
    if kind is StepKind.GENERATION:
        return injection_w > 0.0 and final_w < near_w
    if way is Way.RESTRICT:
        return any(p.import_w < -state.limit_w for p in state.series)
    return state.before.import_w < near_w


def _beyond_s(state: ResponseState, t0_s: float, least_w: float) -> float:
    """How long after the step the flow was last beyond the limit (by more than a fifth of the least step)."""
    if state.limit_w is None:
        return 0.0
    beyond = [p for p in state.series if p.import_w < -state.limit_w - 0.2 * least_w]
    return max(0.0, 0.5 * (beyond[-1].published_s + beyond[-1].received_s) - t0_s) if beyond else 0.0
