"""Busbars: the sum of all infeeds on a conductor may not exceed the rating (DESIGN section 5, points).

Curtailing one source only moves the current to another infeed, so there is nothing to regulate: while the infeeds
exceed rating minus margin, all controlled sources on the bus go to 0 and controlled loads shed, with hysteresis. The
overcurrent device protects the rest.
"""

from dataclasses import dataclass

from pcs.core import observe
from pcs.core.der_state import DerState
from pcs.core.evolve import evolve
from pcs.core.measure import Sample
from pcs.core.policy import Bus

MARGIN_SHARE = 0.05
"""Kept below the rating: sources act at 95 % of the panel limit in the field (Tesla; reference standards study
section 2)."""
RETURN_SHARE = 0.85
"""The infeeds must fall below 85 % of the rating before the sources return."""
OPENING_PCT_S = 5.0
"""How fast the DERs return, in percent of their ratings per second: slower than any meter and telemetry tell of it."""
RETURN_AFTER_S = 30.0
"""And stay there this long: the CRD's time for an excursion (CRD-OLRT-2), so that a bus does not pump."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusState:
    """Whether the bus is relieved, since when its infeeds are low again, and the last infeeds per conductor (A)."""

    relieved: bool = False
    low_since_s: float | None = None
    infeed_a: tuple[float, ...] = ()
    used_s: float = float("-inf")
    opened_share: float = 1.0
    """How much of their ratings the DERs on the bus may use: 0 while it is relieved, and rising to 1 afterwards."""


def infeeds_a(bus: Bus, sample: Sample, ders: tuple[DerState, ...], conductor_v: float) -> tuple[float, ...]:
    """Amperes fed into each conductor of the bus: what comes from the grid, and what its DERs say that they inject.

    Bounds would count a raise twice, as already injected and as not yet seen by the meter; a DER that says nothing
    counts with its upper bound.
    """
    phases = sample.phase_import_w or ((sample.import_w,) if len(bus.weights[0] if bus.weights else ()) == 1 else ())
    made = []
    for k, import_w in enumerate(phases):
        v = sample.phase_voltage_v[k] if k < len(sample.phase_voltage_v) else conductor_v
        grid_a = max(0.0, import_w) / v
        if k < len(sample.phase_current_a) and import_w > 0.0:
            grid_a = sample.phase_current_a[k]
        der_w = sum(bus.weights[n][k] * max(0.0, _injection_w(ders[n], sample)) for n in bus.members)
        made.append(grid_a + der_w / v)
    return tuple(made)


def _opening(state: BusState, worst_a: float, bus: Bus, dt_s: float) -> float:
    """A little more, and no more where the infeeds are high again: what returns must not relieve the bus anew."""
    if worst_a >= RETURN_SHARE * bus.rating_a:
        return state.opened_share
    return min(1.0, state.opened_share + OPENING_PCT_S / 100.0 * dt_s)


def _injection_w(der: DerState, sample: Sample) -> float:
    said_w = der.track.telemetry_w
    return observe.bounds(der.track, sample.span)[1] if said_w is None else said_w


def opened(bus_states: tuple[tuple[Bus, BusState], ...], ders: int) -> tuple[float, ...]:
    """The share of its rating that each DER may use, by all busses that it is on."""
    shares = [1.0] * ders
    for bus, state in bus_states:
        for n in bus.members:
            shares[n] = min(shares[n], state.opened_share)
    return tuple(shares)


def watch(state: BusState, bus: Bus, sample: Sample, ders: tuple[DerState, ...], conductor_v: float) -> BusState:
    """Take one fresh sample of the bus."""
    feeds_a = infeeds_a(bus, sample, ders, conductor_v)
    now_s, worst_a = sample.received_s, max(feeds_a, default=0.0)
    dt_s = min(1.0, now_s - state.used_s)
    state = evolve(state, infeed_a=feeds_a, used_s=now_s)
    if worst_a > (1.0 - MARGIN_SHARE) * bus.rating_a:
        return evolve(state, relieved=True, low_since_s=None, opened_share=0.0)
    if not state.relieved:
        return state if state.opened_share >= 1.0 else evolve(state, opened_share=_opening(state, worst_a, bus, dt_s))
    if worst_a >= RETURN_SHARE * bus.rating_a:
        return evolve(state, low_since_s=None)
    since_s = state.low_since_s if state.low_since_s is not None else now_s
    return evolve(state, low_since_s=since_s, relieved=now_s - since_s < RETURN_AFTER_S)
