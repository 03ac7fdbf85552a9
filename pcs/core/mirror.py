"""A CT that is turned around while it measures: from one sample to the next its flow becomes its own negative.

With the DERs at all that the sun gives nothing answers it: a raise moves nothing, and a flow on the safe side asks for
no lowering. But a turned CT shows exactly what it showed before, with the other sign, on its own conductor and on no
other. A load does that only by chance: its step would have to be twice the flow. So the turn is a reason to doubt, and
what the DERs' fall to the safe set then does to the flow is the proof (`pcs.core.wiring`).
"""

from dataclasses import dataclass

from pcs.core.evolve import evolve
from pcs.core.measure import Sample

LEAST_SHARE = 0.03
"""A flow below 3 % of nameplate (shared by the conductors) is too near to noise around zero to be known by its size."""
LEAST_W = 100.0
"""The same on one conductor, however small the DERs are: small loads of every size switch there all day."""
ALIKE_SHARE = 0.02
"""Two samples of a flow at rest differ by less than 2 %, twice the error of a class 1 meter."""
NOISE_SHARE = 0.002
"""What a flow at rest moves by at least from sample to sample, as a share of nameplate."""
UNMOVED_PART = 0.25
"""The DERs have moved by a quarter of the turn at most: more would explain it."""
OWN_PART = 0.25
"""What the DERs have moved meanwhile is known to a quarter: so much of it is in doubt of the flow's size."""
UNKNOWN_SHARE = 0.15
"""While they move on command nobody knows what they inject: of a DER near its cap it is known to within 15 %."""
KEPT = 8
"""Samples kept of the meter's window: by the one before it a turn is known that a window shows in two steps."""
REST_SHARE = 0.05
RESTED = 2
"""The flow that turns was within 5 % of itself in the two samples before: noise passes through every value."""
LOADS_KEPT = 4
LOAD_FOR_S = 3600.0
"""How long a step that was shown to be that of a load is taken for one when it comes again, either way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One sample: when it was received, total and phases (W), and the bounds on the DERs' injection in its span (W)."""

    at_s: float
    imports_w: tuple[float, ...]
    lo_w: float
    hi_w: float

    @property
    def middle_w(self) -> float:
        """The middle of the bounds."""
        return 0.5 * (self.lo_w + self.hi_w)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Which conductors turned (0 is the total of a meter without phases), how far (W), and between which samples."""

    conductors: tuple[int, ...]
    step_w: float
    before_s: float
    after: Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """The last samples, the turn that is in doubt, and the turns that were loads: until when, and what they were."""

    recent: tuple[Shown, ...] = ()
    turn: Turn | None = None
    loads: tuple[tuple[float, Turn], ...] = ()


def look(
    state: Mirror, sample: Sample, bounds_w: tuple[float, float], size_w: float, balanced: bool
) -> tuple[Mirror, Turn | None]:
    """Take one fresh sample; also returns what it shows to be turned since one of the samples before it.

    `size_w` is that of the DERs behind the meter, `balanced` whether they feed its phases alike.
    """
    imports_w = (sample.import_w, *sample.phase_import_w)
    shown = Shown(at_s=sample.received_s, imports_w=imports_w, lo_w=bounds_w[0], hi_w=bounds_w[1])
    recent = state.recent
    if recent and len(recent[-1].imports_w) != len(imports_w):
        recent = ()
    for before in _comparable(recent, shown, sample, size_w):
        turn = turned(before, shown, sample.resolution_w, size_w, balanced)
        if turn is None or any(_same(turn, load) for until_s, load in state.loads if until_s > shown.at_s):
            continue
        if _rested(recent, before, turn, size_w, balanced):
            return evolve(state, recent=(shown,)), turn
    return evolve(state, recent=_kept(recent, shown, sample)), None


def goes_on(turn: Turn, sample: Sample, bounds_w: tuple[float, float], size_w: float, balanced: bool) -> bool:
    """Whether the flow jumps on with the next window, by more than the DERs can have moved.

    Then it was a load's step, of which the window before held a part. A meter that shows snapshots has no parts.
    """
    after, imports_w = turn.after, (sample.import_w, *sample.phase_import_w)
    window_s = sample.published_s - sample.span.from_s
    if len(imports_w) != len(after.imports_w) or sample.span.from_s > after.at_s + 0.5 * window_s:
        return False
    moved_w = max(after.hi_w - bounds_w[0], bounds_w[1] - after.lo_w)
    for k in turn.conductors:
        was_w = after.imports_w[k]
        near_w = max(REST_SHARE * abs(was_w), NOISE_SHARE * size_w) + 3.0 * sample.resolution_w
        part = 1.0 if k == 0 or not balanced else 1.0 / (len(imports_w) - 1)
        if abs(imports_w[k] - was_w) > near_w + part * moved_w:
            return True
    return False


def was_load(state: Mirror, now_s: float) -> Mirror:
    """The DERs were answered with the right sign: the turn was a load, and may come again."""
    if state.turn is None:
        return state
    return evolve(state, turn=None, loads=((now_s + LOAD_FOR_S, state.turn), *state.loads)[:LOADS_KEPT])


def turned(before: Shown, after: Shown, resolution_w: float, size_w: float, balanced: bool) -> Turn | None:
    """What turned between two samples, if it explains all of the difference between them."""
    phases = len(after.imports_w) - 1
    numbers = range(1, phases + 1) if phases > 1 else range(1)
    moved_w = after.middle_w - before.middle_w
    unknown_w = max(after.hi_w - after.lo_w, before.hi_w - before.lo_w)
    found: list[int] = []
    step_w = 0.0
    for k in numbers:
        own_w = moved_w * _part(k, phases, balanced)
        was_w, is_w = before.imports_w[k] - own_w, after.imports_w[k]
        near_w = max(ALIKE_SHARE * abs(was_w), NOISE_SHARE * size_w) + 3.0 * resolution_w + OWN_PART * abs(own_w)
        if abs(is_w + was_w) <= near_w and abs(was_w) >= max(LEAST_W, LEAST_SHARE * size_w / len(numbers)):
            found.append(k)
            step_w += 2.0 * is_w
        elif min(abs(is_w + was_w), abs(is_w - was_w)) > near_w:
            return None
    if not found or abs(moved_w) > UNMOVED_PART * abs(step_w) or unknown_w > UNKNOWN_SHARE * size_w:
        return None
    return Turn(conductors=tuple(found), step_w=step_w, before_s=before.at_s, after=after)


def _rested(recent: tuple[Shown, ...], before: Shown, turn: Turn, size_w: float, balanced: bool) -> bool:
    """Whether what turned was at rest before, but for what the DERs did."""
    earlier = [s for s in recent if s.at_s < before.at_s][-RESTED:]
    for k in turn.conductors:
        part = _part(k, len(before.imports_w) - 1, balanced)
        near_w = max(REST_SHARE * abs(before.imports_w[k]), NOISE_SHARE * size_w)
        for s in earlier:
            moved_w = part * (before.middle_w - s.middle_w)
            if abs(before.imports_w[k] + moved_w - s.imports_w[k]) > near_w + abs(moved_w):
                return False
    return len(earlier) == RESTED


def _part(k: int, phases: int, balanced: bool) -> float:
    """Which part of the DERs' movement conductor `k` carries (0: the total)."""
    if k == 0:
        return 1.0
    return 1.0 / phases if balanced else 0.0


def _comparable(recent: tuple[Shown, ...], shown: Shown, sample: Sample, size_w: float) -> tuple[Shown, ...]:
    """The samples that this one may be the negative of: the last, and the newest that lies before its whole window.

    A window that slides on by less than its width shows a load's step as a slope that passes through every value: it
    has to be at rest again.
    """
    if not recent:
        return ()
    last = recent[-1]
    before = next((s for s in reversed(recent) if s.at_s <= sample.span.from_s), None)
    if before is None or before is last:
        return (last,)
    between = sum(s.at_s > before.at_s for s in recent)
    rests = abs(shown.imports_w[0] - last.imports_w[0]) <= NOISE_SHARE * size_w + ALIKE_SHARE * abs(last.imports_w[0])
    return (last, before) if between == 1 or rests else (last,)


def _kept(recent: tuple[Shown, ...], shown: Shown, sample: Sample) -> tuple[Shown, ...]:
    """The last sample, and some of those before it, back to one before the window."""
    apart_s = (sample.received_s - sample.span.from_s) / (KEPT - 3)
    if len(recent) > 1 and recent[-1].at_s - recent[-2].at_s < apart_s:
        recent = recent[:-1]
    return (*recent, shown)[-KEPT:]


def _same(turn: Turn, load: Turn) -> bool:
    return turn.conductors == load.conductors and abs(abs(turn.step_w) - abs(load.step_w)) <= 0.05 * abs(load.step_w)
