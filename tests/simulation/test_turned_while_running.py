"""A CT that is turned around while the site runs, on the truth: how soon the DERs are in the safe set, and stay there.

The load is steady when it happens and falls 5 s later. With the DERs at all that the sun gives nothing answers a raise.
"""

from itertools import pairwise
from typing import Any

import pytest

from pcs.model.event import EventKind
from tests.simulation.bounds import slowest_fall_s, tolerance_w
from tests.simulation.stack import Stack, inverter, play, twin

TURNS_S, FALLS_S, END_S = 25.03, 30.0, 45.0
FOUND_S = 2.0
"""A meter's failure is found within max(2 s, three periods) (DESIGN section 6), and this one too."""
SLOW = {"ramp_down_pct_s": 20, "ramp_up_pct_s": 20}


def played(fault: str, *, limit_w: float, load_w: float, sun: float = 0.9, **more: Any) -> Stack:
    """A site whose meter is turned around at `TURNS_S`."""
    more = {"ders": [inverter("inv1", 10_000, control=704)], **more}
    site = twin(limit_w=limit_w, load=[{"steps": [[0, load_w], [FALLS_S, 500]]}], sun={"constant": sun}, **more)

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(TURNS_S)
        stack.inject("poi", fault)
        await stack.until(END_S)

    return play(story, site)


def unsafe_s(stack: Stack, limit_w: float) -> float:
    """From the turn until the DERs feed no more than the limit for good: whatever the load does then."""
    names = [f"{der.id}_injection_w" for der in stack.twin.ders]
    columns = [stack.truth.columns.index(name) for name in names]
    most_w = limit_w + tolerance_w(stack.twin)
    late = [row[0] for row in stack.truth.rows if row[0] > TURNS_S and sum(row[k] for k in columns) > most_w]
    return max(late, default=TURNS_S) - TURNS_S


@pytest.mark.parametrize("fault", ["reversed", "reversed_b"])
@pytest.mark.parametrize(
    "site",
    [
        {"limit_w": 2000, "load_w": 8000},
        {"limit_w": 2000, "load_w": 8000, "sun": 0.3},
        {"limit_w": 3000, "load_w": 2000},
        {"limit_w": 2000, "load_w": 8000, "ders": [inverter("a", 6000, **SLOW), inverter("b", 4000, control=704)]},
        {"limit_w": 2000, "load_w": 8000, "meter": {"update_s": 1.0, "averaging_s": 1.0}},
        {"limit_w": 2000, "load_w": 8000, "meter": {"update_s": 0.2, "averaging_s": 1.0}},
    ],
    ids=["sun-limited", "importing", "at the limit", "slow DERs", "slow meter", "sliding window"],
)
def test_a_ct_that_is_turned_around_while_it_runs_is_found_by_the_flow_that_mirrors_itself(
    fault: str, site: dict[str, Any]
) -> None:
    """CRD-ABN-5, CRD-ABN-6, CRD-CHK-1: all conductors or one of three."""
    stack = played(fault, **site)
    assert unsafe_s(stack, site["limit_w"]) <= FOUND_S + slowest_fall_s(stack.twin, 10_000) + 0.2
    assert stack.faults("poi")[-2:] == ["METER_DOUBTED", "METER_MISWIRED"]
    assert 0.85 * site["limit_w"] <= stack.truth.injection_w(END_S) <= site["limit_w"]


@pytest.mark.parametrize(
    ("system", "connection", "fault"), [("single", "L1N", "reversed"), ("split", "L1L2", "reversed_b")]
)
def test_it_is_found_on_services_of_one_and_of_two_conductors(system: str, connection: str, fault: str) -> None:
    """CRD-ABN-5."""
    where = {"name": "simulation", "system": system, "nominal_v": 230 if system == "single" else 120}
    ders = [inverter("inv1", 10_000, control=704, connection=connection)]
    stack = played(fault, limit_w=2000, load_w=8000, site=where, ders=ders)
    assert unsafe_s(stack, 2000) <= FOUND_S + slowest_fall_s(stack.twin, 10_000) + 0.2
    assert stack.faults("poi")[-1] == "METER_MISWIRED"


def test_a_load_of_twice_the_flow_costs_a_dip_of_seconds_once_then_a_question_and_then_nothing() -> None:
    """The export of 1 kW becomes an import of 1 kW to the watt: the fall is answered, and the yield is back.

    When it switches on again, the DERs at full cannot answer: they go down by 7 % of nameplate, once in five minutes.
    """
    site = twin(
        limit_w=2000.0,
        load=[{"steps": [[0, 8000], [25.03, 10_000], [60, 8000], [80, 10_000], [100, 8000]]}],
        sun={"constant": 0.9},
        ders=[inverter("inv1", 10_000, control=704)],
    )

    async def story(stack: Stack) -> None:
        stack.start()
        await stack.until(120.0)

    stack = play(story, site)
    doubts = [e.at.mono_s for e in stack.events if dict(e.facts).get("fault") == "METER_DOUBTED"]
    assert [e.kind for e in stack.events if dict(e.facts).get("fault") == "METER_DOUBTED"] == [
        EventKind.FAULT_RAISED,
        EventKind.FAULT_CLEARED,
    ]
    assert doubts[1] - doubts[0] < 5.0
    assert "METER_MISWIRED" not in stack.faults("poi")
    series = [(t, w) for t, w in stack.truth.series("inv1_injection_w") if t > 25]
    lost_wh = sum((9000 - w) * (b[0] - t) for (t, w), b in pairwise(series)) / 3600
    assert 0.0 < lost_wh < 15.0
    asked = [w for t, w in series if 80.0 < t < 99.0]
    assert 8200 < min(asked) < 8400
    assert sum(b[0] - t for (t, w), b in pairwise(series) if 80.0 < t < 99.0 and w < 8900) < 6.0
    assert min(w for t, w in series if 40.0 < t < 80.0 or t > 99.0) > 8900


@pytest.mark.parametrize("fault", ["half_a", "parallel_b", "swapped_ab"])
@pytest.mark.parametrize(("limit_w", "load_w", "sun"), [(1600, 1000, 0.95), (1600, 6000, 0.95), (3000, 2000, 0.95)])
def test_a_conductor_that_answers_in_part_is_found_at_the_start(
    fault: str, limit_w: float, load_w: float, sun: float
) -> None:
    """CRD-ABN-5, CRD-CHK-1: on one of three, by the slow rise or by what is asked of a site at rest."""
    site = twin(
        limit_w=limit_w,
        load=[{"constant": load_w}],
        sun={"constant": sun},
        ders=[inverter("inv1", 10_000, control=704)],
    )

    async def story(stack: Stack) -> None:
        stack.inject("poi", fault)
        stack.start()
        await stack.until(45.0)

    stack = play(story, site)
    assert stack.faults("poi")[-1] == "METER_MISWIRED"
    assert stack.truth.beyond(limit_w, tolerance_w(site), 35.0) == []
