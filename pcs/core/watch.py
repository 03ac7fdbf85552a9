"""What makes a meter believable beside its own words: the DERs behind it move, and it has to see that.

One watch per meter that measures a point by itself: the passive wiring check, and power that stands still while it
ought to move.
"""

from dataclasses import dataclass, field

from pcs.core import measure, mirror, observe, question
from pcs.core.answer import Wiring
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.measure import MeterState, Sample
from pcs.core.mirror import Mirror
from pcs.core.question import Question
from pcs.core.wiring import WiringState, doubt, seen, undoubted, watch
from pcs.model.fault import FaultKind
from pcs.model.units import Span

WATCHABLE_SHARE = 0.15
"""The wiring check needs the injection to within 15 % of nameplate."""
CONFIRMED_SHARE = 0.05
"""Telemetry confirms what is thought of a DER to within 5 % of nameplate: the least movement that is judged."""
MOVED_S, MOVED_SHARE = 2.0, 0.02
"""Commands that change by less than 2 % in so long leave a DER at rest; the slow rise before verification makes 6 %."""
STUCK_SHARE = 0.02
"""A meter whose power stands still while the DERs move by 2 % of nameplate does not measure them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is remembered for one meter (watts, seconds).

    `injection_fresh_w`: middle of the injection behind it at its last fresh sample, to see what a silent meter should
    have shown. `injection_moved_w`: bounds on that injection when the metered power last changed: power that stands
    still while the DERs surely move is frozen. `stuck_since_s`: since when it ought to have followed and did not.
    """

    wiring: WiringState
    mirror: Mirror = field(default_factory=Mirror)
    question: Question = field(default_factory=Question)
    injection_fresh_w: float = 0.0
    injection_moved_w: tuple[float, float] = (0.0, observe.INFINITY)
    said_moved_w: float | None = None
    """What the DERs said of themselves at that moment, all together (W)."""
    stuck_since_s: float | None = None

    @staticmethod
    def new(now_s: float) -> "Watch":
        """Nothing seen yet."""
        return Watch(wiring=WiringState(since_s=now_s))


def renewed(state: Watch, is_replaced: bool, now_s: float) -> Watch:
    """Another meter sits at the point: nothing that was learnt of the old one's wiring holds."""
    return (
        evolve(state, wiring=WiringState(since_s=now_s), mirror=Mirror(), question=Question()) if is_replaced else state
    )


def follow(
    state: Watch,
    meter: tuple[MeterState, MeterState],
    before: tuple[DerState, ...],
    behind: tuple[DerState, ...],
    sample: Sample | None,
    phases: int,
    now_s: float,
) -> Watch:
    """Take one step: `meter` before and after it, the DERs behind it before and after, and the fresh sample if any."""
    size_w = sum(d.size_w for d in behind)
    known = _comparable(state.wiring, before, behind)
    moved_w, said_w, since_s = _stuck(state, meter, behind, size_w, now_s)
    fresh_w, turns, asked = state.injection_fresh_w, state.mirror, state.question
    if sample is not None:
        lo_w, hi_w = injection_w(behind, sample.span)
        fresh_w = 0.5 * (lo_w + hi_w)
        known = seen(known, sample.import_w, size_w, sample.received_s)
        alike = all_balanced(behind, phases)
        known, turns = _turned(known, turns, sample, (lo_w, hi_w), size_w, alike)
        balanced = alike and len(sample.phase_import_w) == phases > 1
        imports_w = (sample.import_w, *sample.phase_import_w)
        is_known = hi_w - lo_w <= WATCHABLE_SHARE * size_w
        rest_w = _at_rest_w(behind, lo_w, hi_w)
        begins = known.verdict is Wiring.DOUBTED and not known.points
        moves = any(_moves(d, now_s) for d in behind)
        waits = known.verdict is Wiring.DOUBTED or known.asks_until_s > -observe.INFINITY
        # From rest to rest: on the way nobody knows where a DER is until it has said so.
        if is_known and not (moves and waits and known.points):
            confirmed = all(_confirmed(d) for d in behind)
            known = watch(
                known, imports_w, rest_w if begins else fresh_w, confirmed, balanced, size_w, sample.received_s
            )
        if state.wiring.verdict is Wiring.DOUBTED and known.verdict is Wiring.VERIFIED:
            turns = mirror.was_load(turns, now_s)
        window_s = sample.published_s - sample.span.from_s
        known_w = rest_w if is_known else None
        asked, known = question.follow(
            asked, known, imports_w, known_w, window_s, balanced, moves or _opposed(behind), size_w, sample.received_s
        )
    return Watch(
        wiring=known,
        mirror=turns,
        question=asked,
        injection_fresh_w=fresh_w,
        injection_moved_w=moved_w,
        said_moved_w=said_w,
        stuck_since_s=since_s,
    )


def _turned(
    known: WiringState, turns: Mirror, sample: Sample, bounds_w: tuple[float, float], size_w: float, alike: bool
) -> tuple[WiringState, Mirror]:
    """Whether the flow became its own negative with this sample: then its sign is in doubt."""
    if size_w <= 0.0:
        return known, turns
    turns, turn = mirror.look(turns, sample, bounds_w, size_w, alike)
    if turns.turn is not None and known.verdict is Wiring.DOUBTED:
        if mirror.goes_on(turns.turn, sample, bounds_w, size_w, alike):
            return undoubted(known, sample.received_s), evolve(turns, turn=None)
    elif turns.turn is not None:
        turns = evolve(turns, turn=None)
    if turn is None or known.verdict in (Wiring.WRONG, Wiring.DOUBTED):
        return known, turns
    where = "the total" if 0 in turn.conductors else " and ".join(f"L{k}" for k in turn.conductors)
    detail = f"{where} jumped to the same flow with the other sign: CT turned around, or a load of {turn.step_w:+.0f} W"
    known = doubt(known, turn.conductors, detail, turn.before_s, sample.received_s)
    return known, evolve(turns, turn=turn)


def injection_w(ders: tuple[DerState, ...], span: Span) -> tuple[float, float]:
    """Bounds on what these DERs inject in the span (W). A silent one counts with what it surely injects: nothing."""
    lo_w = hi_w = 0.0
    for d in ders:
        if counted(d):
            lo, hi = observe.bounds(d.track, span)
            lo_w, hi_w = lo_w + lo, hi_w + hi
    return lo_w, hi_w


def counted(der: DerState) -> bool:
    """Whether what this DER injects is known at all."""
    return not der.conditions or not any(
        c.kind in (FaultKind.DER_SILENT, FaultKind.WRONG_DEVICE) for c in der.conditions
    )


def all_balanced(ders: tuple[DerState, ...], phases: int) -> bool:
    """Whether all of them feed the conductors alike."""
    whole = (None, "L123", "L1L2") if phases == 2 else (None, "L123")
    return all(d.spec.connection in whole for d in ders)


def _stuck(
    state: Watch, meter: tuple[MeterState, MeterState], behind: tuple[DerState, ...], size_w: float, now_s: float
) -> tuple[tuple[float, float], float | None, float | None]:
    """Bounds on injection and what the DERs said when the metered power last changed (W), and since when it ought to.

    Only a movement that no bound leaves in doubt, and that the DERs tell of themselves, counts: a raise that a
    sun-limited DER cannot use moves nothing, and telemetry beyond all that was told lifts bounds with the cap.
    """
    was, is_ = meter
    lo_w = hi_w = 0.0
    for d in behind:
        lo, hi = observe.present(d.track)
        lo_w, hi_w = lo_w + lo, hi_w + hi
    spans = (d.track.telemetry_span for d in behind)
    spoken = is_.moved_s is None or all(span is None or span.from_s >= is_.moved_s for span in spans)
    said_w = _said_w(behind)
    if is_.moved_s != was.moved_s or not spoken:  # what telemetry tells now, the meter may have seen before
        return (lo_w, hi_w), said_w, None
    (then_lo_w, then_hi_w), then_said_w = state.injection_moved_w, state.said_moved_w
    moved_w = max(lo_w - then_hi_w, then_lo_w - hi_w)
    if said_w is not None and then_said_w is not None:
        moved_w = min(moved_w, abs(said_w - then_said_w))
    if not measure.stuck(is_, moved_w, STUCK_SHARE * size_w):
        return state.injection_moved_w, then_said_w, None
    return state.injection_moved_w, then_said_w, state.stuck_since_s if state.stuck_since_s is not None else now_s


def _moves(der: DerState, now_s: float) -> bool:
    """Whether its commands of late move it by more than creeping."""
    told = der.track.told
    first = next((k for k in range(len(told) - 1, 0, -1) if told[k].sent_s < now_s - MOVED_S), 0)
    caps_w, floors_w = [t.cap_w for t in told[first:]], [t.floor_w for t in told[first:]]
    return max(max(caps_w) - min(caps_w), max(floors_w) - min(floors_w)) > MOVED_SHARE * der.size_w


def _opposed(behind: tuple[DerState, ...]) -> bool:
    """Whether some inject while others draw: what goes down then for an answer is more than 7 % of either."""
    bounds_w = [observe.present(d.track) for d in behind]
    return any(hi_w > 0.0 for _, hi_w in bounds_w) and any(lo_w < 0.0 for lo_w, _ in bounds_w)


def _at_rest_w(behind: tuple[DerState, ...], lo_w: float, hi_w: float) -> float:
    """What DERs inject that do not move (W): what they say of it, within the bounds; a cap near by widens these."""
    said_w = _said_w(behind)
    return 0.5 * (lo_w + hi_w) if said_w is None else max(lo_w, min(hi_w, said_w))


def _said_w(behind: tuple[DerState, ...]) -> float | None:
    """The sum of what the DERs say (W); None where one says nothing."""
    said = [d.track.telemetry_w for d in behind]
    return None if None in said else sum(w for w in said if w is not None)


def _comparable(known: WiringState, before: tuple[DerState, ...], behind: tuple[DerState, ...]) -> WiringState:
    """Without the points that say nothing of the wiring: the injection they were taken with was not what it was."""
    if tuple(map(counted, before)) != tuple(map(counted, behind)):
        return evolve(known, points=()) if known.points else known
    surprised_s = max((d.surprised_s for d in behind), default=-observe.INFINITY)
    if not known.points or known.points[0][0] > surprised_s:
        return known
    return evolve(known, points=tuple(p for p in known.points if p[0] > surprised_s))


def _confirmed(der: DerState) -> bool:
    """Whether a DER's own word agrees with what is thought of it; one that never says its power cannot contradict."""
    said_w = der.track.telemetry_w
    return said_w is None or abs(said_w - observe.middle_w(der.track)) <= CONFIRMED_SHARE * der.size_w
