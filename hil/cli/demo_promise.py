"""What a site file promises, limit by limit, and how far a row of truth is beyond it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import hypot, sqrt
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from hil.cli.demo_truth import Row
from pcs.model.limit import Basis, Direction, Limit, Quantity, Scope

POI = "poi"
BUSBAR_WITHIN_S = 5.0  # a busbar has no time of its own in the file; sources stop and chargers pause within seconds
TOLERANCE_A = 1.0  # of a current: meters and chargers have steps of about 0.1 A, loads drift


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """At most `value` W or A at a point, corrected within `correct_within_s`.

    `direction` None: a busbar, whose infeeds are counted whichever way its feeder flows.
    """

    limit_value: float
    correct_within_s: float
    point: str = POI
    direction: Direction | None = Direction.EXPORT
    quantity: Quantity = Quantity.W
    basis: Basis = Basis.TOTAL
    volts_v: float = 230.0
    told_as: str = ""
    """The limit's name in the controller's status; one for each conductor begins with it. Empty: not told there."""

    @property
    def name(self) -> str:
        """What people call it."""
        amount = f"{self.limit_value:,.0f} {self.quantity.value.upper()}"
        each = "" if self.basis is Basis.TOTAL else f" per {self.basis}"
        what = f"{self.direction} limit" if self.direction is not None else "rating"
        return f"{what} of {amount}{each}" + ("" if self.point == POI else f" at {self.point}")

    @property
    def in_watts(self) -> bool:
        """Whether excursions have an energy."""
        return self.quantity is Quantity.W

    def flows(self, row: Row) -> list[float]:
        """The limited quantity now, on each conductor that counts or in total; in the limit's direction."""
        if self.direction is None:
            return [value for name, value in row.values.items() if name.startswith(f"{self.point}_infeed_l")]
        sign = 1.0 if self.direction is Direction.IMPORT else -1.0
        head = "import" if self.point == POI else f"{self.point}_import"
        if self.quantity is Quantity.W and self.basis is Basis.TOTAL:
            return [sign * (row.import_w if self.point == POI else row.values[f"{head}_w"])]
        numbers = [k for k in (1, 2, 3) if f"{head}_l{k}_w" in row.values]
        watts = [sign * row.values[f"{head}_l{k}_w"] for k in numbers]
        if self.quantity is Quantity.W:
            return watts
        apparent = [hypot(w, row.values.get(f"{head}_l{k}_var", 0.0)) for k, w in zip(numbers, watts, strict=True)]
        volts_v = self.volts_v if self.quantity is Quantity.A else 1.0
        values = [va / volts_v if w > 0.0 else -va / volts_v for va, w in zip(apparent, watts, strict=True)]
        return [sum(values)] if self.basis is Basis.TOTAL else values

    def beyond_value(self, row: Row) -> float:
        """How far the worst of them is beyond the limit, in its unit."""
        return max(self.flows(row), default=0.0) - self.limit_value


def read_promises(site_file: Path) -> list[Promise]:
    """Every limit of a site file that has a value and is about all DERs, in its order; then the busbars."""
    site: Mapping[str, Any] = YAML(typ="safe", pure=True).load(site_file)
    volts_v = float(site["site"]["nominal_v"]) / (sqrt(3) if site["site"]["system"] == "delta" else 1.0)
    promises = []
    for stated in site["limits"]:
        limit = _limit(stated)
        if limit.value is None or limit.scope is not Scope.ALL:
            continue
        promises.append(
            Promise(
                limit_value=limit.value,
                correct_within_s=limit.correct_within_s,
                point=limit.point,
                direction=limit.direction,
                quantity=limit.quantity,
                basis=limit.basis,
                volts_v=volts_v,
                told_as=limit.name,
            )
        )
    return promises + [
        Promise(
            limit_value=float(point["rating_a"]),
            correct_within_s=BUSBAR_WITHIN_S,
            point=point["id"],
            direction=None,
            quantity=Quantity.A,
            basis=Basis.CONDUCTOR,
        )
        for point in site.get("points", ())
        if point.get("kind") == "busbar"
    ]


def _limit(stated: Mapping[str, Any]) -> Limit:
    """A limit of a site file, with the vocabulary's defaults where the file says nothing."""
    given: dict[str, Any] = {"direction": Direction(stated["direction"]), "value": stated.get("value")}
    kinds: dict[str, Callable[[Any], Any]] = {"quantity": Quantity, "basis": Basis, "scope": Scope}
    kinds |= {"correct_within_s": float, "point": str}
    return Limit(**given, **{key: kind(stated[key]) for key, kind in kinds.items() if key in stated})
