"""A DER that drops out leaves room to nobody: the others never get its share at once."""

from pcs.core.state import State, initial
from pcs.core.step import step
from pcs.model.command import LimitActivePower
from pcs.model.fault import FaultKind
from pcs.model.reading import DerReading, LimitApplied, MeterReading
from pcs.model.units import Instant
from tests.bench.bench_core import CYCLE_S, LIMIT_W, met, policy

DEMAND_W = 9_000.0


def run(silent_from_s: float, until_s: float) -> tuple[State, list[tuple[float, LimitActivePower]]]:
    """Four DERs that follow their caps at once; `inv0` says nothing from some moment on, and keeps what it has."""
    rules, caps_w = policy(), {f"inv{k}": 0.0 for k in range(4)}
    outcome = step(initial(rules, Instant(mono_s=0.0, utc_s=0.0)), met(0.0), rules, Instant(mono_s=0.0, utc_s=0.0))
    commands: list[tuple[float, LimitActivePower]] = []
    for number in range(1, round(until_s / CYCLE_S)):
        now_s = number * CYCLE_S
        dumb = {"inv0"} if now_s >= silent_from_s else set()
        done = [c for c in outcome.commands if c.der_id not in dumb]
        caps_w.update({c.der_id: c.limit_w for c in done})
        import_w = DEMAND_W - sum(caps_w.values())
        times = {"sent_s": now_s - 0.004, "received_s": now_s}
        heard = (
            *(LimitApplied(der_id=c.der_id, limit_w=c.limit_w, **times) for c in done),
            *(DerReading(der_id=d, injection_w=w, **times) for d, w in caps_w.items() if d not in dumb),
            MeterReading(
                meter_id="poi",
                import_w=import_w,
                phase_import_w=(import_w / 3,) * 3,
                words=number.to_bytes(8, "big"),
                **times,
            ),
        )
        now = Instant(mono_s=now_s, utc_s=now_s)
        outcome = step(outcome.state, type(met(0.0))(observations=heard), rules, now)
        commands += [(now_s, c) for c in outcome.commands]
    return outcome.state, commands


def test_the_share_of_a_der_that_falls_silent_is_not_given_to_the_others() -> None:
    """It still injects, and nobody sees it: its share, handed on, would be export beyond the limit."""
    state, commands = run(silent_from_s=30.0, until_s=31.5)
    before_w = {d.spec.id: d.sent_w for d in state.ders}
    assert sum(w or 0.0 for w in before_w.values()) > DEMAND_W + 0.8 * LIMIT_W
    state, commands = run(silent_from_s=30.0, until_s=40.0)
    assert [f.kind for f in state.faults] == [FaultKind.DER_SILENT]
    after = [(at_s, c) for at_s, c in commands if at_s > 31.4 and c.der_id != "inv0"]
    assert after
    assert all(c.limit_w <= (before_w[c.der_id] or 0.0) + 1.0 for _, c in after), after[:4]
