"""What a SunSpec device has of what we need: its control and measurement models, its ratings, its state of charge."""

from dataclasses import dataclass, replace

from pcs.codec.readplan import Block
from pcs.codec.registers import Value, number
from pcs.codec.sunspec import Model, ModelMap, Window, window
from pcs.devices.sunspec_draw import ChargeRate124, DrawControl, Ratings, Setpoint704
from pcs.devices.sunspec_limit import CONTROLS, LimitControl
from pcs.devices.sunspec_unit import SunSpecUnit
from pcs.model.fault import Fault, FaultKind
from pcs.model.site import DerSpec
from pcs.ports import Priority

RATING_BELIEVED = (0.5, 2.0)  # times nameplate: below it a rating is a unit mistake, above it one of the two is wrong

_INVERTER_MODELS = (103, 102, 101, 113, 112, 111)
_RATINGS = ((702, "WMax"), (121, "WMax"), (120, "WRtg"))
_CHARGES = ((702, "WChaRteMax"), (702, "WChaRteMaxRtg"), (124, "WChaMax"), (120, "MaxChaRte"), (802, "WChaRteMax"))
_DISCHARGES = (
    *((702, "WDisChaRteMax"), (702, "WDisChaRteMaxRtg")),
    *((120, "MaxDisChaRte"), (802, "WDisChaRteMax")),
)
_CHARGE_STATES = ((713, "SoC"), (802, "SoC"), (124, "ChaState"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What bounds the draw of a storage unit, and the model in which it lies."""

    control: DrawControl
    model: Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What identification found, frozen until the next one.

    `rating_w` is 100 % of the limit, `charge_rating_w` the most that the device draws (0: no storage); `draw` None: it
    has nothing that bounds its draw. `charge_state` is the model and point of the state of charge.
    """

    control: LimitControl
    control_model: Model
    measurement: Model
    rating_w: float
    rating_source: str
    charge_rating_w: float = 0.0
    draw: Draw | None = None
    charge_state: tuple[Model, str] | None = None

    @property
    def ratings(self) -> Ratings:
        """What percentages refer to."""
        return Ratings(injection_w=self.rating_w, charge_w=self.charge_rating_w)

    def views(self) -> tuple[tuple[Model, Window], ...]:
        """The registers of everything that is commanded, in as few reads as the map allows."""
        if self.draw is None:
            return ((self.control_model, self.control.view(self.control_model)),)
        drawn = self.draw.control.points
        if self.draw.model == self.control_model:
            model = self.control_model
            return ((model, window(model.id, model.length, (*self.control.points, *drawn), raw=True)),)
        other = self.draw.model
        return (
            (self.control_model, self.control.view(self.control_model)),
            (other, window(other.id, other.length, drawn, raw=True)),
        )


class Finder:
    """Looks through one device's map for what the site file's unit needs."""

    def __init__(self, spec: DerSpec, unit: SunSpecUnit, found: ModelMap) -> None:
        if spec.profile is None:
            raise ValueError(f"{spec.id} has no profile")
        self._spec, self._unit, self._map = spec, unit, found
        self._variants = spec.profile.limits or {}

    async def find(self, before: Found | None) -> Found | Fault:
        """Everything, or why the device is not usable. Ratings that `before` holds stay as they are."""
        device = await self._choose(before)
        if isinstance(device, Fault) or not self._spec.is_storage:
            return device
        return await self._storage(device, before)

    async def _choose(self, before: Found | None) -> Found | Fault:
        """Pick the control and measurement models that profile and device both have, and the rating."""
        reasons = []
        for control in CONTROLS:
            model = self._map.first(control.model_id)
            if model is None or control.variant not in self._variants:
                continue
            values = await self._values(model, control.view(model))
            if isinstance(values, Fault):
                return values
            state = control.state(values)
            if isinstance(state, str):
                reasons.append(state)
                continue
            measured = (701, *_INVERTER_MODELS) if control.model_id == 704 else (*_INVERTER_MODELS, 701)
            measurement = self._map.first(*measured)
            if measurement is None:
                reasons.append("no model with the power (101-103, 111-113, 701)")
                continue
            nameplate = (self._spec.nameplate_w, "nameplate of the site file")
            rating = (before.rating_w, before.rating_source) if before else await self._rating(_RATINGS, *nameplate)
            if isinstance(rating, Fault):
                return rating
            return Found(
                control=control,
                control_model=model,
                measurement=measurement,
                rating_w=rating[0],
                rating_source=rating[1],
            )
        wanted = ", ".join(self._variants) or "none"
        why = "; ".join([f"no usable limit (the profile knows models: {wanted})", *reasons])
        return self._unit.fault(FaultKind.WRONG_DEVICE, f"{self._unit.identity}: {self._map}; {why}")

    async def _storage(self, device: Found, before: Found | None) -> Found | Fault:
        """The same with what storage has more."""
        draw = await self._draw(device)
        if isinstance(draw, Fault):
            return draw
        state = await self._charge_state()
        if isinstance(state, Fault):
            return state
        device = replace(device, draw=draw, charge_state=state)
        if before is not None:
            return replace(device, charge_rating_w=before.charge_rating_w)
        site_w = self._spec.charge_w
        charges = await self._rating(_CHARGES, site_w, "the site file") if site_w > 0.0 else (0.0, "the site file")
        if isinstance(charges, Fault):
            return charges
        discharges = await self._rating(_DISCHARGES, self._spec.nameplate_w, "nameplate of the site file")
        if isinstance(discharges, Fault):
            return discharges
        words = (
            f"{device.rating_source}; charges up to {charges[0]:g} W ({charges[1]}), "
            f"discharges up to {discharges[0]:g} W ({discharges[1]})"
        )
        return replace(device, charge_rating_w=charges[0], rating_source=words)

    async def _draw(self, device: Found) -> Draw | Fault | None:
        """What bounds the draw: the set point of 704, or the charging rate of 124 beside 123."""
        control: DrawControl = Setpoint704() if device.control.model_id == 704 else ChargeRate124()
        model = self._map.first(control.model_id)
        if model is None:
            return None
        values = await self._values(model, window(model.id, model.length, control.points, raw=True))
        if isinstance(values, Fault):
            return values
        return Draw(control=control, model=model) if control.is_usable(values) else None

    async def _charge_state(self) -> tuple[Model, str] | Fault | None:
        """The first model that says the state of charge now."""
        for model_id, name in _CHARGE_STATES:
            value = await self._number(model_id, name)
            if isinstance(value, Fault):
                return value
            model = self._map.first(model_id)
            if model is not None and value is not None:
                return model, name
        return None

    async def _rating(
        self, points: tuple[tuple[int, str], ...], site_w: float, site_source: str
    ) -> tuple[float, str] | Fault:
        """What the device says of one rating (W), and where that comes from; `site_w` where it is not believed."""
        doubts = []
        for model_id, name in points:
            if self._map.first(model_id) is None:
                continue
            rating_w = await self._number(model_id, name)
            if isinstance(rating_w, Fault):
                return rating_w
            point = f"{model_id}.{name}"
            if rating_w is None:
                doubts.append(f"{point} is not implemented")
            elif rating_w < RATING_BELIEVED[0] * site_w:
                doubts.append(f"{point} is {rating_w:g} W")
            elif rating_w > RATING_BELIEVED[1] * site_w:
                doubts.append(f"the site file says {site_w:g} W")
                return rating_w, "; ".join([point, *doubts])  # the larger makes every percentage the smaller limit
            else:
                return rating_w, "; ".join([point, *doubts])
        return site_w, "; ".join([site_source, *(doubts or ["the device states no rating"])])

    async def _number(self, model_id: int, name: str) -> float | Fault | None:
        """One point, `None` where the device does not have it."""
        model = self._map.first(model_id)
        if model is None:
            return None
        values = await self._values(model, window(model_id, model.length, (name,)))
        return values if isinstance(values, Fault) else number(values, name)

    async def _values(self, model: Model, view: Window) -> dict[str, Value] | Fault:
        reply = await self._unit.read(Block(address=model.address + view.first, count=view.count), Priority.SCAN)
        return reply if isinstance(reply, Fault) else view.decode(reply.data)
