"""Where the time of one response went: from the step to the judged figure, part by part, out of the journal's steps.

Pure. Along one chain: the meter's window, the value's age, the bus, our own step, the slew of a raise, the write, its
acknowledgement, and the plant's dead time, ramp and lag. The parts add up to the judged figure; each has an interval
and says how it was measured. What the record cannot tell apart is one part and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pcs.codec.journal import StepRecord
from pcs.core.policy import Policy
from pcs.model.event import Event
from pcs.model.reading import LimitApplied
from pcs.runtime.plant_fit import fit
from pcs.runtime.step_evidence import Seen, Told, ack_of, samples, told_to

SHOWN_SHARE = 0.9
"""A sample that shows 90 % of the step is the one that tells it."""
MOVED_SHARE = 0.02
NOISES = 3.0
"""A plant has begun to move when the flow has made 2 % of its way back, or three times the meter's noise if that is
more."""
NOISE_S = 1.0
"""How long before the step the meter's noise is looked at: ten samples of a quick meter."""
EARLIER_SHARE = 0.1
"""How much earlier than it shows a movement can have begun, in parts of the whole way's time: a ramp starts small."""
TO_GO_SHARE = 0.1
"""A command that leaves at most 10 % of the way is enough for the 90 % of the OLRT (CRD-OLRT-1)."""
SHORT_SLEW_S = 0.3
"""A raise in longer steps than that hides the plant's own ramp and lag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One response as its event tells it: its line, its times on the monotonic clock (seconds), its flows (W)."""

    number: int
    utc_s: float
    end_s: float
    """When it was complete, and its event written."""
    line: str
    kind: str
    way: str
    at_s: float
    at_lo_s: float
    at_hi_s: float
    judged_s: float
    olrt_s: float
    olrt_lo_s: float
    olrt_hi_s: float
    final_import_w: float
    step_w: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the time: its best estimate, between what it lies (seconds), and how it was measured.

    `separable` False: the record cannot tell it from what its name says it contains.
    """

    name: str
    took_s: float
    between_s: tuple[float, float]
    how: str
    separable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """One moment of the chain (monotonic seconds) and its bounds."""

    at_s: float
    lo_s: float
    hi_s: float


def measured(number: int, event: Event) -> Measured:
    """The response that an event tells.

    Raises:
        KeyError: the event was kept by a version that did not tell enough.
    """
    facts = dict(event.facts)
    names = ("at_s", "at_lo_s", "at_hi_s", "judged_s", "olrt_s", "olrt_lo_s", "olrt_hi_s", "final_import_w", "step_w")
    return Measured(
        number=number,
        utc_s=event.at.utc_s,
        end_s=event.at.mono_s,
        line=str(facts["line"]),
        kind=str(facts["kind"]),
        way=str(facts["way"]),
        **{name: float(facts[name]) for name in names},
    )


def waterfall(one: Measured, policy: Policy, records: Sequence[StepRecord]) -> tuple[Part, ...]:
    """The parts of one response, from the steps between a few seconds before it and its end; none without samples."""
    line = next((known for known in policy.lines if known.name == one.line), None)
    seen = [] if line is None else list(samples(line, policy, records))
    after = [s for s in seen if s.middle_s > one.at_s]
    if line is None or not after:
        return ()
    extreme = max(after, key=lambda s: abs(s.import_w - one.final_import_w))
    way_w = one.final_import_w - extreme.import_w
    end = _end(one, seen)
    told = [t for t in told_to(line, policy, records) if t.at_s <= one.end_s]
    begin = _Node(at_s=one.at_s, lo_s=one.at_lo_s, hi_s=one.at_hi_s)
    first, enough = _decisive(told, one, abs(way_w))
    if enough is None or first is None:
        how = "no command was needed: what the DERs were told before already held the limit"
        return _parts([("window, age, bus and plant", how, False)], [begin, end])
    sample = _telling(after, before=seen, extreme=extreme, enough=enough)
    acks = [ack_of(records, d, enough.at_s) for d in enough.der_ids]
    ack = max((a for a in acks if a is not None), key=lambda a: a.received_s, default=None)
    first_ack = [a for d in first.der_ids if (a := ack_of(records, d, first.at_s)) is not None]
    heads = [
        ("meter window", "step to the sample that shows it: the meter's own window and update", True),
        ("age", "published until it was asked for: between two polls", True),
        ("bus", "request to reply, timed at the socket or port", True),
        ("compute", "reply to the step that used it", True),
        _slew(one),
    ]
    nodes = [
        begin,
        _Node(at_s=0.5 * (sample.published_s + sample.sent_s), lo_s=sample.published_s, hi_s=sample.received_s),
        _exact(sample.sent_s),
        _exact(sample.received_s),
        _exact(min(max(first.at_s, sample.received_s), max(enough.at_s, sample.received_s))),
        _exact(max(enough.at_s, sample.received_s)),
    ]
    if ack is None:
        how = "the command was never confirmed, so nothing behind it can be told apart"
        return _parts([*heads, ("write, acknowledge and plant", how, False)], [*nodes, end])
    heads += [
        ("write", "command to its first frame on the wire: queue, and the look before a raise", True),
        ("acknowledge", "first frame to the limit read back and equal", True),
    ]
    nodes += [_exact(ack.sent_s), _exact(ack.received_s)]
    plant, moments = _plant(one, seen, extreme, way_w, ack, first_ack, enough.at_s - first.at_s, end)
    return _parts([*heads, *plant], [*nodes, *moments])


def _slew(one: Measured) -> tuple[str, str, bool]:
    if one.way == "release":
        return "slew", "first raise to the one that allowed 90 % of the way: raising is slewed on purpose", True
    return "further commands", "first command to the one that left at most 10 % of the way", True


def _exact(at_s: float) -> _Node:
    return _Node(at_s=at_s, lo_s=at_s, hi_s=at_s)


def _parts(heads: Sequence[tuple[str, str, bool]], nodes: Sequence[_Node]) -> tuple[Part, ...]:
    """The parts between moments; the moments are brought into order, so that the parts add up to the whole."""
    begin_s, end_s = nodes[0].at_s, nodes[-1].at_s
    at_s, ordered = begin_s, []
    for node in nodes:
        at_s = min(end_s, max(at_s, node.at_s))
        ordered.append(_Node(at_s=at_s, lo_s=min(at_s, node.lo_s), hi_s=max(at_s, min(node.hi_s, nodes[-1].hi_s))))
    return tuple(
        Part(
            name=name,
            took_s=b.at_s - a.at_s,
            between_s=(max(0.0, b.lo_s - a.hi_s), max(0.0, b.hi_s - a.lo_s)),
            how=how,
            separable=separable,
        )
        for (name, how, separable), (a, b) in zip(heads, pairwise(ordered), strict=True)
    )


def _decisive(told: Sequence[Told], one: Measured, way_w: float) -> tuple[Told | None, Told | None]:
    """The first command of the response, and the one that was enough for nearly all of the way."""
    before = [t for t in told if t.at_s <= one.at_lo_s]
    after = [t for t in told if one.at_lo_s < t.at_s <= one.at_s + one.judged_s]
    if not after:
        return None, None
    restricts = one.way == "restrict"
    from_w = before[-1].total_w if before else None
    mine = [
        t
        for k, t in enumerate(after)
        if (known := after[k - 1].total_w if k else from_w) is None
        or (t.total_w < known - 1.0 if restricts else t.total_w > known + 1.0)
    ]
    if not mine:
        return None, None
    if restricts:
        goal_w = min(t.total_w for t in after) + TO_GO_SHARE * way_w
        return mine[0], next((t for t in mine if t.total_w <= goal_w), mine[-1])
    first_w = from_w if from_w is not None else mine[0].total_w
    goal_w = min(first_w + (1.0 - TO_GO_SHARE) * way_w, max(t.total_w for t in after))
    return mine[0], next((t for t in mine if t.total_w >= goal_w), mine[-1])


def _telling(after: Sequence[Seen], before: Sequence[Seen], extreme: Seen, enough: Told) -> Seen:
    """The sample that told of the step: the first that shows nearly all of it, or the one that was enough before."""
    base_w = next((s.import_w for s in reversed(before) if s.middle_s < after[0].middle_s), after[0].import_w)
    whole_w = extreme.import_w - base_w
    shows = (s for s in after if abs(s.import_w - base_w) >= SHOWN_SHARE * abs(whole_w))
    sample = next(shows, after[0])
    if sample.used_s <= enough.at_s:
        return sample
    return next((s for s in reversed(after) if s.used_s <= enough.at_s), after[0])


def _end(one: Measured, seen: Sequence[Seen]) -> _Node:
    """The end of the judged figure, with the bounds of the sample that it was read from."""
    at_s = one.at_s + one.judged_s
    if one.judged_s <= one.olrt_s:
        return _Node(
            at_s=at_s, lo_s=min(at_s, one.olrt_lo_s + one.at_hi_s), hi_s=max(at_s, one.olrt_hi_s + one.at_lo_s)
        )
    last = min(seen, key=lambda s: abs(s.middle_s - at_s))
    return _Node(at_s=at_s, lo_s=min(at_s, last.published_s), hi_s=max(at_s, last.received_s))


def _plant(
    one: Measured,
    seen: Sequence[Seen],
    extreme: Seen,
    way_w: float,
    ack: LimitApplied,
    first: Sequence[LimitApplied],
    slewed_s: float,
    end: _Node,
) -> tuple[list[tuple[str, str, bool]], list[_Node]]:
    """The plant's own parts: from the confirmation to the end."""
    acted_s = min((a.received_s for a in first), default=ack.received_s)
    sent_s = min((a.sent_s for a in first), default=ack.sent_s)
    start, points = _movement(one, seen, extreme, way_w, sent_s)
    if start is None:
        return [("dead time, ramp and lag", "no sample shows the movement", False)], [end]
    is_slewed = slewed_s > SHORT_SLEW_S
    earliest_s = max(sent_s, start.lo_s - EARLIER_SHARE * (end.at_s - start.at_s))
    fitted = None if is_slewed else fit(points, (earliest_s, start.hi_s))
    if fitted is not None:
        lo_s, hi_s = min(start.lo_s, fitted.starts_s[0]), max(start.hi_s, fitted.starts_s[1])
        start = _Node(at_s=fitted.start_s, lo_s=lo_s, hi_s=hi_s)
    elif is_slewed:  # the first raises are too small to show
        start = _Node(at_s=start.at_s, lo_s=earliest_s, hi_s=start.hi_s)
    shift_s = ack.received_s - acted_s  # the dead time is seen on the first command; later ones have the same
    moved = _Node(at_s=start.at_s + shift_s, lo_s=start.lo_s + shift_s, hi_s=start.hi_s + shift_s)
    dead = ("dead time", "confirmation to the first movement at the meter, after the first command", True)
    if fitted is None:
        why = "the slew hides them" if is_slewed else "too few samples, or no ramp and lag explains them"
        return [dead, ("ramp and lag", f"first movement to the end; {why}", False)], [moved, end]
    ramped = _Node(
        at_s=moved.at_s + fitted.ramp_s,
        lo_s=moved.lo_s + fitted.ramps_s[0],
        hi_s=moved.hi_s + fitted.ramps_s[1],
    )
    ramp = (
        "ramp",
        f"a ramp of {fitted.ramp_s:.2f} s behind a lag fits the samples best (the meter's window too)",
        True,
    )
    lag = ("lag", f"what is left to the end; its time constant is about {fitted.lag_s:.2f} s", True)
    return [dead, ramp, lag], [moved, ramped, end]


def _movement(
    one: Measured, seen: Sequence[Seen], extreme: Seen, way_w: float, sent_s: float
) -> tuple[_Node | None, list[tuple[float, float]]]:
    """When the flow began to come back, and how far it had come when (time, part of the way)."""
    moving = [s for s in seen if s.middle_s > max(extreme.middle_s, sent_s)]
    rest_w = [s.import_w for s in seen if one.at_lo_s - NOISE_S <= s.received_s < one.at_lo_s]
    noise_w = max(rest_w) - min(rest_w) if rest_w else 0.0
    share = max(MOVED_SHARE, NOISES * noise_w / abs(way_w)) if way_w else 1.0
    k = (
        next((k for k, s in enumerate(moving) if (s.import_w - extreme.import_w) / way_w > share), None)
        if way_w
        else None
    )
    if k is None:
        return None, []
    lo_s = moving[k - 1].published_s if k else max(extreme.published_s, sent_s)
    start = _Node(at_s=0.5 * (lo_s + moving[k].received_s), lo_s=lo_s, hi_s=moving[k].received_s)
    points = [
        (s.middle_s, (s.import_w - extreme.import_w) / way_w) for s in (extreme, *moving) if s.middle_s <= one.end_s
    ]
    return start, points
