"""What a raise may count on where the sun limits: telemetry is old, and a cloud may have passed since it was taken.

Two bounds, each safe by itself; the higher one counts. One takes off all that a cloud may have taken in the meantime
(`observe.certain_w`). The other looks at the meter, since what a cloud takes is imported instead: where the flow has
not risen since the telemetry was taken, nothing has fallen. Without it up to a third of what the sun gives would stay
unused for ever, as room that only a cloud needs. A load that falls just when a cloud passes, by as much, is not seen;
the next telemetry shows it.
"""

from dataclasses import replace

from pcs.core.regulate import Flow

KEPT = 64
"""So many samples reach back 3 s at the quickest poll; where the telemetry is older the first bound counts alone."""
Seen = tuple[tuple[float, float], ...]
"""The latest samples: until when (s), and the flow in the line's direction (W)."""


def note(seen: Seen, flow: Flow) -> Seen:
    """With this sample, and without those that are older than the telemetry, but for the last of them."""
    first = 0
    while first + 1 < len(seen) and seen[first + 1][0] <= flow.spoken_s:
        first += 1
    return (*seen[first:], (flow.span.to_s, flow.import_w))[-KEPT:]


def counted_on(flow: Flow, seen: Seen) -> Flow:
    """The flow with the higher of both bounds; `seen` ends with its own sample."""
    if seen[0][0] > flow.spoken_s:  # what the flow was when the telemetry was taken is not known
        return flow
    risen_w = flow.import_w - min([import_w for _, import_w in seen])
    certain_w = flow.lo_w - risen_w
    return flow if certain_w <= flow.certain_w else replace(flow, certain_w=certain_w)
