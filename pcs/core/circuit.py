"""Open CTs: exact zeros where there must be a flow, told from a balance that only happens to rest at zero.

All phases at exactly zero show by themselves: a cushion keeps the flow of a controlled point away from it. One phase
shows once the DERs feed it or draw from it. What `measure` remembers of the zeros is judged here.
"""

from pcs.core.measure import FROZEN_RESOLUTIONS, OPEN_FOR_S, ZERO_FOR_S, MeterState
from pcs.model.fault import Fault, FaultKind

SOFT_ZERO_SHARE = 0.05
"""Zeros that began from a flow of less than 5 % of nameplate may be a balance: a CT that opens jumps to zero."""
LEAST_MOVED_W = 20.0
"""So much must surely flow in a conductor that shows zero: an idle inverter's own draw is less."""


def shows_zero(state: MeterState) -> bool:
    """Whether some phase, or all of them, read exactly zero: without that no circuit can be open."""
    return state.zero_since_s is not None or any(since_s is not None for since_s in state.phase_zero_since_s)


def circuit_fault(
    state: MeterState,
    meter_id: str,
    moved_w: tuple[float, ...],
    nameplate_w: float,
    now_s: float,
    before: Fault | None = None,
) -> Fault | None:
    """An open CT: every phase exactly zero, or one phase exactly zero while DERs feed it or draw from it.

    `nameplate_w` is that of the site, `moved_w` what the DERs surely inject into each conductor or draw from it (a
    magnitude). `before` is this fault as it stood one step ago: the safe state takes the evidence away, so the phase
    has to read something again, or `OPEN_FOR_S` to pass (a phase that is whole again but has no load goes on reading
    zero).
    """
    if _lasts(state.zero_patience_s, state.zero_since_s, state.zero_from_w, nameplate_w, now_s):
        return Fault(
            kind=FaultKind.METER_OPEN_CT, source_id=meter_id, at_s=now_s, detail="every phase reads exactly zero"
        )
    sample = state.sample
    if sample is None:
        return None
    shown = zip(state.phase_zero_since_s, state.phase_zero_from_w, strict=False)
    small_w = SOFT_ZERO_SHARE * nameplate_w
    balanced = all(_is_small(w, small_w) for w in sample.phase_import_w)
    zeros = [
        n
        for n, (since_s, from_w) in enumerate(shown)
        if _lasts(state.phase_patience_s, since_s, from_w if balanced else None, nameplate_w, now_s)
    ]
    if zeros and still_open(before, now_s):
        return before
    if state.zero_since_s is not None:  # all of them: judged above
        return None
    least_w = max(FROZEN_RESOLUTIONS * sample.resolution_w, LEAST_MOVED_W)
    opened = next((n for n in zeros if n < len(moved_w) and moved_w[n] > least_w), None)
    if opened is None:
        return None
    detail = (
        f"L{opened + 1} reads exactly zero while the DERs feed {moved_w[opened]:.0f} W into it or draw it from there "
        "(or is a DER on other conductors? Then say so with `connection`)"
    )
    return Fault(kind=FaultKind.METER_OPEN_CT, source_id=meter_id, at_s=now_s, detail=detail)


def still_open(before: Fault | None, now_s: float) -> bool:
    """Whether a circuit that was found open counts as open without new evidence."""
    return before is not None and now_s - before.at_s < OPEN_FOR_S


def _lasts(patience_s: float, since_s: float | None, from_w: float | None, size_w: float, now_s: float) -> bool:
    """Whether zeros have lasted too long for a balance: those that began with a small flow are believed for longer."""
    soft = _is_small(from_w, SOFT_ZERO_SHARE * size_w)
    return since_s is not None and now_s - since_s >= (patience_s if soft else ZERO_FOR_S)


def _is_small(flow_w: float | None, small_w: float) -> bool:
    return flow_w is not None and abs(flow_w) < small_w
