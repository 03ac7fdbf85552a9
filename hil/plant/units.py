"""From the description of a unit to the unit."""

from typing import Any

from hil.plant.battery import BatterySpec, Hybrid, HybridSpec, Storage
from hil.plant.evse import Evse, EvseSpec
from hil.plant.inverter import Inverter, InverterSpec
from hil.plant.unit import Unit, UnitSpec

AnyUnit = Unit[Any]


def make(spec: UnitSpec, *, seed: int, drive_w: float, wish_w: float = 0.0) -> AnyUnit:
    """The unit at time zero, settled under what drives it then.

    Raises:
        TypeError: nothing is known that behaves like this.
    """
    match spec:
        case InverterSpec():
            return Inverter(spec, seed=seed, available_w=drive_w)
        case HybridSpec():
            return Hybrid(spec, seed=seed, available_w=drive_w, wish_w=wish_w)
        case BatterySpec():
            return Storage(spec, seed=seed, wish_w=drive_w)
        case EvseSpec():
            return Evse(spec, seed=seed, demand_w=drive_w)
    raise TypeError(f"no unit behaves like {type(spec).__name__}")
