"""From a twin file to a plant and its device images."""

from math import inf
from pathlib import Path
from typing import Any

from hil.plant.battery import BatterySpec, HybridSpec
from hil.plant.evse import EvseSpec
from hil.plant.inverter import InverterSpec
from hil.plant.layout import POI, PointSpec
from hil.plant.meter import Meter, MeterSpec
from hil.plant.plant import Der, Load, Plant, PlantSpec
from hil.plant.source import Source
from hil.plant.system import Supply, System
from hil.plant.unit import UnitSpec
from hil.plant.units import AnyUnit
from hil.rig.devices import Device, Grid, MeterDevice
from hil.rig.records import read_record
from hil.rig.register_devices import RegisterCharger, RegisterInverter, RegisterMeter
from hil.rig.register_profile import load_profile
from hil.rig.sunspec_ders import Inverter123, Inverter704
from hil.rig.sunspec_storage import Storage124, Storage704
from hil.rig.twin_file import SUNSPEC_INVERTER, SUNSPEC_METER, DerPart, MeterPart, SourcePart, TwinFile

_METER_MODEL = {"single": 201, "split": 202, "wye": 203, "delta": 204}


def build_plant(twin: TwinFile, folder: Path) -> Plant:
    """The plant that a twin file describes; record files are relative to `folder`.

    Raises:
        BadRecordError: a record file cannot be used.
    """
    system = twin.system
    return Plant(
        PlantSpec(
            system=system,
            supply=Supply(**twin.supply.model_dump()),
            seed=twin.seed,
            step_s=twin.step_s,
            points=tuple(
                PointSpec(id=part.id, parent=part.parent, busbar=part.kind == "busbar")
                for part in twin.points
                if part.id != POI
            ),
            loads=tuple(
                Load(
                    demand_w=_source(part, folder),
                    connection=system.connect(part.connection, part.power_factor),
                    point=part.point,
                    current_ratio=part.current_ratio,
                    impedance_ratio=part.impedance_ratio,
                    most_w=part.most_w,
                )
                for part in twin.load
            ),
            ders=tuple(_der(part, twin, folder) for part in twin.ders),
            meters=tuple(_meter(part) for part in twin.meters),
        )
    )


def largest_flow_w(plant: Plant) -> float:
    """The largest flow that a meter of this site has to show: it fixes the scale factor of its powers."""
    units = [unit.spec for unit in plant.units.values()]
    into_w: float = sum(spec.nameplate_w for spec in units if not isinstance(spec, EvseSpec))
    out_w: float = sum(max(load.demand_w.peak, load.most_w) for load in plant.spec.loads) + sum(
        drawn_w(spec) for spec in units
    )
    return max(into_w, out_w)


def drawn_w(spec: UnitSpec) -> float:
    """The most that a DER can draw."""
    if isinstance(spec, BatterySpec):
        return spec.charge_w
    if isinstance(spec, EvseSpec):
        return spec.nameplate_w
    return 0.0


def meter_device(part: MeterPart, twin: TwinFile, meter: Meter, largest_w: float, folder: Path) -> Device:
    """The registers of a meter.

    Raises:
        BadProfileError: its profile cannot be served.
    """
    if part.profile != SUNSPEC_METER:
        return RegisterMeter(meter, load_profile(part.profile, folder), largest_w=largest_w)
    model = _METER_MODEL[twin.site.system] + (10 if part.registers == "float" else 0)
    return MeterDevice(meter, model=model, base=part.base, unit=part.unit, largest_w=largest_w)


def der_device(part: DerPart, twin: TwinFile, unit: AnyUnit, folder: Path) -> Device:
    """The registers of a DER.

    Raises:
        BadProfileError: its profile cannot be served.
    """
    grid = Grid(voltage_v=twin.system.conductor_v, frequency_hz=twin.site.nominal_hz)
    if part.profile != SUNSPEC_INVERTER:
        made = RegisterCharger if part.kind == "evse" else RegisterInverter
        return made(unit, load_profile(part.profile, folder), variant=part.variant, grid=grid)
    storage = isinstance(unit.spec, BatterySpec)
    where: dict[str, Any] = {"base": part.base, "address": part.unit, "limit_sf": part.limit_sf, "grid": grid}
    if part.control == 704:
        return (Storage704 if storage else Inverter704)(unit, **where)
    model = 100 + len(unit.spec.connection.conductors) + (10 if part.registers == "float" else 0)
    return (Storage124 if storage else Inverter123)(unit, measurement=model, **where)


def _der(part: DerPart, twin: TwinFile, folder: Path) -> Der:
    spec = _unit(part, twin.system)
    match part.kind:
        case "pv" | "hybrid":
            wish = _source(part.wish_w, folder)
            return Der(spec=spec, drive_w=_sun(part, twin, folder), wish_w=wish, point=part.point)
        case "battery":
            return Der(spec=spec, drive_w=_source(part.wish_w, folder), point=part.point)
        case "generator":
            output = part.available_w or SourcePart(constant=spec.nameplate_w)
            return Der(spec=spec, drive_w=_source(output, folder), point=part.point)
        case "evse":
            demand = part.demand_w or SourcePart(constant=spec.nameplate_w)
            return Der(spec=spec, drive_w=_source(demand, folder), point=part.point)


def _sun(part: DerPart, twin: TwinFile, folder: Path) -> Source:
    if part.available_w is not None:
        return _source(part.available_w, folder)
    return _source(part.sun or twin.sun, folder, part.nameplate_w or 0.0)


def _unit(part: DerPart, system: System) -> UnitSpec:
    connection = system.connect(part.connection)
    nameplate_w = part.nameplate_w or 0.0
    usual: dict[str, Any] = {
        "id": part.id,
        "nameplate_w": nameplate_w,
        "dead_time_s": part.dead_time_s,
        "dead_jitter_s": part.dead_jitter_s,
        "time_constant_s": part.time_constant_s,
        "ramp_up_pct_s": part.ramp_up_pct_s or inf,
        "ramp_down_pct_s": part.ramp_down_pct_s or inf,
        "limit_step_pct": part.limit_step_pct,
        "gain_error_pct": part.gain_error_pct,
        "telemetry_s": part.telemetry_s,
        "telemetry_phase_s": part.telemetry_phase_s,
        "telemetry_latency_s": part.telemetry_latency_s,
        "telemetry_gain": part.telemetry_gain,
        "connection": connection,
    }
    if part.kind in ("battery", "hybrid"):
        usual |= {name: getattr(part, name) for name in ("soc_pct", "soc_min_pct", "soc_max_pct", "efficiency_pct")}
        usual |= {"charge_w": part.charge_w or nameplate_w, "capacity_wh": part.capacity_wh}
    match part.kind:
        case "pv" | "generator":
            return InverterSpec(**usual, has_stock=part.kind == "generator")
        case "battery":
            return BatterySpec(**usual)
        case "hybrid":
            charge_w, discharge_w = part.battery_charge_w or usual["charge_w"], part.battery_discharge_w or nameplate_w
            return HybridSpec(**usual, battery_charge_w=charge_w, battery_discharge_w=discharge_w)
        case "evse":
            most_a = part.most_a or 0.0
            names = ("least_a", "step_a", "start_s", "failsafe_s", "failsafe_a")
            usual |= {name: getattr(part, name) for name in names}
            return EvseSpec(**usual | {"nameplate_w": nameplate_w or most_a * connection.volts_v}, most_a=most_a)


def _meter(part: MeterPart) -> MeterSpec:
    return MeterSpec(
        id=part.id,
        point=part.point,
        update_s=part.update_s,
        averaging_s=part.averaging_s,
        phase_s=part.phase_s,
        latency_s=part.latency_s,
        noise_w=part.noise_w,
        noise_v=part.noise_v,
        creep_w=part.creep_w,
        resolution_w=part.resolution_w,
        ratio_error_pct=part.ratio_error_pct,
        phase_error_deg=part.phase_error_deg,
        tap_a_ratio=part.tap_a_ratio,
    )


def _source(part: SourcePart, folder: Path, scale: float = 1.0) -> Source:
    """A source in watts; `scale` is what one of the file's units is worth (nameplate for sun in per unit)."""
    if part.record is not None:
        record = part.record
        times_s, values = read_record(folder / record.file, record.column, record.time_column, record.period_s)
        return Source.record(
            times_s,
            values,
            start_s=record.start_s,
            scale=record.scale * scale,
            offset=record.offset * scale,
            linear=record.interpolate == "linear",
            loop=record.loop,
        )
    pairs = part.steps or part.ramps
    if pairs:
        return Source([t for t, _ in pairs], [v * scale for _, v in pairs], linear=part.ramps is not None)
    return Source.constant((part.constant or 0.0) * scale)
