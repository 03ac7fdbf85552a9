"""Which flows go through which point: nested points, and groups of what lies at one place with one connection."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot
from typing import TYPE_CHECKING

from hil.plant.meter import Through
from hil.plant.system import Connection

if TYPE_CHECKING:
    from hil.plant.plant import PlantSpec

POI = "poi"
MAX_DEPTH = 16  # points behind points


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSpec:
    """A point behind another. A `busbar` also tells, in truth, the current that all its infeeds bring."""

    id: str
    parent: str = POI
    busbar: bool = False


@dataclass(frozen=True, slots=True)
class _Key:
    """What makes a group: one place, one connection, and whether it is a DER that has a meter of its own."""

    point: str
    p_part: tuple[float, ...]
    q_part: tuple[float, ...]
    alone: str = ""


class Layout:
    """Groups of a plant and the parts that each has in the flow at every point."""

    def __init__(self, spec: "PlantSpec"):
        self._system = spec.system
        self._parents = {point.id: point.parent for point in spec.points if point.id != POI}
        self._metered = {meter.point for meter in spec.meters}
        self._busbars = tuple(point.id for point in spec.points if point.busbar)
        keys: dict[_Key, int] = {}
        self.load_groups = tuple(self._group(keys, load.point, load.connection) for load in spec.loads)
        self.der_groups = tuple(self._group(keys, der.point, der.spec.connection, der.spec.id) for der in spec.ders)
        self._keys = tuple(keys)
        self.groups = len(keys)
        self._sources = {
            busbar: tuple(g for g, key in enumerate(self._keys) if key.alone and key.point == busbar)
            for busbar in self._busbars
        }
        self._throughs = {point: self.through(point) for point in (POI, *self._parents)}
        self._inner = tuple(point for point in self._parents)
        self._reactive = any(any(key.q_part) for key in self._keys)
        self.columns = tuple(self._columns())

    def through(self, point: str) -> tuple[Through, ...]:
        """The groups whose energy flows through a point, or through the feeder of a DER.

        Raises:
            ValueError: there is no such point.
        """
        if point != POI and point not in self._parents and not any(key.alone == point for key in self._keys):
            raise ValueError(f"there is no point {point}")
        return tuple(
            Through(group=g, p_part=key.p_part, q_part=key.q_part)
            for g, key in enumerate(self._keys)
            if key.alone == point or self._behind(key.point, point)
        )

    def sources(self, busbar: str) -> tuple[Through, ...]:
        """The groups of the DERs at a busbar; none at another point."""
        return tuple(
            Through(group=g, p_part=self._keys[g].p_part, q_part=self._keys[g].q_part)
            for g in self._sources.get(busbar, ())
        )

    def flows(self, point: str, group_w: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """W and var per conductor at a point while its groups carry `group_w`; positive away from the grid."""
        through = self._throughs[point] if point in self._throughs else self.through(point)
        return self._sum(through, group_w)

    def row(self, group_w: Sequence[float]) -> list[float]:
        """The present values of `columns`."""
        flow_w, flow_var = self._sum(self._throughs[POI], group_w)
        row = list(flow_w)
        if self._reactive:
            row += flow_var
        for point in self._inner:
            flow_w, flow_var = self._sum(self._throughs[point], group_w)
            row.append(sum(flow_w))
            row += flow_w
            if self._reactive:
                row += flow_var
        for busbar in self._busbars:
            row += self._infeed_a(busbar, group_w)
        return row

    def _columns(self) -> list[str]:
        numbers = [f"l{k + 1}" for k in range(self._system.phases)]
        names = [f"import_{one}_w" for one in numbers]
        names += [f"import_{one}_var" for one in numbers if self._reactive]
        for point in self._inner:
            names += [f"{point}_import_w", *(f"{point}_import_{one}_w" for one in numbers)]
            names += [f"{point}_import_{one}_var" for one in numbers if self._reactive]
        return names + [f"{busbar}_infeed_{one}_a" for busbar in self._busbars for one in numbers]

    def _sum(
        self, through: tuple[Through, ...], group_w: Sequence[float]
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        flow_w, flow_var = [0.0] * self._system.phases, [0.0] * self._system.phases
        for one in through:
            watts = group_w[one.group]
            for k, share in enumerate(one.p_part):
                flow_w[k] += watts * share
            if self._reactive:
                for k, share in enumerate(one.q_part):
                    flow_var[k] += watts * share
        return tuple(flow_w), tuple(flow_var)

    def _infeed_a(self, busbar: str, group_w: Sequence[float]) -> list[float]:
        """What the grid's side and the DERs at a busbar feed into it, A per conductor at nominal voltage."""
        amps = [0.0] * self._system.phases
        flow_w, flow_var = self._sum(self._throughs[busbar], group_w)
        volts_v = self._system.conductor_v
        for k, (watts, var) in enumerate(zip(flow_w, flow_var, strict=True)):
            amps[k] += hypot(watts, var) / volts_v if watts > 0.0 else 0.0
        for g in self._sources[busbar]:
            key, injection_w = self._keys[g], -group_w[g]
            if injection_w > 0.0:
                for k, (p_part, q_part) in enumerate(zip(key.p_part, key.q_part, strict=True)):
                    amps[k] += injection_w * hypot(p_part, q_part) / volts_v
        return amps

    def _group(self, keys: dict[_Key, int], point: str, connection: Connection, der: str = "") -> int:
        if point != POI and point not in self._parents:
            raise ValueError(f"there is no point {point}")
        if len(connection.p_part) != self._system.phases:
            raise ValueError(f"{connection.name} was made for a system with other conductors")
        alone = der if der in self._metered or point in self._busbars else ""
        key = _Key(point, connection.p_part, connection.q_part, alone)
        return keys.setdefault(key, len(keys))

    def _behind(self, point: str, other: str) -> bool:
        """Whether `point` is the other one or lies behind it."""
        for _ in range(MAX_DEPTH):
            if point == other:
                return True
            if point == POI:
                return False
            point = self._parents[point]
        raise ValueError(f"the points behind {other} go round in a circle")
