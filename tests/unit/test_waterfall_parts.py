"""The parts of one response from hand-made steps, where every delay is chosen: an import line and a charger."""

from math import log

import pytest

from pcs.codec.journal import StepRecord
from pcs.core.policy import Policy
from pcs.model.command import LimitActivePower
from pcs.model.limit import Direction, Limit
from pcs.model.reading import LimitApplied
from pcs.model.site import DerKind
from pcs.runtime.plant_fit import made_share
from pcs.runtime.waterfall import Measured, Part, waterfall
from tests import core_site

LIMIT_W, LOAD_W, STEP_W, DRAW_W = 9000.0, 3000.0, 3000.0, 6000.0
STEP_S, BUS_S, COMPUTE_S, WRITE_S, ACK_S, DEAD_S, LAG_S = 9.97, 0.012, 0.004, 0.02, 0.05, 0.7, 0.4
COMMAND_S = 10.0 + 0.03 + BUS_S + COMPUTE_S
ACTS_S = COMMAND_S + WRITE_S + ACK_S + DEAD_S


def rules() -> Policy:
    """A charger behind an import limit."""
    charger = core_site.der_spec(nameplate_w=7000.0, kind=DerKind.EVSE, charge_w=7000.0)
    return core_site.policy(limits=(Limit(direction=Direction.IMPORT, value=LIMIT_W),), ders=(charger,))


def import_w(at_s: float) -> float:
    """The host load rises by 3 kW; the charger makes room after its dead time."""
    load_w = LOAD_W if at_s < STEP_S else LOAD_W + STEP_W
    return load_w + DRAW_W - STEP_W * made_share(at_s - ACTS_S, 0.0, LAG_S)


def told(at_s: float, charge_limit_w: float) -> StepRecord:
    command = LimitActivePower(
        der_id="d0", limit_w=0.0, reversion_limit_w=0.0, charge_limit_w=charge_limit_w, urgent=True
    )
    return StepRecord(now=core_site.at(at_s), commands=(command,))


def records(*, confirmed: bool = True, commanded: bool = True) -> list[StepRecord]:
    """A snapshot each 0.1 s, asked for 30 ms later; before the step the charger may draw what it draws."""
    made = [told(5.5, DRAW_W)]
    for k in range(60, 200):
        taken_s = 0.1 * k
        sent_s = taken_s + 0.03
        reading = core_site.meter_says(import_w(taken_s), sent_s + BUS_S, words=b"%d" % k, sent_s=sent_s)
        made.append(StepRecord(now=core_site.at(sent_s + BUS_S + COMPUTE_S), inputs=(reading,)))
    if commanded:
        made.append(told(COMMAND_S, DRAW_W - STEP_W))
    if confirmed:
        sent_s = COMMAND_S + WRITE_S
        ack = LimitApplied(
            der_id="d0", limit_w=0.0, charge_limit_w=DRAW_W - STEP_W, sent_s=sent_s, received_s=sent_s + ACK_S
        )
        made.append(StepRecord(now=core_site.at(sent_s + ACK_S), inputs=(ack,)))
    return sorted(made, key=lambda record: record.now.mono_s)


def response() -> Measured:
    judged_s = ACTS_S + LAG_S * log(10.0) - STEP_S
    return Measured(
        number=1,
        utc_s=20.0,
        end_s=20.0,
        line=rules().lines[0].name,
        kind="load",
        way="restrict",
        at_s=STEP_S,
        at_lo_s=9.93,
        at_hi_s=10.042,
        judged_s=judged_s,
        olrt_s=judged_s,
        olrt_lo_s=judged_s - 0.1,
        olrt_hi_s=judged_s + 0.1,
        final_import_w=-LIMIT_W,
        step_w=-STEP_W,
    )


def by_name(parts: tuple[Part, ...]) -> dict[str, Part]:
    assert sum(p.took_s for p in parts) == pytest.approx(response().judged_s, abs=1e-9)
    return {p.name: p for p in parts}


def test_a_charger_that_makes_room_gives_back_every_delay_that_was_put_in() -> None:
    parts = by_name(waterfall(response(), rules(), records()))
    assert parts["bus"].took_s == pytest.approx(BUS_S)
    assert parts["compute"].took_s == pytest.approx(COMPUTE_S)
    assert parts["further commands"].took_s == pytest.approx(0.0, abs=1e-9)
    assert parts["write"].took_s == pytest.approx(WRITE_S)
    assert parts["acknowledge"].took_s == pytest.approx(ACK_S)
    assert parts["dead time"].between_s[0] <= DEAD_S <= parts["dead time"].between_s[1]
    assert parts["dead time"].took_s == pytest.approx(DEAD_S, abs=0.1)
    assert parts["ramp"].between_s[0] == 0.0
    assert parts["lag"].took_s == pytest.approx(LAG_S * log(10.0), abs=0.2)
    window = parts["meter window"]
    assert window.between_s[0] <= 10.0 - STEP_S <= window.between_s[1]


def test_a_command_that_nobody_confirmed_leaves_the_rest_as_one_part() -> None:
    parts = by_name(waterfall(response(), rules(), records(confirmed=False)))
    assert not parts["write, acknowledge and plant"].separable


def test_a_response_without_any_command_is_one_part_that_says_so() -> None:
    parts = by_name(waterfall(response(), rules(), records(confirmed=False, commanded=False)))
    (one,) = parts.values()
    assert not one.separable
    assert "no command was needed" in one.how


def test_without_samples_or_with_a_line_that_is_gone_there_are_no_parts() -> None:
    assert waterfall(response(), rules(), [told(5.5, DRAW_W)]) == ()
    assert waterfall(response(), core_site.policy(), records()) == ()
