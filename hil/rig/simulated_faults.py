"""How the simulated rig makes faults and switches control power. What is made is remembered and applied as a whole."""

from hil.plant.wiring import mode_of
from hil.profile.model import Step
from hil.profile.words import POWERED
from hil.rig.link_fault import LinkFault
from hil.rig.roles import RigError
from hil.rig.simulated_world import Bench

ENTER_SERVICE_S = 300.0  # 1547-ES [S2]: the default delay before a DER enters service after its power is back
WIRING = (
    "sensor_open",
    "sensor_short",
    "ct_reversed",
    "ct_swapped",
    "wrong_phase",
    "ct_one_of_parallel",
    "ct_half_ratio",
    "tap_lost",
    "neutral_lost",
    "meter_frozen",
)
"""Kinds that are done inside the meter at the point of interconnection."""
OTHERS = (
    "meter_comms",
    "der_comms",
    "control_signal",
    "der_disobeys",
    "meter_averaging",
    "clock_jump",
    "controller_hang",
)
POI = "poi"


def set_fault(bench: Bench, step: Step) -> str:
    """Make or clear the fault of a step; returns a note.

    Raises:
        RigError: it cannot be done here.
    """
    kind, phase, amount = step.word("kind"), step.word("phase") or "total", step.argument("amount")
    if kind not in (*WIRING, *OTHERS):
        raise RigError("simulated rig", f"cannot make {kind}", "take it out of the rig's sheet")
    before = (kind, phase) in bench.faults
    if step.word("to") == "on":
        bench.faults[kind, phase] = float(amount) if amount is not None else 0.0
    else:
        bench.faults.pop((kind, phase), None)
    if before and step.word("to") == "on":
        return "as it was"
    _apply(bench)
    return ""


def clear_faults(bench: Bench) -> None:
    """Everything whole again."""
    bench.faults.clear()
    _apply(bench)


async def switch(bench: Bench, part: str, on: bool) -> str:
    """Control power of a part on or off; returns a note.

    The controller runs on its gateway: without power of either it is gone. A DER forgets what it was told, and enters
    service `ENTER_SERVICE_S` after its power is back. The contact is that of the part that was switched last.

    Raises:
        RigError: there is no such part.
    """
    if part not in POWERED:
        raise RigError("Relay", f"cannot switch {part}", f"there are: {', '.join(POWERED)}")
    if (part not in bench.dark) == on:
        return "as it was"
    now_s, site = bench.reach_s(), bench.site
    (bench.dark.discard if on else bench.dark.add)(part)
    bench.note("power.contact", 1.0 if on else 0.0)  # of what is switched: a DER may start while its controller is dark
    parts = site.plant.meters if part == "meter" else site.plant.units if part == "der" else {}
    for name in parts:
        if part == "der":
            site.plant.units[name].restart(now_s, ENTER_SERVICE_S if on else float("inf"))
        server = site.servers[name]
        if on:
            await server.up()
        else:
            server.down()
    if part in ("controller", "gateway"):
        if bench.has_power:
            await bench.device.start()
        else:
            await bench.device.kill()
    return ""


def _apply(bench: Bench) -> None:
    """Let the site and the device be as the faults say."""
    now_s, site = bench.reach_s(), bench.site
    kinds = {kind for kind, _ in bench.faults}
    amounts = {kind: amount for (kind, _), amount in bench.faults.items()}
    for name in site.plant.meters:
        site.servers[name].set_fault(LinkFault.SILENT if "meter_comms" in kinds else LinkFault.OK)
    for name, unit in site.plant.units.items():
        if unit.obeys is ("der_disobeys" in kinds):
            unit.obey(now_s, not unit.obeys)
        signal = LinkFault.DEAF if "control_signal" in kinds else LinkFault.OK
        site.servers[name].set_fault(LinkFault.SILENT if "der_comms" in kinds else signal)
    meter = site.plant.meters[POI]
    meter.restore(now_s)
    for kind, phase in bench.faults:
        if kind in WIRING:
            meter.fail(mode_of(kind, phase))
    if "meter_averaging" in kinds:
        meter.averaging_s = amounts["meter_averaging"]
    bench.device.set_clock(amounts.get("clock_jump", 0.0))
    if "controller_hang" in kinds:
        bench.device.hang()
    else:
        bench.device.resume()
    bench.note("fault.contact", 1.0 if bench.faults else 0.0)
