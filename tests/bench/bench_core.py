"""One step of the core, from sample in to command out: one meter at 10 Hz, four inverters whose power is read at 5 Hz.

The reference is the plain estimate, `cap = import + injection + limit - margin` shared pro rata and nothing else, on
the same readings in the same run: what the observer, the fail-safe and the accounts cost on top.
"""

from collections.abc import Callable
from math import sin
from time import perf_counter

from pcs.core.policy import Policy, policy_for
from pcs.core.state import Inputs, initial
from pcs.core.step import step
from pcs.model.command import LimitActivePower
from pcs.model.limit import Direction, Limit
from pcs.model.profile import (
    DerTiming,
    DeviceKind,
    DeviceProfile,
    Evidence,
    FallbackDirection,
    LimitAction,
    LinkTiming,
    MeterTiming,
    Persistence,
)
from pcs.model.reading import DerIdentified, DerReading, LimitApplied, LimitReadback, MeterIdentified, MeterReading
from pcs.model.site import DerKind, DerSpec, LinkAddress, MeterSpec, Site, System
from pcs.model.units import Band, Instant

INVERTERS = 4
NAMEPLATE_W = 10_000.0
LIMIT_W = 3_000.0
CYCLE_S = 0.1
STEPS = 6_000  # ten minutes of control
WARM_UP = 500  # identification and the first, different, steps


def policy() -> Policy:
    """A site with an export limit of 3 kW."""
    timing = DerTiming(
        dead_time_s=Band(lo=0.2, hi=0.5), time_constant_s=Band(lo=0.1, hi=0.4), ramp_pct_s=100.0, telemetry_s=0.2
    )
    action = LimitAction(
        persistence=Persistence.VOLATILE, refresh_s=5.0, fallback=FallbackDirection.SAFE, reversion_s=20.0
    )
    common = {"title": "bench", "protocol": "sunspec", "evidence": Evidence.UNVERIFIED, "sources": ()}
    meter = DeviceProfile(
        id="bench/meter",
        kind=DeviceKind.METER,
        link=LinkTiming(deadline_s=1.0),
        meter=MeterTiming(update_s=CYCLE_S, averaging_s=CYCLE_S),
        **common,
    )
    inverter = DeviceProfile(
        id="bench/inverter",
        kind=DeviceKind.INVERTER,
        link=LinkTiming(deadline_s=1.0),
        der=timing,
        limits={"704": action},
        **common,
    )
    link = LinkAddress(host="127.0.0.1")
    return policy_for(
        Site(
            name="bench",
            timezone="UTC",
            system=System.WYE,
            nominal_v=277.0,
            meters=(MeterSpec(id="poi", profile=meter, link=link, unit=1, point="poi"),),
            ders=tuple(
                DerSpec(id=f"inv{k}", kind=DerKind.PV, nameplate_w=NAMEPLATE_W, profile=inverter, link=link)
                for k in range(INVERTERS)
            ),
            limits=(Limit(direction=Direction.EXPORT, value=LIMIT_W),),
            journal_dir="",
        )
    )


def met(now_s: float) -> Inputs:
    """Everybody is identified."""
    meter = MeterIdentified(
        meter_id="poi", manufacturer="", model="", serial="", firmware="", variant="203", phases=3, has_liveness=True
    )
    inverters = tuple(
        DerIdentified(
            der_id=f"inv{k}",
            manufacturer="",
            model="",
            serial=str(k),
            firmware="",
            variant="704",
            rating_w=NAMEPLATE_W,
            resolution_w=1.0,
            reverts_safe=True,
            found=LimitReadback(der_id=f"inv{k}", limit_w=None, sent_s=now_s, received_s=now_s),
            found_is_own=True,
        )
        for k in range(INVERTERS)
    )
    return Inputs(observations=(meter, *inverters))


def heard(number: int, commands: tuple[LimitActivePower, ...], caps_w: dict[str, float]) -> Inputs:
    """What the shell would hand over at step `number`: the last commands done, the flow that follows them at once."""
    now_s = number * CYCLE_S
    caps_w.update({command.der_id: command.limit_w for command in commands})
    injection_w = sum(caps_w.values())
    demand_w = 20_000.0 + 8_000.0 * sin(number / 40)
    import_w = demand_w - injection_w
    times = {"sent_s": now_s - 0.004, "received_s": now_s}
    sample = MeterReading(
        meter_id="poi",
        import_w=import_w,
        phase_import_w=(import_w / 3,) * 3,
        phase_current_a=(abs(import_w) / 831,) * 3,
        phase_voltage_v=(277.0,) * 3,
        words=number.to_bytes(8, "big"),
        **times,
    )
    done = tuple(LimitApplied(der_id=c.der_id, limit_w=c.limit_w, **times) for c in commands)
    spoken = tuple(DerReading(der_id=d, injection_w=w, **times) for d, w in caps_w.items() if number % 2)
    return Inputs(observations=(*done, *spoken, sample))


def plain(inputs: Inputs, injections_w: dict[str, float]) -> tuple[LimitActivePower, ...]:
    """The reference: the law and nothing around it."""
    commands: tuple[LimitActivePower, ...] = ()
    for seen in inputs.observations:
        if isinstance(seen, DerReading) and seen.injection_w is not None:
            injections_w[seen.der_id] = seen.injection_w
        elif isinstance(seen, MeterReading):
            cap_w = max(0.0, seen.import_w + sum(injections_w.values()) + LIMIT_W - 100.0) / INVERTERS
            commands = tuple(
                LimitActivePower(der_id=f"inv{k}", limit_w=cap_w, reversion_limit_w=0.0, urgent=True)
                for k in range(INVERTERS)
            )
    return commands


def timed(
    rules: Policy,
    first: Inputs,
    hear: Callable[[int, tuple[LimitActivePower, ...]], Inputs],
    steps: int,
    warm_up: int,
) -> tuple[list[float], list[float], str]:
    """Seconds of each step and of the reference, sorted, and what the core does about the site at the end.

    `hear` says what is heard at a step after these commands; the first `warm_up` steps do not count.
    """
    now = Instant(mono_s=0.0, utc_s=0.0)
    outcome = step(initial(rules, now), first, rules, now)
    injections_w = dict.fromkeys((d.id for d in rules.controlled), 0.0)
    ours_s, plain_s = [], []
    for number in range(1, steps + warm_up):
        inputs = hear(number, outcome.commands)
        now = Instant(mono_s=number * CYCLE_S, utc_s=number * CYCLE_S)
        began_s = perf_counter()
        outcome = step(outcome.state, inputs, rules, now)
        between_s = perf_counter()
        plain(inputs, injections_w)
        ended_s = perf_counter()
        if number >= warm_up:
            ours_s.append(between_s - began_s)
            plain_s.append(ended_s - between_s)
    return sorted(ours_s), sorted(plain_s), outcome.state.action.name.lower()


def table(ours_s: list[float], plain_s: list[float], action: str, **shares: float) -> dict[str, float | str]:
    """Microseconds of the steps and of the reference, at these shares of the sorted ones."""
    result: dict[str, float | str] = {"action_at_the_end": action}
    for name, share in shares.items():
        result[f"step_{name}_us"] = ours_s[int(share * len(ours_s))] * 1e6
        result[f"reference_step_{name}_us"] = plain_s[int(share * len(plain_s))] * 1e6
    return result


def run(steps: int = STEPS) -> dict[str, float | str]:
    """Microseconds of one step, and how much faster than real time the core alone runs."""
    caps_w = {f"inv{k}": 0.0 for k in range(INVERTERS)}
    ours_s, plain_s, action = timed(policy(), met(0.0), lambda n, done: heard(n, done, caps_w), steps, WARM_UP)
    result = table(ours_s, plain_s, action, p50=0.5, p99=0.99)
    result["speed_over_real_time"] = len(ours_s) * CYCLE_S / sum(ours_s)
    result["cycle_share_pct"] = 100 * sum(ours_s) / len(ours_s) / CYCLE_S
    return result
