"""The loop over every frame: in each of a few small runs exactly the n-th reply fails, for every n and in every way.

A case is a number, so that a stretch of the loop can be run alone. The same number is the same case for ever, as long
as the runs here stay as they are: new runs go to the end.
"""

from hil.rig.link_fault import LinkFault
from tests.campaign.bench import play
from tests.campaign.happenings import Costs, Happening, Kind, Seam
from tests.campaign.invariants import violations
from tests.campaign.scenario import Scenario
from tests.simulation.stack import inverter, twin

WAYS = tuple(f.value for f in LinkFault if f not in (LinkFault.OK, LinkFault.CRC, LinkFault.ECHO, LinkFault.HALF_OPEN))
SLOW_S = 1.2
"""Later than every deadline."""
FRAMES = 480
"""So many replies are failed, from the first on: until everybody is identified, commanded, confirmed, raised, and has
answered a load drop."""
UNTIL_S, DROP_S = 32.0, 8.0
RUNS = 3


def frame_cases() -> int:
    """How many cases there are."""
    return RUNS * FRAMES * len(WAYS)


def frame_case(number: int) -> tuple[float, list[str], str]:
    """Play one case; how long it simulated (s), what it violates, and the digest of the run."""
    run, rest = divmod(number, FRAMES * len(WAYS))
    frame, way = divmod(rest, len(WAYS))
    made = _run(run, frame + 1, WAYS[way])
    played = play(made)
    found = violations(played)
    told = [*found, "happened: " + "; ".join(map(str, made.happenings))] if found else []
    return made.until_s, told, played.digest()


def _run(run: int, frame: int, way: str) -> Scenario:
    ders = [
        [inverter("inv1", 6000), inverter("inv2", 4000, control=704, telemetry_phase_s=0.71)],
        [_battery(704), inverter("inv2", 4000, profile="solaredge/edpc")],
        [_battery(123), {"id": "car", "kind": "evse", "profile": "amperfied/connect", "most_a": 16, "step_a": 0.1}],
    ][run]
    limit = {"direction": "import", "value": 6000} if run == 2 else {"direction": "export", "value": 1000}
    site = twin(
        ders=ders,
        load=[{"steps": [[0, 6000], [DROP_S, 500], [DROP_S + 4.0, 4000]]}],
        limits=[limit],
        meter={"update_s": 0.2, "averaging_s": 0.2},
        seed=run,
    )
    kind = Kind(seam=Seam.LINK, name=way, costs=Costs.DER_LOST)
    one = Happening(kind=kind, at_s=0.0, lasts_s=UNTIL_S, frame=frame, amount=SLOW_S)
    stirs = tuple((t, t) for t in (0.0, DROP_S, DROP_S + 4.0))
    return Scenario(seed=run, twin=site, happenings=(one,), stirs=stirs, until_s=UNTIL_S)


def _battery(control: int) -> dict[str, object]:
    return inverter("bat", 5000, kind="battery", control=control, capacity_wh=20_000, wish_w={"constant": -3000})
