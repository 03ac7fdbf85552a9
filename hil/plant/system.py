"""The electrical service: its conductors as phasors, and what a unit or a load between them puts on each.

Phasors are those of the undisturbed grid: they turn a connection into constant parts, so that energy per conductor
stays an exact integral. What the source's impedance does to the voltage (`Supply`) is seen by meters and by loads of
constant current or impedance, as one factor of what the load draws.
"""

import re
from cmath import exp, pi
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import acos as arc_cosine
from math import sqrt, tan

_TURN = exp(-2j * pi / 3)  # L2 trails L1 by a third of a turn
_PHASORS: dict[str, tuple[complex, ...]] = {
    "single": (1 + 0j,),
    "split": (1 + 0j, -1 + 0j),
    "wye": (1 + 0j, _TURN, _TURN**2),
    "delta": (1 + 0j, _TURN, _TURN**2),
}
_PAIR = re.compile(r"L([123])(?:L([123])|N)")
LEAST_VOLTAGE = 0.5  # of the free voltage: where the power that an impedance carries has its maximum
VOLTAGE_TURNS = 6  # fixed-point rounds for the voltage: each gains two digits at a drop of 1 %, one at 10 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What one watt of a unit does to each conductor: `p_part` W and `q_part` var, both in the unit's own direction.

    `conductors` are those it is on. `volts_v` times amperes in each of its conductors is its apparent power.
    """

    name: str
    p_part: tuple[float, ...]
    q_part: tuple[float, ...]
    conductors: tuple[int, ...]
    volts_v: float


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """`single`, `split` (120/240), `wye` or `delta`. `nominal_v` is line to neutral, in a delta line to line."""

    name: str = "wye"
    nominal_v: float = 230.0
    nominal_hz: float = 60.0

    @property
    def phases(self) -> int:
        """How many phase conductors there are."""
        return len(_PHASORS[self.name])

    @property
    def conductor_v(self) -> float:
        """Volts of a conductor against the neutral, in a delta against the middle of the triangle."""
        return self.nominal_v / sqrt(3) if self.name == "delta" else self.nominal_v

    def phasors(self) -> tuple[complex, ...]:
        """The undisturbed voltage of each conductor, V."""
        return _phasors(self.name, self.conductor_v)

    def voltage_ratio(self, connection: "Connection", volts: Sequence[complex]) -> float:
        """The voltage across a connection in per unit of nominal; on all conductors the mean of theirs."""
        if len(connection.conductors) == 2 and connection.name != "L123":
            one, other = connection.conductors
            return abs(volts[one] - volts[other]) / connection.volts_v
        return sum(abs(volts[k]) for k in connection.conductors) / len(connection.conductors) / self.conductor_v

    def connect(self, name: str, power_factor: float = 1.0) -> Connection:
        """How a unit is connected: "L123" to all conductors, "L1N" to one, "L1L2" between two.

        `power_factor` below 1 is lagging: every watt brings tan(phi) var of the same direction. Negative: leading.

        Raises:
            ValueError: the system has no such conductors.
        """
        volts, own = self.phasors(), 1 + 1j * _tangent(power_factor)
        if name == "L123":
            even = (1 / self.phases) * own
            parts: Sequence[complex] = (even,) * self.phases
            return self._connection(name, parts, tuple(range(self.phases)), self.phases * self.conductor_v)
        match = _PAIR.fullmatch(name)
        one, other = (int(match[1]) - 1, int(match[2] or 0) - 1) if match else (-1, -1)
        if match is None or one == other or max(one, other) >= self.phases:
            raise ValueError(f"{name} is no connection of a {self.name} system: it has {self._conductors()}")
        if other < 0:
            if self.name == "delta":
                raise ValueError(f"{name}: a delta system has no neutral; write L1L2, L2L3, L1L3 or L123")
            parts = tuple(own if k == one else 0j for k in range(self.phases))
            return self._connection(name, parts, (one,), self.conductor_v)
        # The current of the unit is conj(S / (Va - Vb)); it leaves through the other conductor.
        across = volts[one] - volts[other]
        part = {one: own * volts[one] / across, other: -own * volts[other] / across}
        parts = tuple(part.get(k, 0j) for k in range(self.phases))
        return self._connection(name, parts, (one, other), abs(across))

    def _connection(
        self, name: str, parts: Sequence[complex], conductors: tuple[int, ...], volts_v: float
    ) -> Connection:
        clean = [complex(_rounded(part.real), _rounded(part.imag)) for part in parts]
        return Connection(
            name=name,
            p_part=tuple(part.real for part in clean),
            q_part=tuple(part.imag for part in clean),
            conductors=conductors,
            volts_v=volts_v,
        )

    def _conductors(self) -> str:
        return ", ".join(f"L{k + 1}" for k in range(self.phases))


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """The grid behind the point: a voltage in per unit of nominal, and an impedance of each conductor in ohm."""

    voltage_factor: float = 1.0
    resistance_ohm: float = 0.0
    reactance_ohm: float = 0.0

    @property
    def is_stiff(self) -> bool:
        """Whether its voltage is the same whatever flows."""
        return self.resistance_ohm == 0.0 and self.reactance_ohm == 0.0

    def free(self, system: System) -> tuple[complex, ...]:
        """The voltage of each conductor while nothing flows, V."""
        if self.voltage_factor == 1.0:
            return system.phasors()
        return tuple(self.voltage_factor * volt for volt in system.phasors())

    def voltages(self, system: System, phase_w: Sequence[float], phase_var: Sequence[float]) -> tuple[complex, ...]:
        """The voltage of each conductor (V) while this import flows: V = E - Z * conj(S / V), by a fixed point."""
        free = self.free(system)
        if self.is_stiff:
            return free
        impedance = complex(self.resistance_ohm, self.reactance_ohm)
        flows = [complex(w, var) for w, var in zip(phase_w, phase_var, strict=True)]
        volts = list(free)
        for _ in range(VOLTAGE_TURNS):
            volts = [e - impedance * (s / v).conjugate() for e, s, v in zip(free, flows, volts, strict=True)]
            # No grid runs lower than this: a load that wants more than the impedance can carry has no solution at all.
            volts = [v if (v / e).real > LEAST_VOLTAGE else LEAST_VOLTAGE * e for e, v in zip(free, volts, strict=True)]
        return tuple(volts)


@cache
def _phasors(name: str, conductor_v: float) -> tuple[complex, ...]:
    return tuple(conductor_v * unit for unit in _PHASORS[name])


def _tangent(power_factor: float) -> float:
    """Var per watt of a power factor; its sign is that of the factor."""
    if not 0.0 < abs(power_factor) <= 1.0:
        raise ValueError(f"a power factor lies between 0 and 1 (negative: leading), not {power_factor:g}")
    size = tan(arc_cosine(abs(power_factor)))
    return size if power_factor > 0 else -size


def _rounded(part: float) -> float:
    """Without the last bits, so that what is half is 0.5 and what is nothing is 0."""
    return round(part, 12) + 0.0
